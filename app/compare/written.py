"""What language models wrote while they were trained, one design beside the other. Start at written_section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from app.look.assets import asset
from app.look.colours import strategy_colours
from app.look.ticking import ticking
from app.runs.names import run_names
from app.services import page_guard
from app.services import store as the_store
from clps_core.data.text_samples import TEMPERATURE, TextSample, kept_samples
from clps_core.store import Run
from clps_core.words import _, ngettext

__all__ = ["written_section"]

TICK_SECONDS = 5.0
MOST_RUNS, MOST_READ = 6, 50
SEED, BEGINNING = "compare.written.seed", "compare.written.beginning"


def written_section(runs: Sequence[Run]) -> None:
    """Draw it for those of ``runs`` that continue texts; it ticks while one of them is active."""
    if able := [run for run in runs if _continues(run)]:
        active = any(run.active for run in able)
        ticking("written", page_guard()(_drawn), TICK_SECONDS if active else None)([run.id for run in runs])


def _continues(run: Run) -> bool:
    return run.facts.windows and run.facts.writes


def _drawn(run_ids: Sequence[str]) -> None:
    store = the_store()
    together = store.some_runs(run_ids)
    colours = strategy_colours(run.strategy for run in together)
    runs = [run for run in together if _continues(run)]
    if not runs:
        return
    seeds = sorted({run.config.seed for run in runs})
    heading, head = st.container(), st.container(horizontal=True, vertical_alignment="bottom")
    seed = seeds[0] if len(seeds) == 1 else _chosen_seed(head, seeds)
    of_seed = [run for run in runs if run.config.seed == seed]
    kept = {run.id: kept_samples(store.run_folder(run.id)) for run in of_seed[:MOST_READ]}
    of_seed = [run for run in of_seed if kept.get(run.id)]
    found = {run.id: kept[run.id] for run in of_seed[:MOST_RUNS]}
    texts = list(dict.fromkeys(one.beginning for samples in found.values() for one in samples))
    if not texts:
        return
    heading.header(_("Generated text"), anchor=False)
    text = head.selectbox(_("Prompt"), texts, key=BEGINNING) if len(texts) > 1 else texts[0]
    st.html(_table(of_seed[:MOST_RUNS], found, text or texts[0], colours))
    if (more := len(of_seed) - MOST_RUNS) > 0:
        st.caption(ngettext("{n} more run is not shown.", "{n} more runs are not shown.", more))
    st.caption(
        _(
            "The prompt is from the test split. The continuation is sampled at temperature {temperature} with "
            "the weights of that step, always with the same random seed. One sample says little about quality; "
            "the curves say more.",
            temperature=TEMPERATURE,
        )
    )


def _chosen_seed(place: st.delta_generator.DeltaGenerator, seeds: Sequence[int]) -> int:
    chosen: int | None = place.selectbox(_("Seed"), seeds, key=SEED)
    return seeds[0] if chosen is None else chosen


def _table(
    runs: Sequence[Run], found: Mapping[str, Sequence[TextSample]], text: str, colours: Mapping[str, str]
) -> str:
    """A row for each step, a column for each run."""
    names = run_names(runs)
    said = {run.id: {one.step: one.said for one in found[run.id] if one.beginning == text} for run in runs}
    steps = sorted({step for columns in said.values() for step in columns})
    heads = "".join(
        f'<th scope="col"><i style="background:{colours[run.strategy]}"></i>{escape(names[run.id])}</th>'
        for run in runs
    )
    marks = {step: _("step {n:,}", n=step) for step in steps}
    rows = "".join(
        f'<tr><th scope="row">{escape(marks[step])}</th>'
        + "".join(f"<td>{_cell(said[run.id].get(step))}</td>" for run in runs)
        + "</tr>"
        for step in steps
    )
    caption = escape(_("{text} …", text=text))
    return (
        f"<style>{asset('compare/written.css')}</style>"
        f'<div class="clps-written" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(said: str | None) -> str:
    return "" if said is None else f"<bdi>{escape(said)}</bdi>"
