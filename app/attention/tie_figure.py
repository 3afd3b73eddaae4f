"""What each use of a shared weight adds to its gradient, as bars. No streamlit. Start at shares_figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.design.drawn import stack_title
from app.look.charts import AXIS, figure
from app.look.strategy_names import target_name
from clps_core.tie import TieUse
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["shares_figure", "use_titles"]


def shares_figure(uses: Sequence[TieUse], colour: str) -> Figure:
    """A bar per use, the first above: its share of the sum, to the left where it pulls the other way."""
    titles = use_titles(uses)
    made = figure(x_title=_("share of the gradient, in %"), height=max(150, 90 + 26 * len(uses)))
    made.add_bar(
        x=[100 * (use.share or 0.0) for use in uses],
        y=titles,
        orientation="h",
        marker={"color": colour},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    made.update_layout(showlegend=False, bargap=0.35)
    made.update_xaxes(zeroline=True, zerolinecolor=AXIS)
    made.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return made


def use_titles(uses: Sequence[TieUse]) -> list[str]:
    """What each use is called: its stack where there are two, its executed layer, component and loop."""
    several = len({use.stack for use in uses}) > 1
    return [_title(use, several=several) for use in uses]


def _title(use: TieUse, *, several: bool) -> str:
    layer = _("layer {layer}", layer=use.place)
    name = f"{stack_title(use.stack)}, {layer}" if several else layer
    name = f"{name}, {target_name(use.component)}"
    return _("{use}, loop {loop}", use=name, loop=use.loop) if use.loop else name
