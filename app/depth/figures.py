"""Depth as plotly figures: quality against loops, and how far each layer carries the hidden state. No streamlit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.look.charts import AXIS, GRID, figure, y_axis
from app.look.colours import slot_colour, slot_letter
from clps_core.analysis.movement import Movement
from clps_core.metrics import metric_named
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["DepthLine", "depth_curves", "movement_figure"]

SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "star")
DASHES = ("solid", "dot", "dash", "dashdot")
THREAD = "#8b909b"
"""The line between marks: grey on both themes."""


@dataclass(frozen=True)
class DepthLine:
    """One run: ``values`` at ``depths`` (loops, or executed layers); ``trained`` says at which it was trained."""

    name: str
    colour: str
    symbol: int
    dash: int
    depths: Sequence[int]
    values: Sequence[float]
    trained: Sequence[bool]


def depth_curves(
    lines: Sequence[DepthLine], metric: str, title: str, x_title: str, baseline: tuple[float, str] | None
) -> Figure:
    """Quality over depth; a ring stands where training ran, the baseline is dashed."""
    import plotly.graph_objects as go

    kind = metric_named(metric)
    made = figure(x_title=x_title, y_title=title, height=380)
    shown = "%{y:.1%}" if kind.percent else "%{y:.4g}"
    for line in lines:
        made.add_trace(
            go.Scatter(
                x=list(line.depths),
                y=list(line.values),
                mode="lines+markers",
                name=line.name,
                line={"color": line.colour, "width": 2.5, "dash": DASHES[line.dash % len(DASHES)]},
                marker={"color": line.colour, "size": 8, "symbol": SYMBOLS[line.symbol % len(SYMBOLS)]},
                hovertemplate="%{x}: " + shown + "<extra>%{fullData.name}</extra>",
            )
        )
        rings = [place for place, trained in enumerate(line.trained) if trained]
        made.add_trace(
            go.Scatter(
                x=[line.depths[place] for place in rings],
                y=[line.values[place] for place in rings],
                mode="markers",
                marker={"color": line.colour, "size": 19, "symbol": "circle-open", "line": {"width": 2.5}},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    if baseline is not None:
        _baseline(made, *baseline, log=kind.log)
    ticks = sorted({depth for line in lines for depth in line.depths})
    # Loops double and double again: equal steps on the axis are equal factors.
    made.update_xaxes(type="log", tickvals=_apart(ticks), ticktext=[str(tick) for tick in _apart(ticks)])
    made.update_yaxes(**y_axis(kind, 0.09, 0.07))
    if kind.log:
        made.update_yaxes(type="log", range=None)
    return made


def _baseline(made: Figure, value: float, name: str, *, log: bool) -> None:
    """A dashed line with its name; on a logarithmic axis plotly wants a note's place as a logarithm, a line's not."""
    made.add_hline(y=value, line={"dash": "dash", "width": 1, "color": AXIS})
    made.add_annotation(
        text=name,
        xref="paper",
        x=1,
        xanchor="right",
        y=math.log10(value) if log else value,
        yanchor="top",
        showarrow=False,
    )


def _apart(ticks: Sequence[int]) -> list[int]:
    """The ticks that have room beside the one before them on a logarithmic axis."""
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick >= 1.1 * kept[-1]:
            kept.append(tick)
    return kept


def movement_figure(moves: Mapping[str, Movement], names: Mapping[str, str], tops: tuple[float, float]) -> Figure:
    """Distance and angle between input and output of every executed layer; marks wear their slot's colour, letter.

    ``tops``: the largest distance and angle that any figure beside this one shows, so that eyes may compare.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    titles = (_("distance (L2)"), _("angle in degrees"))
    made = make_subplots(rows=1, cols=2, horizontal_spacing=0.09, subplot_titles=titles)
    made.update_layout(figure(height=260).layout, showlegend=False)
    made.update_annotations(font_size=13)
    longest = max(len(move.groups) for move in moves.values())
    size = max(6, min(19, 200 // longest))
    for place, (stack, move) in enumerate(moves.items()):
        for column, (values, unit) in enumerate(((move.distance, ""), (move.degrees, "°")), start=1):
            made.add_trace(
                go.Scatter(
                    x=list(range(len(values))),
                    y=list(values),
                    mode="lines+markers+text" if size >= 14 else "lines+markers",
                    name=names.get(stack, stack),
                    line={"color": THREAD, "width": 1.5, "dash": DASHES[place]},
                    text=[slot_letter(group) for group in move.groups],
                    textfont={"color": "#ffffff", "size": 11},
                    marker={
                        "color": [slot_colour(group) for group in move.groups],
                        "size": size,
                        "symbol": SYMBOLS[place],
                        "line": {"width": 0},
                    },
                    customdata=[f"{cosine:.3f}" for cosine in move.cosine],
                    hovertemplate=_("layer {layer}, slot {letter}", layer="%{x}", letter="%{text}")
                    + "<br>%{y:.3g}"
                    + unit
                    + "<br>"
                    + _("cosine {value}", value="%{customdata}")
                    + "<extra>%{fullData.name}</extra>",
                ),
                row=1,
                col=column,
            )
    for column, top in enumerate(tops, start=1):
        style = {"gridcolor": GRID, "linecolor": AXIS, "zeroline": False, "automargin": True, "row": 1, "col": column}
        made.update_xaxes(
            title=_("executed layer"), dtick=1 if longest <= 8 else None, range=[-0.6, longest - 0.4], **style
        )
        made.update_yaxes(range=[0, 1.15 * top or 1.0], **style)
    return made
