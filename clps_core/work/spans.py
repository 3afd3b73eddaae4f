"""Loss, scores and answer of an encoder that marks an answer in a context (BERT, arXiv 1810.04805). Start at answer.

Shape letters: B examples, S positions. What labels mean, ``data.spans`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, Batch
from clps_core.data.spans import CONTEXT, FIRST, LAST, Spans, answer_scores, likeliest_spans, marked
from clps_core.work import Loss
from clps_core.work.answers import Answer, Guess, Opened, refuse_target
from clps_core.work.batch import DeviceBatch

__all__ = ["SpanScores", "answer", "best_spans", "counted", "loss", "marked_pairs", "scores"]

OUTSIDE = -1e4
"""Score of a position outside of the context: no probability is left for it, in 16 bits too."""


class MarkingData(Protocol):
    """What task data offer beside ``TaskData`` where answers are marked."""

    longest_answer: int

    def context_offsets(self, inputs: Array, context: str) -> tuple[str, Array]:
        """The context as it was read, and int64 [S, 2] as in ``Spans`` for an encoded input [1, S]."""


def loss(output: Tensor, batch: DeviceBatch, config: RunConfig, /) -> Tensor:
    """Mean of two cross-entropies: where the answer begins, and where it ends, over the positions of the context.

    ``output``: [B, S, 2]. Examples whose answer was cut away do not count.
    """
    summed, count = _summed(output, batch, config.optim.label_smoothing)
    return summed / count.clamp(min=1)


def counted(batch: Batch, _config: RunConfig, /) -> int:
    """How many examples ``loss`` is the mean over: those whose answer was not cut away."""
    return int((np.where(batch.labels != IGNORED, batch.labels, 0) & FIRST).any(axis=1).sum())


def _summed(output: Tensor, batch: DeviceBatch, smoothing: float) -> tuple[Tensor, Tensor]:
    """Sum over the examples that count, and how many they are."""
    context = batch.labels != IGNORED
    shown = torch.where(context, batch.labels, 0)
    logits = output.float().masked_fill(~context[..., None], OUTSIDE)
    total = output.new_zeros((), dtype=torch.float32)
    has = (shown & FIRST).any(1)
    for end, bit in enumerate((FIRST, LAST)):
        logs = functional.log_softmax(logits[..., end], dim=1)
        right = torch.gather(logs, 1, ((shown & bit) > 0).int().argmax(1, keepdim=True))[:, 0]
        if smoothing:
            even = (logs * context).sum(1) / context.sum(1).clamp(min=1)
            right = (1 - smoothing) * right + smoothing * even
        total = total - (right * has).sum() / 2
    return total, has.sum()


def best_spans(output: Tensor, labels: Tensor, longest: int) -> Tensor:
    """int64 [B, 2]: first and last position of the best span in the context, of at most ``longest`` tokens.

    Best: the highest sum of the first position's score as a beginning and the last one's as an end.
    """
    inside = output.float().masked_fill((labels == IGNORED)[..., None], OUTSIDE)
    begins, ends = inside.unbind(-1)
    width = min(longest, ends.shape[1])
    later = functional.pad(ends, (0, width - 1), value=2 * OUTSIDE).unfold(1, width, 1)  # [B, S, width]
    best, more = later.max(-1)
    first = (begins + best).argmax(1, keepdim=True)
    return torch.cat([first, first + torch.gather(more, 1, first)], 1)


class SpanScores:
    """``loss``, and ``exact_match`` and ``token_f1`` of the marked words, compared as SQuAD does."""

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        self.config, self._loss = config, loss
        self._sums: Tensor | None = None
        self._found: list[tuple[Tensor, Spans]] = []

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in scores [B, S, 2]; the words are looked up at the end, since nothing may wait for a GPU here."""
        summed, count = _summed(output, batch, 0.0)
        if self._loss is not loss:
            summed = self._loss(output, batch, self.config) * count
        sums = torch.stack([summed.double(), count.double()])
        self._sums = sums if self._sums is None else self._sums + sums
        if batch.spans is not None:
            self._found.append((best_spans(output, batch.labels, batch.spans.longest), batch.spans))

    def values(self) -> dict[str, float]:
        """By metric."""
        total, count = (0.0, 0.0) if self._sums is None else self._sums.tolist()
        pairs = [pair for places, spans in self._found for pair in _pairs(places, spans)]
        return {"loss": total / max(1.0, count), **answer_scores(pairs)}


def scores(config: RunConfig, loss: Loss, /) -> SpanScores:
    """New scores for an evaluation."""
    return SpanScores(config, loss)


def marked_pairs(output: Tensor, batch: DeviceBatch) -> Iterator[tuple[str, str]]:
    """(marked, right) answer of each example of an evaluation's batch."""
    assert batch.spans is not None
    yield from _pairs(best_spans(output, batch.labels, batch.spans.longest), batch.spans)


def _pairs(places: Tensor, spans: Spans) -> Iterator[tuple[str, str]]:
    for place, (first, last) in enumerate(places.tolist()):
        yield spans.text(place, first, last), spans.answers[place]


def answer(run: Opened, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The best spans of the context in the option ``context``, best first."""
    refuse_target(run.data, target_text)
    data = cast("MarkingData", run.data)
    context, offsets = data.context_offsets(inputs, options[CONTEXT])
    found = capture(run.model, inputs, loops=loops)
    best = likeliest_spans(found.logits, offsets, data.longest_answer)
    spans = marked(best, offsets, context)
    guesses = tuple(Guess(context[one.begin : one.end], one.probability) for one in spans)
    return Answer(found, guesses[0].label if guesses else "", guesses=guesses, context=context, marked=spans)
