"""The one score on the test split: after training, of the weights that validation chose. Start at score_test.

Validation selects: the best of many evaluations is a little better than the model is. Nothing is ever selected by
the test split, so its score is the one to report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from clps_core.config import RunConfig
from clps_core.data.base import Array, Batch, TaskData
from clps_core.data.confusion import Confusion, class_names
from clps_core.model.transformer import Transformer
from clps_core.tasks import TASKS
from clps_core.training.device import Placement
from clps_core.training.evaluation import scored
from clps_core.work import WrittenScores
from clps_core.work.batch import to_device
from clps_core.work.writing import written_pairs

__all__ = ["SIGNATURES", "TestScore", "keep_signatures", "score_test"]

SIGNATURES = "signatures.json"
"""In the run's folder: metric -> the settings with which it was scored."""
MOST_WRITTEN = 80_000
"""Tokens that are written for a score at most: of longer answers, fewer examples are answered as a whole."""


@dataclass(frozen=True)
class TestScore:
    """``values`` by metric, and how many ``examples`` they are of; ``counts`` [C, C] of (right, said) classes.

    ``signatures``: of metrics of whole answers, the settings with which they were scored.
    """

    values: dict[str, float]
    counts: Array | None = None
    signatures: dict[str, str] = field(default_factory=dict)

    def confusion(self, data: TaskData, step: int) -> Confusion | None:
        """The classes of ``data`` that the weights of ``step`` confuse; ``None`` of a task without classes."""
        return None if self.counts is None else Confusion(step, class_names(data, len(self.counts)), self.counts)


def score_test(
    model: Transformer, data: TaskData, config: RunConfig, placement: Placement, before_batch: Callable[[], object]
) -> TestScore:
    """The metrics of ``model`` on the first ``test_examples`` of the test split, and how many ``examples`` they are of.

    A pure function of weights, data and config (on the CPU bit for bit). ``before_batch`` is called before each
    batch and may raise to end it. A task that offers ``written_scores`` gets whole answers as well.
    """
    counted = _TestSplit(data, config.train.test_examples, before_batch)
    scores = scored(model, cast("TaskData", counted), config, placement, "test")
    values = scores.values() | {"examples": float(counted.examples)}
    counts = getattr(scores, "confusion", None)
    work = TASKS.work(config.data.task)
    if not WrittenScores.offered(work, data.facts):
        return TestScore(values, counts)
    most = max(config.train.batch_size, MOST_WRITTEN // max(1, data.facts.max_target_len))
    again = _TestSplit(data, min(config.train.test_examples, most), before_batch)
    with placement.autocast():
        batches = again.evaluation("test", 0, config.train.micro_batch)
        written = [pair for one in batches for pair in written_pairs(model, data, to_device(one, placement.device))]
    found = WrittenScores.of(work, written)
    few = f"|first:{len(written)}" if len(written) < values["examples"] else ""
    signatures = {name: f"{text}{few}" for name, text in found.signatures.items()}
    return TestScore({**values, **found.values}, counts, signatures)


def keep_signatures(folder: Path, score: TestScore) -> None:
    """Leave the settings of ``score`` in the run's ``folder``, where there are some; complete or not at all."""
    if not score.signatures:
        return
    path = folder / SIGNATURES
    temporary = path.with_suffix(".writing")
    temporary.write_text(json.dumps(score.signatures, indent=2), encoding="utf-8")
    temporary.replace(path)


class _TestSplit:
    """The test batches of ``data``; counts the examples it hands out. All else is that of ``data``."""

    def __init__(self, data: TaskData, limit: int, before_batch: Callable[[], object]) -> None:
        self._data, self._limit, self._before_batch = data, limit, before_batch
        self.examples = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._data, name)

    def evaluation(self, split: str, _limit: int, batch_size: int) -> Iterator[Batch]:
        for batch in self._data.evaluation(split, self._limit, batch_size):
            self._before_batch()
            self.examples += len(batch.labels)
            yield batch
