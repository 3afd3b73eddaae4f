"""Make the README's pictures: the real pages, on the runs that ship with the project.

Run ``make pictures`` after a visible change, or this file with the names of some.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.driving import chromium, dashboard
from clps_core import samples
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.store import open_store

FOLDER = Path(__file__).parent / "pictures"
FEEDBACK = Path(__file__).parents[1] / "examples" / "feedback.csv"
WIDTH, HEIGHT = 1440, 900
DESIGNS = urlencode(
    {
        "spec": "1;task=python-docs;model.num_layers=8",
        "strategy": ["none", "loop:2/2/2,lora=8,inject=add", "kv_source=every:2", "attention_only"],
    },
    doseq=True,
)
HOPS = ("sample-hops-1-all-0", "sample-hops-3-all-0", "sample-hops-3-none-0")
CUPS = ("sample-cups-fixed-0", "sample-cups-random-0")
PAIRS = [f"sample-pairs-{design}-{seed}" for design in ("none", "cycle-2", "all") for seed in range(3)]
PICTURES = (
    ("start", "", "light", "h1"),
    ("design", f"design?{DESIGNS}", "light", ".cell"),
    ("data", "data?set=feedback", "light", "[data-testid=stTable]"),
    ("runs", f"runs?runs={','.join(HOPS)}", "dark", ".clps-live-chart"),
    ("compare", f"compare?runs={','.join(PAIRS)}", "light", ".clps-live-chart"),
    ("tryit", f"tryit?runs={','.join(HOPS)}", "dark", ".answer .tokens button"),
    ("attention", "attention?run=sample-dates-all", "dark", "[data-painted]"),
    ("depth", f"depth?runs={','.join(CUPS)}", "light", "[data-testid=stPlotlyChart]"),
)
"""Name, path, colour scheme, and what must be on the page before it is photographed."""


def main() -> None:
    """Serve the sample runs, photograph every page."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) / "home"
        store = open_store(home)
        samples.install(store)
        store.close()
        add("feedback", Source(FEEDBACK, called="examples/feedback.csv"), home)
        with dashboard(home) as url, chromium() as browser:
            for name, path, scheme, wanted in PICTURES:
                if sys.argv[1:] and name not in sys.argv[1:]:
                    continue
                context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
                page = context.new_page()
                page.goto(f"{url}/{path}")
                page.locator(wanted).first.wait_for(timeout=60_000)
                page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
                page.wait_for_timeout(3000)
                page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                context.close()


if __name__ == "__main__":
    main()
