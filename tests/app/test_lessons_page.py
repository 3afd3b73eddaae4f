"""Lessons on the pages: the banner, what it hides and keeps, the form that makes one, and links that are none."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from page_reading import sentences
from recorded_runs import record
from shared_server import shared  # noqa: F401 - a fixture

from app import navigation, state
from app.lesson.code import MOST_QR, qr_code
from app.lesson.parts import PARTS, parts_of, selector, unknown_parts
from app.lesson.shelf import shipped
from clps_core.lesson_answers import read_answers
from clps_core.lessons import Lesson, Step, from_token, lesson_id, to_token, to_yaml
from clps_core.owners import Signer
from clps_core.samples.ready import READY

TWO = Lesson(
    "First <b>look</b> :red[x] $y$",
    (
        Step("design", (("strategy", "none"), ("strategy", "all")), "Look at **both**.\n\n<script>alert(1)</script>",
             "How many?", ("One", "*Six*"), ("schemes", "sidebar"), ("sizes",)),
        Step("system", note="Look here.", question="What do you see?"),
    ),
)  # fmt: skip
ONE = Lesson("Alone", (Step("system", question="Well?", hide=("nothing_of_ours",)),))


@pytest.fixture
def token(store):
    """Of a lesson that this server signed."""
    return lambda lesson: to_token(lesson, Signer.of_home(store.home))


def told(test):
    return " ".join(one.value for one in (*test.markdown, *test.caption, *test.header, *test.subheader)).replace(
        "\\", ""
    )


def rules(test):
    """What the lesson's style sheet says; empty where there is none."""
    return " ".join(one.proto.body for one in test.get("html") if "data-clps-lock" in one.proto.body)


def press(test, label):
    next(one for one in test.button if one.label == label).click().run()
    return test


# A lesson that is open


def test_a_link_opens_the_page_in_its_state_with_note_and_question_above(open_page, token):
    test = open_page("learn", lesson=token(TWO))
    assert sentences(test) == []
    assert test.query_params["strategy"] == ["none", "all"]
    assert test.query_params["lesson_step"] == "1"
    assert test.title[0].value == str(navigation.page("design").question)
    assert "\\<b\\>look\\</b\\> \\:red" in test.header[0].value, "a title's markup is text"
    assert "Look at **both**." in told(test)
    assert "<script>" not in told(test)
    assert "Hidden for this lesson" in told(test)
    assert "Not verified" not in told(test)
    hidden, locked = re.search(r":is\((.+)\) { display: none !important; } :is\((.+)\) {", rules(test)).groups()
    assert '[class*="st-key-scheme_cards"]' in hidden
    assert '[data-testid="stSidebar"]' in hidden
    assert '[class*="st-key-design_num_"]' in locked


def test_answers_are_kept_and_the_steps_lead_from_page_to_page(open_page, token, store):
    test = open_page("learn", lesson=token(TWO))
    test.radio[0].set_value("*Six*").run()
    assert "Your answer is kept." in told(test)
    press(test, "Next step")
    assert test.query_params["lesson_step"] == "2"
    assert test.title[0].value == str(navigation.page("system").question)
    assert "stSidebar" not in rules(test)
    test.text_area[0].set_value("  A *supervisor*  ").run()
    assert read_answers(store.home, "local") == {lesson_id(TWO): {0: "*Six*", 1: "A *supervisor*"}}
    press(test, "Previous step")
    assert test.radio[0].value == "*Six*"
    again = open_page("learn", lesson=token(TWO), lesson_step="2")
    assert again.title[0].value == str(navigation.page("learn").question), "a reload stays where it was"
    assert again.text_area[0].value == "A *supervisor*"
    assert sentences(again) == []


def test_on_another_page_the_lesson_stays_with_a_way_back_and_hides_nothing(open_page, token):
    test = open_page("learn", lesson=token(TWO))
    test.query_params.clear()
    test.switch_page("../pages/start.py").run()
    assert test.query_params["lesson_step"] == "1", "a reload keeps the lesson"
    assert rules(test) == ""
    press(test, "Back to Design")
    assert test.title[0].value == str(navigation.page("design").question)
    press(test, "Leave the lesson")
    assert not [one for one in test.button if one.label == "Leave the lesson"]
    assert "lesson" not in test.query_params
    assert test.query_params["strategy"] == ["none", "all"], "the page stays as it was"


def test_a_lesson_of_another_server_opens_marked_as_not_verified(open_page, token, tmp_path):
    (tmp_path / "other").mkdir()
    test = open_page("start", lesson=to_token(TWO, Signer.of_home(tmp_path / "other")))
    assert sentences(test) == []
    assert "Not verified" in told(test)
    assert "Look at **both**." in told(test)


def test_parts_that_a_page_does_not_have_are_said_and_reach_no_style(open_page, token):
    test = open_page("start", lesson=token(ONE))
    assert sentences(test) == []
    assert "does not have these parts of the lesson: nothing_of_ours" in told(test)
    assert not [one for one in test.button if one.label in ("Next step", "Previous step")]
    assert "nothing_of_ours" not in rules(test)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda token: token[:-9], "is not complete"),
        (lambda token: "7" + token[1:], "newer version"),
        (lambda _token: "<script>", "is not complete"),
        (lambda _token: "x" * 9000, "at most 7,000 characters"),
    ],
)
def test_a_link_that_is_none_is_one_sentence_and_the_page_goes_on(open_page, token, change, says):
    test = open_page("design", lesson=change(token(TWO)), strategy=["none"])
    (sentence,) = sentences(test)
    assert says in sentence
    assert test.title[0].value == str(navigation.page("design").question)
    assert not [one for one in test.button if one.label == "Leave the lesson"]


@pytest.mark.parametrize("number", ["0", "9", "-1", "x" * 50])
def test_a_step_that_is_none_begins_the_lesson(open_page, token, number):
    test = open_page("start", lesson=token(TWO), lesson_step=number)
    assert sentences(test) == []
    assert test.query_params["lesson_step"] == "1"


@pytest.mark.parametrize(("page", "name"), [("attention", "run"), ("compare", "runs"), ("tryit", "runs")])
def test_a_lesson_about_a_run_that_is_gone_says_so_and_the_page_goes_on(open_page, store, token, page, name):
    here, *_rest = record(store)
    step = Step(page, ((name, f"gone-run,{here.id}" if name == "runs" else "gone-run"),), "A note.")
    test = open_page("start", lesson=token(Lesson("Gone", (step,))))
    assert not test.exception
    assert "This step shows runs that are not on this server: gone-run." in told(test)
    assert "A note." in told(test)
    assert test.title[0].value == str(navigation.page(page).question)


def test_a_page_that_is_none_of_ours_is_said_and_the_lesson_stays(open_page, token):
    test = open_page("start", lesson=token(Lesson("Old", (Step("oldpage", note="A note."),))))
    assert sentences(test) == []
    assert "does not have the page oldpage" in told(test)
    assert "A note." in told(test)


# Parts


def test_every_part_names_a_page_and_every_name_is_one_part_of_it():
    pages = {one.name for one in navigation.PAGES}
    assert {one.page for one in PARTS} - {""} <= pages
    for page in pages:
        named = [one.name for one in PARTS if one.page in ("", page)]
        assert len(named) == len(set(named)) == len(parts_of(page))
    assert unknown_parts("design", ["map", "x"]) == ["x"]
    assert selector("design", ["x"]) == ""


def test_the_parts_of_the_design_page_have_the_keys_that_they_name(open_page):
    test = open_page("design", strategy=["none", "all"])
    keys = {str(key) for key in test._session_state.filtered_state}
    for part in ("start_from", "sizes", "map", "counts", "schemes"):
        for key in parts_of("design")[part].keys[:1]:
            assert any(one.startswith(key) for one in keys), (part, sorted(keys))


# Learn: the shelf and the form


def test_shipped_lessons_are_listed_open_and_name_only_what_ships(open_page, store):
    runs = {one for ready in READY for one in ready.run_ids()}
    lessons = shipped()
    assert len(lessons) == 3
    for lesson in lessons:
        for step in lesson.steps:
            assert step.page in {one.name for one in navigation.PAGES}
            assert unknown_parts(step.page, (*step.hide, *step.lock)) == []
            assert {one for name, value in step.query if name in ("run", "runs") for one in value.split(",")} <= runs
    test = open_page("learn")
    assert [one.label for one in test.button].count("Open the lesson") == 3
    press(test, "Open the lesson")
    assert sentences(test) == []
    assert lessons[0].title in told(test)
    assert "Not verified" not in told(test)


def made(test):
    """The lesson of the link that the form shows."""
    (link,) = test.code
    return link.value, parse_qs(urlsplit(link.value).query)[state.LESSON][0]


def typed(test, name, value, of="text_input"):
    next(one for one in test.get(of) if re.fullmatch(rf"make\.{name}\.\d+", one.key)).set_value(value).run()


def test_the_form_makes_a_link_that_opens_and_keeps_what_is_typed_on_other_pages(open_page, store):
    test = open_page("design", strategy=["none", "all"])
    test.query_params.clear()
    test.switch_page("../pages/learn.py").run()
    press(test, "Make a lesson")
    assert sentences(test) == []
    assert not test.code
    typed(test, "title", "Mine")
    typed(test, r"page\.0", next(one for one in test.selectbox[0].options if one), of="selectbox")
    assert test.session_state[state.LESSON_DRAFT].steps[0].address.startswith("/design?strategy=none&strategy=all")
    typed(test, r"question\.0", "Well?")
    typed(test, r"options\.0", "Yes\n\n No ", of="text_area")
    typed(test, r"hide\.0\.design", ["schemes"], of="multiselect")
    press(test, "Add a step")
    assert "Not yet a lesson: step 2: a step must have a page" in test.info[0].value.replace("\\", "")
    typed(test, r"address\.1", "http://lab/attention?run=abc&token=secret")
    test.switch_page("../pages/system.py").run()
    test.query_params.clear()
    test.switch_page("../pages/learn.py").run()
    press(test, "Make a lesson")
    link, token = made(test)
    lesson, verified = from_token(token, Signer.of_home(store.home))
    assert verified
    assert lesson.title == "Mine"
    assert lesson.steps[0].page == "design"
    assert lesson.steps[0].parameters()["strategy"] == ["none", "all"]
    assert (lesson.steps[0].question, lesson.steps[0].options) == ("Well?", ("Yes", "No"))
    assert lesson.steps[0].hide == ("schemes",)
    assert lesson.steps[1] == Step("attention", (("run", "abc"),))
    assert sentences(test) == []
    assert test.get("image"), "the link's code"
    assert qr_code(link).startswith(b"\x89PNG")
    typed(test, r"note\.0", "".join(chr(0x4E00 + 7 * n % 5000) for n in range(2000)), of="text_area")
    assert any("too long for a QR code" in one for one in sentences(test))
    press(test, "Open the lesson")
    assert test.query_params["lesson_step"] == "1"


@pytest.mark.parametrize(
    ("address", "says"),
    [("/nowhere", "a page of this dashboard. Got nowhere"), ("https://example.org/<x>", "a page of this dashboard"),
     ("/design?" + "a=1&" * 70, "as the browser shows it")],
)  # fmt: skip
def test_the_form_says_which_address_is_none(open_page, store, address, says):
    test = open_page("learn", view="make")
    typed(test, "title", "Mine")
    typed(test, r"address\.0", address)
    assert any(says in one for one in sentences(test))
    assert not test.code


def test_a_code_is_made_of_short_links_only():
    assert qr_code("x" * MOST_QR).startswith(b"\x89PNG")
    with pytest.raises(ValueError):  # noqa: PT011
        qr_code("x" * (MOST_QR + 1))


def test_on_a_shared_server_only_teachers_make_lessons_and_each_visitor_has_answers_of_their_own(
    open_page,
    shared,  # noqa: F811
    home,
):
    first, second = shared.signer.new_cookie(), shared.signer.new_cookie()
    shared.visitor(first)
    test = open_page("learn", view="make")
    assert any("Only teachers" in one for one in sentences(test))
    token = to_token(ONE, shared.signer)
    test = open_page("start", lesson=token)
    test.text_area[0].set_value("mine").run()
    shared.visitor(second)
    assert open_page("start", lesson=token).text_area[0].value == ""
    assert read_answers(home, shared.visitor(first)) == {lesson_id(ONE): {0: "mine"}}
    assert to_yaml(ONE).startswith("title: Alone")
