"""A sweep's quality against each field it varies, as one plotly figure; no streamlit here. Start at sweep_figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.compare.scatter import SYMBOLS
from app.look.charts import AXIS, GRID, figure, y_axis
from app.look.colours import strategy_colours
from app.look.formatting import metric, strategy_name
from clps_core.experiment import STRATEGY
from clps_core.metrics import metric_named
from clps_core.sweeps.fields import by_magnitude
from clps_core.sweeps.results import Configuration, equal_to_best
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Panel", "hollow", "panels", "sweep_figure", "ticks_by_magnitude"]

MOST_PANELS = 6
PANELS_A_ROW = 2
ROW_HEIGHT = 250
MOST_TICKS = 5


@dataclass(frozen=True)
class Panel:
    """One field: ``numeric`` and ``log`` say what its axis is; ``lines`` are configurations that differ in it alone."""

    field: str
    numeric: bool
    log: bool
    lines: tuple[tuple[Configuration, ...], ...]


def panels(configurations: Sequence[Configuration]) -> list[Panel]:
    """The fields with more than one value among configurations that have a quality, in the sweep's order."""
    known = [one for one in configurations if one.best is not None]
    found = []
    for name in known[0].values if known else ():
        values = [one.values[name] for one in known]
        if len({repr(value) for value in values}) < 2:
            continue
        numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
        found.append(Panel(name, numeric, numeric and by_magnitude(values), _lines(known, name, numeric)))
    return found[:MOST_PANELS]


def _ticks(panel: Panel) -> dict[str, Any]:
    """The numbers of an axis by magnitude."""
    if not panel.log:
        return {}
    values = ticks_by_magnitude({one.values[panel.field] for line in panel.lines for one in line})
    return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def ticks_by_magnitude(given: Iterable[float]) -> list[float]:
    """The values if they are few, else 1 and 3 of each power of 10."""
    values = sorted(given)
    if len(values) <= MOST_TICKS:
        return values
    powers = range(math.floor(math.log10(values[0])), math.ceil(math.log10(values[-1])) + 1)
    return [digit * 10.0**power for power in powers for digit in (1, 3)]


def _lines(known: Sequence[Configuration], field: str, numeric: bool) -> tuple[tuple[Configuration, ...], ...]:
    groups: dict[str, list[Configuration]] = {}
    for one in known:
        others = {name: value for name, value in one.values.items() if name != field}
        groups.setdefault(repr(others), []).append(one)
    # From left to right: by size, or as the axis names its categories, in the order in which they come.
    order = sorted({one.values[field] for one in known}) if numeric else [one.values[field] for one in known]
    return tuple(tuple(sorted(members, key=lambda one: order.index(one.values[field]))) for members in groups.values())


def sweep_figure(configurations: Sequence[Configuration], name: str, title: str) -> Figure:
    """One panel per field, one mark per configuration, coloured by strategy; the best one has a ring.

    ``name`` is the metric's, ``title`` what it is called. Marks are hollow where a run failed or ended early.
    """
    from plotly.subplots import make_subplots

    found = panels(configurations)
    columns = min(PANELS_A_ROW, len(found))
    rows = -(-len(found) // PANELS_A_ROW)
    made = make_subplots(rows, columns, shared_yaxes=True, horizontal_spacing=0.04, vertical_spacing=0.3 / rows)
    made.update_layout(figure(height=70 + ROW_HEIGHT * rows).layout)
    colours = strategy_colours(dict.fromkeys(one.runs[0].strategy for one in configurations))
    for place, panel in enumerate(found):
        where = {"row": place // PANELS_A_ROW + 1, "col": place % PANELS_A_ROW + 1}
        for line in panel.lines:
            made.add_trace(_line(line, panel, colours, name), **where)
        for one in equal_to_best(configurations):
            made.add_trace(_ring(one, panel, colours), **where)
        made.update_xaxes(title=panel.field.rpartition(".")[2], type=_kind(panel), **_ticks(panel), **where)
        if not panel.numeric:
            names = dict.fromkeys(_value(one, panel) for one in configurations if one.best is not None)
            made.update_xaxes(categoryorder="array", categoryarray=list(names), **where)
    _legend(made, colours)
    made.update_xaxes(gridcolor=GRID, linecolor=AXIS, zeroline=False, fixedrange=True)
    made.update_yaxes(gridcolor=GRID, linecolor=AXIS, zeroline=False, fixedrange=True)
    made.update_yaxes(title=title, col=1)
    judge = metric_named(name)
    if judge.range is not None:
        made.update_yaxes(**y_axis(judge, 0, 0) | {"range": _shown_range(configurations, *judge.range)})
    return made


def _shown_range(configurations: Sequence[Configuration], lowest: float, highest: float) -> list[float]:
    """From the lowest to the highest end of a mark, with some air, and never far beyond what is possible."""
    spreads = [one.best for one in configurations if one.best is not None]
    low = min(one.mean - (one.deviation or 0.0) for one in spreads)
    high = max(one.mean + (one.deviation or 0.0) for one in spreads)
    length = highest - lowest
    air = max(0.02 * length, 0.08 * (high - low))
    return [max(lowest - 0.04 * length, low - air), min(highest + 0.04 * length, high + air)]


def _line(line: Sequence[Configuration], panel: Panel, colours: Mapping[str, str], name: str) -> Any:
    import plotly.graph_objects as go

    inks = [colours[one.runs[0].strategy] for one in line]
    one_ink = inks[0] if len(set(inks)) == 1 else AXIS
    marks = [_mark(list(colours), one) for one in line]
    deviations = [one.best.deviation or 0.0 if one.best else 0.0 for one in line]
    return go.Scatter(
        x=[_value(one, panel) for one in line],
        y=[one.best.mean if one.best else None for one in line],
        error_y={"type": "data", "array": deviations, "thickness": 1.2, "width": 3} if any(deviations) else None,
        mode="lines+markers" if len(line) > 1 else "markers",
        line={"width": 1.2, "color": one_ink, "dash": "solid" if panel.numeric else "dot"},
        marker={"color": inks, "size": 9, "symbol": marks, "line": {"width": 1.2, "color": inks}},
        opacity=0.9,
        text=[_said(one, name) for one in line],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _ring(best: Configuration, panel: Panel, colours: Mapping[str, str]) -> Any:
    """Around the best configuration's mark."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=[_value(best, panel)],
        y=[best.best.mean if best.best else None],
        mode="markers",
        marker={
            "size": 19,
            "symbol": "circle-open",
            "color": colours[best.runs[0].strategy],
            "line": {"width": 2},
        },
        hoverinfo="skip",
        showlegend=False,
    )


def _legend(made: Figure, colours: Mapping[str, str]) -> None:
    """One entry per strategy, where there are several."""
    import plotly.graph_objects as go

    if len(colours) < 2:
        return
    for place, (strategy, colour) in enumerate(colours.items()):
        marker = {"color": colour, "size": 9, "symbol": SYMBOLS[place % len(SYMBOLS)]}
        made.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=strategy_name(strategy), marker=marker), row=1, col=1
        )


def _mark(strategies: Sequence[str], one: Configuration) -> str:
    symbol = SYMBOLS[strategies.index(one.runs[0].strategy) % len(SYMBOLS)]
    return f"{symbol}-open" if hollow(one) else symbol


def hollow(one: Configuration) -> bool:
    """Whether its quality is that of less training than was planned, or of fewer runs."""
    return one.cut_short or not one.finished


def _value(one: Configuration, panel: Panel) -> Any:
    value = one.values[panel.field]
    if panel.numeric:
        return value
    return strategy_name(value) if panel.field == STRATEGY else str(value)


def _said(one: Configuration, name: str) -> str:
    """What the mark says when it is pointed at."""
    lines = [
        strategy_name(value) if field == STRATEGY else f"{field.rpartition('.')[2]} {value}"
        for field, value in one.settings.items()
    ]
    if one.best is not None:
        quality = metric(name, one.best.mean)
        if one.best.deviation is not None:
            quality = _("{mean} ± {deviation}", mean=quality, deviation=metric(name, one.best.deviation))
        quality = _("at least {text}", text=quality) if one.lower_bound else quality
        lines.append(f"<b>{quality}</b>")
    return "<br>".join(lines)


def _kind(panel: Panel) -> str:
    if not panel.numeric:
        return "category"
    return "log" if panel.log else "linear"
