"""Loss, scores and answer of a decoder that answers at stated positions of a line. Start at answer.

The data are a ``data.labelled.LabelledLine``: they say which positions of an input are answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.data.labelled import LabelledLine
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, ranked, refuse_target
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores

__all__ = ["PositionScores", "answer", "loss", "scores"]


class PositionScores(TokenScores):
    """``loss`` and ``accuracy`` over the positions that are answered."""

    def values(self) -> dict[str, float]:
        """By metric."""
        return {"loss": self.loss, "accuracy": self.accuracy}


def scores(config: RunConfig, loss: Loss, /) -> PositionScores:
    """New scores for an evaluation."""
    return PositionScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The most likely answer at each position that has one, and how sure the last of them is."""
    data = cast("LabelledLine", run.data)
    refuse_target(run.data, target_text)
    found = capture(run.model, inputs, loops=loops)
    places = data.scored(inputs)
    said = found.logits[places]
    return Answer(
        found, prediction=data.decode(said.argmax(axis=-1)), guesses=ranked(said[-1], lambda token: data.name(token))
    )
