"""The scores of an evaluation, whole and of each example by itself, and how sure a difference is. Start at Examples.

Whether a metric is a mean over the examples is declared nowhere: it is one where the values of the examples, weighted
equally, by their labels that count, by the bytes that these spell or by their words, make its value of all of them. A
perplexity or a macro F1 is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from clps_core.config import RunConfig
from clps_core.data.base import IGNORED, Array, TaskData
from clps_core.metrics import metric_named
from clps_core.model.transformer import Transformer
from clps_core.tasks import TASKS
from clps_core.training.device import Placement
from clps_core.training.evaluation import scored, without_smoothing
from clps_core.work.batch import DeviceBatch

__all__ = ["Examples", "score_examples"]

SAME = 1e-5
"""Two ways to add up the same fp32 numbers differ by less, in parts of the sum."""


@dataclass(frozen=True)
class Examples:
    """``values`` of all examples, by metric; ``each``: metric -> float64 [N], of every example by itself.

    ``labels``: float64 [N], how many labels of each example count. ``spelt``: float64 [N], how many bytes they spell,
    where the data say so, or how many words the right answer has, where whole answers are scored.
    """

    values: Mapping[str, float]
    each: Mapping[str, Array]
    labels: Array
    spelt: Array | None = None

    def errors(self, other: Examples) -> dict[str, float]:
        """Metric -> standard error of the difference to ``other``, on the same examples; only of means over them.

        Paired: from the spread of the examples' own differences. Of a mean over labels it is the linearised one of a
        ratio, since examples are drawn and not labels: those of one example hang together.
        """
        return {
            name: _error(self.each[name] - other.each[name], weights)
            for name in self.values
            if (weights := self._weights(other, name)) is not None
        }

    def _weights(self, other: Examples, name: str) -> Array | None:
        """By which the examples make the metric's value in both; ``None`` where none do."""
        count = len(self.labels)
        if count < 2 or metric_named(name).log:  # a mean of perplexities lies near the perplexity, and is another
            return None
        for weights in (np.ones(count), self.labels, self.spelt):
            if weights is not None and weights.sum() > 0 and all(one._is_mean(name, weights) for one in (self, other)):
                return weights
        return None

    def _is_mean(self, name: str, weights: Array) -> bool:
        mean = float(np.average(self.each[name], weights=weights))
        return math.isclose(mean, self.values[name], rel_tol=SAME, abs_tol=SAME)


def _error(difference: Array, weights: Array) -> float:
    off = weights * (difference - np.average(difference, weights=weights))
    count = len(weights)
    return math.sqrt(count / (count - 1) * float(off @ off)) / float(weights.sum())


def score_examples(model: Transformer, data: TaskData, config: RunConfig, placement: Placement, split: str) -> Examples:
    """As ``evaluation.scored``, and the same of each example by itself."""
    work, plain = TASKS.work(config.data.task), without_smoothing(config)
    rows: list[dict[str, float]] = []
    labels: list[float] = []
    spelt: list[float] = []

    def each(output: Tensor, batch: DeviceBatch) -> None:
        for place in range(len(batch.labels)):
            alone = work.scores(plain, work.loss)
            alone.add(output[place : place + 1], _one(batch, place))
            rows.append(alone.values())
        if batch.label_bytes is not None:
            spelt.extend(batch.label_bytes.sum(1).tolist())
        spelt.extend(float(len(right.split())) for _said, right in batch.written)
        labels.extend((batch.labels != IGNORED).reshape(len(batch.labels), -1).sum(1).tolist())

    values = scored(model, data, config, placement, split, each=each).values()
    columns = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in values}
    sizes = np.array(spelt, dtype=np.float64) if spelt else None
    return Examples(values, columns, np.array(labels, dtype=np.float64), sizes)


def _one(batch: DeviceBatch, place: int) -> DeviceBatch:
    """Example number ``place`` as a batch of its own."""
    one = slice(place, place + 1)

    def of(tensor: Any) -> Any:
        return None if tensor is None else tensor[one]

    spans = batch.spans and replace(
        batch.spans,
        questions=batch.spans.questions[one],
        contexts=batch.spans.contexts[one],
        offsets=batch.spans.offsets[one],
        answers=batch.spans.answers[one],
    )
    return DeviceBatch(
        batch.inputs[one],
        of(batch.input_mask),
        of(batch.decoder_inputs),
        batch.labels[one],
        of(batch.grades),
        spans,
        of(batch.label_bytes),
        of(batch.boxes),
        batch.written[one],
    )
