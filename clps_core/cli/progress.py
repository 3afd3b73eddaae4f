"""Live progress of waiting runs, one line each, drawn by rich on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from clps_core.cli.output import amount
from clps_core.tasks import get_task

if TYPE_CHECKING:
    from clps_core.store import Run, Store

__all__ = ["LiveProgress"]


class LiveProgress:
    """``with LiveProgress(store, runs) as live:`` and call ``live.tick()`` now and then."""

    def __init__(self, store: Store, runs: Sequence[Run]) -> None:
        self._store = store
        self._ids = [run.id for run in runs]
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[news]}"),
            console=Console(stderr=True),
        )
        self._lines: dict[str, TaskID] = {
            run.id: self._progress.add_task(escape(run.name), total=run.steps, news=run.status) for run in runs
        }

    def __enter__(self) -> LiveProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tick(self, runs: Sequence[Run]) -> None:
        """Draw ``runs`` as they are now."""
        latest = self._store.latest(self._ids)
        for run in runs:
            news = escape(self._news(run, latest.get(run.id, {})))
            self._progress.update(self._lines[run.id], completed=run.step, news=news)

    def _news(self, run: Run, latest: dict[str, tuple[int, float]]) -> str:
        parts = [run.status]
        facts = get_task(run.task)
        if (point := latest.get(f"validation.{facts.metric}")) is not None:
            parts.append(f"{facts.metric} {point[1]:.3g}")
        if run.tokens_per_second:
            parts.append(f"{amount(round(run.tokens_per_second))} tok/s")
        return "  ".join(parts)
