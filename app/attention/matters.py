"""Which execution of the shared weights matters? Every part of the runs left out in turn. Start at what_matters.

The figures come from a job of the queue (``clps_core.ablation``); this view asks for it, follows it and shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from app import state
from app.attention.matters_map import (
    MAP,
    Shown,
    change_text,
    interval_text,
    matters_map,
    short_interval,
    title_of,
    value_text,
    worth_of,
)
from app.attention.source import run_label
from app.chart.run_curves import short_names
from app.depth.source import deep
from app.look.address_choice import address_choice
from app.look.picture import picture
from app.look.tables import word_table
from app.look.ticking import ticking
from app.runs.background_job import ask_for, job_line, left_problems
from app.services import desk, escape_markdown, page_guard, show_problem, store
from clps_core.ablation import (
    KIND,
    WHOLE,
    Ablation,
    Effect,
    as_csv,
    edits_of,
    kept_ablations,
    keys_of,
    own_examples,
)
from clps_core.config import sharing_plan
from clps_core.errors import ConfigError
from clps_core.glossary import meaning
from clps_core.jobs import service
from clps_core.jobs.evaluations import Evaluated, evaluated
from clps_core.metrics import Metric
from clps_core.numbers import NOTHING
from clps_core.store import Run
from clps_core.words import _, ngettext, sentences

__all__ = ["what_matters"]

PAGE = "attention.matters"
TICK_SECONDS = 1.0
LEFT_OUT = "attention.matters.left_out"
"""What the address leaves out: a tick brings the address it was sent with, which a click may have overtaken."""
MOST_ROWS = 15
"""Rows of the table before somebody asks for all."""


def what_matters(runs: Sequence[Run]) -> None:
    """Draw the view: what is known of the runs, and the button that finds out more."""
    for sentence in left_problems(PAGE):
        show_problem(sentence)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        splits = {"validation": _("Validation"), "test": _("Test")}
        about = meaning("validation-split", meaning("test-split"))
        split = address_choice("attention", state.SPLIT, splits, _("Examples"), visible=True, help=about)
        names = _metrics(runs)
        titles = {name: runs[0].facts.metric_named(name).title for name in names}
        metric = address_choice("attention", state.METRIC, titles, _("Metric"), visible=True, help=meaning("metric"))
        heads = st.toggle(
            _("Include each head"), key=f"{PAGE}.heads", help=_("One more evaluation for each attention head.")
        )
    st.session_state[LEFT_OUT] = st.query_params.get_all(state.WITHOUT)
    active = any(one.job.active for one in evaluated(store(), KIND, runs).values())
    run_ids = [run.id for run in runs]
    ticking("attention.matters", _shown, TICK_SECONDS if active else None)(run_ids, active, split, metric, heads)


def _metrics(runs: Sequence[Run]) -> list[str]:
    """The metric that the runs are compared by, then their loss and others that all of them have."""
    facts = runs[0].facts
    others = [name for name in facts.metrics if name not in facts.graded]
    return list(dict.fromkeys([facts.metric, "loss", *others]))


@page_guard()
def _shown(run_ids: Sequence[str], was_active: bool, split: str, metric_name: str, heads: bool) -> None:
    runs = store().some_runs(run_ids)
    known = evaluated(store(), KIND, runs)
    if any(one.job.active for one in known.values()) != was_active or len(runs) < len(run_ids):
        st.rerun()
    if was_active:
        service.ensure_supervisor(store())
    found, names = {run.id: _ablation(run, known, split) for run in runs}, short_names(runs)
    for run in runs:
        _progress(run, names[run.id], known.get(run.id))
    _button(runs, known, found, split, heads)
    shown = [_as_shown(run, names[run.id], one) for run in runs if (one := found[run.id]) is not None and one.effects]
    metric = runs[0].facts.metric_named(metric_name)
    shown = [one for one in shown if metric.name in one.found.whole]
    if not shown:
        st.caption(sentences((_question(metric), _loops(runs))))
        return
    for run in runs:
        if all(one.run_id != run.id for one in shown):
            name = escape_markdown(names[run.id])
            st.caption(_("{run}: no results for these examples yet.", run=name))
    chosen = _chosen(shown)
    named = len(runs) > 1
    with st.container(gap=None):
        matters_map(shown, metric, chosen, named=named, on_choice=lambda part: _choose(shown, part))
        picture(
            MAP,
            title=_("What matters: change of {metric} without each part", metric=metric.in_a_sentence),
            name=("matters", *(run.id for run in runs), split, metric.name),
            about=", ".join(
                _("Run {id}, weights of step {step}", id=run.id, step=one.step)
                for run in runs
                if (one := found[run.id]) is not None
            ),
        )
    if chosen:
        _about(shown, chosen, metric, named=named)
    st.caption(sentences((_seen(metric), _loops(runs))))
    _table(shown, metric)
    _download([run for run in runs if found[run.id] is not None], found)


def _question(metric: Metric) -> str:
    return _(
        "This leaves out each layer, each attention and feed-forward branch and each loop in turn, on "
        "held-out examples, and shows how {metric} changes. Shared weights run several times, and the "
        "results show which of these uses matter.",
        metric=metric.in_a_sentence,
    )


def _seen(metric: Metric) -> str:
    """What the figures show, and what they do not prove."""
    return _(
        "**Seen:** how {metric} changes on these examples when one part adds nothing and all others stay "
        "as trained. **Not proved:** that a part with a small change does nothing (others may replace it), "
        "or that a part with a large change finds the answer itself (later layers were not trained on the "
        "states that they then get). Changes of several parts do not add up. Each interval (normal "
        "approximation, paired over the examples) is for one part: of many parts without any effect, about "
        "1 in 20 has an interval that excludes 0.",
        metric=metric.in_a_sentence,
    )


def _loops(runs: Sequence[Run]) -> str:
    """With how many loops the figures are; nothing where no run's can be changed."""
    own = sorted({one.own_loops for run in runs if (one := deep(run)) is not None})
    if not own:
        return ""
    return _(
        "Repeated layers run as often as designed (loops: {loops}). Other numbers of loops are not shown.",
        loops=", ".join(map(str, own)),
    )


# What is known


def _ablation(run: Run, known: Mapping[str, Evaluated], split: str) -> Ablation | None:
    """What is kept of the weights that the run has now: on as many examples as the run itself is evaluated on, else
    on the most there is.
    """
    one = known.get(run.id)
    kept = [found for found in kept_ablations(one.results) if found.split == split] if one and one.current else []
    own = own_examples(run.config, split)
    return max(kept, key=lambda found: (found.limit == own, found.limit), default=None)


def _as_shown(run: Run, short: str, found: Ablation) -> Shown:
    plan = sharing_plan(run.config.model, run.config.sharing)
    return Shown(run.id, run_label(run), short, found, plan, run.config.model.num_heads)


# The job


def _progress(run: Run, short: str, one: Evaluated | None) -> None:
    """How far the job is; of one that has ended, what is to be said of that."""
    name = escape_markdown(short)
    if run.active:
        st.info(_("{run} is still training. Start this when it has ended.", run=name), icon=":material/hourglass:")
    if one is None:
        return
    if one.job.active:
        done = _("{done} of {all} evaluations", done=one.job.step, all=one.job.steps)
        job_line(run, short, one, done, page=PAGE)
        return
    if one.results and not one.current:
        text = _(
            "{run}: its weights have changed since the stored results were computed, so these are not shown.", run=name
        )
        st.info(text, icon=":material/history:")
    if one.job.status == "failed":
        show_problem(_("{run}: some parts could not be left out: {why}", run=name, why=one.job.reason or ""))
    elif one.job.status in ("cancelled", "paused"):
        st.caption(
            ngettext(
                "{run}: stopped after {n} evaluation; the button continues from there.",
                "{run}: stopped after {n} evaluations; the button continues from there.",
                len(one.results),
                run=name,
            )
        )


def _button(
    runs: Sequence[Run],
    known: Mapping[str, Evaluated],
    found: Mapping[str, Ablation | None],
    split: str,
    heads: bool,
) -> None:
    """The button that has every part left out of the runs where some are missing."""
    asked: list[tuple[Run, tuple[str, ...]]] = []
    count = 0
    for run in runs:
        if run.active or (run.id in known and known[run.id].job.active):
            continue
        try:
            keys = keys_of(run.config, split, heads=heads)
        except ConfigError as error:
            show_problem(str(error))
            continue
        if missing := _missing(found[run.id], run, split, keys):
            asked.append((run, keys))
            count += missing
    if not asked:
        return
    refusals = [desk().why_not("evaluate", run) for run, _keys in asked]
    allowed = [one for one, refusal in zip(asked, refusals, strict=True) if refusal is None]
    note = ngettext(
        "{n} evaluation, as a job in the queue. You can close the page; results are kept.",
        "{n} evaluations, as a job in the queue. You can close the page; results are kept.",
        count,
    )
    st.button(
        _("Leave out each part in turn"),
        icon=":material/schedule:",
        key=f"{PAGE}.evaluate",
        help=note if allowed else next(refusal for refusal in refusals if refusal),
        disabled=not allowed,
        on_click=ask_for,
        args=(KIND, [(run.id, keys) for run, keys in allowed]),
        kwargs={"page": PAGE},
    )


def _missing(found: Ablation | None, run: Run, split: str, keys: Sequence[str]) -> int:
    """How many of ``keys`` are not evaluated so far."""
    if found is None or found.limit != own_examples(run.config, split):
        return len(keys)
    done = {WHOLE, *(effect.part for effect in found.effects)}
    return sum(key.rpartition(":")[2] not in done for key in keys)


# What is chosen on the map


def _parts_of(one: Shown, part: str) -> list[str]:
    """What the address leaves out for ``part``: of a loop, its layers."""
    return [str(edit) for edit in edits_of(part, one.plan, one.heads)]


def _chosen(shown: Sequence[Shown]) -> str:
    """The part that the address leaves out, where it is one of the map."""
    asked = st.session_state[LEFT_OUT]
    for one in shown if asked else ():
        for effect in one.found.effects:
            if _parts_of(one, effect.part) == asked:
                return effect.part
    return ""


def _choose(shown: Sequence[Shown], part: str) -> None:
    """Let the address leave out what was clicked; nothing for what no run has."""
    one = next((one for one in shown if one.effect(part) is not None), None)
    st.session_state[LEFT_OUT] = [] if one is None else _parts_of(one, part)
    state.write(**{state.WITHOUT: st.session_state[LEFT_OUT]})


def _about(shown: Sequence[Shown], part: str, metric: Metric, *, named: bool) -> None:
    """What happens without the chosen part, in a sentence for each run, and the way to the lens."""
    for one in shown:
        effect = one.effect(part)
        name = f"**{escape_markdown(one.short)}**: " if named else ""
        if effect is None:
            title = _part_name(part, shown)
            st.markdown(name + _("{part} is not in this run, or has not been left out yet.", part=title))
            continue
        st.markdown(name + _sentence(one, effect, metric))
    if st.button(_("Show the prediction without this part"), icon=":material/visibility:", key=f"{PAGE}.lens"):
        state.write(**{state.VIEW: "lens", state.LOOPS: None})  # as it was evaluated
        st.rerun()


def _part_name(part: str, shown: Sequence[Shown]) -> str:
    return title_of(part, next(one for one in shown if one.effect(part) is not None))


def _sentence(one: Shown, effect: Effect, metric: Metric) -> str:
    values = {
        "part": title_of(effect.part, one),
        "metric": metric.in_a_sentence,
        "whole": value_text(metric, one.found.whole[metric.name]),
        "value": value_text(metric, effect.metrics[metric.name]),
        "change": change_text(metric, effect.changes[metric.name]),
        "interval": interval_text(metric, effect),
    }
    if effect.changes[metric.name] == 0:
        return _("{part} left out: {metric} stays {whole} ({interval}).", **values)
    if effect.changes[metric.name] < 0:
        return _("{part} left out: {metric} falls from {whole} to {value}: {change} ({interval}).", **values)
    return _("{part} left out: {metric} rises from {whole} to {value}: {change} ({interval}).", **values)


# The table and the file


def _table(shown: Sequence[Shown], metric: Metric) -> None:
    """All parts, by what is lost without them or in order of execution; of several runs in one table."""
    orders = {"effect": _("Most important first"), "execution": _("In order of execution")}
    parts = list(dict.fromkeys(effect.part for one in shown for effect in one.found.effects))
    with st.container(horizontal=True, vertical_alignment="center"):
        order = st.segmented_control(
            _("Order"), list(orders), format_func=orders.__getitem__, default="effect", required=True,
            key=f"{PAGE}.order", label_visibility="collapsed",
        )  # fmt: skip
        whole = len(parts) <= MOST_ROWS or st.toggle(
            _("All {count} rows", count=len(parts)), key=f"{PAGE}.all", help=_("The file always has all rows.")
        )
    if order == "effect":  # of several runs, what one of them needs most
        parts.sort(key=lambda part: min(worth_of(metric, effect) for effect in _effects(shown, part)))
    parts = parts if whole else parts[:MOST_ROWS]
    unit = _("percentage points") if metric.percent else metric.unit
    change = _("Change in {unit}", unit=unit) if unit else _("Change")
    columns = {_("Without"): [_part_name(part, shown) for part in parts]}
    for one in shown:
        effects = [one.effect(part) for part in parts]
        if len(shown) == 1:
            columns |= {
                metric.title: [_cell(effect, metric, "value") for effect in effects],
                change: [_cell(effect, metric, "change") for effect in effects],
                _("95 % interval"): [_cell(effect, metric, "interval") for effect in effects],
            }
        else:
            columns[f"{one.short}: {change}"] = [_cell(effect, metric, "both") for effect in effects]
    word_table(_("Change without each part"), columns)


def _cell(effect: Effect | None, metric: Metric, what: Literal["value", "change", "interval", "both"]) -> str:
    if effect is None:
        return NOTHING
    if what == "value":
        return value_text(metric, effect.metrics[metric.name])
    change, interval = change_text(metric, effect.changes[metric.name], unit=False), short_interval(metric, effect)
    return {"change": change, "interval": interval, "both": f"{change} ({interval})"}[what]


def _effects(shown: Sequence[Shown], part: str) -> list[Effect]:
    return [effect for one in shown if (effect := one.effect(part)) is not None]


def _download(runs: Sequence[Run], found: Mapping[str, Ablation | None]) -> None:
    rows = [(run.id, run.name, one) for run in runs if (one := found[run.id]) is not None]
    st.download_button(
        _("All values as CSV"),
        lambda: as_csv(rows).encode(),
        file_name=f"clps-ablations-{'-'.join(run.id[:8] for run in runs)}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"{PAGE}.csv",
    )
