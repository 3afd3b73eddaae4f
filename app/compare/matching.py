"""From a design on Compare to another scheme at the same budget, trained with the same seeds and data.

Start at match_section.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import navigation, state
from app.look.figure_table import Row, figure_table
from app.look.formatting import compact, strategy_name
from app.runs.names import design_names
from app.services import desk, escape_markdown, show_problem
from app.train.estimate import time_sentence
from clps_core.config import RunConfig
from clps_core.config.telling import field_name, said_value
from clps_core.errors import ClpsError
from clps_core.matching import CHANGES, MEASURES, USUAL, Dial, Match, Measure, match
from clps_core.schemes.catalogue import SCHEMES
from clps_core.store import Run, Store
from clps_core.store.designs import by_design
from clps_core.words import _, ngettext

__all__ = ["match_section", "matched_configs"]


def match_section(store: Store, runs: Sequence[Run]) -> None:
    """A panel for each task of ``runs``, once it is asked for."""
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    for members in by_task.values():
        _of_task(store, members)


def _of_task(store: Store, runs: Sequence[Run]) -> None:
    """Nothing for designs that are forks, whose budget is spent in two trainings."""
    groups = list(by_design(run for run in runs if not run.start_from).values())
    if not groups:
        return
    designs = dict(zip(design_names([members[0] for members in groups]), groups, strict=True))
    task = runs[0].task
    # A match takes a part of a second, so it is made for who asks only.
    if not st.toggle(_("Match a budget with another scheme"), key=f"compare.match.{task}"):
        return
    original, scheme = st.columns(2)
    name = original.selectbox(_("As much as"), list(designs), key=f"compare.match.design.{task}")
    others = _schemes()
    wanted = scheme.selectbox(
        _("Scheme"),
        others,
        index=others.index("all"),
        format_func=strategy_name,
        accept_new_options=True,
        key=f"compare.match.scheme.{task}",
        help=_("Choose one, or type any strategy, such as cycle:3 or ffn=all."),
    )
    measure = _measure(task)
    change = _change(measure, task)
    try:
        found = match(designs[name][0].config, wanted or "all", measure, change)
        configs = matched_configs(designs[name], found)
    except ClpsError as error:
        show_problem(str(error))
        return
    _result(found, name)
    st.markdown(time_sentence(store, configs))
    label = ngettext("Train {n} run with the same seed", "Train {n} runs with the same seeds", len(configs))
    if st.button(label, type="primary", icon=":material/play_arrow:", key=f"compare.match.train.{task}"):
        _queue(designs[name], configs, found)


def _schemes() -> list[str]:
    """The strategies of the catalogue's cards that are no matter of sizes, each once."""
    return list(
        dict.fromkeys(
            ["none", "all", *(card.strategy for card in SCHEMES.values() if _free(card.strategy, card.sizes))]
        )
    )


def _free(strategy: str, sizes: Mapping[str, object]) -> bool:
    """Whether a scheme fits any depth: a custom map has its own, and other cards are a matter of sizes."""
    return not sizes and strategy != "custom"


def _measure(task: str) -> Measure:
    return st.segmented_control(
        _("Equal"),
        list(USUAL),
        default="parameters",
        required=True,
        format_func=lambda one: MEASURES[one],
        key=f"compare.match.measure.{task}",
    )


def _change(measure: Measure, task: str) -> list[Dial]:
    names = {"depth": _("Depth"), "width": _("Width"), "d_ff": _("Feed-forward width"), "steps": _("Steps")}
    chosen: list[Dial] = st.pills(
        _("What may change"),
        list(CHANGES[measure]),
        default=list(USUAL[measure]),
        selection_mode="multi",
        format_func=lambda one: names[one],
        key=f"compare.match.change.{measure}.{task}",
    )
    return chosen


def matched_configs(runs: Sequence[Run], found: Match) -> list[RunConfig]:
    """The matched design once for each of ``runs``: with its seed, its data seed and its fold."""
    changed = found.config
    return [changed.model_copy(update={"seed": run.seed, "data": run.config.data}) for run in runs]


def _result(found: Match, name: str) -> None:
    """What changed, and by how much it misses."""
    columns = [(_("Field"), ""), (name, ""), (_("Matched"), "")]
    rows = [Row(field_name(one.field), "transparent", [said_value(one.before), said_value(one.after)])
            for one in found.changes]  # fmt: skip
    what = MEASURES[found.measure]
    rows.append(Row(what, "transparent", [f"{found.target:,}", f"{found.got:,}"]))
    figure_table(_("What changes"), columns, rows)
    if found.problem:
        st.warning(found.problem, icon=":material/warning:")
    else:
        st.caption(
            _("The matched design misses by {miss} ({count}).", miss=f"{100 * found.part:+.2f} %",
              count=_signed(found.missed))
        )  # fmt: skip


def _signed(count: int) -> str:
    return f"{'−' if count < 0 else '+'}{compact(abs(count))}"


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
    navigation.link("compare", _("Compare them with {name}", name=escape_markdown(strategy_name(runs[0].strategy))),
                    query={state.RUNS: state.run_ids(ids)})  # fmt: skip
