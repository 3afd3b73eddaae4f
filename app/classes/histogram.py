"""How often each answer was given, as bars for a room. No streamlit here. Start at histogram and tally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING

from app.learn.chapter import Estimate, Question
from app.look.charts import figure
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["histogram", "tally"]

BINS = 10
COLOUR, RIGHT = "#1b72c5", "#038154"


def tally(question: Question, answers: Sequence[str]) -> tuple[list[tuple[str, int]], int | None]:
    """Each answer that can be given with how often it was, in order; and the place of the right one.

    Estimates are put together by tens of percent. What is no answer to this question is left out.
    """
    if isinstance(question, Estimate):
        given = Counter(_bin(int(one)) for one in answers if one.isascii() and one.isdecimal() and int(one) <= 100)
        width = 100 // BINS
        ends = [width * place + width - 1 if place < BINS - 1 else 100 for place in range(BINS)]
        names = [_("{low} to {high} %", low=width * place, high=end) for place, end in enumerate(ends)]
        return [(name, given[place]) for place, name in enumerate(names)], _bin(round(100 * question.right()))
    options = question.options()
    given_options = Counter(one for one in answers if one in options)
    return [(text, given_options[key]) for key, text in options.items()], list(options).index(question.right())


def _bin(percent: int) -> int:
    return min(BINS - 1, percent * BINS // 100)


def histogram(counts: Sequence[tuple[str, int]], right: int | None = None) -> Figure:
    """Lying bars with their number at the end, the first answer on top; ``right``: the place of the one to mark."""
    import plotly.graph_objects as go

    made = figure(height=90 + 58 * len(counts))
    names = ["<br>".join(map(escape, wrap(name, 44)))[:400] for name, _count in counts]
    made.add_trace(
        go.Bar(
            y=list(range(len(counts))),
            x=[count for _name, count in counts],
            orientation="h",
            text=[str(count) for _name, count in counts],
            textposition="outside",
            textfont={"size": 22},
            cliponaxis=False,
            marker={"color": [RIGHT if place == right else COLOUR for place in range(len(counts))]},
            hoverinfo="skip",
        )
    )
    made.update_layout(bargap=0.25, showlegend=False)
    most = max((count for _name, count in counts), default=0)
    made.update_xaxes(range=[0, max(4, 1.15 * most)], visible=False)
    made.update_yaxes(
        tickvals=list(range(len(counts))), ticktext=names, tickfont={"size": 18}, autorange="reversed", showgrid=False
    )
    return made
