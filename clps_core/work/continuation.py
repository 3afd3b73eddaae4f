"""Loss, scores and answer of a language model that continues a text. Start at answer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.data.scores import bits_per_byte
from clps_core.model.generate import generate
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, best_next, ranked, refuse_target
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores

__all__ = ["TextScores", "answer", "loss", "scores"]

CONTINUATION = 24
"""Tokens that are added to a prompt."""
LARGEST_LOSS = 700.0
"""Of a larger one the perplexity would be no number any more."""


class TextScores(TokenScores):
    """``loss`` in nats, ``token_accuracy``, ``perplexity``: exp(loss), and ``bits_per_byte``.

    The last one only where the batches say how many bytes their labels spell.
    """

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        super().__init__(config, loss)
        self._spelt: Tensor | None = None

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, T, V], their labels, and the bytes of these."""
        super().add(output, batch)
        if batch.label_bytes is not None:
            spelt = batch.label_bytes.sum()
            self._spelt = spelt if self._spelt is None else self._spelt + spelt

    def values(self) -> dict[str, float]:
        """By metric."""
        perplexity = math.exp(min(self.loss, LARGEST_LOSS))
        found = {"loss": self.loss, "token_accuracy": self.accuracy, "perplexity": perplexity}
        if self._spelt is not None:
            found["bits_per_byte"] = bits_per_byte(self.total, self._spelt.item())
        return found


def scores(config: RunConfig, loss: Loss, /) -> TextScores:
    """New scores for an evaluation."""
    return TextScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """Attention over the prompt, and how it would go on."""
    data = run.data
    refuse_target(data, target_text)
    room = max(1, min(CONTINUATION, (run.config.model.max_positions or 1) - inputs.shape[1]))
    tokens = torch.from_numpy(inputs)
    more = generate(run.model, tokens, None, data.bos_id, data.eos_id, room, loops=loops)[0].tolist()
    found = capture(run.model, inputs, loops=loops)
    return Answer(
        found,
        prediction=data.decode(more),
        guesses=ranked(found.logits[-1], lambda token: data.token_labels([token])[0]),
        next_tokens=best_next(found.logits, data),
    )
