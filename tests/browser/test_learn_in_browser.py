"""Every chapter of Learn as a reader works through it, in English and in Chinese; with mouse, and with keys alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chapter_actions import ACTIONS
from chapter_eyes import cut, faint
from chapter_keys import ReaderWithoutMouse
from chapter_reader import Reader
from conftest import watched_page
from playwright.sync_api import Browser, expect

from app.learn.chapter import Choice
from app.learn.chapters import CHAPTERS
from clps_core import words
from clps_core.learning import Progress, keep_progress, read_progress
from clps_core.words import _ as said

pytestmark = pytest.mark.browser

LOCALES = {"en": "en-GB", "zh": "zh-CN"}
WIDTHS = (1920, 1440, 800)
SLOWDOWN = 6
ALL_RIGHT = {one.key: {n: check.right() for n, check in enumerate(one.checks)} for one in CHAPTERS}


@pytest.fixture(scope="module")
def served(lasting_dashboard: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """One server for all readers, and where it keeps how far they are."""
    home = tmp_path_factory.mktemp("learn") / "home"
    return lasting_dashboard(home, "--no-ready"), home


@pytest.fixture
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """The reader's, in which this process speaks as well: it looks for what the chapters say."""
    words.ask_language(lambda: request.param)
    yield request.param
    words.ask_language(None)


@pytest.mark.parametrize("language", LOCALES, indirect=True)
def test_a_reader_works_through_every_chapter_and_all_is_kept(
    served: tuple[str, Path], chromium: Browser, language: str
) -> None:
    assert list(ACTIONS) == [one.key for one in CHAPTERS]
    url, home = served
    keep_progress(home, "local", Progress())
    with watched_page(chromium, locale=LOCALES[language]) as page:
        reader = Reader(page, url, language)
        reader.opens(CHAPTERS[0])
        for chapter in CHAPTERS:
            reader.works_through(chapter)
            page.reload()
            reader.kept(chapter)
            reader.is_whole()
            following = reader.goes_on(chapter)
        assert following is None
        page.get_by_role("button", name=said("All chapters")).click()
        expect(reader.main.get_by_text(said("Done: all questions right"))).to_have_count(len(CHAPTERS))
    found = read_progress(home, "local")
    assert list(reversed(found.predicted)) == [one.key for one in CHAPTERS]
    assert found.checked == ALL_RIGHT


@pytest.mark.slow
@pytest.mark.parametrize("language", LOCALES, indirect=True)
def test_every_chapter_is_readable_in_both_themes_and_at_all_widths(
    served: tuple[str, Path], chromium: Browser, language: str
) -> None:
    url, home = served
    problems = []
    for scheme in ("light", "dark"):
        right = {one.key: one.predict.right() if isinstance(one.predict, Choice) else "30" for one in CHAPTERS}
        keep_progress(home, "local", Progress(right, ALL_RIGHT))
        with watched_page(chromium, locale=LOCALES[language], color_scheme=scheme) as page:
            reader = Reader(page, url, language)
            for chapter in CHAPTERS:
                page.set_viewport_size({"width": WIDTHS[0], "height": 1000})
                reader.opens(chapter)
                reader.kept(chapter)
                for section in page.locator("[data-testid=stExpander] summary").all():
                    section.click()
                for state in ("answered", "asked"):
                    for width in WIDTHS:
                        page.set_viewport_size({"width": width, "height": 1000})
                        reader.is_settled()
                        where = f"{chapter.key} {state} {scheme} {width}"
                        problems += [f"{where}: too faint {one}" for one in faint(page)]
                        problems += [f"{where}: cut {one}" for one in cut(page)]
                        problems += [f"{where}: {one}" for one in reader.troubles()]
                    if state == "answered":
                        reader.presses(page.get_by_role("button", name=said("Start this chapter again")))
                        expect(reader.show).to_be_disabled()
    assert not problems, "\n".join(problems)


@pytest.mark.slow
@pytest.mark.parametrize("language", LOCALES, indirect=True)
def test_every_chapter_is_worked_through_by_the_keyboard_alone_and_its_focus_is_seen(
    served: tuple[str, Path], chromium: Browser, language: str
) -> None:
    url, home = served
    keep_progress(home, "local", Progress())
    with watched_page(chromium, locale=LOCALES[language]) as page:
        reader = ReaderWithoutMouse(page, url, language)
        reader.opens(CHAPTERS[0])
        for chapter in CHAPTERS:
            reader.works_through(chapter)
            reader.goes_on(chapter)
    assert read_progress(home, "local").checked == ALL_RIGHT


@pytest.mark.slow
def test_a_browser_that_is_slow_shows_the_same(served: tuple[str, Path], chromium: Browser) -> None:
    url, home = served
    keep_progress(home, "local", Progress())
    with watched_page(chromium) as page:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        reader = Reader(page, url)
        reader.opens(CHAPTERS[0])
        for chapter in CHAPTERS:
            reader.works_through(chapter)
            reader.goes_on(chapter)
    assert read_progress(home, "local").checked == ALL_RIGHT
