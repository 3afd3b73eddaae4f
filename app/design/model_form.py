"""The sizes and kinds that all compared designs have in common. Start at model_form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from app.design.designs import Designs, current_designs, save_designs
from app.design.origins import Origin, current_origin, origins
from app.design.paper_gallery import open_papers_dialog
from app.design.run_dialog import open_run_dialog
from app.state import field_key, renew_fields
from clps_core.config import ModelConfig, RunConfig, build_config, validated
from clps_core.glossary import meaning
from clps_core.tasks import TASKS
from clps_core.words import _

__all__ = ["model_form"]


def model_form(designs: Designs) -> RunConfig:
    """Draw the form; returns what it says. Raises ``ConfigError`` where the values do not fit each other."""
    model = designs.base.model
    known = dict(origins())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _origin_menu(designs, known)
        st.button(
            _("Papers"), icon=":material/library_books:", on_click=open_papers_dialog,
            help=_("All designs from papers, with the published figures and the counts of CLPS Lab."),
        )  # fmt: skip
        st.button(
            _("Runs"), icon=":material/model_training:", on_click=open_run_dialog,
            help=_("Use the design of a run, or only its sharing map."),
        )  # fmt: skip
        layers = _number(model, "num_layers", _("Layers"), 1, 512, note=meaning("layer"))
        values: dict[str, Any] = {"num_layers": layers}
        if model.family == "encoder_decoder":
            values["num_decoder_layers"] = _number(
                model, "num_decoder_layers", _("Decoder layers"), 1, 512, empty=values["num_layers"], width=112
            )
        values |= {
            "d_model": _number(model, "d_model", "d_model", 1, 65_536, step=16, width=108, note=meaning("d-model")),
            "d_ff": _number(model, "d_ff", "d_ff", 1, 262_144, step=64, note=meaning("d-ff")),
            "num_heads": _number(model, "num_heads", _("Heads"), 1, 1024, note=meaning("head")),
        }
        with st.popover(_("More"), icon=":material/tune:"):
            values |= _rest(designs.base)
    model = validated(ModelConfig, model.model_dump() | values)
    return designs.base.model_copy(update={"model": model})


def _origin_menu(designs: Designs, known: dict[str, Origin]) -> None:
    origin = current_origin(designs)
    current = origin.name if origin else None
    key = field_key("origin")
    st.session_state[key] = current

    def start_from() -> None:
        chosen = known.get(st.session_state[key])
        if chosen is not None:
            save_designs(replace(chosen.designs, beside=current_designs().beside))
            renew_fields()

    st.selectbox(
        _("Start from"),
        list(known),
        format_func=lambda name: known[name].title,
        key=key,
        placeholder=_("Custom sizes"),
        on_change=start_from,
        width=168,
        help=known[current].source if current else None,
    )


def _number(
    model: ModelConfig,
    name: str,
    label: str,
    low: int,
    high: int,
    *,
    step: int = 1,
    empty: int | None = None,
    width: int = 92,
    note: str | None = None,
) -> int | None:
    """A whole number; ``empty`` is what no number means, shown in grey."""
    number: int | None = st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=getattr(model, name),
        step=step,
        placeholder=None if empty is None else str(empty),
        width=width,
        key=field_key(name),
        help=note,
    )
    return number


def _choice(
    model: ModelConfig, name: str, label: str, options: dict[str, str], note: str, on_change: Any = None
) -> str:
    chosen: str | None = st.segmented_control(
        label,
        list(options),
        default=getattr(model, name),
        format_func=options.__getitem__,
        key=field_key(name),
        required=True,
        help=note,
        on_change=on_change,
    )
    return chosen or str(getattr(model, name))  # a browser that has drawn nothing yet answers with nothing


def _rest(base: RunConfig) -> dict[str, Any]:
    """What most people leave alone."""
    model = base.model
    families = {"encoder_decoder": _("encoder-decoder"), "decoder": _("decoder"), "encoder": _("encoder")}
    values: dict[str, Any] = {
        "family": _choice(model, "family", _("Family"), families, meaning("family"), _change_family)
    }
    with st.container(horizontal=True):
        values["num_kv_heads"] = _number(
            model, "num_kv_heads", _("KV heads"), 1, 1024, empty=model.num_heads,
            note=meaning("kv-heads"),
        )  # fmt: skip
        vocabulary = _task_vocabulary(base)
        if vocabulary is not None:
            values["vocab_size"] = _number(
                model,
                "vocab_size",
                _("Vocabulary"),
                1,
                10_000_000,
                empty=vocabulary,
                note=meaning("vocabulary", _("Leave empty to use the vocabulary of the task.")),
            )
        values["embedding_size"] = _number(
            model, "embedding_size", _("Embedding"), 1, 65_536, empty=model.d_model,
            note=meaning("factorised-embedding", _("A size below d_model splits the token table into two smaller "
                                                   "matrices.")),
        )  # fmt: skip
    activations = {"relu": "ReLU", "gelu": "GELU", "swiglu": "SwiGLU"}
    places = {"pre": _("before each sublayer"), "post": _("after each sublayer")}
    positions = {"sinusoidal": _("sinusoidal"), "learned": _("learned"), "rotary": _("rotary"), "none": _("none")}
    ties = {"all": _("all"), "output": _("output only"), "none": _("none")}
    if vocabulary is None and model.family == "encoder":
        values["class_token"] = st.toggle(
            _("Class token"), value=model.class_token, key=field_key("class_token"),
            help=meaning("class-token"),
        )  # fmt: skip
    return values | {
        "activation": _choice(model, "activation", _("Activation"), activations, meaning("activation-function")),
        "norm": _choice(model, "norm", _("Norm"), {"layernorm": "LayerNorm", "rmsnorm": "RMSNorm"}, meaning("norm")),
        "norm_position": _choice(model, "norm_position", _("Norm position"), places, meaning("norm-position")),
        "positions": _choice(model, "positions", _("Positions"), positions, meaning("positions")),
        "tie_embeddings": _choice(model, "tie_embeddings", _("Tied embeddings"), ties, meaning("tied-embeddings")),
        "bias": st.toggle(_("Biases"), value=model.bias, key=field_key("bias"), help=meaning("bias")),
    }


def _task_vocabulary(base: RunConfig) -> int | None:
    """The vocabulary that an empty field means; ``None`` for a model of patches."""
    return base.model.vocab_size or TASKS.facts(base.data).vocab_size


def _change_family() -> None:
    """Another family means another task: its model, with the sizes that were already chosen."""
    family = st.session_state[field_key("family")]
    known = current_designs()
    task = TASKS.of_family(family, known.base.data.task)
    sizes = {name: getattr(known.base.model, name) for name in ("num_layers", "d_model", "d_ff", "num_heads")}
    save_designs(replace(known, base=build_config({"data": {"task": task}, "model": sizes})))
    renew_fields()
