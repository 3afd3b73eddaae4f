"""What a sweep will cost, before it is queued: how many runs, which sizes, how long. Start at sweep_estimate."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.compare.summary import test_note
from app.look.formatting import compact
from app.services import escape_markdown
from app.train.estimate import time_sentence
from clps_core.analysis.counts import count
from clps_core.config import Resolved
from clps_core.store import Store
from clps_core.sweeps import Sweep
from clps_core.words import _, ngettext

__all__ = ["sweep_estimate"]


def sweep_estimate(store: Store, sweep: Sweep, found: Sequence[Resolved]) -> None:
    """How the number of runs comes about, what the models store, and the time on this machine."""
    plans = {(one.config.model, one.config.sharing): one.plan for one in found}
    sizes = {count(model, plan).unique_parameters for (model, _sharing), plan in plans.items()}
    stored = (
        compact(min(sizes))
        if len(sizes) == 1
        else _("{low} to {high}", low=compact(min(sizes)), high=compact(max(sizes)))
    )
    st.markdown(f"{factors(sweep, len(found))}. " + _("Stored parameters: {stored}.", stored=stored))
    st.markdown(time_sentence(store, [one.config for one in found]))
    st.caption(test_note(found[0].facts))
    if sweep.stop is not None:
        st.caption(_("The rule that ends runs early may shorten this."))


def factors(sweep: Sweep, total: int) -> str:
    """Such as: 3 learning_rate × 2 strategy × 2 seeds = 12 runs; as Markdown."""
    if sweep.method == "random":
        parts = [ngettext("{n} draw", "{n} draws", sweep.runs)]
    else:
        parts = [
            f"{len(one)} {name.rpartition('.')[2]}" for name, one in sweep.fields.items() if isinstance(one, tuple)
        ]
    parts += [_("{n} seeds", n=len(sweep.seeds))] if len(sweep.seeds) > 1 else []
    parts += [_("{n} folds", n=sweep.folds)] if sweep.folds else []
    runs = ngettext("**{n} run**", "**{n} runs**", total)
    return f"{escape_markdown(' × '.join(parts))} = {runs}" if parts else runs
