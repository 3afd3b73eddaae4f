"""The one score on the test split: after training, of the weights that validation chose. Start at score_test.

Validation selects: the best of many evaluations is a little better than the model is. Nothing is ever selected by
the test split, so its score is the one to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from clps_core.config import RunConfig
from clps_core.data.base import Array, Batch, TaskData
from clps_core.data.confusion import Confusion, class_names
from clps_core.model.transformer import Transformer
from clps_core.tasks import TASKS
from clps_core.training.device import Placement
from clps_core.training.evaluation import scored
from clps_core.work.batch import to_device
from clps_core.work.writing import written_pairs

__all__ = ["TestScore", "score_test"]


@dataclass(frozen=True)
class TestScore:
    """``values`` by metric, and how many ``examples`` they are of; ``counts`` [C, C] of (right, said) classes."""

    values: dict[str, float]
    counts: Array | None = None

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
    score = getattr(TASKS.work(config.data.task), "written_scores", None)
    if score is None:
        return TestScore(values, counts)
    again = _TestSplit(data, config.train.test_examples, before_batch)
    with placement.autocast():
        batches = again.evaluation("test", 0, config.train.batch_size)
        written = [pair for one in batches for pair in written_pairs(model, data, to_device(one, placement.device))]
    return TestScore(values | score(written), counts)


class _TestSplit:
    """The test batches of ``data``; counts the examples it hands out."""

    def __init__(self, data: TaskData, limit: int, before_batch: Callable[[], object]) -> None:
        self._data, self._limit, self._before_batch = data, limit, before_batch
        self.examples = 0

    def evaluation(self, split: str, _limit: int, batch_size: int) -> Iterator[Batch]:
        for batch in self._data.evaluation(split, self._limit, batch_size):
            self._before_batch()
            self.examples += len(batch.labels)
            yield batch
