"""Which design is better than another, in sentences under the table of Compare. Start at verdict_section."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import state
from app.compare.summary import Group, group_names
from app.look.formatting import strategy_name
from app.look.widget_value import widget_default
from app.match.choices import open_match
from app.services import escape_markdown, show_problem
from clps_core.glossary import meaning
from clps_core.matching import MEASURES, Measure
from clps_core.store import Store
from clps_core.store.designs import design_of
from clps_core.verdicts import BEST, Verdict, Verdicts, basis, contenders, sentence, verdicts
from clps_core.words import _, ngettext

__all__ = ["verdict_section", "verdicts_of"]

SHOWN = 4
"""So many sentences stand on the page; the others are behind an expander."""
OFFERS = 2
MOST_KEPT = 32
_KEPT: dict[tuple[Hashable, ...], Verdicts] = {}
"""The last answers: a tick that brought nothing new to these runs asks the same again."""
SIGNS = {
    "better": "↑",
    "worse": "↓",
    "as_good": "=",
    "cannot_tell": "?",
    "none": "–",
}


def verdict_section(store: Store, groups: Sequence[Group], *, alone: bool) -> None:
    """Every design beside a reference; nothing for a single design. ``alone``: the only task, so that one may choose.

    ``groups``: the designs of one task, as the table has them.
    """
    if len(groups) < 2:
        return
    names = dict(zip((design_of(group.run) for group in groups), group_names(groups), strict=True))
    st.markdown(_("**Verdict**"), help=meaning("verdict", meaning("p-value"), meaning("holm")))
    reference = _reference(names) if alone else None
    found = verdicts_of(store, groups, reference)
    lines = [f"{SIGNS[one.kind]} {escape_markdown(sentence(one, found, names))}" for one in found.found]
    st.markdown("\n\n".join(lines[:SHOWN]))
    if more := lines[SHOWN:]:
        with st.expander(ngettext("{n} more verdict", "{n} more verdicts", len(more))):
            st.markdown("\n\n".join(more))
    _offers(found, names)
    if found.decided or any(one.why == "unmatched" for one in found.found):
        st.caption(escape_markdown(basis(found)))


def verdicts_of(store: Store, groups: Sequence[Group], reference: str | None) -> Verdicts:
    """The designs of ``groups`` against ``reference``, by the figures that the table has."""
    summaries = [one for group in groups for one in group.summaries]
    known = tuple((one.run.id, one.run.status, one.run.step, one.run.device, one.best, one.test_value)
                  for one in summaries)  # fmt: skip
    key = (store.home, reference, known)
    found = _KEPT.get(key)
    if found is None:
        designs = contenders(
            store,
            [one.run for one in summaries],
            {one.run.id: one.best[1] for one in summaries if one.best},
            {one.run.id: one.test_value for one in summaries if one.test_value is not None},
        )
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.clear()
        found = _KEPT[key] = verdicts(designs, reference)
    return found


def _reference(names: Mapping[str, str]) -> str:
    """The chosen reference, by its key; it lives in the address."""
    choices = {**names, BEST: _("the best design")}
    asked, problem = state.read_choice(state.REFERENCE, list(choices))
    if problem:
        show_problem(problem)
    chosen = asked[0] if asked else next(iter(choices))
    key = f"compare.{state.REFERENCE}"
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run and st.session_state.get(key) in choices:
        chosen = st.session_state[key]  # a tick brings the address it was sent with, which a click may have overtaken
    default = widget_default(key, chosen)

    def taken() -> None:
        if st.session_state[key] in choices:
            state.write(**{state.REFERENCE: st.session_state[key]})

    st.selectbox(
        _("Compare each design with"),
        list(choices),
        index=0 if default is None else list(choices).index(default),
        format_func=lambda one: choices.get(one, one),
        key=key,
        on_change=taken,
        help=_(
            "Choose the reference by its design, not by its result. A comparison with the best design needs "
            "stronger evidence."
        ),
        width=320,
    )
    return chosen


def _offers(found: Verdicts, names: Mapping[str, str]) -> None:
    """Where budgets differ: the panel further below, with the reference's budget in the scheme of the other design."""
    reference = found.reference.run
    unmatched = [one for one in found.found if one.why == "unmatched" and one.design.run.strategy != reference.strategy]
    with st.container(horizontal=True):
        for one in unmatched[:OFFERS]:
            measure = _nearer_budget(one)
            clicked = st.button(
                _("Match {name}", name=escape_markdown(names[one.design.key])),
                key=f"match_offer.{one.design.key}",
                icon=":material/balance:",
                help=_(
                    "Find a design of the scheme {scheme} with the same {what} as {reference}",
                    scheme=escape_markdown(strategy_name(one.design.run.strategy)),
                    what=MEASURES[measure],
                    reference=escape_markdown(names[found.reference.key]),
                ),
                on_click=open_match,
                args=(found.reference.key, one.design.run.strategy, measure),
            )
            if clicked:
                st.rerun()  # the panel stands outside of what ticks


def _nearer_budget(one: Verdict) -> Measure:
    """Of stored parameters and training FLOPs the one that takes less of a change."""
    ratios = one.budgets.ratios if one.budgets is not None else {}
    apart = {name: abs(math.log(ratio)) for name, ratio in ratios.items() if name != "seconds"}
    return "flops" if apart.get("flops", math.inf) < apart.get("parameters", math.inf) else "parameters"
