"""Configurations as lines over an axis per field, to see through many at once; no streamlit here. Start at lines_of.

Plotly's parallel coordinates: a stretch of an axis that is marked with the pointer leaves only the lines through it,
and an axis can be dragged to another place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from app.look.charts import figure
from app.look.formatting import strategy_name
from app.sweep.picture import ticks_by_magnitude
from clps_core.config.telling import field_name, said_value
from clps_core.experiment import STRATEGY
from clps_core.metrics import metric_named
from clps_core.shown import visible
from clps_core.sweeps.fields import Varied, by_magnitude, complete, varied
from clps_core.sweeps.results import Configuration
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["MOST_AXES", "MOST_LINES", "Axis", "Lines", "lines_of", "parallel_figure"]

MOST_LINES = 300
MOST_AXES = 8
"""Fields; the metric and what it costs come after them."""
MOST_TICKS = 6
MOST_NAMES = 12
"""Names on one axis: more would lie on one another."""
LONGEST_NAME, LONGEST_LABEL = 14, 18
SCALE = ((0.0, "#1b72c5"), (0.5, "#85808f"), (1.0, "#d2660f"))
"""Blue to orange, which nobody with a usual colour deficiency confuses; readable on light and on dark paper."""


@dataclass(frozen=True)
class Axis:
    """``values``: of each configuration, as places on the axis; ``ticks``: (place, text); none: plotly's own.

    ``title`` is the whole name; ``form`` how plotly writes its numbers.
    """

    title: str
    values: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...] = ()
    form: str = ".4~g"


@dataclass(frozen=True)
class Lines:
    """What is drawn: ``shown`` of the ``known`` complete configurations, of ``total``; ``quality`` colours them."""

    shown: tuple[Configuration, ...]
    known: tuple[Configuration, ...]
    total: int
    fields: tuple[Varied, ...]
    hidden_fields: tuple[str, ...]
    axes: tuple[Axis, ...]
    quality: tuple[float, ...]


def lines_of(configurations: Sequence[Configuration], metric: str, order: Sequence[str]) -> Lines | None:
    """``order``: the fields that come first. ``None`` where fewer than two fields or configurations can be drawn."""
    known = complete(configurations)
    found = varied(known)
    if len(found) < 2:
        return None
    found.sort(key=lambda one: order.index(one.field) if one.field in order else len(order))
    sign = metric_named(metric).sign
    ranked = sorted(known, key=lambda one: -sign * _quality(one))
    step = max(1.0, (len(ranked) - 1) / (MOST_LINES - 1))
    shown = [ranked[round(at * step)] for at in range(min(MOST_LINES, len(ranked)))]
    fields = found[:MOST_AXES]
    axes = [_field_axis(field, shown) for field in fields]
    quality = tuple(map(_quality, shown))
    judge = metric_named(metric)
    axes.append(Axis(judge.title, quality, form=".1%" if judge.percent else ".4~g"))
    axes += [
        axis
        for axis in (
            _cost(_("Stored parameters"), shown, lambda one: one.runs[0].unique_parameters, "~s"),
            _cost(_("Seconds"), shown, lambda one: one.seconds.mean if one.seconds else None, ".3~g"),
        )
        if axis is not None
    ]
    hidden = tuple(one.field for one in found[MOST_AXES:])
    return Lines(tuple(shown), tuple(ranked), len(configurations), tuple(fields), hidden, tuple(axes), quality)


def _quality(one: Configuration) -> float:
    return one.best.mean if one.best is not None else math.nan


def _field_axis(field: Varied, shown: Sequence[Configuration]) -> Axis:
    title = field_name(field.field)
    if field.numeric:
        return _number_axis(title, [float(one.values[field.field]) for one in shown], field.log, field.values)
    places = tuple(float(field.place(one)) for one in shown)
    names = [_name(field.field, value) for value in field.values]
    every = max(1, -(-len(names) // MOST_NAMES))
    return Axis(title, places, tuple((float(at), name) for at, name in enumerate(names) if at % every == 0))


def _name(field: str, value: object) -> str:
    return strategy_name(str(value)) if field == STRATEGY else said_value(value)


def _number_axis(title: str, values: Sequence[float], log: bool, known: Iterable[float], form: str = ".4~g") -> Axis:
    distinct = sorted(set(known))
    if log:
        lowest, highest = min(distinct), max(distinct)
        ticks = [one for one in ticks_by_magnitude(distinct) if lowest <= one <= highest] or [lowest, highest]
        marks = tuple((math.log10(one), f"{one:g}") for one in ticks)
        return Axis(title, tuple(map(math.log10, values)), marks)
    marks = tuple((one, f"{one:g}") for one in distinct) if len(distinct) <= MOST_TICKS else ()
    return Axis(title, tuple(values), marks, form)


def _cost(
    title: str, shown: Sequence[Configuration], of: Callable[[Configuration], float | None], form: str
) -> Axis | None:
    """An axis of what is not a field; ``None`` where it is not known of all, or the same for all."""
    values = [value for one in shown if (value := of(one)) is not None]
    if len(values) < len(shown) or len(set(values)) < 2:
        return None
    if by_magnitude(values):
        return _number_axis(title, values, True, values)
    return Axis(title, tuple(map(float, values)), form=form)


def parallel_figure(lines: Lines, metric: str, height: int = 430) -> Figure:
    """One line per configuration from axis to axis, coloured by the metric: orange is better."""
    import plotly.graph_objects as go

    judge = metric_named(metric)
    low, high = min(lines.quality), max(lines.quality)
    made = figure(height=height)
    made.add_trace(
        go.Parcoords(
            dimensions=[_dimension(axis) for axis in lines.axes],
            labelangle=-20,
            labelside="top",
            line={
                "color": list(lines.quality),
                "colorscale": [list(one) for one in SCALE],
                "reversescale": judge.sign < 0,
                "cmin": low,
                "cmax": high if high > low else low + 1e-9,
                "showscale": True,
                "colorbar": {
                    "orientation": "h",
                    "y": -0.12,
                    "yanchor": "top",
                    "thickness": 10,
                    "len": 0.6,
                    "title": {"text": _text(judge.title), "side": "top"},
                    "tickformat": ".1%" if judge.percent else ".4~g",
                    "nticks": 5,
                },
            },
            unselected={"line": {"color": "rgb(128, 132, 145)", "opacity": 0.15}},
        )
    )
    made.update_layout(margin={"l": 60, "r": 60, "t": 96, "b": 70})
    return made


def _dimension(axis: Axis) -> dict[str, Any]:
    low, high = min(axis.values), max(axis.values)
    places = [place for place, _name in axis.ticks]
    low, high = min([low, *places]), max([high, *places])
    air = 0.0 if high > low else 0.5
    return {
        "label": _text(_short(axis.title, LONGEST_LABEL)),
        "values": list(axis.values),
        "range": [low - air, high + air],
        "tickformat": axis.form,
        **(
            {"tickvals": places, "ticktext": [_text(_short(name, LONGEST_NAME)) for _place, name in axis.ticks]}
            if axis.ticks
            else {}
        ),
    }


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _text(text: str) -> str:
    """Plotly reads tags in text: what others wrote stays text."""
    return escape(visible(text), quote=False)
