"""A comparison at a glance, to open at once: who takes part, how good, how large. Start at comparison_card."""

from __future__ import annotations

import math
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from app import navigation, state
from app.look.assets import asset
from app.look.colours import strategy_colours
from app.look.formatting import ago, compact
from app.runs.names import STATUS_WORDS, run_names
from app.runs.shelf_menu import comparison_menu
from clps_core.jobs.desk import Desk
from clps_core.jobs.names import given_name
from clps_core.store import Comparison, Point, Run, Store, shelf
from clps_core.words import _, ngettext

__all__ = ["comparison_card", "featured", "pinned_runs_of"]

MOST_READ = 50
MOST_ROWS = 5
WIDTH, HEIGHT = 132, 30
PINNED = "pinned"
"""Stands for the id of the pinned runs, which are no comparison of the store."""


def featured(store: Store, asked_by: Desk) -> list[Comparison]:
    """What is worth opening now: the newest comparison, the newest finished one, and what is pinned."""
    comparisons = store.comparisons(archived=False)
    done = {run.id for run in store.runs(status="finished")}
    finished = next((one for one in comparisons[:MOST_READ] if done.issuperset(one.run_ids)), None)
    pinned = [one for one in comparisons if asked_by.pinned_here(one)]
    pinned.sort(key=lambda one: one.pinned_at or 0.0, reverse=True)
    found = [*comparisons[:1], *([finished] if finished else []), *pinned]
    return list({one.id: one for one in found}.values())


def pinned_runs_of(store: Store, asked_by: Desk) -> Comparison | None:
    """The pinned runs as one comparison, although they were not started together; ``None`` for none."""
    ids = tuple(run.id for run in shelf.pinned_runs(store) if asked_by.pinned_here(run))
    return Comparison(PINNED, _("Pinned runs"), 0.0, ids[: state.MAX_RUNS]) if ids else None


def comparison_card(store: Store, comparison: Comparison) -> None:
    """Draw it, with the ways to open it, and with its menu."""
    runs = store.some_runs(comparison.run_ids)
    made = comparison.id == PINNED
    with st.container(border=True):
        parts = [
            ngettext("{n} run", "{n} runs", len(runs)),
            *([] if made else [ago(comparison.created_at, time.time())]),
        ]
        parts += [_("pinned")] if comparison.pinned_at is not None else []
        parts += [_("started by CLPS Lab itself on its first start")] if comparison.ready else []
        rows = _rows(store, runs[:MOST_ROWS])
        more = len(runs) - MOST_ROWS
        rest = f"<p>{escape(ngettext('and {n} more', 'and {n} more', more))}</p>" if more > 0 else ""
        st.html(
            f"<style>{asset('start/comparison_card.css')}</style>"
            f'<div class="clps-card"><h3><bdi>{escape(comparison.name)}</bdi></h3><p>{escape(" · ".join(parts))}</p>'
            f"<table><caption><bdi>{escape(comparison.name)}</bdi></caption><thead><tr>{_heads(runs)}</tr></thead>"
            f"<tbody>{rows}</tbody></table>{rest}</div>"
        )
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            navigation.link("compare", _("Open the comparison"), query={state.RUNS: state.run_ids(runs)})
            seen = next((run for run in runs if run.step), None)
            if seen is not None:
                navigation.link("attention", _("Look inside"), query={state.RUN: seen.id})
            if not made:
                comparison_menu(store, comparison, place="card")


def _heads(runs: Sequence[Run]) -> str:
    titles = {run.facts.judged_by.title for run in runs}
    quality = titles.pop() if len(titles) == 1 else _("Quality")
    heads = (_("Design"), _("Stored"), quality, "")
    return "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)


def _rows(store: Store, runs: Sequence[Run]) -> str:
    curves = {run.id: _scores(store, run) for run in runs}
    colours = strategy_colours(run.strategy for run in runs)
    names = run_names(runs)
    return "".join(
        _row(run, names[run.id], colours[run.strategy], curves[run.id], *_scale(run, runs, curves)) for run in runs
    )


def _scale(run: Run, runs: Sequence[Run], curves: Mapping[str, Sequence[Point]]) -> tuple[float, float]:
    """What is lowest and highest in the curves of the run's task: all that is possible, or what all of them span."""
    if (whole := run.facts.judged_by.range) is not None:
        return whole
    values = [point.value for one in runs if one.task == run.task for point in curves[one.id]]
    finite = [value for value in values if math.isfinite(value)]
    return min(finite, default=0.0), max(finite, default=1.0)


def _row(run: Run, name: str, colour: str, scores: Sequence[Point], low: float, high: float) -> str:
    last = scores[-1].value if scores else None
    value = run.facts.judged_by.shown(last) if last is not None else escape(_status(run))
    return (
        f'<tr><th scope="row" title="{escape(run.name, quote=True)}"><i style="background:{colour}"></i>'
        f"{escape(given_name(run) or name)}</th>"
        f"<td>{compact(run.unique_parameters)}</td><td>{value}</td>"
        f"<td>{_sparkline([point.value for point in scores], colour, low, high)}</td></tr>"
    )


def _sparkline(values: Sequence[float], colour: str, low: float, high: float) -> str:
    """A small curve as an image, since the page's HTML may hold no SVG; all rows have one scale."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    height = (high - low) or 1.0
    places = " ".join(
        f"{3 + (WIDTH - 6) * at / (len(finite) - 1):.1f},{HEIGHT - 4 - (HEIGHT - 8) * (value - low) / height:.1f}"
        for at, value in enumerate(finite)
    )
    x, y = places.rpartition(" ")[2].split(",")
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'
        f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/></svg>'
    )
    coded = b64encode(drawn.encode()).decode()
    return f'<img alt="" width="{WIDTH}" height="{HEIGHT}" src="data:image/svg+xml;base64,{coded}">'


def _scores(store: Store, run: Run) -> list[Point]:
    return store.curve(run.id, "validation", run.facts.judged_by.name, coarse=True)


def _status(run: Run) -> str:
    return STATUS_WORDS.get(run.status, run.status)
