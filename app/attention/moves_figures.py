"""How states move through layers, as plotly figures. No streamlit. Start at course_figure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from app.look.charts import AXIS, GRID, figure
from app.look.colours import ink_on, slot_colour, slot_letter
from clps_core.likeness import Likeness
from clps_core.moves import RunMoves, StackLayers
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["course_figure", "courses", "layer_names", "matrix_figure", "paths_figure"]

THREAD = "#8b909b"
"""The line between marks: grey on both themes."""
INPUT = "#76808f"
"""The state before the first layer, which no slot made."""
SCALES = {
    "cosine": ((-1.0, 1.0), ((0.0, "#c3520d"), (0.5, "#f6f4ee"), (1.0, "#1b72c5"))),
    "cka": ((0.0, 1.0), ((0.0, "#f6f4ee"), (1.0, "#1b72c5"))),
}
"""One scale for every matrix of a measure, so that two may be compared by eye."""
MOST_WRITTEN = 9
"""Rows of a matrix up to which its values stand in the cells."""
LABEL = 14

Course = tuple[str, list[float | None]]


def courses(moves: RunMoves) -> list[Course]:
    """What is drawn over the executed layers: a title, and a value per layer."""
    return [
        (_("distance (L2)"), [*moves.movement.distance]),
        (_("angle in degrees"), [*moves.movement.degrees]),
        (_("cosine of updates"), [None, *moves.turns][: len(moves.movement.distance)]),
        (_("distance to the last state"), [*moves.remaining[1:]]),
    ]


def course_figure(moves: RunMoves, beside: Sequence[RunMoves]) -> Figure:
    """Four small charts over the executed layers, with axes that suit all of ``beside``, which includes ``moves``."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    found = courses(moves)
    made = make_subplots(
        rows=2, cols=2, horizontal_spacing=0.11, vertical_spacing=0.2, subplot_titles=[title for title, _v in found]
    )
    made.update_layout(figure(height=430).layout, showlegend=False)
    made.update_annotations(font_size=13)
    groups = moves.ran.groups
    longest = max(len(one.ran.groups) for one in beside)
    size = max(6, min(19, 260 // longest))
    for place, (_title, values) in enumerate(found):
        row, column = place // 2 + 1, place % 2 + 1
        made.add_trace(
            go.Scatter(
                x=list(range(len(values))),
                y=values,
                mode="lines+markers+text" if size >= LABEL else "lines+markers",
                line={"color": THREAD, "width": 1.5},
                text=[slot_letter(group) for group in groups],
                textfont={"color": "#ffffff", "size": 11},
                marker={"color": [slot_colour(group) for group in groups], "size": size, "line": {"width": 0}},
                hovertemplate=_("layer {layer}, slot {letter}", layer="%{x}", letter="%{text}")
                + "<br>%{y:.3g}<extra></extra>",
            ),
            row=row,
            col=column,
        )
        everything = [value for one in beside for value in courses(one)[place][1] if value is not None]
        top = max(everything, default=1.0)
        ends = [-1.15, 1.15] if place == 2 else [-0.08 * top, 1.15 * top or 1.0]
        style = {"gridcolor": GRID, "linecolor": AXIS, "zeroline": False, "automargin": True, "row": row, "col": column}
        made.update_xaxes(
            title=_("executed layer") if row == 2 else None,
            dtick=1 if longest <= 8 else None,
            range=[-0.6, longest - 0.4],
            **style,
        )
        made.update_yaxes(range=ends, **style)
    return made


def paths_figure(moves: RunMoves) -> Figure:
    """The states of the drawn tokens on a plane: one line each, from a ring to its token."""
    import plotly.graph_objects as go

    made = figure(height=430)
    names, groups = layer_names(moves.ran), moves.ran.groups
    size = max(7, min(17, 200 // len(groups)))
    colours = [INPUT, *(slot_colour(group) for group in groups)]
    letters = ["", *(slot_letter(group) for group in groups)]
    last = len(groups)
    for column, position in enumerate(moves.drawn):
        across, up = moves.points[:, column, 0].tolist(), moves.points[:, column, 1].tolist()
        token = _token(moves.positions, position)
        made.add_trace(
            go.Scatter(
                x=across,
                y=up,
                mode="lines+markers+text" if size >= LABEL else "lines+markers",
                line={"color": THREAD, "width": 1.2},
                text=letters,
                textfont={"color": "#ffffff", "size": 10},
                marker={
                    "color": colours,
                    "size": [size] * last + [size + 6],
                    "symbol": ["circle-open", *["circle"] * last],
                    "line": {"width": [2, *[0] * last], "color": colours},
                    "opacity": 1,
                },
                customdata=[[token, name] for name in names],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            )
        )
        made.add_annotation(x=across[-1], y=up[-1], text=token, showarrow=False, xanchor="left", xshift=size)
    first, second = (f"{100 * share:.0f}" for share in moves.shares)
    made.update_layout(showlegend=False, dragmode="pan")
    made.update_xaxes(title=_("first component: {percent} % of the variance", percent=first), showticklabels=False)
    made.update_yaxes(title=_("second: {percent} %", percent=second), showticklabels=False, scaleanchor="x")
    return made


def _token(labels: Sequence[str], position: int) -> str:
    """What stands at ``position``, with its place; plotly would read markup."""
    return f"{escape(visible(labels[position])[:20])} ({position})"


def layer_names(ran: StackLayers) -> list[str]:
    """The rows of states: the input, then each executed layer with its slot, and its loop where there are several."""
    several = max(ran.loops, default=0) > 1
    names = [_("input")]
    for place, (group, loop) in enumerate(zip(ran.groups, ran.loops, strict=True)):
        name = _("layer {layer}, slot {letter}", layer=place, letter=slot_letter(group))
        if several and loop:
            name = _("{layer}, loop {loop}", layer=name, loop=loop)
        names.append(name)
    return names


def matrix_figure(found: Likeness, rows: str, columns: str) -> Figure:
    """Every layer of ``rows`` against every one of ``columns``, the first above, on the measure's one scale."""
    import plotly.graph_objects as go

    (low, high), colours = SCALES[found.measure]
    height, width = found.values.shape
    values: list[list[float | None]] = [
        [None if np.isnan(value) else float(value) for value in row] for row in found.values
    ]
    down, across = layer_names(found.rows), layer_names(found.columns)
    made = figure(height=110 + max(220, min(420, 34 * height)))
    made.add_trace(
        go.Heatmap(
            z=values,
            zmin=low,
            zmax=high,
            colorscale=[list(one) for one in colours],
            xgap=1,
            ygap=1,
            hoverongaps=False,
            customdata=[[[one, other] for other in across] for one in down],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{z:.3f}<extra></extra>",
            colorbar={"thickness": 10, "outlinewidth": 0, "len": 0.9},
        )
    )
    if max(height, width) <= MOST_WRITTEN:
        _write(made, values, found.measure)
    made.update_xaxes(**_ticks(found.columns), title=columns, showgrid=False, constrain="domain")
    made.update_yaxes(
        **_ticks(found.rows), title=rows, showgrid=False, autorange="reversed", scaleanchor="x", constrain="domain"
    )
    return made


def _write(made: Figure, values: Sequence[Sequence[float | None]], measure: str) -> None:
    """Every value in its cell, in black or white."""
    import plotly.graph_objects as go
    from plotly.colors import sample_colorscale

    (low, high), colours = SCALES[measure]
    cells = [
        (column, row, value)
        for row, line in enumerate(values)
        for column, value in enumerate(line)
        if value is not None
    ]
    if not cells:
        return
    places = [min(1.0, max(0.0, (value - low) / (high - low))) for _column, _row, value in cells]
    backs = sample_colorscale([list(one) for one in colours], places, colortype="tuple")
    inks = [ink_on("#" + "".join(f"{round(255 * part):02x}" for part in back)) for back in backs]
    made.add_trace(
        go.Scatter(
            x=[column for column, _row, _value in cells],
            y=[row for _column, row, _value in cells],
            text=[f"{value:.2f}" for _column, _row, value in cells],
            mode="text",
            textfont={"color": inks, "size": 11},
            hoverinfo="skip",
            showlegend=False,
        )
    )


def _ticks(ran: StackLayers) -> dict[str, Any]:
    """Letters and numbers of the layers; of many only some."""
    marks = ["–", *(f"{slot_letter(group)}{place}" for place, group in enumerate(ran.groups))]
    step = 1 + (len(marks) - 1) // 14
    shown = range(0, len(marks), step)
    return {"tickvals": list(shown), "ticktext": [marks[place] for place in shown]}
