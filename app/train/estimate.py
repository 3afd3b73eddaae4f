"""What a comparison will cost, before it is queued: parameters and time. Start at estimate."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.compare.summary import test_note
from app.look.colours import strategy_colours
from app.look.figure_table import Row, figure_table
from app.look.formatting import compact, duration, percent, strategy_name
from app.runs.timing import BUSY, Pace, forecast
from clps_core.analysis.counts import count, of_unshared, share_of_unshared
from clps_core.config import Resolved, RunConfig
from clps_core.glossary import meaning
from clps_core.jobs import service
from clps_core.store import Store
from clps_core.words import _, ngettext, sentences

__all__ = ["estimate", "time_sentence"]


def estimate(store: Store, found: Sequence[Resolved]) -> None:
    """A row per strategy, then how long all of it takes on this machine and why we think so."""
    configs = [one.config for one in found]
    pace = Pace.of(store, configs[0].data.task)
    one_seed = [one for one in found if one.config.seed == configs[0].seed]
    counts = {one.config.sharing.strategy: count(one.config.model, one.plan) for one in one_seed}
    columns = [
        (_("Strategy"), ""),
        (_("Stored parameters"), meaning("stored-parameters")),
        of_unshared(),
        (_("Executed"), meaning("executed-parameters")),
        (_("Time per run"), _("On this machine, without waiting.")),
    ]
    colours = strategy_colours(counts)
    rows = [
        Row(
            strategy_name(strategy),
            colours[strategy],
            [
                compact(one.unique_parameters),
                percent(share_of_unshared(one.unique_parameters, design.config.model), 0),
                compact(one.executed_parameters),
                _about(pace.seconds(design.config), pace),
            ],
        )
        for design, (strategy, one) in zip(one_seed, counts.items(), strict=True)
    ]
    figure_table(_("What each strategy costs"), columns, rows)
    st.markdown(time_sentence(store, configs))
    st.caption(test_note(found[0].facts))


def time_sentence(store: Store, configs: Sequence[RunConfig]) -> str:
    """How long all runs together take, and what that rests on; as Markdown."""
    found = forecast(store, configs, service.supervisor_status(store).slots)
    runs = ngettext("**{n} run**", "**{n} runs**", len(configs))
    at_once = ngettext("{n} at a time", "{n} at a time", found.slots)
    parts = [
        _("{runs}, {at_once}: done in {time}.", runs=runs, at_once=at_once, time=f"**{_about(found.low, found.pace)}**")
    ]
    if found.high > BUSY * found.low:
        most = _about(found.high, found.pace)
        parts.append(_("If this machine stays as busy as in the last minute: {time}.", time=most))
    if found.before:
        parts.append(ngettext("{n} run is ahead of these.", "{n} runs are ahead of these.", found.before))
    if found.pace.runs:
        parts.append(
            ngettext(
                "Based on {n} earlier run of this task.", "Based on {n} earlier runs of this task.", found.pace.runs
            )
        )
    else:
        parts.append(
            _(
                "A rough guess from the number of operations, since this task has not been trained here before: it "
                "may take a third of the time or three times as long."
            )
        )
    return sentences(parts)


def _about(seconds: float, pace: Pace) -> str:
    """A guess is rounded, so that it does not look better than it is."""
    if not pace.runs and seconds >= 30:
        seconds = round(seconds / 30) * 30
    return _("about {time}", time=duration(max(1.0, seconds)))
