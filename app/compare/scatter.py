"""Quality against a cost (stored parameters, say) as a plotly figure; no streamlit here. Start at quality_scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from app.look.charts import AXIS, figure, y_axis
from app.runs.names import shortened
from clps_core.tasks import TaskFacts
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

__all__ = ["SYMBOLS", "Dot", "error_bar", "label_places", "quality_scatter"]

RING = "rgba(128, 132, 145, 0.95)"
RING_SIZE = 23
CLOSE = 0.3
"""With all dots in so small a part of the range, only that part is drawn."""
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "star")
LONGEST_NAME = 34
HAIR = 0.01
LETTER, LINE, MARK = 0.0125, 0.075, 0.02
"""A letter's width, a line's height and half a mark, as parts of the plot of a narrow window."""
SIDES = {"middle right": (1, 0), "middle left": (-1, 0), "top center": (0, 1), "bottom center": (0, -1)}
"""Where a name may stand, as plotly calls it; to the left and right of the mark, above and below."""


@dataclass(frozen=True)
class Dot:
    """One design: ``quality`` is the mean over its seeds, ``deviation`` their spread if there are several.

    ``front``: no other is as good for as little.
    """

    name: str
    colour: str
    cost: float
    quality: float
    deviation: float | None = None
    cost_deviation: float | None = None
    front: bool = False


@dataclass(frozen=True)
class Box:
    """A rectangle in parts of the plot: 0 to 1 from left to right and from the bottom up."""

    left: float
    right: float
    bottom: float
    top: float

    def hidden(self, other: Box) -> float:
        """How much of the two lies on one another."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, wide) * max(0.0, high)

    @property
    def outside(self) -> float:
        """How far it leaves the plot to the left and to the right."""
        return max(0.0, -self.left) + max(0.0, self.right - 1)


def quality_scatter(dots: Sequence[Dot], task: TaskFacts, title: str, cost: str | None = None) -> Figure:
    """Up and left is better (down and left where lower is better); the baseline is a dashed line.

    ``cost``: what the axis from left to right is called, by default the stored parameters. Dots on the front have a
    ring, and steps join them.
    """
    judge, whole = task.judged_by, task.judged_by.around(0.08, 0.04)
    whole = None if whole and _close(dots, task) else whole
    made = figure(x_title=cost or _("stored parameters"), y_title=title, height=340)
    most, fewest = (pick(dot.cost for dot in dots) for pick in (max, min))
    log = 0 < fewest <= most / 12
    wide = (math.log10(fewest) - 0.1, math.log10(most) + 0.12) if log else (0.0, most * 1.08)
    high = whole or _with_margin([end for dot in dots for end in _ends(dot)])
    names = [shortened(dot.name, LONGEST_NAME) for dot in dots]
    places = [(_part(math.log10(dot.cost) if log else dot.cost, wide), _part(dot.quality, high)) for dot in dots]
    baseline = _("baseline: {name}", name=task.baseline_name)
    level = _part(task.baseline, high)
    long = len(baseline) * LETTER
    crowded = any(x < long + MARK and abs(y - level) < 2 * LINE for x, y in places)
    side, left = ("bottom right", 1 - long) if crowded else ("bottom left", 0.0)
    taken = [Box(left, left + long, level - LINE, level)] if whole else []
    taken += _steps([place for place, dot in zip(places, dots, strict=True) if dot.front])
    taken += [
        Box(x - HAIR, x + HAIR, *(_part(end, high) for end in _ends(dot)))
        for (x, _y), dot in zip(places, dots, strict=True)
        if dot.deviation
    ]
    for number, (dot, place) in enumerate(zip(dots, label_places(places, names, taken), strict=True)):
        made.add_trace(_mark(dot, names[number], place, SYMBOLS[number % len(SYMBOLS)], percent=judge.percent))
    _join_front(made, dots, wide, log=log)
    if whole:
        label = {"annotation_text": baseline, "annotation_position": side}
        made.add_hline(y=task.baseline, line={"dash": "dash", "width": 1, "color": AXIS}, **label)
    made.update_yaxes(**y_axis(judge, 0.08, 0.04))
    if not whole:
        made.update_yaxes(range=high)
    made.update_xaxes(
        range=wide,
        type="log" if log else "linear",
        dtick="D2" if log and most < 1000 * fewest else None,
        tickformat="~s",
    )
    made.update_layout(showlegend=False)
    return made


def _mark(dot: Dot, name: str, side: str, symbol: str, *, percent: bool) -> Scatter:
    """One design with its name at ``side``."""
    import plotly.graph_objects as go

    value = "%{y:.1%}" if percent else "%{y:.4g}"
    return go.Scatter(
        x=[dot.cost],
        y=[dot.quality],
        error_x=error_bar(dot.cost_deviation),
        error_y=error_bar(dot.deviation),
        mode="markers+text",
        text=[_beside_ring(name, side) if dot.front else name],
        hovertext=[dot.name],
        textposition=side,
        cliponaxis=False,
        name=dot.name,
        marker={"color": dot.colour, "size": 13, "symbol": symbol},
        hovertemplate="%{hovertext}<br>%{x:,.4~s}<br>" + value + "<extra></extra>",
    )


def _beside_ring(name: str, side: str) -> str:
    """``name`` with a gap on the side of the mark, so that it stands outside of the ring."""
    gap = "\u2002"
    return {"middle left": f"{name}{gap}", "middle right": f"{gap}{name}"}.get(side, name)


def _ends(dot: Dot) -> tuple[float, float]:
    return dot.quality - (dot.deviation or 0.0), dot.quality + (dot.deviation or 0.0)


def _close(dots: Sequence[Dot], task: TaskFacts) -> bool:
    """Whether the dots lie in a small part of the metric's range, without the baseline, so that this part is drawn."""
    ends = [end for dot in dots for end in _ends(dot)]
    low, high = task.judged_by.range or (0.0, 0.0)
    reach = max(ends) - min(ends)
    return 0 < reach < CLOSE * (high - low) and not min(ends) - reach <= task.baseline <= max(ends) + reach


def error_bar(deviation: float | None) -> dict[str, object] | None:
    """A bar of one standard deviation to both sides; ``None`` where there is no spread."""
    return {"type": "data", "array": [deviation], "thickness": 1.5} if deviation else None


def _steps(places: Sequence[tuple[float, float]]) -> list[Box]:
    """Where the steps lie that join the marks at ``places``."""
    ordered = sorted(places)
    ends = [*(x for x, _y in ordered[1:]), 1.0][: len(ordered)]
    flat = [Box(x, end, y - HAIR, y + HAIR) for (x, y), end in zip(ordered, ends, strict=True)]
    lows = [Box(x - HAIR, x + HAIR, low, y) for (_x, low), (x, y) in pairwise(ordered)]
    return flat + lows


def _join_front(made: Figure, dots: Sequence[Dot], wide: tuple[float, float], *, log: bool) -> None:
    """Steps through the dots on the front: at each cost the best quality that is to be had."""
    import plotly.graph_objects as go

    edge = sorted((dot.cost, dot.quality) for dot in dots if dot.front)
    if edge:
        costs, qualities = zip(*edge, strict=True)
        end = 10 ** wide[1] if log else wide[1]
        made.add_trace(
            go.Scatter(
                x=[*costs, end],
                y=[*qualities, qualities[-1]],
                mode="lines+markers",
                line={"shape": "hv", "dash": "dot", "width": 1.5, "color": RING},
                marker={
                    "symbol": "circle-open",
                    "size": [RING_SIZE] * len(edge) + [0],
                    "line": {"width": 2},
                    "color": RING,
                    "opacity": 1,
                },
                hoverinfo="skip",
            )
        )


def label_places(
    places: Sequence[tuple[float, float]], names: Sequence[str], occupied: Sequence[Box] = ()
) -> list[str]:
    """The side of each mark on which its name hides least; ``places`` in parts of the plot, names in their order.

    ``occupied``: where other words stand.
    """
    taken = [Box(x - MARK, x + MARK, y - LINE / 2, y + LINE / 2) for x, y in places] + list(occupied)
    sides = []
    for own, ((x, y), name) in enumerate(zip(places, names, strict=True)):
        boxes = {side: _box(x, y, len(name) * LETTER, *way) for side, way in SIDES.items()}
        others = [*taken[:own], *taken[own + 1 :]]

        def harm(side: str, boxes: dict[str, Box] = boxes, others: list[Box] = others) -> float:
            return boxes[side].outside + 10 * sum(boxes[side].hidden(other) for other in others)

        best = min(boxes, key=harm)  # of equal ones the first
        taken.append(boxes[best])
        sides.append(best)
    return sides


def _box(x: float, y: float, width: float, right: int, up: int) -> Box:
    """Where a name of this ``width`` stands beside a mark at (x, y)."""
    middle = x + right * (MARK + width / 2)
    return Box(middle - width / 2, middle + width / 2, y + up * LINE - LINE / 2, y + up * LINE + LINE / 2)


def _part(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / ((ends[1] - ends[0]) or 1.0)


def _with_margin(values: Sequence[float]) -> tuple[float, float]:
    margin = 0.1 * (max(values) - min(values)) or 1.0
    return min(values) - margin, max(values) + margin
