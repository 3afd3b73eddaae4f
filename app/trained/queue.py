"""One model at a time: what keeps thirty browsers from sinking the server. Start at InspectionQueue."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from clps_core.errors import JobError
from clps_core.words import ngettext

__all__ = ["InspectionQueue"]


class Answer(Protocol):
    """What a model was asked for: an ``Inspection``, a ``Quality``; a key always asks for the same kind."""

    @property
    def nbytes(self) -> int:
        """What it weighs in memory."""


Found = TypeVar("Found", bound=Answer)


class InspectionQueue:
    """Runs inspections one after the other and keeps the latest answers.

    At most ``waiting`` requests wait, for at most ``patience`` seconds; more are refused with a
    sentence. At most ``kept`` answers of together ``kept_bytes`` stay, the longest unused goes first.
    Safe to use from several threads.
    """

    def __init__(
        self, *, waiting: int = 40, patience: float = 60.0, kept: int = 400, kept_bytes: int = 256_000_000
    ) -> None:
        self.waiting = waiting
        self.patience = patience
        self.kept = kept
        self.kept_bytes = kept_bytes
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._inside = 0

    def ask(self, key: Hashable, work: Callable[[], Found]) -> Found:
        """The answer to ``key``: a kept one, or that of ``work``, when its turn comes.

        Raises ``JobError`` where too many wait already, and whatever ``work`` raises (not kept).
        """
        with self._guard:
            answer: Found | None = self._found(key)
            if answer is not None:
                return answer
            if self._inside > self.waiting:
                raise self._busy()
            self._inside += 1
        try:
            if not self._turn.acquire(timeout=self.patience):
                raise self._busy()
            try:
                return self._answer(key, work)
            finally:
                self._turn.release()
        finally:
            with self._guard:
                self._inside -= 1

    def kept_answer(self, key: Hashable) -> Any:
        """What is kept for ``key``, ``None`` where nothing is; never waits for a model."""
        with self._guard:
            return self._found(key)

    def _answer(self, key: Hashable, work: Callable[[], Found]) -> Found:
        with self._guard:
            # Whoever was here before may have asked the same.
            kept: Found | None = self._found(key)
            if kept is not None:
                return kept
        answer = work()
        with self._guard:
            self._answers[key] = answer
            while len(self._answers) > 1 and (len(self._answers) > self.kept or self._bytes() > self.kept_bytes):
                self._answers.popitem(last=False)
        return answer

    def _found(self, key: Hashable) -> Any:
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def _bytes(self) -> int:
        return sum(answer.nbytes for answer in self._answers.values())

    def _busy(self) -> JobError:
        return JobError(
            ngettext(
                "{n} request is being answered before yours. Try again in a moment.",
                "{n} requests are being answered before yours. Try again in a moment.",
                self._inside,
            )
        )
