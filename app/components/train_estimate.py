"""What a comparison will cost, before it is queued: parameters and time. Start at estimate."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.colours import strategy_colours
from app.components.figure_table import Row, figure_table
from app.components.run_summary import test_note
from app.components.run_timing import Pace, seconds_for_all, seconds_left
from app.formatting import compact, duration, percent, strategy_name
from clps_core.analysis.counts import count
from clps_core.config import RunConfig
from clps_core.jobs import service
from clps_core.store import Store
from clps_core.words import _, ngettext

__all__ = ["estimate", "time_sentence"]


def estimate(store: Store, configs: Sequence[RunConfig]) -> None:
    """A row per strategy, then how long all of it takes on this machine and why we think so."""
    pace = Pace.of(store, configs[0].data.task)
    one_seed = [config for config in configs if config.seed == configs[0].seed]
    counts = {config.sharing.strategy: count(config.model, config.sharing) for config in one_seed}
    columns = [
        (_("Strategy"), ""),
        (_("Stored parameters"), _("unique: every weight counted once")),
        (_("of unshared"), _("stored, compared with what the same layers use in one pass")),
        (_("Executed"), _("every use counts")),
        (_("Time for a run"), _("on this machine, without waiting")),
    ]
    colours = strategy_colours(counts)
    rows = [
        Row(
            strategy_name(strategy),
            colours[strategy],
            [
                compact(one.unique_parameters),
                percent(one.unique_parameters / one.executed_parameters, 0),
                compact(one.executed_parameters),
                _about(pace.seconds(config), pace),
            ],
        )
        for config, (strategy, one) in zip(one_seed, counts.items(), strict=True)
    ]
    figure_table(_("What each strategy costs"), columns, rows)
    st.markdown(time_sentence(store, configs))
    st.caption(test_note())


def time_sentence(store: Store, configs: Sequence[RunConfig]) -> str:
    """How long all runs together take, and what that rests on; as Markdown."""
    pace = Pace.of(store, configs[0].data.task)
    status = service.supervisor_status(store)
    there = sorted(
        store.runs(status=("running", "queued")), key=lambda run: (run.status != "running", run.queue_position or 0)
    )
    before = [left if (left := seconds_left(run)) is not None else pace.seconds(run.config) for run in there]
    total = seconds_for_all([pace.seconds(config) for config in configs], status.slots, before)
    runs = ngettext("**{n} run**", "**{n} runs**", len(configs))
    at_once = ngettext("{n} at a time", "{n} at a time", status.slots)
    parts = [_("{runs}, {at_once}: done in {time}.", runs=runs, at_once=at_once, time=f"**{_about(total, pace)}**")]
    if there:
        parts.append(ngettext("{n} run stands before them.", "{n} runs stand before them.", len(there)))
    if pace.runs:
        parts.append(
            ngettext("Timed by {n} earlier run of this task.", "Timed by {n} earlier runs of this task.", pace.runs)
        )
    else:
        parts.append(
            _(
                "A guess from the number of operations, for nothing of this task was trained here before: "
                "it may be three times more or less."
            )
        )
    return " ".join(parts)


def _about(seconds: float, pace: Pace) -> str:
    """A guess is rounded, so that it does not look better than it is."""
    if not pace.runs and seconds >= 30:
        seconds = round(seconds / 30) * 30
    return _("about {time}", time=duration(max(1.0, seconds)))
