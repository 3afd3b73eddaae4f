"""Quality against stored parameters as a plotly figure; no streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.charts import AXIS, figure
from clps_core.tasks import TaskFacts
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Dot", "quality_scatter"]

SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "star")


@dataclass(frozen=True)
class Dot:
    """One design: ``quality`` is the mean over its seeds, ``deviation`` their spread if there are several."""

    name: str
    colour: str
    parameters: int
    quality: float
    deviation: float | None = None


def quality_scatter(dots: Sequence[Dot], task: TaskFacts, title: str) -> Figure:
    """Up and left is better (down and left where lower is better); the baseline is a dashed line."""
    import plotly.graph_objects as go

    share = task.metric != "perplexity"
    made = figure(x_title=_("stored parameters"), y_title=title, height=340)
    for place, dot in enumerate(dots):
        made.add_trace(
            go.Scatter(
                x=[dot.parameters],
                y=[dot.quality],
                error_y={"type": "data", "array": [dot.deviation], "thickness": 1.5} if dot.deviation else None,
                mode="markers+text",
                text=[dot.name],
                textposition="middle right",
                name=dot.name,
                marker={"color": dot.colour, "size": 13, "symbol": SYMBOLS[place % len(SYMBOLS)]},
                hovertemplate="%{text}<br>%{x:,}<br>" + ("%{y:.1%}" if share else "%{y:.4g}") + "<extra></extra>",
            )
        )
    label = {"annotation_text": _("baseline: {name}", name=task.baseline_name), "annotation_position": "bottom left"}
    if share:
        made.add_hline(y=task.baseline, line={"dash": "dash", "width": 1, "color": AXIS}, **label)
        made.update_yaxes(tickformat=".0%", range=[-0.08, 1.04])
    low, high = min(dot.parameters for dot in dots), max(dot.parameters for dot in dots)
    made.update_xaxes(
        range=[0, high * 1.22] if low > high / 12 else None,
        type="linear" if low > high / 12 else "log",
        tickformat="~s",
    )
    made.update_layout(showlegend=False)
    return made
