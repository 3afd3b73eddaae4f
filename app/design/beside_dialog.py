"""Choose the design that stands beside the current one. Start at beside_dialog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import state
from app.design.beside import RUN, put_beside, text_of
from app.design.designs import Costed, Designs, cost
from app.design.own_runs import choose_own_run
from app.look.dialog import dialog
from app.look.formatting import strategy_name
from app.services import escape_markdown, show_problem
from clps_core.config import ModelConfig
from clps_core.errors import ClpsError
from clps_core.presets import PAPERS, PRESETS
from clps_core.schemes import SCHEMES, strategy_of_scheme
from clps_core.sharing import parse_strategy
from clps_core.words import N_, _

__all__ = ["beside_dialog"]


def close() -> None:
    """The next run of the page is without the dialog."""
    st.session_state[state.DESIGN_DIALOG] = None


@dialog(N_("Compare side by side"), width="medium", on_dismiss=close)
def beside_dialog(designs: Designs, found: Sequence[Costed], here: Costed) -> None:
    """Draw it; ``found`` are the designs of the page that fit, ``here`` is the one that is looked at."""
    if st.session_state.get(state.DESIGN_DIALOG) != "beside":
        st.rerun()
    kinds = {
        "now": _("this design"), "page": _("a design of this page"), "scheme": _("a scheme"),
        "paper": _("a paper's design"), "run": _("a run"),
    }  # fmt: skip
    others = [one for one in found if one.index != here.index]
    if not others:
        del kinds["page"]
    kind = st.segmented_control(
        _("What do you want to compare with {name}?", name=escape_markdown(here.name)), list(kinds),
        format_func=lambda one: kinds.get(one, one), default="page" if others else "scheme", required=True,
        key="beside.kind", wrap=True,
    )  # fmt: skip
    text = _chosen(kind or "now", designs, others, here)

    def put() -> None:
        if text:
            put_beside(text)
            close()

    st.button(
        _("Show side by side"), type="primary", icon=":material/compare_arrows:", key="beside.put", on_click=put,
        disabled=text is None,
    )  # fmt: skip


def _chosen(kind: str, designs: Designs, others: Sequence[Costed], here: Costed) -> str | None:
    """The second design as the address names it; ``None`` where nothing is chosen."""
    if kind == "page":
        return _listed("page", {text_of(designs, one.strategy): one.name for one in others})
    if kind == "scheme":
        return _listed("scheme", _schemes(designs, here.model))
    if kind == "paper":
        return _listed("paper", {name: f"{one.title} · {PAPERS[one.paper]}" for name, one in PRESETS.items()})
    if kind == "run":
        run = choose_own_run("beside")
        return None if run is None else f"{RUN}{run.id}"
    st.caption(
        _("The second design stays as it is now. If you change the current design, the maps show the differences.")
    )
    return text_of(designs, here.strategy)


def _schemes(designs: Designs, model: ModelConfig) -> dict[str, str]:
    """Every scheme that is a strategy and fits the sizes of the page."""
    found = {}
    for scheme in SCHEMES.values():
        try:
            strategy = parse_strategy(strategy_of_scheme(scheme.strategy)).text
            cost(model, strategy)
        except ClpsError:
            continue  # a matter of sizes, a map that one draws, or one that does not fit
        found[text_of(designs, strategy)] = f"{scheme.title} · {strategy_name(strategy)}"
    return found


def _listed(name: str, options: Mapping[str, str]) -> str | None:
    chosen: str | None = st.selectbox(
        _("Design"), list(options), format_func=lambda one: options.get(one, one), key=f"beside.{name}"
    )
    if chosen is None:
        show_problem(_("a design must be chosen. Got none. Choose another source."))
    return chosen if chosen in options else None
