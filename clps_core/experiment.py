"""A comparison as one YAML file: a run config plus what differs between its runs. Start at read_experiment.

The file holds the fields of ``RunConfig`` and, beside them, up to three more at the top level::

    name: Dates, shared or not       # what the comparison is called
    strategies: [none, all]          # one run for each strategy ...
    seeds: [0, 1]                    # ... and each seed
    data: {task: dates}
    train: {steps: 600}

Without ``strategies`` there is one run with ``sharing.strategy``; without ``seeds`` one with ``seed``. A file that
holds both of a pair is refused. What ``--set`` changes replaces both (``with_changes``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clps_core.config import RunConfig, did_you_mean, meant_field, plain_from_yaml
from clps_core.errors import ConfigError
from clps_core.shown import has_control
from clps_core.spec import parse_assignments
from clps_core.suggestions import nearest
from clps_core.words import _, shown

__all__ = [
    "MAX_RUNS",
    "SEED",
    "STRATEGY",
    "Experiment",
    "check_name",
    "experiment_of",
    "merged",
    "read_experiment",
    "sets",
    "settings_beside",
    "with_changes",
]

MAX_NAME = 120
STRATEGY, SEED = "sharing.strategy", "seed"
OWN = ("name", "strategies", "seeds")
"""What a comparison's file holds beside the fields of a config."""
MAX_RUNS = 200
"""Runs of one comparison: a mistyped list must not fill the queue."""


@dataclass(frozen=True)
class Experiment:
    """``base`` is the partial run config that all runs have in common, as nested plain data."""

    base: dict[str, Any] = field(default_factory=dict)
    strategies: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    name: str | None = None


def read_experiment(text: str) -> Experiment:
    """The experiment of a YAML file; raises ``ConfigError`` where it is not one.

    The fields of the config itself are checked when the runs are made (``build_config``).
    """
    plain = plain_from_yaml(text)
    if "sweep" in plain:
        raise ConfigError(_("an experiment must list strategies and seeds. Got a sweep. Run it with 'clps sweep'."))
    return experiment_of(plain)


def experiment_of(plain: Mapping[str, Any], beside: Iterable[str] = ()) -> Experiment:
    """The experiment that plain data describe; raises ``ConfigError`` as ``read_experiment`` does.

    ``beside``: what else the file may hold at its top, for the sentence about what it may not.
    """
    known = (*OWN, *beside, *RunConfig.model_fields)
    for name, value in plain.items():
        if name not in known:
            got = str(name)[:60]
            # A list of strategies or seeds is no field of a config.
            likely = nearest(got, OWN) if isinstance(value, list) else None
            raise ConfigError(
                _(
                    "{name} is not a field.{hint} Known fields at the top of the file: {known}.",
                    name=got,
                    hint=did_you_mean(likely or meant_field(RunConfig, got, (*OWN, *beside))),
                    known=", ".join(known),
                )
            )
    base = dict(plain)
    called = check_name(base.pop("name", None))
    given = {field: base.pop(field, []) for field in ("strategies", "seeds")}
    strategies = _listed("strategies", given, (str, int), _("strategies must be a list such as [none, all]."))
    seeds = _listed("seeds", given, int, _("seeds must be a list of whole numbers such as [0, 1]."))
    for listed, name_of_list, one in ((strategies, "strategies", STRATEGY), (seeds, "seeds", SEED)):
        if listed and sets(base, one):
            raise ConfigError(
                _("a file must have either {one} or {listed}. Got both. Remove one.", one=one, listed=name_of_list)
            )
    return Experiment(base, tuple(map(str, strategies)), tuple(seeds), called)


def with_changes(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    """``changes`` (nested plain data) laid over an experiment: one strategy or seed replaces the file's list."""
    return replace(
        experiment,
        base=merged(experiment.base, changes),
        strategies=() if sets(changes, STRATEGY) else experiment.strategies,
        seeds=() if sets(changes, SEED) else experiment.seeds,
    )


def settings_beside(settings: Iterable[str], options: Mapping[str, str]) -> dict[str, Any]:
    """What ``--set`` says (``name=value`` texts), as nested plain data.

    ``options``: field -> the option that was given for it, such as ``{"train.steps": "--steps"}``. Raises
    ``ConfigError`` where ``--set`` sets such a field too: nobody could tell which of the two is meant.
    """
    changes = parse_assignments(settings)
    for name, option in options.items():
        if sets(changes, name):
            raise ConfigError(
                _(
                    "{name} must be given once. Got it with {option} and with --set. Remove one.",
                    name=name,
                    option=option,
                )
            )
    return changes


def sets(plain: Mapping[str, Any], name: str) -> bool:
    """Whether nested plain data hold a value for the field ``name``, such as ``seed`` or ``train.steps``."""
    group, dot, key = name.partition(".")
    value = plain.get(group)
    if not dot:
        return value is not None
    return isinstance(value, Mapping) and key in value


def check_name(name: object) -> str | None:
    """A comparison's name, or ``None`` for none; raises ``ConfigError`` where it cannot be one."""
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        got = _("{n} characters", n=len(name)) if isinstance(name, str) else type(name).__name__
        raise ConfigError(_("name must be a text of 1 to {limit} characters. Got {got}.", limit=MAX_NAME, got=got))
    if has_control(name):
        raise ConfigError(
            _(
                "name must have visible characters only. Got {got}: a line break, a control character or one that "
                "changes the text direction. Remove it.",
                got=shown(name),
            )
        )
    return name


def _listed(name: str, given: Mapping[str, Any], kind: type | tuple[type, ...], sentence: str) -> list[Any]:
    """The list ``given[name]`` of values of ``kind``; raises ``ConfigError`` for anything else and for too many."""
    values = given[name]
    if not isinstance(values, list):
        raise ConfigError(_("{must} Got {got}.", must=sentence, got=shown(values)))
    if len(values) > MAX_RUNS:
        raise ConfigError(
            _(
                "{name} must have at most {limit} entries, the maximum number of runs of a comparison. Got {got:,}. "
                "Use fewer.",
                name=name,
                limit=MAX_RUNS,
                got=len(values),
            )
        )
    for one in values:
        if not isinstance(one, kind) or isinstance(one, bool) or (isinstance(one, int) and abs(one) >= 2**63):
            raise ConfigError(_("{must} Got {got} among them.", must=sentence, got=shown(one)))
    return values


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``over`` laid over ``base``, group by group; neither is changed."""
    result = dict(base)
    for name, value in over.items():
        before = result.get(name)
        result[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return result
