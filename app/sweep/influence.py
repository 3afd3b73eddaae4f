"""Importance as bars, and a strategy's quality over another field, as plotly figures; no streamlit here.

Start at importance_figure and interaction_figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from app.compare.scatter import SYMBOLS
from app.look.charts import figure
from app.look.colours import strategy_colours
from app.look.formatting import metric, strategy_name
from app.sweep.picture import ticks_by_magnitude
from clps_core.config.telling import field_name, said_value
from clps_core.metrics import metric_named
from clps_core.shown import visible
from clps_core.sweeps.importance import Effect, Importance
from clps_core.sweeps.interaction import Interaction, Line
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["MOST_BARS", "MOST_STRATEGIES", "effect_name", "effects_shown", "importance_figure", "interaction_figure"]

MOST_BARS = 12
MOST_STRATEGIES = 8
LONGEST_NAME = 34
FIELD, PAIR = "#1b72c5", "#966e00"


def effect_name(one: Effect) -> str:
    """Such as ``learning_rate``, or ``strategy × dropout`` of two together."""
    return " × ".join(field_name(field) for field in one.fields)


def effects_shown(found: Importance) -> list[Effect]:
    """All fields and the largest pairs, as many as there is room for; the largest share first."""
    fields = found.fields[:MOST_BARS]
    pairs = found.pairs[: max(0, MOST_BARS - len(fields))]
    return sorted((*fields, *pairs), key=lambda one: -one.share)


def importance_figure(effects: Sequence[Effect]) -> Figure:
    """One bar per field or pair: its share of the variance, with its spread; hollow where it may be chance."""
    made = figure(height=90 + 30 * len(effects), x_title=_("share of the variance of quality"))
    for alone, colour, name in ((True, FIELD, _("a field")), (False, PAIR, _("two fields together"))):
        bars = [one for one in effects if (len(one.fields) == 1) is alone]
        if not bars:
            continue
        deviations = [(one.spread.deviation if one.spread else None) or 0.0 for one in bars]
        made.add_bar(
            x=[one.share for one in bars],
            y=[_short(effect_name(one)) for one in bars],
            orientation="h",
            name=name,
            marker={
                "color": ["rgba(0,0,0,0)" if one.may_be_chance else colour for one in bars],
                "line": {"width": 1.5, "color": colour},
            },
            error_x={"type": "data", "array": deviations, "thickness": 1.2, "width": 3} if any(deviations) else None,
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    made.update_xaxes(tickformat=".0%", range=[0, 1.02], fixedrange=True)
    made.update_yaxes(
        autorange="reversed",
        categoryorder="array",
        categoryarray=[_short(effect_name(one)) for one in effects],
        showgrid=False,
        fixedrange=True,
    )
    made.update_layout(showlegend=len(made.data) > 1)
    return made


def interaction_figure(one: Interaction, name: str) -> Figure:
    """One line per strategy over the field's values, with the deviation over runs; ``name`` is the metric's."""
    import plotly.graph_objects as go

    judge, field = metric_named(name), one.field
    made = figure(height=380, x_title=_text(field_name(field.field)), y_title=judge.title)
    colours = strategy_colours(line.strategy for line in one.lines)
    places: Sequence[Any] = field.values if field.numeric else [_text(_short(said_value(v))) for v in field.values]
    for at, line in enumerate(one.lines[:MOST_STRATEGIES]):
        points = [(place, point) for place, point in zip(places, line.points, strict=True) if point is not None]
        deviations = [point.deviation or 0.0 for _place, point in points]
        made.add_trace(
            go.Scatter(
                x=[place for place, _point in points],
                y=[point.mean for _place, point in points],
                error_y={"type": "data", "array": deviations, "thickness": 1.2, "width": 4}
                if any(deviations)
                else None,
                mode="lines+markers",
                name=_text(strategy_name(line.strategy)),
                line={"width": 1.8, "color": colours[line.strategy], "dash": "solid" if field.numeric else "dot"},
                marker={"size": 9, "symbol": SYMBOLS[at % len(SYMBOLS)], "color": colours[line.strategy]},
                text=[f"{metric(name, point.mean)} (n = {point.count})" for _place, point in points],
                hovertemplate="%{x}: %{text}<extra>%{fullData.name}</extra>",
            )
        )
    if field.log:
        ticks = ticks_by_magnitude(field.values)
        made.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    elif not field.numeric:
        made.update_xaxes(type="category", categoryorder="array", categoryarray=list(places))
    if judge.percent:
        made.update_yaxes(tickformat=".0%" if _reach(one.lines) > 0.05 else ".1%")
    made.update_xaxes(fixedrange=True)
    made.update_yaxes(fixedrange=True)
    return made


def _reach(lines: Sequence[Line]) -> float:
    means = [point.mean for line in lines for point in line.points if point is not None]
    return max(means, default=math.nan) - min(means, default=math.nan)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _text(text: str) -> str:
    """Plotly reads tags in text: what others wrote stays text."""
    return escape(visible(text), quote=False)
