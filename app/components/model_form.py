"""The sizes and kinds that all compared designs have in common. Start at model_form."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.designs import Designs, Origin, counted_model, current_designs, origins, save_designs
from app.state import field_key
from clps_core.config import ModelConfig, RunConfig, build_config, validated
from clps_core.tasks import TASKS
from clps_core.words import _

__all__ = ["fill_form", "model_form"]

SIZES = (
    "num_layers",
    "num_decoder_layers",
    "d_model",
    "d_ff",
    "num_heads",
    "num_kv_heads",
    "vocab_size",
    "embedding_size",
)
KINDS = ("family", "positions", "activation", "norm", "norm_position", "tie_embeddings")
ORIGIN = "origin"


def fill_form(config: RunConfig) -> None:
    """Make the form show ``config``. Call it before the form is drawn, or from a callback."""
    for name in (*SIZES, *KINDS, "bias"):
        st.session_state[field_key(name)] = getattr(config.model, name)


def model_form(designs: Designs) -> RunConfig:
    """Draw the form; returns what it says. Raises ``ConfigError`` where the values do not fit each other."""
    if field_key("d_model") not in st.session_state:
        fill_form(designs.base)
    known = {origin.name: origin for origin in origins()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _origin_menu(designs, known)
        values: dict[str, Any] = {"num_layers": _number("num_layers", _("Layers"), 1, 512)}
        family = st.session_state[field_key("family")]
        if family == "encoder_decoder":
            values["num_decoder_layers"] = _number(
                "num_decoder_layers", _("Decoder layers"), 1, 512, empty=str(values["num_layers"]), width=118
            )
        values |= {
            "d_model": _number("d_model", "d_model", 1, 65_536, step=16),
            "d_ff": _number("d_ff", "d_ff", 1, 262_144, step=64),
            "num_heads": _number("num_heads", _("Heads"), 1, 1024),
        }
        with st.popover(_("More"), icon=":material/tune:"):
            values |= _rest(designs.base)
    return _with_model(designs.base, values)


def _origin_menu(designs: Designs, known: dict[str, Origin]) -> None:
    current = next((name for name, origin in known.items() if origin.designs.base.model == designs.base.model), None)
    st.session_state[field_key(ORIGIN)] = current

    def start_from() -> None:
        name = st.session_state[field_key(ORIGIN)]
        if name in known:
            save_designs(known[name].designs)
            fill_form(known[name].designs.base)

    st.selectbox(
        _("Start from"),
        list(known),
        format_func=lambda name: known[name].title,
        key=field_key(ORIGIN),
        placeholder=_("Sizes of your own"),
        on_change=start_from,
        width=216,
        help=known[current].source if current else None,
    )


def _number(
    name: str,
    label: str,
    low: int,
    high: int,
    *,
    step: int = 1,
    empty: str | None = None,
    width: int = 98,
    note: str | None = None,
) -> int | None:
    return st.number_input(
        label, min_value=low, max_value=high, step=step, value=None if empty else "min", placeholder=empty, width=width,
        key=field_key(name), help=note,
    )  # fmt: skip


def _choice(name: str, label: str, options: dict[str, str], note: str | None = None, on_change: Any = None) -> str:
    return st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=field_key(name),
        help=note,
        required=True,
        on_change=on_change,
    )


def _rest(base: RunConfig) -> dict[str, Any]:
    """What most people leave alone."""
    families = {"encoder_decoder": _("encoder-decoder"), "decoder": _("decoder"), "encoder": _("encoder")}
    values: dict[str, Any] = {"family": _choice("family", _("Family"), families, on_change=_change_family)}
    with st.container(horizontal=True):
        values["num_kv_heads"] = _number(
            "num_kv_heads",
            _("KV heads"),
            1,
            1024,
            empty=str(base.model.num_heads),
            note=_("Fewer than heads: grouped-query attention."),
        )
        task_vocabulary = counted_vocabulary(base)
        if base.model.patch_dim is None and task_vocabulary is not None:
            values["vocab_size"] = _number(
                "vocab_size",
                _("Vocabulary"),
                1,
                10_000_000,
                empty=str(task_vocabulary),
                note=_("Empty: the task's own."),
            )
        values["embedding_size"] = _number(
            "embedding_size", _("Embedding"), 1, 65_536, empty=str(base.model.d_model),
            note=_("Below d_model: factorised, as in ALBERT."),
        )  # fmt: skip
    values["activation"] = _choice("activation", _("Activation"), {"relu": "ReLU", "gelu": "GELU", "swiglu": "SwiGLU"})
    values["norm"] = _choice("norm", _("Norm"), {"layernorm": "LayerNorm", "rmsnorm": "RMSNorm"})
    places = {"pre": _("before each part"), "post": _("after each part")}
    values["norm_position"] = _choice("norm_position", _("Norm stands"), places)
    positions = {"sinusoidal": _("sinusoidal"), "learned": _("learned"), "rotary": _("rotary"), "none": _("none")}
    values["positions"] = _choice("positions", _("Positions"), positions)
    ties = {"all": _("all"), "output": _("output only"), "none": _("none")}
    values["tie_embeddings"] = _choice("tie_embeddings", _("Tied embeddings"), ties)
    values["bias"] = st.toggle(_("Biases"), key=field_key("bias"))
    return values


def counted_vocabulary(config: RunConfig) -> int | None:
    """The vocabulary that is counted; ``None`` for a model of patches."""
    bare = config.model_copy(update={"model": config.model.model_copy(update={"vocab_size": None})})
    return config.model.vocab_size or counted_model(bare).vocab_size


def _change_family() -> None:
    """Another family means another task: its model, with the sizes that were already chosen."""
    session = st.session_state
    family = session[field_key("family")]
    task = next(task.name for task in TASKS.values() if task.family == family)
    sizes = {name: session[field_key(name)] for name in ("num_layers", "d_model", "d_ff", "num_heads")}
    known = current_designs()
    base = build_config({"data": {"task": task}, "model": sizes})
    save_designs(Designs(base, known.strategies, known.chosen))
    fill_form(base)


def _with_model(base: RunConfig, values: dict[str, Any]) -> RunConfig:
    model = validated(ModelConfig, base.model.model_dump() | values)
    return base.model_copy(update={"model": model})
