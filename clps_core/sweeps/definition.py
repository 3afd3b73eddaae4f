"""A sweep as a file, a form or the store says it. Start at Sweep, then read_sweep.

The file is an experiment file (see ``experiment.py``) with up to three more parts::

    name: Which learning rate?
    data: {task: dates}              # or all of the config's fields under 'base:'
    sweep:
      method: random                 # or grid: every combination
      runs: 20                       # random only: how many combinations are drawn
      seed: 0                        # random only: which ones
      fields:
        optim.learning_rate: {log_uniform: [1e-4, 1e-2]}
        model.d_model: {integers: [32, 128, 16]}    # in steps of 16, which fit the heads
        sharing.strategy: [none, all]
    seeds: [0, 1]                    # every combination once per seed ...
    folds: 5                         # ... and per part of a cross-validation
    stop: {rule: median, after: 100}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clps_core.config import RunConfig, plain_from_yaml
from clps_core.errors import ConfigError
from clps_core.experiment import OWN, STRATEGY, check_name, experiment_of, merged, sets
from clps_core.sweeps.stopping import StopRule, read_stop
from clps_core.sweeps.values import Range, Values, check_field, is_plain, read_values
from clps_core.words import _, shown

__all__ = ["METHODS", "Sweep", "read_sweep", "stored_sweep", "sweep_from_plain"]

METHODS = ("grid", "random")
USUAL_RUNS = 20
FOLDS = (2, 50)
PATIENCE = "train.patience"
SWEEPS_OWN = ("sweep", "base", "folds", "stop")
COMPARISON = {*RunConfig.model_fields, *OWN}
"""What a comparison's file may hold; a sweep's holds more."""


@dataclass(frozen=True)
class Sweep:
    """``base`` is the partial config that all runs have in common; ``fields`` are those they differ in.

    ``runs`` and ``seed`` matter to method ``random`` only; ``folds`` is ``None`` without cross-validation.
    """

    base: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Values] = field(default_factory=dict)
    method: str = "grid"
    runs: int = USUAL_RUNS
    seed: int = 0
    seeds: tuple[int, ...] = (0,)
    folds: int | None = None
    stop: StopRule | None = None
    name: str | None = None

    def plain(self) -> dict[str, Any]:
        """As plain data: what the store keeps, and ``sweep_from_plain`` reads back."""
        fields = {name: one.plain() if isinstance(one, Range) else list(one) for name, one in self.fields.items()}
        sweep: dict[str, Any] = {"method": self.method, "fields": fields}
        if self.method == "random":
            sweep |= {"runs": self.runs, "seed": self.seed}
        plain: dict[str, Any] = {"base": self.base, "sweep": sweep, "seeds": list(self.seeds)}
        optional = {"name": self.name, "folds": self.folds, "stop": self.stop.model_dump() if self.stop else None}
        return plain | {name: value for name, value in optional.items() if value is not None}


def read_sweep(text: str) -> Sweep:
    """The sweep of a YAML file; raises ``ConfigError`` where it is not one. Values are checked by ``expand``.

    A file that says one thing in two places is refused, and so is one that describes a comparison.
    """
    plain = plain_from_yaml(text)
    if plain.keys() <= COMPARISON:
        raise ConfigError(
            _(
                "a sweep's file must have 'sweep', 'folds' or 'stop'. Got a comparison. Run it with 'clps train "
                "--config FILE', or list the fields to vary under 'sweep'."
            )
        )
    sweep = sweep_from_plain(plain)
    _check_said_once(plain, sweep)
    return sweep


def sweep_from_plain(plain: Mapping[str, Any]) -> Sweep:
    """The sweep that plain data describe; raises ``ConfigError`` where they describe none."""
    rest = dict(plain)
    sweep = _group(_or_empty(rest.pop("sweep", None)), "sweep", ("method", "runs", "seed", "fields"))
    base, folds, stop = (
        _group(_or_empty(rest.pop("base", None)), "base"),
        rest.pop("folds", None),
        rest.pop("stop", None),
    )
    experiment = experiment_of(merged(rest, base), SWEEPS_OWN)
    fields = {
        check_field(name): read_values(str(name), given)
        for name, given in _group(_or_empty(sweep.get("fields")), "sweep.fields").items()
    }
    if experiment.strategies:
        if STRATEGY in fields:
            raise ConfigError(
                _("strategies must be given once: as 'strategies' or as the field sharing.strategy. Remove one.")
            )
        fields[STRATEGY] = experiment.strategies
    method = sweep.get("method", "grid")
    if method not in METHODS:
        raise ConfigError(
            _("sweep.method must be one of {known}. Got {got}.", known=", ".join(METHODS), got=shown(method))
        )
    if method == "grid" and (ranged := [name for name, one in fields.items() if isinstance(one, Range)]):
        raise ConfigError(
            _(
                "a grid must have lists of values. Got a range for {name}. Write a list such as [0.001, 0.003], or "
                "use method random.",
                name=ranged[0],
            )
        )
    _check_plain(experiment.base)
    seeds = experiment.seeds or (_whole(experiment.base.get("seed", 0), "seed", 0, 2**31 - 1),)
    return Sweep(
        base={name: value for name, value in experiment.base.items() if name != "seed"},
        fields=fields,
        method=str(method),
        runs=_whole(sweep.get("runs", USUAL_RUNS), "sweep.runs", 1),
        seed=_whole(sweep.get("seed", 0), "sweep.seed", 0),
        seeds=seeds,
        folds=None if folds is None else _whole(folds, "folds", *FOLDS),
        stop=None if stop is None else read_stop(stop),
        name=check_name(experiment.name),
    )


def _check_said_once(plain: Mapping[str, Any], sweep: Sweep) -> None:
    """Nothing that all runs have in common may also be what they differ in, nor be said beside and under ``base``."""
    beside = {name: value for name, value in plain.items() if name not in ("base", "sweep")}
    twice = [(name, name, f"base.{name}") for name in _names(plain.get("base")) if sets(beside, name)]
    twice += [(name, name, "sweep.fields") for name in sweep.fields if sets(sweep.base, name)]
    if sweep.folds is not None:
        twice += [(name, name, "folds") for name in ("data.folds", "data.fold") if sets(sweep.base, name)]
    if sweep.stop is not None and sweep.stop.rule == "patience":
        places = {"base": sets(sweep.base, PATIENCE), "sweep.fields": PATIENCE in sweep.fields}
        twice += [(PATIENCE, place, "stop.evaluations") for place, there in places.items() if there]
    if twice:
        name, first, second = twice[0]
        raise ConfigError(
            _(
                "{name} must be given once. Got it as {first} and as {second}. Remove one.",
                name=name,
                first=first,
                second=second,
            )
        )


def _names(base: object) -> list[str]:
    """The fields that a partial config sets; groups are looked into."""
    found = []
    for group, values in base.items() if isinstance(base, dict) else ():
        found += [f"{group}.{key}" for key in values] if isinstance(values, dict) else [str(group)]
    return found


def stored_sweep(plain: Mapping[str, Any] | None) -> Sweep | None:
    """The sweep that the store keeps; ``None`` for none, and for one that this version cannot read."""
    try:
        return None if plain is None else sweep_from_plain(plain)
    except ConfigError:
        return None


def _check_plain(base: Mapping[str, Any]) -> None:
    """A config holds groups of plain values, and the sweep is kept as JSON. Looks no deeper: YAML nests without end."""
    flat = {name: value for name, value in base.items() if not isinstance(value, dict)}
    for group, values in base.items():
        if isinstance(values, dict):
            flat |= {f"{shown(group)}.{shown(name)}": value for name, value in values.items()}
    for name, value in flat.items():
        if not is_plain(value):
            raise ConfigError(
                _("{name} must be a number, a text, true, false or null. Got {got}.", name=name, got=shown(value))
            )


def _or_empty(value: object) -> object:
    return {} if value is None else value


def _group(value: object, name: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(_("{name} must be a group of fields. Got {got}.", name=name, got=shown(value)))
    for key in value:
        if known is not None and key not in known:
            raise ConfigError(
                _(
                    "{name} must have the fields {known}. Got {got}. Remove it.",
                    name=name,
                    known=", ".join(known),
                    got=shown(key),
                )
            )
    return value


def _whole(value: object, name: str, low: int, high: int | None = None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high):
        return value
    limits = _("from {low} to {high}", low=low, high=high) if high is not None else _("of at least {low}", low=low)
    raise ConfigError(
        _("{name} must be a whole number {limits}. Got {got}.", name=name, limits=limits, got=shown(value))
    )
