"""axe, the checker of accessibility, looks at every page with real content, on light and on dark paper.

It may find nothing serious and nothing critical, and no level of headings left out. What is not ours is excepted by
name in ``EXCEPTED``, and an exception that nothing needs any more fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import own_pictures
import pytest
from ablated_runs import ablated
from axe_playwright_python.base import AXE_SCRIPT
from job_room import PATIENCE
from playwright.sync_api import Browser, Page, expect

from app.learn.chapter import Choice
from app.learn.chapters import CHAPTERS
from app.navigation import PAGES
from app.snapshot.page import snapshot
from clps_core.ablation import keys_of
from clps_core.classes import Classes
from clps_core.learning import Progress, keep_progress
from clps_core.lesson_answers import keep_answers, with_answer
from clps_core.lessons import Lesson, Step, lesson_id, to_token
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.owners import COOKIE, Signer
from clps_core.policy import hash_code, read_policy
from clps_core.samples import install, ready_named
from clps_core.store import open_store
from clps_core.store.shelf import note_run

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Excepted:
    """``rule`` of axe finds what lies in ``selector``; ``whose`` that is, and why it stays."""

    rule: str
    selector: str
    whose: str


EXCEPTED: tuple[Excepted, ...] = ()

HELD = ("serious", "critical")
HELD_TOO = ("heading-order",)
"""Rules that axe itself calls moderate."""

DATES = "sample-dates-all,sample-dates-none,sample-dates-cycle"
PAIRS = "sample-pairs-none-0,sample-pairs-all-0,sample-pairs-none-1,sample-pairs-all-1"
CUPS = "sample-cups-fixed-0,sample-cups-random-0"
LOOK = "attention?run=sample-dates-all&text=Sunday, July 20, 1969&view="
DARK = "rgb(21, 23, 28)"
GRID = ".attention[data-selected]"
CHART = ".clps-live-chart canvas"
PLOT = ".js-plotly-plot .main-svg"
EVERY_PAGE: Mapping[str, str] = {
    "": ".clps-story",
    "learn": "[class*=st-key-lesson-open]",
    "learn?view=make": "[class*=st-key-make-page]",
    "glossary": ".clps-terms",
    "glossary?find=cka": "[data-testid=stCaptionContainer] a",
    "design?strategy=cycle:2&strategy=all,lora=4": ".st-key-scheme_cards h3",
    "data": "[data-testid=stFileUploader]",
    "data?set=digits": ".clps-thumbnails img",
    "train": "[class*=st-key-train-strategies]",
    "train?way=fields": "[data-testid=stNumberInput]",
    f"runs?runs={DATES}": CHART,
    "runs?view=all": "[data-testid=stDataFrame]",
    f"compare?runs={PAIRS}": CHART,
    f"tryit?runs={DATES}&text=Sunday, July 20, 1969": ".answer .tokens > *",
    "tryit?runs=sample-docstrings-none-0&text=Return the&tokens=20": ".answer .tokens > *",
    f"{LOOK}grid": GRID,
    f"{LOOK}heads": ".heads[data-selected]",
    f"{LOOK}difference": GRID,
    f"{LOOK}layers": GRID,
    f"{LOOK}lens": ".lens[data-row]",
    f"{LOOK}matters": ".matters .cell.worse",
    f"{LOOK}moves": PLOT,
    f"{LOOK}tie": PLOT,
    f"{LOOK}training": GRID,
    f"{LOOK}bertviz": "iframe",
    f"depth?runs={CUPS}": PLOT,
    "system": "table",
    **{f"learn?chapter={one.key}": f"[class*=st-key-learn-{one.key}-check]" for one in CHAPTERS},
    "learn?chapter=inputs": GRID,
}
"""Address -> what stands on the page when it is drawn."""

PLAIN = (
    "learn?view=make",
    "glossary",
    "glossary?find=cka",
    "data",
    "data?set=digits",
    "train",
    "train?way=fields",
    "runs?view=all",
    "system",
)
"""Pages without components of our own: on dark paper they are looked at where there is time."""

SETTLED = """() => {
  const nodes = [];
  const walk = (root) => { for (const node of root.querySelectorAll("*")) {
    nodes.push(node);
    if (node.shadowRoot) walk(node.shadowRoot);
  } };
  walk(document);
  const still = (one) => one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity;
  const app = document.querySelector(".stApp");
  return (!app || app.dataset.testScriptState === "notRunning")
    && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]")
    && [document, ...nodes.filter((node) => node.shadowRoot).map((node) => node.shadowRoot)]
      .every((root) => root.getAnimations().every(still));
}"""
"""No part waits for the server, and no colour is on its way to another one."""

FOUND = """async ([selectors, rules, inside]) => {
  const only = rules.length ? { runOnly: { type: "rule", values: rules } } : {};
  const where = inside || document;
  const told = await axe.run(where, { resultTypes: ["violations"], elementRef: true, iframes: false, ...only });
  const above = (node) => node.parentElement ?? node.getRootNode().host;
  const lies = (node, selector) => {
    for (let one = node; one; one = above(one)) if (one.matches(selector)) return true;
    return false;
  };
  return told.violations.flatMap(({ id, impact, nodes }) => nodes.map((node) => ({
    rule: id,
    impact: node.impact ?? impact,
    inside: selectors.filter((selector) => lies(node.element, selector)),
    what: `${node.target.flat().join(" >> ")}: ${node.html.slice(0, 200)}\\n    ${node.failureSummary}`,
  })));
}"""


@dataclass
class Findings:
    """What axe found on the pages that were looked at, and which exceptions were needed."""

    problems: list[str] = field(default_factory=list)
    needed: set[Excepted] = field(default_factory=set)

    def look(self, page: Page, where: str, rules: tuple[str, ...] = (), inside: str = "") -> None:
        """Look at the page as it stands, and into its frames; ``rules``: at these only.

        ``inside``: a selector of what is looked at, where it is not all of the page.
        """
        selectors = [one.selector for one in EXCEPTED]
        for frame in [page.main_frame] if inside else page.frames:
            frame.evaluate(AXE_SCRIPT)
            for found in frame.evaluate(FOUND, [selectors, list(rules), inside]):
                self._note(found, where)

    def _note(self, found: Mapping[str, Any], where: str) -> None:
        if found["impact"] not in HELD and found["rule"] not in HELD_TOO:
            return
        fits = [one for one in EXCEPTED if one.rule == found["rule"] and one.selector in found["inside"]]
        self.needed.update(fits)
        if not fits:
            self.problems.append(f"{where}: {found['impact']} {found['rule']}\n    {found['what']}")

    def check(self) -> None:
        """Fail with all that was found, and with exceptions that nothing needs any more."""
        stale = [one for one in EXCEPTED if one not in self.needed]
        assert not self.problems, "\n".join(self.problems)
        assert not stale, f"no longer needed: {stale}"


def settle(page: Page, drawn: str) -> None:
    """Wait until ``drawn`` stands on the page and nothing on it goes on."""
    page.locator(drawn).first.wait_for(state="attached")
    page.wait_for_function(SETTLED)


def prepared(home: Path, person: str = "local") -> None:
    """Fill ``home`` with the runs that ship; ``person`` has come through all chapters."""
    with closing(open_store(home)) as store:
        install(store)
        note_run(store, "sample-dates-none", "A *note* with a [link](https://arxiv.org/abs/1909.11942) and `code`.")
        (run,) = store.some_runs(["sample-dates-all"])
        ablated(store, run, keys_of(run.config)[:4])
    add(
        "digits",
        Source(path=own_pictures.packed(home.parent / "digits.zip", own_pictures.grey(40))),
        home,
        owner=person,
    )
    answers = {one.key: one.predict.right() if isinstance(one.predict, Choice) else "50" for one in CHAPTERS}
    assert keep_progress(home, person, Progress(answers, {one: {0: "0"} for one in answers}))


@pytest.fixture(scope="module")
def url(lasting_dashboard: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("axe") / "home"
    prepared(home)
    return lasting_dashboard(home, "--no-ready")


LESSON = Lesson("A lesson", (Step("learn", note="A **note**.", question="Which one?", options=("One", "Another")),))


@pytest.fixture(scope="module")
def shared(
    lasting_dashboard: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str, str, str]:
    """A shared server's address, its teacher's cookie, the code of a class with answers, and a lesson's token."""
    home = tmp_path_factory.mktemp("axe-shared") / "home"
    home.mkdir(mode=0o700)
    (home / "policy.yaml").write_text(f"mode: shared\nteacher_code: {hash_code('the class of 2026')}\n")
    signer, classes = Signer.of_home(home), Classes(home)
    cookie = signer.new_cookie()
    teacher = signer.owner_of_cookie(cookie)
    signer.appoint(teacher, read_policy(home).teacher_code)
    code = classes.open("Maths").code
    for name in ("Ada", "Bea"):
        owner = signer.owner_of_cookie(signer.new_cookie())
        classes.join(code, owner, name)
        classes.at(owner, CHAPTERS[0].key)
        keep_progress(home, owner, Progress({one.key: one.predict.right() for one in CHAPTERS[:1]}))
        classes.answered(owner, LESSON)
        keep_answers(home, owner, with_answer({}, lesson_id(LESSON), 0, "One"))
    return lasting_dashboard(home, "--no-ready"), cookie, code, to_token(LESSON, signer)


def test_axe_finds_nothing_on_any_page_and_no_faint_letters_on_dark_paper(
    url: str, browser_page: Page, tmp_path: Path
) -> None:
    assert {facts.name for facts in PAGES} == {address.partition("?")[0] or "start" for address in EVERY_PAGE}
    page, findings = browser_page, Findings()
    for address, drawn in EVERY_PAGE.items():
        page.emulate_media(color_scheme="light")
        page.goto(f"{url}/{address}")
        settle(page, drawn)
        findings.look(page, f"{address} on light")
        if address in PLAIN:
            continue
        page.emulate_media(color_scheme="dark")  # which draws the page anew without loading it
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", DARK)
        settle(page, drawn)
        findings.look(page, f"{address} on dark", ("color-contrast",))
    page.goto(snapshot_file(tmp_path).as_uri())
    for paper in ("light", "dark"):
        page.emulate_media(color_scheme=paper)
        settle(page, "[data-drawn]")
        findings.look(page, f"snapshot on {paper}")
    findings.check()


def snapshot_file(folder: Path) -> Path:
    with closing(open_store(folder / "home")) as store:
        install(store, [ready_named("dates")])
        note_run(store, "sample-dates-none", "A *note* with a [link](https://arxiv.org/abs/1909.11942) and `code`.")
        text = snapshot(store, store.some_runs(DATES.split(",")), title="Three designs")
    file = folder / "three.html"
    file.write_text(text, encoding="utf8")
    return file


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("paper", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_at_any_width_on_either_paper_in_chinese_too(
    url: str, browser_page: Page, paper: str, language: str
) -> None:
    findings = Findings()
    browser_page.emulate_media(color_scheme=paper)
    for address, drawn in EVERY_PAGE.items():
        browser_page.goto(f"{url}/{address}{'&' if '?' in address else '?'}lang={language}")
        for width in (1440, 800):
            browser_page.set_viewport_size({"width": width, "height": 900})
            settle(browser_page, drawn)
            findings.look(browser_page, f"{address} on {paper} at {width} in {language}")
    findings.check()


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["light", "dark"])
def test_axe_finds_nothing_in_a_class_and_in_a_lesson(
    shared: tuple[str, str, str, str], chromium: Browser, paper: str
) -> None:
    url, cookie, code, token = shared
    findings, context = Findings(), chromium.new_context(color_scheme=paper)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{url}/learn?class={code}")
    settle(page, "[class*=st-key-class-name] input")
    findings.look(page, f"join a class on {paper}")
    page.goto(f"{url}/learn?lesson={quote(token)}")
    settle(page, "[class*=st-key-lesson]")
    findings.look(page, f"a lesson on {paper}")
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": url}])
    for view, drawn in {
        "": "[data-testid=stForm]",
        f"&class={code}": ".clps-answers",
        f"&class={code}&show=people": "table",
        f"&class={code}&show=lessons": ".clps-answers",
    }.items():
        page.goto(f"{url}/learn?view=class{view}")
        settle(page, drawn)
        findings.look(page, f"a class{view} on {paper}")
    context.close()
    findings.check()


DIALOGS = {
    "design?strategy=cycle:2&strategy=all,lora=4": ("Add a design", "Papers", "Runs", "Compare side by side"),
}
"""Address -> the buttons on it that open a dialog."""
POPOVER, DIALOG = "[data-testid=stPopoverBody]", "[role=dialog]"


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["light", "dark"])
def test_axe_finds_nothing_in_any_popover_and_dialog(url: str, browser_page: Page, paper: str) -> None:
    page, findings, looked = browser_page, Findings(), set()
    page.emulate_media(color_scheme=paper)
    for address, drawn in EVERY_PAGE.items():
        page.goto(f"{url}/{address}")
        settle(page, drawn)
        popovers = page.get_by_test_id("stPopoverButton")
        for place in range(popovers.count()):
            button = popovers.nth(place)
            name = max(button.inner_text().splitlines(), key=lambda line: " " in line or line[:1].isupper())
            if (address.partition("?")[0], name) in looked or not (button.is_visible() and button.is_enabled()):
                continue
            looked.add((address.partition("?")[0], name))
            button.click()
            settle(page, POPOVER)
            findings.look(page, f"{name!r} of {address} on {paper}", inside=POPOVER)
            page.keyboard.press("Escape")
            expect(page.locator(POPOVER)).to_have_count(0)
        for name in DIALOGS.get(address, ()):
            page.get_by_role("button", name=name, exact=True).click()
            settle(page, DIALOG)
            findings.look(page, f"{name!r} of {address} on {paper}", inside=DIALOG)
            page.keyboard.press("Escape")
            expect(page.locator(DIALOG)).to_have_count(0)
    findings.check()
    assert set(DIALOGS) <= set(EVERY_PAGE)
    assert {"Scale, swap or patch", "Export", "Optimiser and schedule", "Columns"} <= {name for _page, name in looked}
