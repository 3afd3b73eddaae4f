"""A comparison at a glance, to open at once: who takes part, how good, how large. Start at comparison_card."""

from __future__ import annotations

import math
import time
from base64 import b64encode
from collections.abc import Sequence
from html import escape

import streamlit as st

from app import navigation, state
from app.colours import strategy_colours
from app.components.assets_folder import asset
from app.components.run_names import run_names
from app.formatting import ago, compact, metric
from clps_core.store import Comparison, Point, Run, Store
from clps_core.tasks import TASKS
from clps_core.words import _, ngettext

__all__ = ["comparison_card", "featured"]

MOST_READ = 50
MOST_ROWS = 5
WIDTH, HEIGHT = 132, 30


def featured(store: Store) -> list[Comparison]:
    """What is worth opening now: the newest comparison, and the newest one that is finished if that is another."""
    comparisons = store.comparisons()[:MOST_READ]
    done = {run.id for run in store.runs(status="finished")}
    finished = next((one for one in comparisons if done.issuperset(one.run_ids)), None)
    return list(dict.fromkeys([*comparisons[:1], *([finished] if finished else [])]))


def comparison_card(store: Store, comparison: Comparison) -> None:
    """Draw it, with the ways to open it."""
    runs = store.some_runs(comparison.run_ids)
    count = ngettext("{n} run", "{n} runs", len(runs))
    with st.container(border=True):
        head = f"{escape(count)} · {escape(ago(comparison.created_at, time.time()))}"
        rows = _rows(store, runs[:MOST_ROWS])
        more = len(runs) - MOST_ROWS
        rest = f"<p>{escape(ngettext('and {n} more', 'and {n} more', more))}</p>" if more > 0 else ""
        st.html(
            f"<style>{asset('comparison_card.css')}</style>"
            f'<div class="clps-card"><h3>{escape(comparison.name)}</h3><p>{head}</p>'
            f"<table><caption>{escape(comparison.name)}</caption><thead><tr>{_heads(runs)}</tr></thead>"
            f"<tbody>{rows}</tbody></table>{rest}</div>"
        )
        with st.container(horizontal=True, gap="medium"):
            ids = ",".join(run.id for run in runs)
            navigation.link("compare", _("Open the comparison"), query={state.RUNS: ids})
            seen = next((run for run in runs if run.step), None)
            if seen is not None:
                navigation.link("attention", _("Look inside"), query={state.RUN: seen.id})


def _heads(runs: Sequence[Run]) -> str:
    quality = _metric_title(runs[0].task) if runs else ""
    heads = (_("Design"), _("Stored"), quality, "")
    return "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)


def _rows(store: Store, runs: Sequence[Run]) -> str:
    curves = [_scores(store, run) for run in runs]
    values = [point.value for curve in curves for point in curve if math.isfinite(point.value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if runs and _metric(runs[0].task) != "perplexity":
        low, high = 0.0, 1.0
    colours = strategy_colours(run.strategy for run in runs)
    names = run_names(runs)
    return "".join(
        _row(run, names[run.id], colours[run.strategy], curve, low, high)
        for run, curve in zip(runs, curves, strict=True)
    )


def _row(run: Run, name: str, colour: str, scores: Sequence[Point], low: float, high: float) -> str:
    last = scores[-1].value if scores else None
    value = metric(_metric(run.task), last) if last is not None else escape(_status(run))
    return (
        f'<tr><th scope="row" title="{escape(run.name, quote=True)}"><i style="background:{colour}"></i>'
        f"{escape(name)}</th>"
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
    return store.curve(run.id, "validation", _metric(run.task), coarse=True)


def _metric(task: str) -> str:
    return TASKS[task].metric if task in TASKS else "loss"


def _metric_title(task: str) -> str:
    titles = {"exact_match": _("Exact match"), "accuracy": _("Accuracy"), "perplexity": _("Perplexity")}
    return titles.get(_metric(task), _("Loss"))


def _status(run: Run) -> str:
    titles = {
        "queued": _("queued"),
        "running": _("running"),
        "finished": _("finished"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
        "paused": _("paused"),
    }
    return titles.get(run.status, run.status)
