"""What a chapter of Learn is made of. Start at Chapter; ``lesson.py`` draws it.

A reader predicts first, then acts on the real thing, reads what was seen and what was not proved, and checks
themselves. Every figure is computed when it is shown: from the counter, or from the runs that ship.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Chapter", "Choice", "Estimate", "Question", "Source"]

Text = Callable[[], str]


@dataclass(frozen=True)
class Choice:
    """A question with a few answers: ``options`` key -> text, ``right`` one of the keys, ``why`` the explanation."""

    asks: Text
    options: Callable[[], Mapping[str, str]]
    right: Callable[[], str]
    why: Text

    def is_right(self, answer: str) -> bool:
        """Whether ``answer`` is the key of the right option."""
        return answer == self.right()

    def told(self, answer: str) -> str:
        """``answer`` as it was read; empty for one that is no option any more."""
        return self.options().get(answer, "")


@dataclass(frozen=True)
class Estimate:
    """A question for a share in percent, 0 to 100: ``right`` is a share from 0 to 1, ``near`` still counts as right."""

    asks: Text
    right: Callable[[], float]
    why: Text
    near: float = 0.1

    def is_right(self, answer: str) -> bool:
        """Whether ``answer``, a number of percent as text, is near enough."""
        return answer.isdecimal() and abs(int(answer) / 100 - self.right()) <= self.near

    def told(self, answer: str) -> str:
        """``40 %``."""
        return f"{int(answer)} %" if answer.isdecimal() and int(answer) <= 100 else ""


Question = Choice | Estimate


@dataclass(frozen=True)
class Source:
    """Where a claim comes from: ``name`` as papers are cited, ``link`` an https address, ``says`` what it found."""

    name: str
    link: str
    says: Text


@dataclass(frozen=True)
class Chapter:
    """``key``: in the address. ``begins`` says what it is about, ``claim`` what it teaches: after the prediction.

    ``act`` draws the real thing; ``seen`` and ``open`` say what it shows and what not. ``uses``: keys of terms in the
    glossary that its text uses and another chapter, or none, teaches.
    """

    key: str
    title: Text
    minutes: int
    begins: Text
    claim: Text
    predict: Question
    act: Callable[[], None]
    seen: Text
    open: Text
    checks: tuple[Choice, ...]
    sources: tuple[Source, ...]
    uses: tuple[str, ...] = ()
