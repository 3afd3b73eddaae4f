"""What tasks do, and what most of them share: losses, running scores, answers. Start at Work.

A task names two modules: one that loads its data (``DataModule``, no torch) and one that offers what ``Work`` lists.
The second takes from here what it does as others do, and adds what is its own::

    from clps_core.work.classes import answer, scores
    def loss(output, batch, config): ...

``translation`` (encoder-decoder), ``continuation`` (decoder), ``classes`` and ``masked`` (encoder) each have a loss,
scores and an answer; so have ``ctc`` (encoder) and ``transcription`` (encoder-decoder), which write down sounds.
``writing`` has whole answers to a batch. No torch here: these modules need it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.config import RunConfig
    from clps_core.data.base import Array, TaskData
    from clps_core.tasks import TaskFacts
    from clps_core.work.answers import Answer, Opened
    from clps_core.work.batch import DeviceBatch

__all__ = ["DataModule", "Loss", "Scores", "Work", "WrittenScores"]


class Loss(Protocol):
    """The loss that training lowers: a scalar, the mean over what counts in the batch, finite."""

    def __call__(self, output: Tensor, batch: DeviceBatch, config: RunConfig, /) -> Tensor: ...  # noqa: D102


class Scores(Protocol):
    """Running scores of one evaluation; nothing in ``add`` may wait for a GPU.

    Scores with ``reads_written = True`` are of whole answers, which cost a step for each token: the batches they are
    given then have these in ``DeviceBatch.written``.
    """

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in one batch: ``output`` is the model's, such as logits [B, T, V]."""

    def values(self) -> dict[str, float]:
        """``loss`` and every other metric that the facts list, of all batches together."""


class DataModule(Protocol):
    """The module that loads a task's data."""

    def load(self, config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:
        """The data of a complete config; ``facts`` are those the config was completed with.

        ``home``: where data sets lie. ``cache_folder``: where what is slow to build may be kept, or ``None``. Raises
        ``DataError`` where data are missing.
        """


class Work(Protocol):
    """The module that scores and answers.

    It may also offer ``written_scores(pairs) -> dict[str, float]``: metrics that need whole answers, of (written,
    right) texts. Writing costs a step for each token, so that only the test score at a run's end has them, and
    ``clps predict --split``, which tells them of the answers that it writes. Where such a metric has settings that a
    reader must know, ``written_signatures(right) -> dict[str, str]`` says them, of the right answers. Start at
    ``WrittenScores`` to use them.

    ``counted(batch, config) -> int`` says how many things of a ``data.base.Batch`` the loss is the mean over, where
    these are not the labels that count: micro-batches are weighed by it.
    """

    def loss(self, output: Tensor, batch: DeviceBatch, config: RunConfig, /) -> Tensor:
        """See ``Loss``; with label smoothing where ``config`` asks for it."""

    def scores(self, config: RunConfig, loss: Loss, /) -> Scores:
        """New scores for an evaluation, which measures ``loss``; ``config`` asks for no label smoothing here."""

    def answer(
        self, run: Opened, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None, /
    ) -> Answer:
        """What the run says to an encoded input, and its attention on the way."""


@dataclass(frozen=True)
class WrittenScores:
    """Metrics of whole answers, and for those that have settings their ``signatures``, by the metric's name."""

    values: Mapping[str, float] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def offered(work: object, facts: TaskFacts) -> bool:
        """Whether ``work`` has such metrics for a task of these facts: its answers must be whole texts."""
        return hasattr(work, "written_scores") and facts.writes and not facts.windows

    @classmethod
    def of(cls, work: object, pairs: Sequence[tuple[str, str]]) -> WrittenScores:
        """Of the (written, right) texts ``pairs``, where ``work`` offers any."""
        score, sign = getattr(work, "written_scores", None), getattr(work, "written_signatures", None)
        right = [right for _said, right in pairs]
        return cls(dict(score(pairs)) if score else {}, dict(sign(right)) if sign else {})
