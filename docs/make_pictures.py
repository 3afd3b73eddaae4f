"""Make the README's pictures: the real pages, on the runs that ship with the project.

Run ``make pictures`` after a visible change.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.driving import chromium, dashboard
from clps_core import samples
from clps_core.store import open_store

FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1440, 900
DESIGNS = urlencode(
    {
        "spec": "1;task=python-docs;model.num_layers=8",
        "strategy": ["none", "loop:2/2/2,lora=8,inject=add", "kv_source=every:2", "attention_only"],
    },
    doseq=True,
)
PICTURES = (
    ("start", "", "light", "h1"),
    ("design", f"design?{DESIGNS}", "light", ".cell"),
    ("runs", "runs", "dark", ".clps-live-chart"),
    ("compare", "compare", "light", ".clps-live-chart"),
    ("attention", "attention", "dark", "[data-painted]"),
    ("depth", "depth", "light", "[data-testid=stPlotlyChart]"),
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
        with dashboard(home) as url, chromium() as browser:
            for name, path, scheme, wanted in PICTURES:
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
