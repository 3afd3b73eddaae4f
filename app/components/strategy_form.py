"""One more design: a strategy by name, by part of the layer, or as written. Start at strategy_form."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.formatting import strategy_name
from app.services import show_problem
from app.state import field_key
from clps_core.config import ModelConfig, SharingConfig, sharing_map
from clps_core.errors import ClpsError
from clps_core.shapes import stack_layers
from clps_core.sharing import NAMED_STRATEGIES, RULES, parse_strategy
from clps_core.sharing.strategies import NORM_MODES
from clps_core.words import _

__all__ = ["strategy_form"]


def strategy_form(model: ModelConfig, on_add: Callable[[str], None]) -> None:
    """Draw the form; ``on_add`` gets the strategy that a person adds, before the page reruns."""
    ways = {"name": _("By name"), "part": _("By part"), "text": _("Written")}
    way = st.segmented_control(
        _("How"), list(ways), format_func=ways.__getitem__, key=field_key("way"), default="name", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    draw = {"name": _by_name, "part": _by_part, "text": _as_text}[way or "name"]
    text = draw(model)
    try:
        strategy = parse_strategy(text).text
        sharing_map(model, SharingConfig(strategy=strategy))
    except ClpsError as error:
        show_problem(str(error))
        st.button(_("Add"), disabled=True, key=field_key("add_refused"))
        return
    st.button(
        _("Add"), key=field_key("add"), type="primary", icon=":material/add:", on_click=on_add, args=(strategy,),
        help=strategy_name(strategy),
    )  # fmt: skip


def _by_name(model: ModelConfig) -> str:
    name = st.selectbox(
        _("Strategy"),
        list(NAMED_STRATEGIES),
        index=list(NAMED_STRATEGIES).index("grouped"),
        format_func=lambda one: NAMED_STRATEGIES[one].title,
        key=field_key("named"),
    )
    named = NAMED_STRATEGIES[name]
    st.caption(named.summary)
    text = name
    if named.takes_slots:
        most = min(stack_layers(model).values())
        stored = st.number_input(
            _("Layers stored"), 1, most, value=min(2, most), key=field_key("stored"),
            help=_("How many different layers there are; the others use their weights again."),
        )  # fmt: skip
        text = f"{name}:{stored}"
    return _with_norms(text)


def _by_part(model: ModelConfig) -> str:
    parts = {"attention": _("Self-attention"), "ffn": _("FFN")}
    if model.family == "encoder_decoder":
        parts["cross_attention"] = _("Cross-attention")
    chosen = {
        family: st.selectbox(
            title, list(RULES), format_func=lambda rule: RULES[rule].title, key=field_key(f"rule_{family}"),
            index=list(RULES).index("all" if family != "ffn" else "cycle"),
        )
        for family, title in parts.items()
    }  # fmt: skip
    return _with_norms(",".join(["none", *(f"{family}={rule}" for family, rule in chosen.items())]))


def _as_text(model: ModelConfig) -> str:
    layers = min(stack_layers(model).values())
    example = "-".join(str(min(layer, layers - 1 - layer)) for layer in range(layers))
    return st.text_input(
        _("Strategy"), value=example, key=field_key("written"), max_chars=4096,
        help=_("One slot per layer, such as 0-1-1-0; or rules per part, such as attention=all,ffn=cycle:2,norms=own."),
    )  # fmt: skip


def _with_norms(text: str) -> str:
    titles = {"follow": _("with their block"), "own": _("one per layer"), "shared": _("one for all")}
    mode = st.segmented_control(
        _("Norms"),
        list(NORM_MODES),
        format_func=titles.__getitem__,
        default="follow",
        required=True,
        key=field_key("norms"),
    )
    return text if mode == "follow" else f"{text},norms={mode}"
