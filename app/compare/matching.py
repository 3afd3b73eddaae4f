"""From a design on Compare to another scheme at the same budget, trained with the same seeds and data.

Start at match_section.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, state
from app.look.formatting import strategy_name
from app.match.choices import CLOSED, Matchable
from app.match.panel import match_panel
from app.runs.names import design_names
from app.services import desk, escape_markdown, show_problem
from app.train.estimate import time_sentence
from clps_core.config import RunConfig
from clps_core.errors import ClpsError
from clps_core.matching import MEASURES, Match
from clps_core.store import Run, Store
from clps_core.store.designs import by_design
from clps_core.words import _, ngettext

__all__ = ["match_section", "matched_configs"]


def match_section(store: Store, runs: Sequence[Run]) -> None:
    """The panel of all designs of ``runs``, and the button that trains what it found."""
    groups = _groups(runs)
    if not groups:
        return
    names = design_names([members[0] for members in groups.values()])
    designs = {
        key: Matchable(name, members[0].config) for (key, members), name in zip(groups.items(), names, strict=True)
    }
    matched = match_panel("compare", designs, next(iter(designs)))
    if matched is not None:
        key, found = matched
        _train(store, groups[key], found)


def _groups(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each design; none of forks, whose budget is spent in two trainings."""
    return by_design(run for run in runs if not run.start_from)


def matched_configs(runs: Sequence[Run], found: Match) -> list[RunConfig]:
    """The matched design once for each of ``runs``: with its seed, its data seed and its fold."""
    changed = found.config
    return [changed.model_copy(update={"seed": run.seed, "data": run.config.data}) for run in runs]


def _train(store: Store, runs: Sequence[Run], found: Match) -> None:
    """The button, unless a run of ``found`` would be refused: then a sentence says so before anybody asks for one."""
    configs = matched_configs(runs, found)
    try:
        desk().checked(configs)
    except ClpsError as error:
        show_problem(str(error))
        return
    st.markdown(time_sentence(store, configs))
    label = ngettext("Train {n} run with the same seed", "Train {n} runs with the same seeds", len(configs))
    if st.button(label, type="primary", icon=":material/play_arrow:", key="compare.match.train"):
        _queue(runs, configs, found)


def _queue(runs: Sequence[Run], configs: Sequence[RunConfig], found: Match) -> None:
    title = _("{scheme} with the {what} of {strategy}", scheme=found.config.sharing.strategy,
              what=MEASURES[found.measure], strategy=runs[0].strategy)  # fmt: skip
    try:
        queued = desk().submit(list(configs), title[:120])
    except ClpsError as error:
        show_problem(str(error))
        return
    said = ngettext("{n} run queued.", "{n} runs queued.", len(queued))
    st.success(said, icon=":material/check:")
    ids = [run.id for run in (*runs, *queued)]
    # A link to the page that one is on would leave the browser's address as it is.
    st.button(
        _("Compare them with {name}", name=escape_markdown(strategy_name(runs[0].strategy))),
        icon=navigation.page("compare").icon,
        key="compare.match.together",
        on_click=state.write,
        kwargs={state.RUNS: state.run_ids(ids), **CLOSED},
    )
