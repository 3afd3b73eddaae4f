"""The rule of a sweep, brought to a run in progress. Start at Watch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clps_core.sweeps.definition import stored_sweep
from clps_core.sweeps.stopping import StopRule, why_end

if TYPE_CHECKING:
    from clps_core.store import Run, Store

__all__ = ["Watch"]


class Watch:
    """The rule of the sweep that ``run`` belongs to, asked at each of its evaluations.

    Reads the store; one small query at an evaluation, and none where the rule asks the run alone.
    """

    def __init__(self, store: Store, run: Run, rule: StopRule) -> None:
        self._store, self._run, self._rule = store, run, rule
        self._facts = run.facts
        # What the run had reached before this attempt counts as well.
        points = store.curve(run.id, "validation", self._facts.metric)
        self._best: float | None = None
        self._step = 0
        for point in points:
            self._note(point.step, point.value)
        self._others = _same_examples(store, run) if rule.rule == "median" else []

    @classmethod
    def of(cls, store: Store, run: Run) -> Watch | None:
        """The watch over ``run``; ``None`` where its comparison has no rule that needs one."""
        plain = next((one.sweep for one in store.comparisons() if one.id == run.comparison_id), None)
        sweep = stored_sweep(plain)
        if sweep is None or sweep.stop is None or sweep.stop.rule == "patience":
            return None
        return cls(store, run, sweep.stop)

    def evaluated(self, step: int, values: Mapping[str, float]) -> str | None:
        """Take note of an evaluation; returns why the run shall end now, or ``None``."""
        if self._facts.metric in values:
            self._note(step, values[self._facts.metric])
        return self.now()

    def now(self) -> str | None:
        """What the rule says of the run as it stands at its last evaluation."""
        if self._best is None or self._step < self._rule.begins(self._run.steps):
            return None
        others = self._store.bests_until(self._others, self._facts.judged_by, self._step) if self._others else []
        return why_end(self._rule, self._facts, self._step, self._run.steps, self._best, others)

    def _note(self, step: int, value: float) -> None:
        self._step = step
        if math.isfinite(value):
            self._best = value if self._best is None else self._facts.judged_by.best((self._best, value))


def _same_examples(store: Store, run: Run) -> list[str]:
    """The sweep's other runs that are validated on the same examples (a data seed only orders the batches)."""

    def data(one: Run) -> dict[str, Any]:
        return {**json.loads(one.config_text)["data"], "seed": 0}

    mine = data(run)
    return [one.id for one in store.runs(comparison=run.comparison_id) if one.id != run.id and data(one) == mine]
