"""Which questions ended the model process, so that they do not do so again and again. Start at Blame."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from clps_core.serving.ends import refused_question, refused_run
from clps_core.serving.questions import Question

__all__ = ["Blame"]

SAME_QUESTION, SAME_RUN = 2, 4
"""How often a question, and questions about one run with none answered between, may end the process until they are
refused."""
REFUSED_SECONDS = 600.0
REMEMBERED = 400


class Blame:
    """Counts ends; each is forgotten ``REFUSED_SECONDS`` after the last of its kind."""

    def __init__(self) -> None:
        self._ends: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def note(self, question: Question[Any]) -> None:
        """The process ended over ``question``."""
        for key in (question, question.folder):
            self._ends[key] = (self._times(key) + 1, time.monotonic())
            self._ends.move_to_end(key)
        while len(self._ends) > REMEMBERED:
            self._ends.popitem(last=False)

    def forgive(self, question: Question[Any]) -> None:
        """It was answered: neither it nor its run is to blame, whatever ended the process before."""
        for key in (question, question.folder):
            self._ends.pop(key, None)

    def check(self, question: Question[Any]) -> None:
        """Raises ``JobError`` where it is not to be asked now."""
        if (times := self._times(question)) >= SAME_QUESTION:
            raise refused_question(times, REFUSED_SECONDS)
        if (times := self._times(question.folder)) >= SAME_RUN:
            raise refused_run(times, REFUSED_SECONDS)

    def _times(self, key: Hashable) -> int:
        times, last = self._ends.get(key, (0, 0.0))
        return times if time.monotonic() < last + REFUSED_SECONDS else 0
