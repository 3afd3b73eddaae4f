"""Loss, scores and answer of a decoder that answers at stated positions of a line. Start at answer.

The data are a ``data.labelled.LabelledLine``: they say which positions of an input are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import torch
from torch import Tensor

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array
from clps_core.data.labelled import LabelledLine
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, piece, ranked, refuse_target
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores

__all__ = ["PartScores", "PositionScores", "answer", "counted", "loss", "part_scores", "scores"]

MOST_PIECES = 256
"""Positions whose probabilities are told."""

Parts = Callable[[DeviceBatch], Mapping[str, Tensor]]
"""Metric -> the labels of a batch that it counts, bool [B, S]."""


class PositionScores(TokenScores):
    """``loss`` and ``accuracy`` over the positions that are answered."""

    def values(self) -> dict[str, float]:
        """By metric."""
        return {"loss": self.loss, "accuracy": self.accuracy}


class PartScores(PositionScores):
    """``loss``, ``accuracy``, and the accuracy of each of ``parts``, such as the labels of one difficulty."""

    def __init__(self, config: RunConfig, loss: Loss, parts: Parts) -> None:
        super().__init__(config, loss)
        self._parts = parts
        self._names: tuple[str, ...] = ()
        self._counted: Tensor | None = None

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, S, V] and their labels."""
        super().add(output, batch)
        parts = self._parts(batch)
        self._names, masks = tuple(parts), torch.stack(list(parts.values()))
        hits = output.argmax(-1) == batch.labels
        sums = torch.stack([(masks & hits).flatten(1).sum(1), masks.flatten(1).sum(1)])
        self._counted = sums if self._counted is None else self._counted + sums

    def values(self) -> dict[str, float]:
        """By metric; 0 for a part that no label belongs to."""
        right, asked = ([], []) if self._counted is None else self._counted.tolist()
        shares = (one / max(1, of) for one, of in zip(right, asked, strict=True))
        return {**super().values(), **dict(zip(self._names, shares, strict=True))}


def scores(config: RunConfig, loss: Loss, /) -> PositionScores:
    """New scores for an evaluation."""
    return PositionScores(config, loss)


def part_scores(parts: Parts) -> Callable[[RunConfig, Loss], PartScores]:
    """``scores`` for a task that is also scored by ``parts``."""
    return lambda config, loss: PartScores(config, loss, parts)


def counted(batch: DeviceBatch) -> Tensor:
    """The labels that count, bool [B, S]."""
    return batch.labels != IGNORED


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The most likely answer at each position that has one, and how sure the last of them is."""
    data = cast("LabelledLine", run.data)
    refuse_target(run.data, target_text)
    found = capture(run.model, inputs, loops=loops)
    places = data.scored(inputs)
    said = found.logits[places]
    best = said.argmax(axis=-1)
    named = [partial(_named, data, inputs, int(place)) for place in places[:MOST_PIECES]]
    return Answer(
        found,
        prediction=data.decode(best),
        guesses=ranked(said[-1], partial(_named, data, inputs, int(places[-1]))),
        pieces=tuple(piece(row, int(token), name) for row, token, name in zip(said, best, named, strict=False)),
        places=tuple(places.tolist()),
    )


def _named(data: LabelledLine, inputs: Array, place: int, token: int) -> str:
    return data.guess(inputs, place, int(token))
