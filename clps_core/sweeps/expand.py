"""The run configs that a sweep means: a pure function, the same on every machine. Start at expand.

All runs of a sweep share their data: one data seed, the same folds. Within a fold and a seed they come in the
order of the fields, and the first fold and seed come first, so that a first answer is there early.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from clps_core.config import Resolved, build_config, resolve
from clps_core.errors import ConfigError
from clps_core.experiment import MAX_RUNS, merged
from clps_core.sweeps.definition import Sweep
from clps_core.sweeps.stopping import check_stop
from clps_core.sweeps.values import Range, drawn
from clps_core.words import _

__all__ = ["check_size", "expand", "settings", "size"]

DRAWS_PER_RUN = 50
"""Draws for one new combination before we say that there are too few."""
COUNTABLE = 10**9


def size(sweep: Sweep) -> int:
    """How many runs the sweep has, by multiplication alone."""
    return _combinations(sweep) * len(sweep.seeds) * (sweep.folds or 1)


def _combinations(sweep: Sweep) -> int:
    if sweep.method == "random":
        return sweep.runs
    return math.prod(len(one) for one in sweep.fields.values() if not isinstance(one, Range))


def check_size(sweep: Sweep) -> None:
    """Raise ``ConfigError`` where a sweep has too many runs, without making any of them."""
    total = size(sweep)
    if total <= MAX_RUNS:
        return
    if sweep.method == "random":
        factors = [_("{n} draws", n=sweep.runs if sweep.runs < COUNTABLE else "> 10^9")]
    else:
        factors = [f"{len(one)} {name}" for name, one in sweep.fields.items() if not isinstance(one, Range)]
    factors += [_("{n} seeds", n=len(sweep.seeds))] if len(sweep.seeds) > 1 else []
    factors += [_("{n} folds", n=sweep.folds)] if sweep.folds else []
    raise ConfigError(
        _(
            "a sweep must have at most {limit} runs. Got {got}: {factors}. Use fewer values or draws.",
            limit=MAX_RUNS,
            got=f"{total:,}" if total < COUNTABLE else "> 10^9",
            factors=" x ".join(factors)[:300],
        )
    )


def settings(sweep: Sweep) -> list[dict[str, Any]]:
    """The combinations of values, each as field -> value. Raises ``ConfigError`` where there are too few or many."""
    check_size(sweep)
    if sweep.method == "grid":
        lists = [one for one in sweep.fields.values() if not isinstance(one, Range)]
        return [dict(zip(sweep.fields, chosen, strict=True)) for chosen in itertools.product(*lists)]
    found: dict[str, dict[str, Any]] = {}
    for place in range(sweep.runs * DRAWS_PER_RUN):
        one = {name: drawn(values, sweep.seed, name, place) for name, values in sweep.fields.items()}
        found.setdefault(repr(one), one)
        if len(found) == sweep.runs:
            return list(found.values())
    raise ConfigError(
        _(
            "a random search must have at least as many different combinations as runs ({runs}). Found {got}. Lower "
            "sweep.runs, or use method grid.",
            runs=sweep.runs,
            got=len(found),
        )
    )


def expand(sweep: Sweep) -> list[Resolved]:
    """One config per run. Raises ``ConfigError`` for the first that cannot be, and says which it is."""
    combinations = settings(sweep)
    found: list[Resolved] = []
    for fold, seed, combination in itertools.product(_folds(sweep), sweep.seeds, combinations):
        try:
            found.append(resolve(build_config(_partial(sweep, combination, seed, fold))))
        except ConfigError as error:
            if not combination:
                raise
            said = ", ".join(f"{name}={value}" for name, value in combination.items())
            raise ConfigError(_("with {settings}: {problem}", settings=said[:200], problem=error)) from None
    if len({one.config.model_dump_json() for one in found}) < len(found):
        raise ConfigError(_("each value and each seed of a sweep must be given once. Remove the repeated one."))
    if sweep.stop is not None:
        check_stop(sweep.stop, found)
    return found


def _folds(sweep: Sweep) -> Iterator[int | None]:
    return iter(range(sweep.folds)) if sweep.folds else iter([None])


def _partial(sweep: Sweep, combination: dict[str, Any], seed: int, fold: int | None) -> dict[str, Any]:
    partial: dict[str, Any] = merged(sweep.base, {"seed": seed})
    if sweep.stop is not None and sweep.stop.rule == "patience":
        partial = merged(partial, {"train": {"patience": sweep.stop.evaluations}})
    if fold is not None:
        partial = merged(partial, {"data": {"folds": sweep.folds, "fold": fold}})
    for name, value in combination.items():
        group, _dot, key = name.partition(".")
        partial = merged(partial, {group: {key: value}})
    return partial
