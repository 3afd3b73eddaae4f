"""What runs measured and which files they left, as the store tells it. Start at Curves.

``metrics.py`` has the work on curves; these are its doors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from clps_core.metrics import Metric
from clps_core.store import long_curves, metrics, schema
from clps_core.store.base import Base
from clps_core.store.metrics import EXAMPLES, TEST
from clps_core.store.pulse import pulse
from clps_core.store.records import Artefact, FinalScore, Point, Run, check_run_id

__all__ = ["Curves", "scores_of"]

_a = schema.artefact.c


class Curves(Base):
    """The part of ``Store`` that reads curves, scores and artefacts."""

    def metrics_after(
        self, run_ids: Sequence[str], cursor: int, names: Iterable[str] | None = None
    ) -> tuple[list[Point], int]:
        """Points logged after ``cursor`` (0: from the start), and the next cursor.

        A point with ``forgets`` set says: drop what you hold of its run beyond its step (the run went back
        to a checkpoint); then the points that follow replace what was dropped. ``names``: only these curves;
        raises ``NotFoundError`` for one that no run has.
        """
        with self.reading() as connection:
            return metrics.news(connection, run_ids, cursor, names)

    def curves_so_far(self, run_ids: Sequence[str], names: Sequence[str], most: int) -> list[Point]:
        """The curves of ``names`` as they stand, each of about ``most`` points or fewer; see ``long_curves``."""
        with self.reading() as connection:
            return long_curves.history(connection, run_ids, names, most)

    def curve(self, run_id: str, split: str, name: str, coarse: bool = False) -> list[Point]:
        """One curve, by step; ``coarse``: means of at most 500 stretches, for long runs. Empty before its first point.

        Raises ``NotFoundError``, which lists what there is, for a split or name that such a run has not.
        """
        with self.reading() as connection:
            return metrics.curve(connection, run_id, split, name, coarse)

    def scored_curves(self, runs: Iterable[Run]) -> dict[str, list[Point]]:
        """Run -> the curve of its task's metric on validation data, by step: of many runs at once."""
        with self.reading() as connection:
            return metrics.curves(connection, {run.id: run.facts.metric for run in runs}, "validation")

    def check_curves(self, run_id: str, split: str | None, name: str | None) -> None:
        """Raise ``NotFoundError``, which lists what there is, where the run can have no such curve."""
        with self.reading() as connection:
            metrics.check_curves(connection, run_id, split, name)

    def seconds_at(self, run_id: str, step: int) -> float | None:
        """Training time of the run up to ``step``, by the last point up to it; ``None`` where there is none."""
        m = schema.metric.c
        query = sa.select(sa.func.max(m.seconds)).where(m.run_id == run_id, m.step <= step, m.split != "")
        with self.reading() as connection:
            found: float | None = connection.execute(query).scalar_one()
        return found

    def pulse(self, run_ids: Iterable[str]) -> tuple[tuple[Any, ...], ...]:
        """What compares as equal as long as nothing has happened to these runs. One light statement.

        What follows runs asks it first, and need not read, draw and send what has not changed.
        """
        with self.reading() as connection:
            return pulse(connection, list(run_ids))

    def latest(self, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, float]]]:
        """Run -> ``"validation.exact_match"`` -> (step, value) of the newest point of each curve."""
        with self.reading() as connection:
            return metrics.latest(connection, run_ids)

    def final_scores(self, run_ids: Sequence[str]) -> dict[str, FinalScore]:
        """Run -> its score on the test split, for the runs that have one."""
        return scores_of(self.latest(run_ids))

    def bests(self, runs: Iterable[Run]) -> dict[str, tuple[int, float]]:
        """Run -> (step, value) of its best evaluation on validation by its task's metric; of equals the first."""
        with self.reading() as connection:
            return metrics.bests(connection, {run.id: run.facts.judged_by for run in runs})

    def bests_until(self, run_ids: Sequence[str], metric: Metric, step: int) -> list[float]:
        """The best validation value up to ``step`` of each run that was evaluated at ``step`` or later."""
        with self.reading() as connection:
            return metrics.bests_until(connection, run_ids, metric, step)

    def artefacts(self, run_id: str, kind: str | None = None) -> list[Artefact]:
        """Files the run left, by kind and step."""
        folder = self.run_folder(run_id)
        query = sa.select(_a.kind, _a.step, _a.path).where(_a.run_id == run_id).order_by(_a.kind, _a.step)
        if kind is not None:
            query = query.where(_a.kind == kind)
        with self.reading() as connection:
            return [Artefact(row.kind, row.step, folder / row.path) for row in connection.execute(query)]

    def forget_artefacts(self, run_id: str, kind: str) -> None:
        """Remove the notes of a kind; the files are the caller's."""
        with self.writing() as connection:
            connection.execute(schema.artefact.delete().where(_a.run_id == check_run_id(run_id), _a.kind == kind))


def scores_of(latest: Mapping[str, Mapping[str, tuple[int, float]]]) -> dict[str, FinalScore]:
    """Run -> its score on the test split, from ``Curves.latest``, for the runs that have one."""
    found = {}
    for run_id, newest in latest.items():
        points = {key.partition(".")[2]: point for key, point in newest.items() if key.startswith(f"{TEST}.")}
        if points:
            step, examples = points.pop(EXAMPLES, (0, 0.0))
            found[run_id] = FinalScore(step, {name: value for name, (_step, value) in points.items()}, int(examples))
    return found
