"""A ready comparison: what it shows, what it does not, its figures, and the ways in. Start at ready_comparisons."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

import streamlit as st

from app import navigation, state
from app.look.assets import asset
from app.look.colours import strategy_colours
from app.look.formatting import compact
from app.runs.names import ready_names
from app.runs.shelf_menu import comparison_menu
from clps_core.jobs.desk import Desk
from clps_core.metrics import Metric
from clps_core.samples.ready import READY, Ready
from clps_core.samples.shipped import Figures, figures_of, scores_of
from clps_core.samples.stories import FAR, design_name, judge_of, shown_spread, story_of, test_head, title_of, titled
from clps_core.store import Comparison, Store
from clps_core.sweeps.results import Spread
from clps_core.tasks import get_task
from clps_core.words import _, listed, ngettext

__all__ = ["Shipped", "bring_in", "ready_card", "ready_comparisons"]


class Shipped(NamedTuple):
    """A ready comparison that is in the store as it was shipped."""

    ready: Ready
    comparison: Comparison


def ready_comparisons(store: Store, asked_by: Desk) -> list[Shipped]:
    """Those that are pinned to this person's Start, in the order in which they are shown.

    One of which a run was deleted, or whose runs are not those that ship, is a comparison like any other.
    """
    by_first = {comparison.run_ids[0]: comparison for comparison in store.comparisons() if comparison.run_ids}
    found = []
    for ready in READY:
        comparison = by_first.get(ready.run_ids()[0])
        if comparison is not None and asked_by.pinned_here(comparison) and _is_shipped(store, ready, comparison):
            found.append(Shipped(ready, comparison))
    return found


def _is_shipped(store: Store, ready: Ready, comparison: Comparison) -> bool:
    if comparison.run_ids != ready.run_ids():
        return False
    scores = store.final_scores(comparison.run_ids)
    wanted = {run_id: scores_of(run_id) for run_id in comparison.run_ids}
    return all(
        run_id in scores and dict(scores[run_id].values) == {k: v for k, v in wanted[run_id].items() if k != "examples"}
        for run_id in comparison.run_ids
    )


def bring_in(store: Store, asked_by: Desk) -> None:
    """A button that brings in what ships and is not here: of an older home, or deleted. Nothing on a shared server."""
    here = {run.id for run in store.some_runs([one.run_ids()[0] for one in READY])}
    missing = [one for one in READY if one.run_ids()[0] not in here]
    if not missing or asked_by.policy.shared:
        return
    titles = listed(title_of(one) for one in missing)
    if st.button(
        _("Import the ready comparisons"),
        icon=":material/download:",
        key="start.bring_in",
        help=_("Finished runs that come with CLPS Lab: {titles}.", titles=titles),
    ):
        from clps_core.samples import install

        install(store, missing)
        st.rerun()


def ready_card(store: Store, shipped: Shipped) -> None:
    """Draw it, with the ways to open it, and with its menu."""
    ready, comparison = shipped
    story, title = story_of(ready), escape(titled(ready, comparison.name))
    with st.container(border=True, height="stretch"):
        st.html(
            f"<style>{asset('start/comparison_card.css')}</style>"
            f'<div class="clps-card clps-story"><h3><bdi>{title}</bdi></h3>'
            f"<p>{escape(story.shows)}</p><p><em>{escape(story.leaves_open)}</em></p>"
            f"<table><caption><bdi>{title}</bdi></caption><thead><tr>{_heads(ready)}</tr></thead>"
            f"<tbody>{_rows(ready)}</tbody></table><p>{escape(_below(ready))}</p></div>"
        )
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            runs = list(comparison.run_ids)
            navigation.link("compare", _("Compare"), query={state.RUNS: state.run_ids(runs)})
            if ready.loops:
                navigation.link("depth", _("Vary the depth"), query={state.RUNS: state.run_ids(runs)})
            first = ready.run_id(ready.designs[min(1, len(ready.designs) - 1)], ready.seeds[0])
            navigation.link("attention", _("Look inside"), query={state.RUN: first})
            comparison_menu(store, comparison, place="card")


def _heads(ready: Ready) -> str:
    heads = [_("Design"), _("Stored"), test_head(ready, judge_of(ready).title)]
    heads += [_("{n} loops, validation", n=FAR)] if ready.loops else []
    return "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)


def _rows(ready: Ready) -> str:
    figures, metric, names = figures_of(ready), judge_of(ready), ready_names(ready)
    colours = strategy_colours(one.strategy for one in figures)
    return "".join(
        f'<tr><th scope="row"><i style="background:{colours[one.strategy]}"></i>'
        f"{escape(design_name(ready, one))} <small>{escape(names[one.design.key])}</small></th>"
        f"<td>{compact(one.stored)}</td><td>{escape(shown_spread(one.spread(metric.name), metric))}</td>"
        f"{_far(one, metric)}</tr>"
        for one in figures
    )


def _far(figures: Figures, metric: Metric) -> str:
    """The cell of a design that was measured at other numbers of loops, too."""
    there = Spread.of(figures.depth[FAR][metric.name]) if figures.depth else None
    return f"<td>{escape(shown_spread(there, metric))}</td>" if there is not None else ""


def _below(ready: Ready) -> str:
    """How many seeds the figures are of, and what the best trivial answer gets."""
    task = get_task(str(ready.base["data"]["task"]))
    seeds = ngettext("{n} seed: no spread", "{n} seeds: mean ± standard deviation", len(ready.seeds))
    share = judge_of(ready).shown(task.test_baseline)
    guess = _("Baseline, without training ({baseline}): {share}", baseline=task.baseline_name, share=share)
    return f"{seeds} · {guess}"
