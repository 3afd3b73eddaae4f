"""Classes: who is in one, as whom, and what is left of one that was deleted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clps_core import classes
from clps_core.classes import Classes, Member, code_of
from clps_core.errors import ConfigError, NotAllowedError
from clps_core.learning import Progress, keep_progress, read_progress
from clps_core.lesson_answers import keep_answers, read_answers
from clps_core.lessons import Lesson, Step, lesson_id

LESSON = Lesson("A title", (Step("design", question="Well?"),))


@pytest.fixture
def here(tmp_path: Path) -> Classes:
    return Classes(tmp_path)


def test_a_class_is_found_by_its_code_however_it_is_typed(here):
    one = here.open("  The   class\tof 2026 ")
    assert one.name == "The class of 2026"
    assert here.find(one.code) == one
    assert code_of(f" {one.code[:3].lower()}-{one.code[3:]} ") == one.code
    assert here.all() == [one]


@pytest.mark.parametrize("code", ["", "x", "../..", "BCDFG", "BCDFGHJ", "AEIOUL", "BCDFG/", "ÄÖÜÄÖÜ"])
def test_a_code_that_is_none_is_no_class(here, code):
    assert code_of(code) is None
    assert here.find(code) is None
    with pytest.raises(ConfigError, match="no class with this code"):
        here.join(code, "guest-1", "Ada")


def test_sixty_join_at_once_and_all_are_members(here):
    code = here.open("Maths").code
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: here.join(code, f"guest-{n}", f"Student {n:02}"), range(60)))
    assert [one.name for one in here.members(code)] == [f"Student {n:02}" for n in range(60)]
    assert here.of("guest-7") == (here.find(code), Member("guest-7", "Student 07"))
    assert here.of("guest-99") is None


def test_of_many_who_ask_for_one_name_at_once_one_gets_it(here):
    code = here.open("Maths").code

    def joined(number: int) -> bool:
        try:
            here.join(code, f"guest-{number}", "ada" if number % 2 else " Ada ")
        except ConfigError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(joined, range(16))) == 1
    with pytest.raises(ConfigError, match="ADA is in this class already"):
        here.join(code, "guest-99", "ADA")
    assert len(here.members(code)) == 1


def test_two_tabs_of_one_person_are_one_member_whose_old_name_is_free(here):
    code = here.open("Maths").code
    here.join(code, "guest-1", "Ada")
    here.at("guest-1", "map")
    here.join(code, "guest-1", "Ada")
    here.join(code, "guest-1", "Bea")
    assert here.members(code) == [Member("guest-1", "Bea", "map")]
    here.join(code, "guest-2", "Ada")
    assert [one.name for one in here.members(code)] == ["Ada", "Bea"]


def test_who_joins_another_class_leaves_the_first(here):
    first, second = here.open("First").code, here.open("Second").code
    here.join(first, "guest-1", "Ada")
    here.join(second, "guest-1", "Ada")
    assert here.members(first) == []
    assert here.of("guest-1")[0].code == second
    here.leave("guest-1")
    assert here.of("guest-1") is None
    assert here.members(second) == []
    here.join(second, "guest-2", "Ada")


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "\n"])
def test_a_name_must_have_some_characters_and_not_too_many(here, name):
    code = here.open("Maths").code
    with pytest.raises(ConfigError, match="from 1 to 40 characters"):
        here.join(code, "guest-1", name)
    with pytest.raises(ConfigError, match="from 1 to 40 characters"):
        here.open(name)
    assert here.members(code) == []


def test_a_name_with_markup_is_kept_as_it_is_and_what_cannot_be_seen_is_written_out(here):
    code = here.open("Maths").code
    here.join(code, "guest-1", "<b>\u202e*x*")
    assert here.members(code)[0].name == "<b>\\u202e*x*"


def test_only_so_many_fit(here, monkeypatch):
    monkeypatch.setattr(classes, "MOST_MEMBERS", 1)
    monkeypatch.setattr(classes, "MOST_CLASSES", 1)
    code = here.open("Maths").code
    here.join(code, "guest-1", "Ada")
    here.join(code, "guest-1", "Bea")
    with pytest.raises(NotAllowedError, match="at most 1 people"):
        here.join(code, "guest-2", "Cy")
    with pytest.raises(NotAllowedError, match="at most 1 classes"):
        here.open("More")


def test_a_pulse_moves_when_somebody_joins_goes_on_or_answers(here, tmp_path):
    code = here.open("Maths").code
    seen = []

    def pulse() -> None:
        seen.append(here.pulse(here.members(code)))

    pulse()
    here.join(code, "guest-1", "Ada")
    pulse()
    here.at("guest-1", "map")
    pulse()
    keep_progress(tmp_path, "guest-1", Progress({"map": "3"}))
    pulse()
    keep_answers(tmp_path, "guest-1", {lesson_id(LESSON): {0: "x"}})
    pulse()
    assert len(set(seen)) == 5
    assert here.pulse(here.members(code)) == seen[-1]


def test_a_deleted_class_leaves_nothing_of_it(here, tmp_path):
    code = here.open("Maths").code
    for number in range(2):
        here.join(code, f"guest-{number}", f"Ada {number}")
        here.answered(f"guest-{number}", LESSON)
        keep_progress(tmp_path, f"guest-{number}", Progress({"map": "3"}))
        keep_answers(tmp_path, f"guest-{number}", {lesson_id(LESSON): {0: "x"}})
    assert here.lessons(code) == [LESSON]
    here.delete(code, answers=False)
    assert here.all() == []
    assert here.of("guest-0") is None
    assert read_progress(tmp_path, "guest-0") == Progress({"map": "3"}), "what they answered is theirs"
    assert not any(b"Ada" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    again = here.open("Maths").code
    here.join(again, "guest-0", "Ada")
    here.delete(again, answers=True)
    assert read_progress(tmp_path, "guest-0") == Progress()
    assert read_answers(tmp_path, "guest-0") == {}
    assert read_progress(tmp_path, "guest-1") == Progress({"map": "3"}), "of another person nothing"


@pytest.mark.parametrize(
    "content", ["", "[]", "7", '{"owner": 1}', '{"owner": "x", "name": "", "at": ""}', "[" * 99999]
)
def test_files_that_are_none_are_nobody(here, tmp_path, content):
    code = here.open("Maths").code
    here.join(code, "guest-1", "Ada")
    (file,) = (tmp_path / "classes" / code / "members").iterdir()
    file.write_text(content)
    (tmp_path / "classes" / code / "lessons" / "x.json").write_text(content)
    assert here.members(code) == []
    assert here.lessons(code) == []
    assert here.of("guest-1") is None
    (tmp_path / "classes" / code / "class.json").write_text(json.dumps(content))
    assert here.all() == []
