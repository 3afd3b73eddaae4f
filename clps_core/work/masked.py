"""Loss, scores and answer of an encoder that fills masked tokens. Start at answer.

The data are a ``data.masked_text.MaskedText``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.data.masked_text import MaskedText
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, piece, ranked, refuse_target
from clps_core.work.continuation import LARGEST_LOSS
from clps_core.work.losses import token_loss as loss
from clps_core.work.positions import MOST_PIECES
from clps_core.work.scores import TokenScores

__all__ = ["MaskedScores", "answer", "loss", "scores"]


class MaskedScores(TokenScores):
    """``loss`` in nats, ``masked_accuracy`` and ``pseudo_perplexity`` (exp(loss)), of the masked tokens alone.

    It is no perplexity: the model sees what stands behind a token too, and the other masks, not only what came before.
    """

    def values(self) -> dict[str, float]:
        """By metric."""
        pseudo = math.exp(min(self.loss, LARGEST_LOSS))
        return {"loss": self.loss, "masked_accuracy": self.accuracy, "pseudo_perplexity": pseudo}


def scores(config: RunConfig, loss: Loss, /) -> MaskedScores:
    """New scores for an evaluation."""
    return MaskedScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The text with the most likely token at each mask, and what else was likely there."""
    data = cast("MaskedText", run.data)
    refuse_target(run.data, target_text)
    found = capture(run.model, inputs, loops=loops)
    places = np.flatnonzero(inputs[0] == data.mask_id)
    said = found.logits[places]
    best = said.argmax(axis=-1)

    def name(token: int) -> str:
        return data.token_labels([token])[0]

    return Answer(
        found,
        prediction=data.filled(inputs, best),
        guesses=ranked(said[0], name),
        pieces=tuple(piece(row, int(token), name) for row, token in zip(said[:MOST_PIECES], best, strict=False)),
        places=tuple(places.tolist()),
    )
