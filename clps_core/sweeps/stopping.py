"""When a run of a sweep is not worth going on with. Start at verdict; Watch brings it to a run in progress.

Rules, of which a sweep has one::

    stop: {rule: patience, evaluations: 5}       no evaluation in five was better than the best before
    stop: {rule: threshold, value: 0.2, after: 200}   not yet at 0.2 at step 200
    stop: {rule: median, after: 100, runs: 4}    worse than half of at least four others at the same step

``patience`` and ``threshold`` ask the run alone, so they end it at the same step whatever happens around it.
``median`` (after Golovin et al. 2017, *Google Vizier*, section 3.2.2, which compares with running averages;
here best is compared with best) depends on which runs are ahead: two launches of one sweep may end different
runs. Only runs that are validated on the same examples are compared: one fold may be harder than another.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from clps_core.config import Resolved, validated
from clps_core.errors import ConfigError
from clps_core.store import schema
from clps_core.store.metrics import best_of
from clps_core.tasks import TaskFacts
from clps_core.words import _, shown

if TYPE_CHECKING:
    from clps_core.store import Run, Store

__all__ = ["StopRule", "Watch", "check_stop", "read_stop", "verdict"]

_m = schema.metric.c
USUAL_WARM_UP = 4
"""Without ``after``, rules wait for this part of the steps: a quarter."""
USUAL_OTHERS = 4
"""How many others the median rule waits for if nothing is said."""


class StopRule(BaseModel):
    """``after``: the first step at which the rule may end a run; by default a quarter of the run's steps."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rule: Literal["patience", "threshold", "median"]
    evaluations: Annotated[int, Field(ge=1)] | None = None
    value: float | None = None
    after: Annotated[int, Field(ge=1)] | None = None
    runs: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> StopRule:
        needed, possible = {
            "patience": ({"evaluations"}, {"evaluations"}),
            "threshold": ({"value"}, {"value", "after"}),
            "median": (set(), {"after", "runs"}),
        }[self.rule]
        given = {name for name, value in self if value is not None} - {"rule"}
        if not needed <= given <= possible:
            raise ValueError(
                _(
                    "stop rule {rule} must have {needed}. Got {got}.",
                    rule=self.rule,
                    needed=_(
                        "{needed}, and may have {optional}", needed=_listed(needed), optional=_listed(possible - needed)
                    ),
                    got=_listed(given),
                )
            )
        return self

    def begins(self, steps: int) -> int:
        """The first step at which the rule is asked."""
        return self.after or max(1, steps // USUAL_WARM_UP)


def check_stop(rule: StopRule, found: Sequence[Resolved]) -> None:
    """Raise ``ConfigError`` where the rule could never end any of the runs, or would end them all unseen."""
    facts, configs = found[0].facts, [one.config for one in found]
    steps = max(config.train.steps for config in configs)
    if rule.after is not None and rule.after >= steps:
        raise ConfigError(
            _(
                "stop.after must be less than the steps of a run ({steps}). Got {got}. Lower it.",
                steps=steps,
                got=rule.after,
            )
        )
    evaluations = max(math.ceil(config.train.steps / config.train.eval_every) for config in configs)
    if rule.evaluations is not None and rule.evaluations >= evaluations:
        raise ConfigError(
            _(
                "stop.evaluations must be less than a run's evaluations ({evaluations}). Got {got}. Lower it or "
                "train.eval_every.",
                evaluations=evaluations,
                got=rule.evaluations,
            )
        )
    if rule.value is not None and not facts.judged_by.can_be_wanted(rule.value):
        raise ConfigError(
            _(
                "stop.value must be {limits}: {task} is judged by {metric}. Got {got}.",
                limits=facts.judged_by.limits,
                task=facts.name,
                metric=facts.metric,
                got=f"{rule.value:g}",
            )
        )
    same = Counter(config.data.model_copy(update={"seed": 0}) for config in configs)
    wanted = rule.runs or USUAL_OTHERS
    if rule.rule == "median" and max(same.values()) <= wanted:
        raise ConfigError(
            _(
                "stop rule median must have more runs on the same examples than it waits for ({wanted}). Got {got}. "
                "Add values or seeds, or lower stop.runs.",
                wanted=wanted,
                got=max(same.values()),
            )
        )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or _("nothing else")


def read_stop(given: object) -> StopRule:
    """The rule that plain data describe; raises ``ConfigError``."""
    if not isinstance(given, dict):
        raise ConfigError(_("stop must be a group such as {{rule: median}}. Got {got}.", got=shown(given)))
    try:
        return validated(StopRule, given)
    except ConfigError as error:
        raise ConfigError(_("stop: {problem}", problem=error)) from None


def verdict(
    rule: StopRule, facts: TaskFacts, step: int, steps: int, best: float, others: Sequence[float] = ()
) -> str | None:
    """Why the run shall end at ``step`` with ``best`` so far, as a sentence; ``None`` to go on.

    ``others``: the best values up to the same step of other runs that have come as far.
    """
    if rule.rule == "patience" or step < rule.begins(steps) or step >= steps:
        return None
    said = {"step": step, "steps": steps, "metric": facts.metric, "best": f"{best:.4g}"}
    if rule.rule == "threshold":
        assert rule.value is not None
        if not facts.judged_by.better(rule.value, best):
            return None
        return _(
            "Ended early at step {step} of {steps} by the sweep's rule: its best {metric} was {best}, not yet {value}.",
            value=f"{rule.value:.4g}",
            **said,
        )
    if len(others) < (rule.runs or USUAL_OTHERS):
        return None
    middle = statistics.median(others)
    if not facts.judged_by.better(middle, best):
        return None
    return _(
        "Ended early at step {step} of {steps} by the sweep's rule: its best {metric} was {best}, worse than the "
        "median {median} of {n} other runs at that step.",
        median=f"{middle:.4g}",
        n=len(others),
        **said,
    )


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
        from clps_core.sweeps.plan import sweep_of_plan

        plan = next((one.plan for one in store.comparisons() if one.id == run.comparison_id), None)
        sweep = sweep_of_plan(plan)
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
        others = _bests(self._store, self._others, self._facts, self._step) if self._others else []
        return verdict(self._rule, self._facts, self._step, self._run.steps, self._best, others)

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


def _bests(store: Store, run_ids: Sequence[str], facts: TaskFacts, step: int) -> list[float]:
    """The best value up to ``step`` of each run that was evaluated at ``step`` or later."""
    until = best_of(facts.judged_by, sa.case((_m.step <= step, _m.value)))
    query = (
        sa.select(until)
        .where(_m.run_id.in_(list(run_ids)), _m.split == "validation", _m.name == facts.metric)
        .group_by(_m.run_id)
        .having(sa.func.max(_m.step) >= step)
    )
    with store.reading() as connection:
        return [float(value) for value in connection.execute(query).scalars() if value is not None]
