"""A comparison as one YAML file: a run config plus what differs between its runs. Start at read_experiment.

The file holds the fields of ``RunConfig`` and, beside them, up to three more at the top level::

    name: Dates, shared or not       # what the comparison is called
    strategies: [none, all]          # one run for each strategy ...
    seeds: [0, 1]                    # ... and each seed
    data: {task: dates}
    train: {steps: 600}

Without ``strategies`` there is one run with ``sharing.strategy``; without ``seeds`` one with ``seed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clps_core.config import plain_from_yaml
from clps_core.errors import ConfigError
from clps_core.shown import has_control
from clps_core.words import _, shown

__all__ = ["MAX_RUNS", "Experiment", "check_name", "experiment_of", "merged", "read_experiment"]

MAX_NAME = 120
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


def experiment_of(plain: Mapping[str, Any]) -> Experiment:
    """The experiment that plain data describe; raises ``ConfigError`` as ``read_experiment`` does."""
    base = dict(plain)
    name = check_name(base.pop("name", None))
    given = {field: base.pop(field, []) for field in ("strategies", "seeds")}
    strategies = _listed("strategies", given, (str, int), _("strategies must be a list such as [none, all]."))
    seeds = _listed("seeds", given, int, _("seeds must be a list of whole numbers such as [0, 1]."))
    return Experiment(base, tuple(map(str, strategies)), tuple(seeds), name)


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
                "name must have characters that can be seen. Got {got}: a line break, a control character or one that "
                "turns the direction of reading. Remove it.",
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
                "{name} must be at most {limit}, as many as a comparison has runs. Got {got:,}. Take fewer.",
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
