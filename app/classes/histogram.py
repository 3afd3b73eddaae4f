"""How often each answer was given, as bars for a room. No streamlit here. Start at histogram and tally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from app.learn.chapter import Estimate, Question
from app.look.assets import asset
from clps_core.words import _

__all__ = ["histogram", "tally"]

BINS = 10


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


def histogram(counts: Sequence[tuple[str, int]], right: int | None = None) -> str:
    """HTML: a bar for each answer with its number, in their order; ``right``: the place of the one to mark.

    The longest bar has the width that is left. Answers are shown as text, whatever they contain.
    """
    most = max((count for _name, count in counts), default=0) or 1
    rows = []
    for place, (name, count) in enumerate(counts):
        marked, told = (' class="right"', f"✓ {name}") if place == right else ("", name)
        width = 0.85 * 100 * count / most
        rows.append(f'<dt>{escape(told)}</dt><dd{marked}><i style="width: {width:.1f}%"></i><b>{count}</b></dd>')
    return f'<style>{asset("classes/histogram.css")}</style><dl class="clps-answers">{"".join(rows)}</dl>'
