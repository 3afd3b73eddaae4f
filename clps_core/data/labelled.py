"""What tasks have in common whose decoder answers at stated positions of a line. Start at LabelledLine."""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from clps_core.data.base import Array
from clps_core.errors import DataError
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["LabelledLine", "guess_loss", "whole_numbers"]

MOST_TYPED = 200
"""Numbers of a typed line that are looked at; no task here has more."""


class LabelledLine:
    """A base for ``TaskData`` without special tokens, a tokenizer or typed targets.

    ``scored``: the positions of ``inputs`` [1, S] at which the model answers. ``name``: what one token is called in
    an answer.
    """

    facts: TaskFacts
    pad_id = bos_id = eos_id = -1

    @abstractmethod
    def scored(self, inputs: Array) -> Array:
        """int64 [n]: the positions at which an encoded input is answered."""

    @abstractmethod
    def name(self, token: int) -> str:
        """What ``token`` reads as in an answer."""

    def guess(self, inputs: Array, place: int, token: int) -> str:  # noqa: ARG002
        """What ``token`` reads as among the guesses at position ``place`` of ``inputs`` [1, S]."""
        return self.name(token)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """There is no decoder target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: what is no input of the task is refused."""
        return ()

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The answers side by side."""
        return " ".join(self.name(int(token)) for token in np.asarray(tokens).reshape(-1))

    def tokenizer_json(self) -> str:
        """Empty: tokens are numbers."""
        return ""


def whole_numbers(text: str) -> list[int] | None:
    """The numbers of ``3 1 7`` or ``3, 1, 7``; ``None`` where it is anything else, or very long."""
    words = re.split(r"[\s,;]+", text.strip(), maxsplit=MOST_TYPED)
    return [int(word) for word in words] if all(re.fullmatch(r"[0-9]{1,6}", word) for word in words) else None


def guess_loss(share: float, choices: int) -> float:
    """Loss in nats of a guess that is right in ``share`` of the cases, with the rest spread over the other choices."""
    parts = ((share, share), (1 - share, (1 - share) / max(1, choices - 1)))
    return -sum(weight * math.log(value) for weight, value in parts if weight > 0)
