"""Records to plotly figures; no streamlit here. Start at figure.

Figures are transparent and draw their lines in a half-transparent grey, so that one figure suits the
light and the dark theme; text colours come from Streamlit's own plotly theme. plotly is imported
inside functions: a page without a chart does not pay for it.
"""

from __future__ import annotations

from itertools import cycle
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

from clps_core.metrics import Metric
from clps_core.words import _, kept_by_language

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["CONFIG", "GRID", "CostBar", "cost_bars", "figure", "y_axis"]

GRID = "rgba(128, 132, 145, 0.25)"
AXIS = "rgba(128, 132, 145, 0.55)"

CONFIG: dict[str, Any] = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
"""What ``st.plotly_chart(config=...)`` gets everywhere."""


def figure(*, x_title: str | None = None, y_title: str | None = None, height: int = 360) -> Figure:
    """An empty figure in the house style."""
    import plotly.graph_objects as go

    made = go.Figure()
    made.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None},
        hoverlabel={"namelength": -1},
        bargap=0.35,
    )
    made.update_xaxes(title=x_title, gridcolor=GRID, linecolor=AXIS, zeroline=False, automargin=True)
    made.update_yaxes(title=y_title, gridcolor=GRID, linecolor=AXIS, zeroline=False, automargin=True)
    return made


def y_axis(metric: Metric, below: float, above: float) -> dict[str, Any]:
    """How plotly draws a metric's axis: percent for a share, and all values that are possible, with air at the ends."""
    ends = metric.around(below, above)
    return {
        **({"tickformat": ".0%"} if metric.percent else {}),
        **({"range": list(ends)} if ends is not None else {}),
    }


class CostBar(NamedTuple):
    """One design's stored parameters by part (the same parts for all bars of a chart), and what it executes."""

    name: str
    colour: str
    parts: tuple[tuple[str, int], ...]
    executed: int


PART_MIXES = (("#000000", 0.0), ("#000000", 0.16), ("#000000", 0.32), ("#6b7685", 0.6), ("#6b7685", 0.9))
"""What a design's colour is mixed with for each part in turn: neighbours differ, white words stay readable."""

LETTER_SHARE = 0.014
"""The part of a bar's longest length that one letter of its label takes, also in a narrow window."""


@kept_by_language(maxsize=256)
def cost_bars(bars: tuple[CostBar, ...]) -> Figure:
    """One bar of stored parameters per design in its own colour, a tick where the executed ones end.

    Kept, since plotly takes longer to check a figure than the page for all else: nobody may change what they get.
    """
    import plotly.graph_objects as go

    made = figure(height=64 + 48 * len(bars))
    names = ["<br>".join(wrap(bar.name, 26)[:2]) for bar in bars]
    longest = max(bar.executed for bar in bars)
    for place, (other, share) in zip(range(len(bars[0].parts)), cycle(PART_MIXES), strict=False):
        part = bars[0].parts[place][0]
        values = [bar.parts[place][1] for bar in bars]
        made.add_bar(
            x=values,
            y=names,
            orientation="h",
            name=part,
            marker={
                "color": [_mixed(bar.colour, other, share) for bar in bars],
                "line": {"width": 0.5, "color": "rgba(255, 255, 255, 0.35)"},
            },
            text=[part if value > LETTER_SHARE * len(part) * longest else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": "#ffffff"},
            constraintext="none",
            hovertemplate="%{y}<br>" + part + ": %{x:,}<extra></extra>",
        )
    made.add_trace(
        go.Scatter(
            x=[bar.executed for bar in bars],
            y=names,
            mode="markers",
            name=_("executed"),
            marker={"symbol": "line-ns", "size": 26, "line": {"width": 2, "color": [bar.colour for bar in bars]}},
            hovertemplate="%{y}<br>" + _("executed") + ": %{x:,}<extra></extra>",
        )
    )
    made.update_layout(barmode="stack", showlegend=False, bargap=0.42)
    made.update_xaxes(range=[0, 1.04 * longest], tickformat="~s", title=_("parameters"))
    made.update_yaxes(autorange="reversed", showgrid=False)
    return made


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = ((int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * one + share * two):02x}" for one, two in pairs)
