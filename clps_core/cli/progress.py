"""Progress of runs that are waited for, on stderr. Start at following.

On a terminal each run has a bar (``LiveProgress``); elsewhere each evaluation is a line (``LineProgress``), so that the
log of a script shows how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from clps_core.cli.output import amount, duration, say
from clps_core.timing import seconds_left
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.store import Point, Run, Store

__all__ = ["LineProgress", "LiveProgress"]


class LiveProgress:
    """``with LiveProgress(store, runs) as live:`` and call ``live.tick()`` now and then."""

    def __init__(self, store: Store, runs: Sequence[Run]) -> None:
        self._store = store
        self._ids = [run.id for run in runs]
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[news]}"),
            console=Console(stderr=True, emoji=False),
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
        facts = run.facts
        if (point := latest.get(f"validation.{facts.metric}")) is not None:
            parts.append(f"{facts.metric} {point[1]:.3g}")
        if run.tokens_per_second:
            parts.append(f"{amount(round(run.tokens_per_second))} tok/s")
        if run.status == "running" and (left := seconds_left(run)) is not None:
            parts.append(_("about {time} left", time=duration(left)))
        return "  ".join(parts)


class LineProgress:
    """``tick`` prints a line for each evaluation, and for each start and end of a run, since the last call."""

    def __init__(self, store: Store, runs: Sequence[Run]) -> None:
        self._store = store
        self._ids = [run.id for run in runs]
        self._cursor = 0
        self._statuses = {run.id: "queued" for run in runs}
        self._names = sorted({f"validation.{name}" for run in runs for name in ("loss", run.facts.metric)})
        self._losses: dict[tuple[str, int], float] = {}

    def tick(self, runs: Sequence[Run]) -> None:
        """Say what is new; ``runs`` as they are now."""
        by_id = {run.id: run for run in runs}
        points, self._cursor = self._store.metrics_after(self._ids, self._cursor, self._names)
        for run in runs:
            if run.status != self._statuses[run.id] and run.status == "running":
                say(_("{id}  {name}: running", id=run.id, name=run.name))
        for point in points:
            if point.run_id in by_id and not point.forgets:
                self._evaluated(by_id[point.run_id], point)
        for run in runs:
            if run.status != self._statuses[run.id] and run.status != "running":
                reason = f". {run.reason}" if run.reason else ""
                say(_("{id}  {name}: {status}", id=run.id, name=run.name, status=run.status) + reason)
            self._statuses[run.id] = run.status

    def _evaluated(self, run: Run, point: Point) -> None:
        """One line as soon as the metric is known: the loss comes first, but maybe in another look."""
        metric = run.facts.metric
        if point.name == "loss":
            self._losses[run.id, point.step] = point.value
        if point.name != metric:
            return
        parts = [_("{id}  {name}: step {step}/{steps}", id=run.id, name=run.name, step=point.step, steps=run.steps)]
        parts.append(f"{metric} {point.value:.4g}")
        loss = self._losses.pop((run.id, point.step), None)
        if loss is not None and metric != "loss":
            parts.append(_("loss {value}", value=f"{loss:.4g}"))
        if run.status == "running" and (left := seconds_left(run)) is not None and run.step < run.steps:
            parts.append(_("about {time} left", time=duration(left)))
        say(", ".join(parts))
