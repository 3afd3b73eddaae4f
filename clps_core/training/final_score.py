"""The one score on the test split: after training, of the weights that validation chose. Start at score_test.

Validation selects: the best of many evaluations is a little better than the model is. Nothing is ever selected by
the test split, so its score is the one to report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from clps_core.config import RunConfig
from clps_core.data.base import Batch, TaskData
from clps_core.model.transformer import Transformer
from clps_core.tasks import TASKS
from clps_core.training.device import Placement
from clps_core.training.evaluation import evaluate
from clps_core.work import WrittenScores
from clps_core.work.batch import to_device
from clps_core.work.writing import written_pairs

__all__ = ["SIGNATURES", "score_test"]

SIGNATURES = "signatures.json"
"""In the run's folder: metric -> the settings with which it was scored."""
MOST_WRITTEN = 80_000
"""Tokens that are written for a score at most: of longer answers, fewer examples are answered as a whole."""


def score_test(
    model: Transformer,
    data: TaskData,
    config: RunConfig,
    placement: Placement,
    before_batch: Callable[[], object],
    folder: Path,
) -> dict[str, float]:
    """The metrics of ``model`` on the first ``test_examples`` of the test split, and how many ``examples`` they are of.

    A function of weights, data and config alone (on the CPU bit for bit). ``before_batch`` is called before each
    batch and may raise to end it. A task that offers ``written_scores`` gets whole answers as well; the settings of
    such metrics are left in the run's ``folder``.
    """
    counted = _TestSplit(data, config.train.test_examples, before_batch)
    values = evaluate(model, cast("TaskData", counted), config, placement, "test")
    values |= {"examples": float(counted.examples)}
    work = TASKS.work(config.data.task)
    if not WrittenScores.offered(work, data.facts):
        return values
    most = max(config.train.batch_size, MOST_WRITTEN // max(1, data.facts.max_target_len))
    again = _TestSplit(data, min(config.train.test_examples, most), before_batch)
    with placement.autocast():
        batches = again.evaluation("test", 0, config.train.batch_size)
        written = [pair for one in batches for pair in written_pairs(model, data, to_device(one, placement.device))]
    found = WrittenScores.of(work, written)
    if found.signatures:
        few = f"|first:{len(written)}" if len(written) < values["examples"] else ""
        _keep(folder / SIGNATURES, {name: f"{text}{few}" for name, text in found.signatures.items()})
    return {**values, **found.values}


def _keep(path: Path, signatures: dict[str, str]) -> None:
    """Complete or not at all."""
    temporary = path.with_suffix(".writing")
    temporary.write_text(json.dumps(signatures, indent=2), encoding="utf-8")
    temporary.replace(path)


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
