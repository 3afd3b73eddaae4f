"""Loss, scores and answer of an encoder-decoder that writes down a sound, token by token. Start at answer.

The encoder reads frames; the decoder writes after the beginning token, and ends its answer itself. In training it is
given the right tokens so far (teacher forcing). Error rates are of what the model writes by itself: ``scores`` asks an
evaluation for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from clps_core.config import RunConfig
from clps_core.data.alignment import transcript_scores
from clps_core.data.base import Array
from clps_core.data.log_mel import spectrogram_of
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores
from clps_core.work.translation import answer as translated

__all__ = ["TranscriptionScores", "answer", "loss", "scores"]


class TranscriptionScores(TokenScores):
    """``loss`` under the right tokens; error rates and ``exact_match`` of what the model writes greedily by itself."""

    reads_written = True

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        super().__init__(config, loss)
        self._pairs: list[tuple[str, str]] = []

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, T, V], the labels, and ``batch.written``."""
        super().add(output, batch)
        self._pairs += batch.written

    def values(self) -> dict[str, float]:
        """By metric."""
        return {"loss": self.loss, **transcript_scores(self._pairs)}


def scores(config: RunConfig, loss: Loss, /) -> TranscriptionScores:
    """New scores for an evaluation."""
    return TranscriptionScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The greedy answer, attention under it or the typed target, and the sound as the model reads it."""
    found = translated(run, inputs, target_text, options, loops)
    sound = run.data.facts.input_kind == "sound"
    return replace(found, spectrogram=spectrogram_of(inputs) if sound else None)
