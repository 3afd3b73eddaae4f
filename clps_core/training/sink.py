"""What training tells the world, and what the world may ask of it. Start at Sink.

Training knows this protocol and no store; ``jobs/runner`` implements it on the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

__all__ = ["ARTEFACT_KINDS", "Outcome", "RecordingSink", "Sink"]

ARTEFACT_KINDS = ("last", "best", "probe")


class Sink(Protocol):
    """Receives metrics and artefacts while a run trains.

    ``step`` is always the number of updates done: 0 is the untrained model. Splits and names:
    ``train``: loss, gradient_norm, learning_rate, tokens_per_second; ``validation``: loss and, by
    task, token_accuracy, exact_match, accuracy, perplexity. ``test``: the same as validation, and examples, once
    at the run's end; its step is that of the weights that validation chose.
    """

    def metrics(self, step: int, split: str, values: Mapping[str, float]) -> None:
        """Record values of one step; the implementation buffers them."""

    def progress(self, step: int, tokens_per_second: float) -> None:
        """Say how far and how fast; called wherever training metrics are logged."""

    def artefact(self, kind: str, step: int, path: Path) -> None:
        """Say that a file was written; ``kind`` is one of ``ARTEFACT_KINDS``."""

    def stop_requested(self) -> str | None:
        """``None``, ``"cancel"``, ``"pause"`` or ``"early"``; polled after every step, so it must be cheap.

        ``"early"`` ends the run as finished: a rule that stands above it has no use for its further steps.
        """

    def flush(self) -> None:
        """Make everything recorded so far durable; called before each checkpoint is written."""


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended.

    ``status``: ``finished`` or ``stopped``; ``metrics``: the latest values as ``"validation.loss"``;
    ``seconds``: training time of the run so far, over all its attempts; ``early``: a sentence, where the run
    finished before its last step by its own rule; ``diverged``: a sentence, where its loss ended worse than it began;
    ``cpu_seconds``: CPU time over all attempts, ``None`` where an attempt did not record it.
    """

    status: Literal["finished", "stopped"]
    step: int
    metrics: dict[str, float]
    seconds: float
    early: str | None = None
    diverged: str | None = None
    cpu_seconds: float | None = None


@dataclass
class RecordingSink:
    """A sink that keeps everything in memory: for scripts, notebooks and tests."""

    stop_after: int | None = None
    """Ask for a stop once the step of the latest logged metrics is this one or later."""
    points: list[tuple[int, str, str, float]] = field(default_factory=list)
    artefacts: list[tuple[str, int, Path]] = field(default_factory=list)
    speeds: list[tuple[int, float]] = field(default_factory=list)

    def metrics(self, step: int, split: str, values: Mapping[str, float]) -> None:
        """Keep the values."""
        self.points.extend((step, split, name, value) for name, value in values.items())

    def progress(self, step: int, tokens_per_second: float) -> None:
        """Keep the speed."""
        self.speeds.append((step, tokens_per_second))

    def artefact(self, kind: str, step: int, path: Path) -> None:
        """Keep the path."""
        self.artefacts.append((kind, step, path))

    def stop_requested(self) -> str | None:
        """Ask for a stop at ``stop_after``."""
        done = max((step for step, _speed in self.speeds), default=0)
        return "pause" if self.stop_after is not None and done >= self.stop_after else None

    def flush(self) -> None:
        """Nothing to do: memory is all there is."""

    def curve(self, split: str, name: str) -> list[tuple[int, float]]:
        """(step, value) of one metric, in the order of training."""
        return [(step, value) for step, at, metric, value in self.points if (at, metric) == (split, name)]
