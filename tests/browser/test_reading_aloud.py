"""What somebody who hears the pages, or walks through them by the keyboard, meets: names, and nothing unseen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clps_core.samples import install, ready_named
from clps_core.store import open_store

pytestmark = pytest.mark.browser

RUNS = "sample-dates-all,sample-dates-none"
PAGES = {
    "": "Where to start",
    "design": "Stored parameters by part",
    "train": "Train",
    f"runs?runs={RUNS}": "Curves of 2 runs",
    f"compare?runs={RUNS}": "against stored parameters",
    "attention?run=sample-dates-all&view=training": "Layer 0, head 0",
    "depth?runs=sample-dates-all&depths=4": "Distance between input and output",
    "glossary?find=cka": "Centred kernel alignment",
    "system": "What is this machine doing?",
}
"""Address -> what its accessible text holds once it is drawn."""

SOONEST = ("", f"runs?runs={RUNS}", "attention?run=sample-dates-all&view=training")
"""What is looked at in every run of the tests: buttons, a live chart, a canvas; the other pages where there is time."""

STOP = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return null;
  const root = at.getRootNode();
  const words = (node) => {
    if (node.nodeType === 3) return node.data;
    if (node.nodeType !== 1 || node.getAttribute("aria-hidden") === "true") return "";
    return node.getAttribute("aria-label") || node.getAttribute("alt") || [...node.childNodes].map(words).join(" ");
  };
  const labelled = (at.getAttribute("aria-labelledby") || "").split(" ").map((id) => root.getElementById?.(id));
  const named = [at, ...labelled.filter(Boolean), ...(at.labels || [])];
  const name = named.map((node) => words(node).trim()).join(" ").trim() || at.getAttribute("title") || "";
  const seen = [at, at.closest("label"), ...(at.labels || [])].filter(Boolean).some((node) => {
    const box = node.getBoundingClientRect();
    let opacity = 1;
    for (let one = node; one; one = one.parentElement || one.getRootNode().host) {
      opacity *= getComputedStyle(one).opacity;
    }
    return box.width > 3 && box.height > 3 && opacity > 0.1 && getComputedStyle(node).visibility === "visible";
  });
  return { what: at.outerHTML.slice(0, 200), name, seen, tag: at.tagName };
}"""


@pytest.fixture(scope="module")
def url(lasting_dashboard: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    home: Path = tmp_path_factory.mktemp("aloud") / "home"
    store = open_store(home)
    install(store, [ready_named("dates")])
    store.close()
    return lasting_dashboard(home, "--no-ready")


@pytest.mark.parametrize(
    "address", [address if address in SOONEST else pytest.param(address, marks=pytest.mark.slow) for address in PAGES]
)
def test_every_stop_of_the_keyboard_is_seen_and_named_and_no_icon_is_read_out(
    url: str, browser_page: Page, address: str
) -> None:
    browser_page.goto(f"{url}/{address}")
    main = browser_page.get_by_test_id("stMain")
    expect(main).to_contain_text(re.compile("[a-z]"))
    aloud = text_once(browser_page, PAGES[address])
    problems = [line.strip() for line in aloud.splitlines() if re.search(r"\w+ icon\b", line)]
    problems += [f"unnamed {line.strip()}" for line in aloud.splitlines() if re.search("- figure:?$", line)]
    stops = [stop for stop in keyboard_stops(browser_page) if stop["tag"] != "MAIN"]
    assert len(stops) > 5
    problems += [f"not seen: {stop['what']}" for stop in stops if not stop["seen"]]
    problems += [f"without a name: {stop['what']}" for stop in stops if not stop["name"]]
    assert not problems, "\n".join(problems)


def text_once(page: Page, drawn: str) -> str:
    """The page as a screen reader has it, once it holds ``drawn``."""
    for _look in range(120):
        aloud = page.get_by_test_id("stMain").aria_snapshot()
        if drawn in aloud:
            return aloud
        page.wait_for_timeout(500)
    raise AssertionError(f"{drawn} is not on the page: {aloud}")


def keyboard_stops(page: Page, most: int = 90) -> list[dict]:
    """Every place that Tab goes to, from the page's beginning until it leaves the page."""
    page.evaluate("document.activeElement?.blur?.()")
    found = []
    for _step in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            break
        found.append(stop)
    return found
