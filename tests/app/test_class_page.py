"""A class on a shared server: students join, the teacher sees predictions without names, deleting leaves nothing."""

from __future__ import annotations

import re

import pytest
from page_reading import sentences, tables
from recorded_runs import mark, record
from shared_server import shared  # noqa: F401 - a fixture

from app.classes.histogram import histogram, tally
from app.learn.chapter import Choice, Estimate
from app.learn.chapters import CHAPTERS
from clps_core.classes import Classes
from clps_core.learning import Progress, keep_progress, read_progress
from clps_core.lessons import Lesson, Step, to_token
from clps_core.owners import Signer
from clps_core.policy import read_policy

CHAPTER = next(one for one in CHAPTERS if isinstance(one.predict, Choice))
LESSON = Lesson(
    "A <b>lesson</b>",
    (Step("learn", question="Which <i>one</i>?", options=("<b>A</b>", "B")), Step("learn", question="Why?")),
)


@pytest.fixture
def teacher(shared, home):  # noqa: F811
    """The cookie of a teacher."""
    cookie = shared.signer.new_cookie()
    shared.signer.appoint(shared.visitor(cookie), read_policy(home).teacher_code)
    return cookie


def told(test):
    shown = [one.value for one in (*test.markdown, *test.caption, *test.header, *test.subheader)]
    return " ".join(shown).replace("\\", "")


def press(test, label):
    next(one for one in test.button if one.label == label).click().run()
    return test


def opened(open_page, shared, teacher, name="Maths 8b"):  # noqa: F811
    """The teacher's page of a new class, and its code."""
    shared.visitor(teacher)
    test = press(open_page("learn"), "Your class")
    test.text_input(key="class.opened").set_value(name)
    press(test, "Open a class")
    assert sentences(test) == []
    return test, str(test.query_params["class"])


def joined(open_page, shared, code, name):  # noqa: F811
    """A new student's page after joining, and who they are."""
    owner = shared.visitor()
    test = open_page("learn", **{"class": code})
    test.text_input(key="class.name").set_value(name)
    press(test, "Join the class")
    return test, owner


def bars(test):
    """How often each answer is shown to have been given."""
    (shown,) = [one.proto.body for one in test.get("html") if "<dl" in one.proto.body]
    return [int(one) for one in re.findall(r"<b>(\d+)</b>", shown)]


def test_a_class_from_opening_to_deletion(open_page, store, shared, teacher, home):  # noqa: F811
    room, code = opened(open_page, shared, teacher)
    assert f"{code[:3]}-{code[3:]}" in told(room)
    assert "0 people have joined." in told(room)
    student, ada = joined(open_page, shared, f"{code[:3].lower()}-{code[3:]}", "<b>Ada</b>")
    assert sentences(student) == []
    assert "You are in the class **Maths 8b** as **<b>Ada</b>**." in told(student)
    second = open_page("learn")
    assert "You are in the class" in told(second), "another tab of the same browser"
    wrong, other = joined(open_page, shared, code, "<B>ada</B>")
    assert any("is in this class already" in one.replace("\\", "") for one in sentences(wrong))
    wrong.text_input(key="class.name").set_value("Bea")
    press(wrong, "Join the class")
    assert sentences(wrong) == []
    answer = CHAPTER.predict.right()
    chapter = open_page("learn", chapter=CHAPTER.key)
    chapter.radio(key=f"learn.{CHAPTER.key}.predict").set_value(answer).run()
    press(chapter, "Show the answer")
    lesson = open_page("learn", lesson=to_token(LESSON, shared.signer), lesson_step="1")
    lesson.radio[0].set_value("<b>A</b>").run()
    own = Lesson("Made by a student", LESSON.steps)
    forged = open_page("learn", lesson=to_token(own, Signer(b"x" * 32, home)), lesson_step="1")
    forged.radio[0].set_value("B").run()
    assert Classes(home).lessons(code) == [LESSON], "a class hears of lessons that this server signed"
    run = record(store)[0]
    mark(store, run, owner=other)

    shared.visitor(teacher)
    room = open_page("learn", view="class", **{"class": code})
    assert sentences(room) == []
    assert "2 people have joined." in told(room)
    assert sum(bars(room)) == 1
    assert "Ada" not in told(room) + tables(room), "no names on the projector"
    assert "Bea" not in told(room) + tables(room)
    people = open_page("learn", view="class", show="people", **{"class": code})
    assert sentences(people) == []
    for text in ("\\<b\\>Ada", "Bea", CHAPTER.title()):
        assert text.replace("\\", "") in tables(people).replace("\\", "")
    answers = open_page("learn", view="class", show="lessons", **{"class": code})
    assert bars(answers) == [1, 0]
    assert "Bea" not in tables(answers)
    answers.toggle(key="class.names").set_value(True).run()
    assert "Bea" in tables(answers)
    trained = open_page("learn", view="class", show="runs", **{"class": code})
    assert sentences(trained) == []
    assert "Bea" in tables(trained)

    press(room, "Delete Maths 8b")
    assert sentences(room) == []
    assert Classes(home).all() == []
    assert read_progress(home, other) == Progress()
    gone = open_page("learn", view="class", **{"class": code})
    assert any("does not exist any more" in one for one in sentences(gone))
    assert store.some_runs([run.id]), "runs belong to who trained them"
    shared.visitor()
    late = open_page("learn", **{"class": code})
    assert any("no class with this code" in one for one in sentences(late))
    assert len(late.header) >= len(CHAPTERS), "the page goes on"
    assert ada != other


def test_sixty_members_are_one_histogram_and_a_member_leaves(open_page, shared, teacher, home):  # noqa: F811
    _room, code = opened(open_page, shared, teacher)
    options = list(CHAPTER.predict.options())
    for number in range(60):
        Classes(home).join(code, f"guest-{number}", f"Student {number}")
        keep_progress(home, f"guest-{number}", Progress({CHAPTER.key: options[number % len(options)]}))
    room = open_page("learn", view="class", **{"class": code})
    assert sum(bars(room)) == 60
    assert min(bars(room)) >= 60 // len(options)
    assert "Show the right answer" in [one.label for one in room.toggle]
    student, owner = joined(open_page, shared, code, "Late")
    assert Classes(home).of(owner) is not None
    press(student, "Leave the class")
    assert Classes(home).of(owner) is None
    assert len(Classes(home).members(code)) == 60


@pytest.mark.parametrize("view", ["class", None])
def test_on_a_server_of_one_person_a_class_is_one_sentence(open_page, store, view):
    query = {"view": view} if view else {}
    test = open_page("learn", **{"class": "BCDFGH", **query})
    (sentence,) = sentences(test)
    assert "needs a shared server" in sentence
    assert not [one for one in open_page("learn").button if one.label in ("Your class", "Join the class")]


def test_only_a_teacher_sees_a_class(open_page, shared, teacher):  # noqa: F811
    _room, code = opened(open_page, shared, teacher)
    shared.visitor()
    test = open_page("learn", view="class", **{"class": code})
    (sentence,) = sentences(test)
    assert "Only teachers" in sentence
    assert code not in told(test)
    assert not [one for one in open_page("learn").button if one.label == "Your class"]


@pytest.mark.parametrize("code", ["<script>", "../../etc", "x" * 9000, "BCDFGH"])
def test_a_code_that_is_none_is_one_sentence(open_page, shared, code):  # noqa: F811
    shared.visitor()
    (sentence,) = sentences(open_page("learn", **{"class": code}))
    assert "no class with this code" in sentence


# Counting


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[one.key for one in CHAPTERS])
def test_every_answer_of_a_chapter_is_counted_where_it_belongs_and_no_other(chapter):
    question = chapter.predict
    known = [str(n) for n in range(101)] if isinstance(question, Estimate) else list(question.options())
    counts, right = tally(question, [*known, "nothing", "101", "-3", "²"])
    assert sum(count for _name, count in counts) == len(known)
    assert 0 <= right < len(counts)
    if isinstance(question, Estimate):
        assert [count for _name, count in counts] == [10] * 9 + [11]


def test_an_option_with_markup_is_text_in_the_histogram_and_the_right_one_is_marked():
    made = histogram([("<b>x</b>", 1), ("y", 4), ("z", 0)], right=1).partition("</style>")[2]
    assert "&lt;b&gt;x&lt;/b&gt;" in made
    assert made.count('class="right"') == 1
    assert "✓ y" in made
    assert re.findall(r"width: ([\d.]+)%", made) == ["21.2", "85.0", "0.0"]
    assert "<dl" in histogram([])
