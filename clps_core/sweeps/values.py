"""What one field of a sweep may be: a list of values, or a range to draw from. Start at read_values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from clps_core.config import RunConfig, did_you_mean, meant_field
from clps_core.data.base import digest
from clps_core.errors import ConfigError
from clps_core.words import _, shown

__all__ = ["Range", "Values", "check_field", "drawn", "is_plain", "read_values"]

KINDS = ("uniform", "log_uniform", "integers")
DIGITS = 4
"""Significant digits of a drawn number: enough to tell runs apart, few enough to read and type."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``: ``uniform``, ``log_uniform`` (evenly by magnitude) or ``integers``.

    ``step`` lies between integers: a width in steps of 16 fits its heads.
    """

    kind: str
    low: float
    high: float
    step: int = 1

    def plain(self) -> dict[str, list[float]]:
        """As a file writes it."""
        return {self.kind: [self.low, self.high, *([self.step] if self.step != 1 else [])]}


Values = tuple[Any, ...] | Range


def check_field(name: object) -> str:
    """``name`` if it is a field that runs of a sweep may differ in; raises ``ConfigError`` otherwise."""
    text = name if isinstance(name, str) else shown(name)
    if text == "train.eval_examples":
        raise ConfigError(
            _(
                "a sweep must have one train.eval_examples, since runs evaluated on different examples cannot be "
                "ranked. Got several. Set it at the top of the file, outside 'sweep'."
            )
        )
    elsewhere = {"seed": "seeds: [0, 1]", "data.folds": "folds: 5", "data.fold": "folds: 5"}
    if text == "data.task":
        raise ConfigError(
            _(
                "a sweep must have one task, since the quality of different tasks cannot be ranked. Got several. "
                "Write one sweep for each task."
            )
        )
    if text in elsewhere:
        raise ConfigError(
            _(
                "{name} must not be a field under 'sweep'. Write '{instead}' at the top of the file, outside 'sweep'.",
                name=text,
                instead=elsewhere[text],
            )
        )
    group, dot, field = text.partition(".")
    groups = {name: list(getattr(part.annotation, "model_fields", {})) for name, part in RunConfig.model_fields.items()}
    known = groups.get(group, [])
    if not dot or field not in known:
        where, names = (group, known) if known else ("", [one for one, fields in groups.items() if fields])
        raise ConfigError(
            _(
                "a sweep's field must be a field of a run, such as optim.learning_rate. Got {got}.{hint} Known "
                "fields{where}: {known}.",
                got=text[:60],
                hint=did_you_mean(meant_field(RunConfig, text[:60])),
                where=_(" in {group}", group=where) if where else "",
                known=", ".join(names),
            )
        )
    return text


def read_values(name: str, given: object) -> Values:
    """The values of field ``name`` as a file gives them; raises ``ConfigError``."""
    if isinstance(given, list) and given and all(is_plain(one) for one in given):
        return tuple(given)
    if isinstance(given, dict) and len(given) == 1:
        kind, ends = next(iter(given.items()))
        if kind in KINDS and isinstance(ends, list) and len(ends) in ((2, 3) if kind == "integers" else (2,)):
            return _range(name, kind, ends)
    raise ConfigError(
        _(
            "{name} must have a list of values such as [0.001, 0.003], or one range such as log_uniform: [0.0001, "
            "0.01] (kinds: {kinds}). Got {got}.",
            name=name,
            kinds=", ".join(KINDS),
            got=shown(given),
        )
    )


def is_plain(value: object) -> bool:
    """Whether ``value`` is one that a config's field can have, and that JSON can hold."""
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is None or isinstance(value, (str, float))


def _range(name: str, kind: str, ends: list[Any]) -> Range:
    low, high, step = (*(_number(end) for end in ends), 1.0)[:3]
    least = 0.0 if kind == "log_uniform" else -math.inf
    whole = low.is_integer() and high.is_integer() and step.is_integer() and 1 <= step <= high - low
    if least < low < high and (whole or kind != "integers"):
        return Range(kind, low, high, int(step))
    raise ConfigError(
        _(
            "{name}: {kind} must have two {what}, the smaller one first. Got {got}.",
            name=name,
            kind=kind,
            what={
                "integers": _("whole numbers (and may have a third, the step between values)"),
                "uniform": _("numbers"),
                "log_uniform": _("numbers above 0"),
            }[kind],
            got=shown(ends),
        )
    )


def _number(value: object) -> float:
    """YAML reads ``1e-4`` as a text; anything that is no number becomes one that fits no range."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def drawn(values: Values, *place: object) -> Any:
    """One of ``values``, decided by a hash of ``place`` alone: the same draw on every machine.

    A place names the field and the run, so another field or another run more leaves all others as they were.
    """
    share = int(digest("clps sweep", *place)[:13], 16) / 16**13
    if not isinstance(values, Range):
        return values[int(share * len(values))]
    if values.kind == "integers":
        return int(values.low) + values.step * int(share * ((values.high - values.low) // values.step + 1))
    if values.kind == "uniform":
        number = values.low + share * (values.high - values.low)
    else:
        number = math.exp(math.log(values.low) + share * (math.log(values.high) - math.log(values.low)))
    return min(values.high, max(values.low, float(f"{number:.{DIGITS}g}")))
