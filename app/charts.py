"""Records to plotly figures; no streamlit here. Start at figure.

Figures are transparent and draw their lines in a half-transparent grey, so that one figure suits the
light and the dark theme; text colours come from Streamlit's own plotly theme. plotly is imported
inside functions: a page without a chart does not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["CONFIG", "GRID", "figure"]

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
