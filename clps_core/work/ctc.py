"""Loss, scores and answer of an encoder that writes labels at its positions, with blanks between. Start at answer.

Connectionist temporal classification (Graves et al. 2006). Shape letters: B examples, S positions, T labels, C classes
and the blank, which is the last of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.alignment import Aligned, collapsed, transcript_scores
from clps_core.data.base import IGNORED, Array, TaskData
from clps_core.data.log_mel import spectrogram_of
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, piece, refuse_target
from clps_core.work.batch import DeviceBatch

__all__ = ["CtcScores", "TranscribedData", "answer", "ctc_pairs", "loss", "scores"]


class TranscribedData(Protocol):
    """What task data offer beside ``TaskData`` where answers are written at positions."""

    def transcript(self, text: str) -> Array:
        """int64 [1, T]: the labels of a right answer."""


def loss(output: Tensor, batch: DeviceBatch, config: RunConfig, /) -> Tensor:
    """Negative log-probability of the right labels over all their alignments, in nats per label.

    ``output``: [B, S, C]. With label smoothing, a share of it is the mean cross-entropy of even shares at each
    position. An example with fewer positions than its labels need does not count.
    """
    return _summed(output, batch, config.optim.label_smoothing) / (batch.labels != IGNORED).sum().clamp(min=1)


def _summed(output: Tensor, batch: DeviceBatch, smoothing: float) -> Tensor:
    logs = functional.log_softmax(output if output.dtype == torch.float64 else output.float(), dim=-1)
    real = _real(output, batch)
    labels = batch.labels != IGNORED
    found = functional.ctc_loss(
        logs.transpose(0, 1),
        torch.where(labels, batch.labels, 0),
        real.sum(1),
        labels.sum(1),
        blank=output.shape[-1] - 1,
        reduction="sum",
        zero_infinity=True,
    )
    if not smoothing:
        return found
    even = -(logs.mean(-1) * real).sum() / real.sum() * labels.sum()
    return (1 - smoothing) * found + smoothing * even


def _real(output: Tensor, batch: DeviceBatch) -> Tensor:
    """The positions that are no padding, bool [B, S]."""
    if batch.input_mask is not None:
        return batch.input_mask
    return torch.ones(output.shape[:2], dtype=torch.bool, device=output.device)


class CtcScores:
    """``loss``, error rates and ``exact_match`` of the best label at each position, read as ``alignment`` says."""

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        self.config, self._loss = config, loss
        self._sums: Tensor | None = None
        self._found: list[tuple[Tensor, Tensor, Tensor, int]] = []

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in scores [B, S, C]; labels are compared at the end, since little should wait for a GPU here."""
        count = (batch.labels != IGNORED).sum()
        own = self._loss is loss
        summed = _summed(output, batch, 0.0) if own else self._loss(output, batch, self.config) * count
        sums = torch.stack([summed.double(), count.double()])
        self._sums = sums if self._sums is None else self._sums + sums
        self._found.append((output.argmax(-1), _real(output, batch), batch.labels, output.shape[-1] - 1))

    def values(self) -> dict[str, float]:
        """By metric."""
        total, count = (0.0, 0.0) if self._sums is None else self._sums.tolist()
        as_text = [
            (self.spelt(said, found[-1], right=False), self.spelt(right, found[-1], right=True))
            for found in self._found
            for said, right in _pairs(*found)
        ]
        return {"loss": total / max(1.0, count), **transcript_scores(as_text)}

    def spelt(self, labels: list[int], classes: int, *, right: bool) -> str:  # noqa: ARG002
        """``labels``, each below ``classes``, as a text with blanks between words: here each label is a word.

        ``right``: it is the right answer, not what was written.
        """
        return " ".join(map(str, labels))


def scores(config: RunConfig, loss: Loss, /) -> CtcScores:
    """New scores for an evaluation."""
    return CtcScores(config, loss)


def ctc_pairs(output: Tensor, batch: DeviceBatch, data: TaskData) -> list[tuple[str, str]]:
    """(written, right) answer of each example of a batch."""
    found = _pairs(output.argmax(-1), _real(output, batch), batch.labels, output.shape[-1] - 1)
    return [(data.decode(said), data.decode(right)) for said, right in found]


def _pairs(best: Tensor, real: Tensor, labels: Tensor, blank: int) -> list[tuple[list[int], list[int]]]:
    rows = zip(best.cpu().numpy(), real.cpu().numpy(), labels.cpu().numpy(), strict=True)
    return [(_labels(row[mask], blank), right[right != IGNORED].tolist()) for row, mask, right in rows]


def _labels(best: Array, blank: int) -> list[int]:
    return [run.label for run in collapsed(best, blank, np.zeros(len(best)))]


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The labels, where each of them stands, and how sure the model is at its surest position."""
    refuse_target(run.data, target_text)
    found = capture(run.model, inputs, loops=loops)
    logits = found.logits.astype(np.float64)
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    runs = collapsed(shares.argmax(-1), shares.shape[-1] - 1, shares.max(-1))

    def name(label: int) -> str:
        return run.data.token_labels([label])[0]

    return Answer(
        found,
        prediction=run.data.decode([one.label for one in runs]) if runs else "",
        pieces=tuple(piece(found.logits[one.peak], one.label, name) for one in runs),
        spectrogram=spectrogram_of(inputs) if run.data.facts.input_kind == "sound" else None,
        aligned=tuple(Aligned(name(one.label), one.begin, one.end, float(shares[one.peak, one.label])) for one in runs),
    )
