"""When a run of a sweep is not worth going on with. Start at why_end; ``watch.py`` brings it to a run in progress.

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

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clps_core.config import Resolved, validated
from clps_core.errors import ConfigError
from clps_core.tasks import TaskFacts
from clps_core.words import _, shown

__all__ = ["StopRule", "check_stop", "read_stop", "why_end"]

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
                    "stop rule {rule} must have its own fields only. Required: {needed}. Got {got}.",
                    rule=self.rule,
                    needed=_(
                        "{needed}; optional: {optional}", needed=_listed(needed), optional=_listed(possible - needed)
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
    return ", ".join(sorted(names)) or _("none")


def read_stop(given: object) -> StopRule:
    """The rule that plain data describe; raises ``ConfigError``."""
    if not isinstance(given, dict):
        raise ConfigError(_("stop must be a group such as {{rule: median}}. Got {got}.", got=shown(given)))
    try:
        return validated(StopRule, given)
    except ConfigError as error:
        raise ConfigError(_("stop: {problem}", problem=error)) from None


def why_end(
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
            "Ended early at step {step} of {steps} by the sweep's rule: the best {metric} was {best} and had not "
            "reached {value}.",
            value=f"{rule.value:.4g}",
            **said,
        )
    if len(others) < (rule.runs or USUAL_OTHERS):
        return None
    middle = statistics.median(others)
    if not facts.judged_by.better(middle, best):
        return None
    return _(
        "Ended early at step {step} of {steps} by the sweep's rule: the best {metric} was {best}, worse than the "
        "median {median} of {n} other runs at that step.",
        median=f"{middle:.4g}",
        n=len(others),
        **said,
    )
