"""A lesson in a browser: what is hidden is not seen, what is locked takes no key, and leaving frees all of it.

And a class: its teacher sees who joins and what they predict without touching the page.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from job_room import PATIENCE
from playwright.sync_api import Browser, Page, expect

from app.learn.chapter import Choice
from app.learn.chapters import CHAPTERS
from app.lesson.parts import PARTS, selector
from clps_core.classes import Classes
from clps_core.lessons import Lesson, Step, to_token
from clps_core.owners import Signer
from clps_core.policy import hash_code

pytestmark = pytest.mark.browser

CODE = "the class of 2026"
DATES = "sample-dates-none,sample-dates-all"
WHERE = {
    "attention": "?run=sample-dates-all",
    "compare": f"?runs={DATES}",
    "depth": "?runs=sample-cups-fixed-0",
    "runs": f"?runs={DATES}",
    "tryit": f"?runs={DATES}",
}
"""Addresses on which a page has all its parts."""


def test_a_lesson_hides_and_locks_keeps_the_answer_and_lets_go(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.goto(f"{dashboard(tmp_path / 'home', '--no-ready')}/learn")
    page.get_by_role("button", name="Open the lesson").first.click()
    question = "If all layers used the weights of the first one, what would become smaller?"
    expect(page.get_by_text(question)).to_be_visible()
    layers = page.locator('[class*="st-key-design_num_layers"]')
    expect(layers).to_be_visible()
    expect(page.locator(".st-key-scheme_cards")).to_be_hidden()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(layers).to_have_js_property("inert", True)
    page.get_by_text("The number of stored parameters").click()
    expect(page.get_by_text("Your answer is kept.")).to_be_visible()
    page.get_by_role("button", name="Next step").click()
    expect(page.get_by_text("Lesson · step 2 of 3")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Lesson · step 2 of 3")).to_be_visible()
    page.get_by_role("button", name="Previous step").click()
    expect(page.get_by_role("radio", name="The number of stored parameters")).to_be_checked()
    page.get_by_role("button", name="Leave the lesson").click()
    expect(page.get_by_text(question)).to_be_hidden()
    expect(page.locator(".st-key-scheme_cards")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(layers).to_have_js_property("inert", False)


def test_a_class_is_joined_and_its_predictions_appear_by_themselves(
    dashboard: Callable[..., str], chromium: Browser, browser_page: Page, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "policy.yaml").write_text(f"mode: shared\nteacher_code: {hash_code(CODE)}\n")
    url = dashboard(home, "--no-ready")
    teacher = browser_page
    teacher.goto(f"{url}/learn")
    teacher.get_by_role("button", name="I am a teacher").click()
    teacher.get_by_label("The teachers' code", exact=True).fill(CODE)
    teacher.get_by_role("button", name="Use this code").click()
    teacher.get_by_role("button", name="Your class").click()
    teacher.get_by_label("Name of the class").fill("Maths")
    teacher.get_by_role("button", name="Open a class").click()
    expect(teacher.get_by_text("0 people have joined.")).to_be_visible()
    (one,) = Classes(home).all()
    context = chromium.new_context()
    student = context.new_page()
    student.set_default_timeout(1000 * PATIENCE)
    student.goto(f"{url}/learn?class={one.code}")
    student.get_by_label("Your name in this class", exact=True).fill("<b>Ada</b>")
    student.get_by_role("button", name="Join the class").click()
    expect(student.get_by_text("You are in the class Maths as <b>Ada</b>.")).to_be_visible()
    expect(teacher.get_by_text("1 person has joined.")).to_be_visible()
    chapter = CHAPTERS[0]
    assert isinstance(chapter.predict, Choice)
    student.get_by_role("button", name="Begin").first.click()
    student.get_by_text(chapter.predict.options()[chapter.predict.right()], exact=True).click()
    student.get_by_role("button", name="Show the answer").click()
    expect(teacher.locator(".clps-answers b").filter(has_text="1")).to_have_count(1)
    expect(teacher.get_by_text("Ada")).to_have_count(0)
    context.close()


@pytest.mark.slow
def test_every_part_is_on_its_page_and_compare_leads_to_compare(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    url = dashboard(tmp_path / "home")
    for name in dict.fromkeys(part.page for part in PARTS if part.page):
        browser_page.goto(f"{url}/{name if name != 'start' else ''}{WHERE.get(name, '')}")
        for part in (one for one in PARTS if one.page in ("", name)):
            if part.name == "downloads" and name in ("learn", "data", "train"):
                continue
            browser_page.locator(selector(name, [part.name])).first.wait_for(state="attached")
    # Streamlit lets nobody write the quality's parameter while its widget is drawn.
    step = Step("compare", (("runs", DATES), ("quality", "40")))
    token = to_token(Lesson("Two", (step, step)), Signer.of_home(tmp_path / "home"))
    browser_page.goto(f"{url}/learn?lesson={token}")
    expect(browser_page.locator(".st-key-quality input")).to_have_value("40")
    browser_page.get_by_role("button", name="Next step").click()
    expect(browser_page.get_by_text("Lesson · step 2 of 2")).to_be_visible()
    expect(browser_page.locator(".st-key-quality input")).to_have_value("40")
