"""How far somebody has come in the chapters of Learn: kept in the home, one small file for each person.

Start at read_progress. What lies in a file may come from anybody: what cannot be read is as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clps_core.person_files import keep_of, read_of

__all__ = ["Progress", "keep_progress", "read_progress"]

FOLDER = "learn"
LARGEST = 64 << 10
MOST_CHAPTERS, MOST_CHECKS = 100, 20
MOST_PEOPLE = 10_000
"""Files of a server's visitors; beyond, those go that have not been written for longest."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Progress:
    """``predicted``: chapter -> what was answered before its result was shown.

    ``checked``: chapter -> number of a question -> answer. An answer is the key of an option, or a number as text.
    """

    predicted: Mapping[str, str] = field(default_factory=dict)
    checked: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def with_prediction(self, chapter: str, answer: str) -> Progress:
        """The same with one more prediction; the first one counts."""
        return Progress({chapter: answer, **self.predicted}, self.checked)

    def with_check(self, chapter: str, question: int, answer: str) -> Progress:
        """The same with the answer to question number ``question``."""
        mine = {**self.checked.get(chapter, {}), question: answer}
        return Progress(self.predicted, {**self.checked, chapter: mine})

    def without(self, chapter: str) -> Progress:
        """As if the chapter had not been opened."""
        return Progress(
            {name: one for name, one in self.predicted.items() if name != chapter},
            {name: one for name, one in self.checked.items() if name != chapter},
        )


def read_progress(home: Path, person: str) -> Progress:
    """What is kept of ``person``, who may be called anything; nothing where there is no file that can be read."""
    try:
        return _read(read_of(home, FOLDER, person, LARGEST))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Progress()


def keep_progress(home: Path, person: str, progress: Progress) -> bool:
    """Write it, whole or not at all; ``False`` where it cannot be kept, such as on a full disk."""
    plain = {
        "version": 1,
        "predicted": dict(progress.predicted),
        "checked": {chapter: {str(n): one for n, one in found.items()} for chapter, found in progress.checked.items()},
    }
    return keep_of(home, FOLDER, person, plain, MOST_PEOPLE)


def _read(plain: Any) -> Progress:
    predicted = {_name(chapter): _answer(one) for chapter, one in list(plain["predicted"].items())[:MOST_CHAPTERS]}
    checked = {
        _name(chapter): {_number(n): _answer(one) for n, one in list(found.items())[:MOST_CHECKS]}
        for chapter, found in list(plain["checked"].items())[:MOST_CHAPTERS]
    }
    return Progress(predicted, checked)


def _name(text: object) -> str:
    if not isinstance(text, str) or _NAME.fullmatch(text) is None:
        raise ValueError
    return text


def _answer(text: object) -> str:
    if not isinstance(text, str) or len(text) > 40:
        raise ValueError
    return text


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number < MOST_CHECKS:
        raise ValueError
    return number
