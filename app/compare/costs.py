"""Quality against what a design costs: scatters with the Pareto front. Start at quality_against_cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import state
from app.compare.scatter import Dot, quality_scatter
from app.compare.summary import Group, group_names
from app.look.address_choice import address_choice
from app.look.formatting import compact, duration, memory, metric
from app.look.plotted import plotted
from app.services import escape_markdown
from clps_core.glossary import meaning
from clps_core.sweeps.results import Spread
from clps_core.verdicts.costs import COSTS, Cost, Front, Paid, cost_of, cost_titles, front
from clps_core.words import _, in_a_sentence, ngettext, sentences

__all__ = ["quality_against_cost"]

MOST_NAMES = 6


def quality_against_cost(of_tasks: Sequence[Sequence[Group]], colours: Mapping[str, str]) -> None:
    """One scatter for each task; which cost is meant lives in the address. ``colours``: of each strategy."""
    if not any(group.best for groups in of_tasks for group in groups):
        return
    titles: dict[str, str] = {cost: cost_titles[cost] for cost in COSTS}
    cost = address_choice(
        "compare",
        state.COST,
        titles,
        _("Cost"),
        visible=True,
        many=True,
        help=_(
            "FLOPs and seconds cover the steps that a run itself trained. Memory is the estimate for training "
            "on the run's device. The KV cache is for one sequence of full length, at 16 bits per number."
        ),
    )
    for groups in of_tasks:
        _scatter(groups, colours, next(one for one in COSTS if one == cost))


def _scatter(groups: Sequence[Group], colours: Mapping[str, str], cost: Cost) -> None:
    """Best quality against ``cost``, one mark per design, those on the front ringed and joined."""
    task, axis = groups[0].run.facts, cost_titles[cost]
    title = task.judged_by.title
    found = [
        (name, group, Paid(paid, group.best))
        for name, group in zip(group_names(groups), groups, strict=True)
        if group.best and (paid := _paid(group, cost)) is not None
    ]
    st.markdown(
        _("**{metric} against {cost}**", metric=escape_markdown(title), cost=escape_markdown(axis)),
        help=meaning("pareto-front"),
    )
    missing = len(groups) - len(found)
    if not found:
        st.caption(_why_none(cost))
        return
    edge = front([paid for _name, _group, paid in found], task.judged_by.sign)
    dots = [
        Dot(
            name,
            colours[group.run.strategy],
            paid.cost.mean,
            paid.quality.mean,
            paid.quality.deviation,
            cost_deviation=paid.cost.deviation,
            front=len(found) > 1 and place in edge.on,
        )
        for place, (name, group, paid) in enumerate(found)
    ]
    said = "; ".join(
        _("{name}: {quality} with {count}", name=dot.name, quality=metric(task.metric, dot.quality),
          count=said_cost(cost, dot.cost))
        for dot in dots
    )  # fmt: skip
    plotted(
        quality_scatter(dots, task, title, axis),
        key=f"compare.scatter.{task.name}",
        alt=_("Best {metric} against {cost}. {said}.", metric=in_a_sentence(title), cost=axis, said=said),
        title=_("Best {metric} against {cost}", metric=in_a_sentence(title), cost=axis),
        about=", ".join(run.id for _name, group, _spent in found for run in group.counted_runs),
    )
    if len(found) > 1:
        st.caption(escape_markdown(_front_in_words([name for name, _group, _spent in found], edge, axis)))
    if missing:
        why = _why_none(cost)
        st.caption(ngettext("{n} design is not drawn: {why}", "{n} designs are not drawn: {why}", missing, why=why))


def said_cost(cost: Cost, value: float) -> str:
    """A cost in its unit."""
    if cost in ("memory", "kv_cache"):
        return memory(value)
    return duration(value) if cost in ("seconds", "cpu_seconds") else compact(value)


def _paid(group: Group, cost: Cost) -> Spread | None:
    """Over the runs that count for its quality; ``None`` where one of them does not know."""
    paid = [cost_of(run, cost) for run in group.counted_runs]
    known = [one for one in paid if one is not None]
    spread = Spread.of(known) if len(known) == len(paid) else None
    if spread is None or cost in ("seconds", "cpu_seconds"):
        return spread
    return spread if min(known) < max(known) else Spread(spread.mean, None, spread.count)


def _why_none(cost: Cost) -> str:
    if cost == "kv_cache":
        return _("An encoder keeps no cache of keys and values.")
    if cost == "cpu_seconds":
        return _("The CPU time of runs trained by earlier versions was not recorded.")
    if cost == "memory":
        return _("The task of these runs is no longer available, so their memory cannot be estimated.")
    return _("This cost is not known yet, or there is no evaluation.")


def _front_in_words(names: Sequence[str], edge: Front, axis: str) -> str:
    """Which designs are on the front, and of which that is not sure."""

    def listed(places: Sequence[int]) -> str:
        return "; ".join(names[place] for place in places[:MOST_NAMES]) + (" …" if len(places) > MOST_NAMES else "")

    said = [
        _(
            "On the Pareto front ({cost}): {names}. No other design has at least the same mean quality at the "
"same or a lower cost. The chart marks these designs with rings joined by a line.",
            cost=axis, names=listed(edge.on),
        )
    ]  # fmt: skip
    if edge.few:
        said.append(_("Some designs have fewer than 3 runs, so the uncertainty of the front is unknown."))
    elif edge.unclear:
        said.append(
            _(
                "Not on the front, but with a 95 % interval that overlaps those of all designs that beat it: {names}.",
                names=listed(edge.unclear),
            )
        )
    return sentences(said)
