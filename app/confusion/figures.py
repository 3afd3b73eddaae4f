"""Which classes are confused, as plotly figures and sentences. No streamlit here. Start at matrix_figure.

Blue is right, vermilion is wrong: readers who confuse red and green tell them apart. Both are drawn with more or less
of the page behind them, so one figure suits the light and the dark theme.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from app.look.charts import figure
from app.look.colours import SLOTS
from clps_core.data.confusion import Confused, Confusion
from clps_core.numbers import percent
from clps_core.shown import isolated
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["difference_figure", "matrix_figure", "pair_sentence", "short_name", "told"]

BLUE, VERMILION = SLOTS[0], SLOTS[1]
LONGEST = 20
TOLD = 3
WITH_NUMBERS = 12
"""Classes up to which a cell has room for its number."""
DARK = 0.55
"""From this share of colour on, a cell's number is white."""


def short_name(name: str, longest: int = LONGEST) -> str:
    """A class's name that has room beside a figure."""
    if len(name) > longest:  # names that begin alike often end differently
        name = f"{name[: longest - 8]}…{name[-7:]}"
    return isolated(name, keep="")


def told(one: Confusion) -> str:
    """How much is confused, and what most: true for any matrix."""
    if not one.confused:
        return _("All {n} test examples were classified correctly.", n=f"{one.examples:,}")
    pairs = "; ".join(pair_sentence(one, pair) for pair in one.confused[:TOLD])
    wrong = {"wrong": f"{one.examples - one.right:,}", "n": f"{one.examples:,}"}
    return _("{wrong} of {n} test examples were classified incorrectly. Most often: {pairs}.", pairs=pairs, **wrong)


def pair_sentence(one: Confusion, pair: Confused) -> str:
    """``Spanish taken for Galician (12 of 70, 17 %)``."""
    return _(
        "{right} predicted as {said} ({count} of {of}, {share})",
        right=short_name(one.classes[pair.right], 40),
        said=short_name(one.classes[pair.said], 40),
        count=pair.count,
        of=pair.of,
        share=percent(pair.count / pair.of, 0),
    )


def matrix_figure(one: Confusion, places: Sequence[int]) -> Figure:
    """The share of each class that was taken for each, of the classes at ``places``; numbers are counts."""
    shares = one.shares[np.ix_(places, places)]
    own = np.eye(len(places), dtype=bool)
    wrong = np.where(own, np.nan, shares)
    most = np.nanmax(wrong) if (wrong > 0).any() else 1.0
    depth = np.nan_to_num(np.where(own, shares, shares / most))
    made = _empty(one, places)
    texts = _hover(one, places)
    made.add_trace(_heat(np.where(own, shares, np.nan), BLUE, 1.0, texts))
    made.add_trace(_heat(np.where(wrong > 0, wrong, np.nan), VERMILION, float(most), texts))
    if len(places) <= WITH_NUMBERS:
        counts = one.counts[np.ix_(places, places)]
        _numbers(made, depth, [[f"{count:,}" if count else "" for count in row] for row in counts.tolist()])
    return made


def difference_figure(one: Confusion, other: Confusion, places: Sequence[int]) -> Figure:
    """By how many percentage points ``other`` has more (blue) or less (vermilion) than ``one`` in each cell."""
    change = (other.shares - one.shares)[np.ix_(places, places)] * 100
    most = float(np.nanmax(np.abs(change))) if np.isfinite(change).any() else 0.0
    made = _empty(one, places)
    texts = [
        [
            _("{right} predicted as {said}: {one} and {other}",
              right=_plotly(one.classes[right]), said=_plotly(one.classes[said]),
              one=_share(one, right, said), other=_share(other, right, said))
            for said in places
        ]
        for right in places
    ]  # fmt: skip
    made.add_trace(_heat(np.where(change > 0, change, np.nan), BLUE, most or 1.0, texts))
    made.add_trace(_heat(np.where(change < 0, -change, np.nan), VERMILION, most or 1.0, texts))
    if len(places) <= WITH_NUMBERS:
        depth = np.nan_to_num(np.abs(change)) / (most or 1.0)
        _numbers(made, depth, [[_points(value) for value in row] for row in change.tolist()])
    return made


def _points(value: float) -> str:
    return "" if math.isnan(value) or abs(value) < 0.5 else f"{value:+.0f}"


def _share(one: Confusion, right: int, said: int) -> str:
    share = float(one.shares[right, said])
    return percent(None if math.isnan(share) else share)


def _plotly(name: str, longest: int = 60) -> str:
    """A name as plotly shows it: it takes tags for markup."""
    return html.escape(short_name(name, longest), quote=False)


def _empty(one: Confusion, places: Sequence[int]) -> Figure:
    count = len(places)
    made = figure(x_title=_("predicted class"), y_title=_("true class"), height=min(880, 150 + max(26 * count, 130)))
    names = [_plotly(one.classes[place], LONGEST) for place in places]
    ticks: dict[str, Any] = {"tickvals": list(range(count)), "ticktext": names, "showgrid": False, "showline": False}
    made.update_xaxes(**ticks, range=[-0.5, count - 0.5], tickangle=-45 if count > 3 else 0)
    made.update_yaxes(**ticks, range=[count - 0.5, -0.5])
    made.update_layout(showlegend=False)
    return made


def _heat(values: Any, colour: str, most: float, texts: Sequence[Sequence[str]]) -> Any:
    import plotly.graph_objects as go

    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return go.Heatmap(
        z=[[None if math.isnan(value) else value for value in row] for row in values.tolist()],
        zmin=0.0,
        zmax=most,
        colorscale=[[0, f"rgba({red},{green},{blue},0.06)"], [1, f"rgba({red},{green},{blue},1)"]],
        showscale=False,
        xgap=1,
        ygap=1,
        customdata=texts,
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
    )


def _hover(one: Confusion, places: Sequence[int]) -> list[list[str]]:
    return [
        [
            _("{right} predicted as {said}: {count} of {of} ({share})",
              right=_plotly(one.classes[right]), said=_plotly(one.classes[said]),
              count=int(one.counts[right, said]), of=one.figures[right].examples, share=_share(one, right, said))
            for said in places
        ]
        for right in places
    ]  # fmt: skip


def _numbers(made: Figure, depth: Any, texts: Sequence[Sequence[str]]) -> None:
    """A number in each cell: white on much colour, else in the page's own ink."""
    import plotly.graph_objects as go

    for dark in (False, True):
        cells = [
            (column, row, text)
            for row, line in enumerate(texts)
            for column, text in enumerate(line)
            if text and (depth[row][column] >= DARK) == dark
        ]
        if cells:
            columns, rows, said = zip(*cells, strict=True)
            font = {"size": 12, **({"color": "#ffffff"} if dark else {})}
            made.add_trace(
                go.Scatter(x=columns, y=rows, text=said, mode="text", textfont=font, hoverinfo="skip", cliponaxis=False)
            )
