"""What somebody answered in lessons: kept in the home, one small file for each person. Start at read_answers.

What lies in a file may come from anybody: what cannot be read is as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clps_core.lessons import MOST_STEPS
from clps_core.person_files import keep_of, read_of

__all__ = ["MOST_ANSWER", "Answers", "keep_answers", "read_answers", "with_answer"]

Answers = Mapping[str, Mapping[int, str]]
"""Lesson (``lesson_id``) -> number of a step, from 0 on -> what was answered; the latest lesson stands last."""

FOLDER = "lesson_answers"
LARGEST = 1 << 20
MOST_LESSONS, MOST_ANSWER = 60, 1000
"""Lessons of one person, beyond which the one answered longest ago goes; characters of one answer."""
MOST_PEOPLE = 10_000
_ID = re.compile(r"[0-9a-f]{16}")


def with_answer(answers: Answers, lesson: str, step: int, answer: str) -> Answers:
    """The same with one more answer; an empty one takes it back."""
    mine = {**answers.get(lesson, {}), step: answer[:MOST_ANSWER]}
    rest = {name: one for name, one in answers.items() if name != lesson}
    found = {**rest, lesson: {number: one for number, one in mine.items() if one}}
    return dict(list(found.items())[-MOST_LESSONS:])


def read_answers(home: Path, person: str) -> Answers:
    """What ``person`` answered; nothing where there is no file that can be read."""
    try:
        plain = read_of(home, FOLDER, person, LARGEST)
        found = list(plain["answers"].items())[-MOST_LESSONS:]
        return {_id(lesson): {_step(n): _answer(one) for n, one in given.items()} for lesson, given in found}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def keep_answers(home: Path, person: str, answers: Answers) -> bool:
    """Write them, whole or not at all; ``False`` where they cannot be kept, such as on a full disk."""
    plain = {lesson: {str(n): one for n, one in given.items()} for lesson, given in answers.items()}
    return keep_of(home, FOLDER, person, {"version": 1, "answers": plain}, MOST_PEOPLE)


def _id(text: Any) -> str:
    if _ID.fullmatch(text) is None:
        raise ValueError
    return str(text)


def _step(text: str) -> int:
    number = int(text)
    if not 0 <= number < MOST_STEPS:
        raise ValueError
    return number


def _answer(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MOST_ANSWER:
        raise ValueError
    return text
