"""How long training takes, and how fast its steps are. Start at Stopwatch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Stopwatch"]


@dataclass
class Stopwatch:
    """Training time: of the run over all attempts, and of the steps since the last reading.

    Evaluation, checkpoints and probes count as time of the run, but not as time of the steps. ``cpu_before`` is
    ``None`` where an earlier attempt did not record its CPU time: then the run's is not known.
    """

    before: float = 0.0
    cpu_before: float | None = 0.0
    cpu_started: float = field(default_factory=time.process_time)
    started: float = field(default_factory=time.perf_counter)
    window_started: float = field(default_factory=time.perf_counter)
    tokens: int = 0

    @property
    def seconds(self) -> float:
        """Training time so far, over all attempts."""
        return self.before + time.perf_counter() - self.started

    @property
    def cpu_seconds(self) -> float | None:
        """CPU time of this process and all its threads, user and system, over all attempts."""
        return None if self.cpu_before is None else self.cpu_before + time.process_time() - self.cpu_started

    def tokens_per_second(self) -> float:
        """Tokens of the steps since the last reading, per second; starts a new window."""
        now = time.perf_counter()
        speed = self.tokens / max(now - self.window_started, 1e-9)
        self.tokens, self.window_started = 0, now
        return speed

    @contextlib.contextmanager
    def beside_training(self) -> Iterator[None]:
        """What happens inside does not slow the measured speed down."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.window_started += time.perf_counter() - began
