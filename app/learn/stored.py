"""Chapter: what is stored, and what is run."""

from __future__ import annotations

import streamlit as st

from app.design.counts_table import counts_table
from app.design.designs import Costed, component_sizes, cost
from app.design.sharing_map import map_preview
from app.learn.chapter import Chapter, Choice, Source
from app.look.formatting import compact, exact, memory, percent
from clps_core.config import ModelConfig
from clps_core.words import _

__all__ = ["CHAPTER"]

LAYERS = "learn.stored.layers"
USUAL_LAYERS, WIDTH, FFN, HEADS, VOCABULARY, CONTEXT = 6, 512, 2048, 8, 8000, 512
MAP_WIDTH = 500


def _layers() -> int:
    """How many layers the reader has chosen."""
    found = st.session_state.get(LAYERS, USUAL_LAYERS)
    return found if isinstance(found, int) and 2 <= found <= 12 else USUAL_LAYERS


def _designs(layers: int) -> tuple[Costed, Costed]:
    """A decoder whose layers share nothing, and one with a single stored layer."""
    model = ModelConfig(
        family="decoder", num_layers=layers, d_model=WIDTH, d_ff=FFN, num_heads=HEADS, vocab_size=VOCABULARY,
        max_positions=CONTEXT,
    )  # fmt: skip
    return cost(model, "none"), cost(model, "all", 1)


def _claim() -> str:
    return _(
        "When the layers of a decoder share weights, less is stored. The model still runs every layer, so it computes "
        "just as much, and each layer keeps its own keys and values in the KV cache."
    )


def _asks() -> str:
    return _(
        "A decoder has {n} layers. Now all {n} use the same weights. How much computation does one token take?",
        n=USUAL_LAYERS,
    )


def _options() -> dict[str, str]:
    return {
        "part": _("One sixth of it: there is only one layer left"),
        "same": _("The same"),
        "more": _("More: the weights must be copied for every layer"),
    }


def _why() -> str:
    plain, shared = _designs(USUAL_LAYERS)
    return _(
        "In both designs, training takes {plain} FLOPs (additions and multiplications) per token. The "
        "shared layer is computed {n} times, once in each place; what it stores falls from {before} to "
        "{after} parameters.",
        plain=compact(plain.counts.train_flops_per_token),
        n=USUAL_LAYERS,
        before=compact(plain.counts.unique_parameters),
        after=compact(shared.counts.unique_parameters),
    )


def _act() -> None:
    layers = st.slider(_("Layers"), 2, 12, USUAL_LAYERS, key=LAYERS)
    designs = _designs(layers)
    sizes = component_sizes(designs[0].model)
    with st.container(horizontal=True):  # below one another where a map has no room beside the other
        for design in designs:
            with st.container(width=MAP_WIDTH):
                st.markdown(f"**{design.name}**")
                map_preview(design, sizes, None, f"learn.stored.map.{design.strategy}")
    counts_table(designs, 1)
    with st.expander(_("Count one layer by hand")):
        st.markdown(_by_hand(layers))


def _by_hand(layers: int) -> str:
    attention, ffn = 4 * WIDTH**2, 2 * WIDTH * FFN
    return _(
        "Attention has four matrices, for queries, keys, values and output: 4 · {d}² = {attention}. The feed-forward "
        "network has two: 2 · {d} · {f} = {ffn}. Together {layer} weights in one layer, {all} in {n} layers that "
        "share nothing. Biases, norms and the token table are extra; the table above counts them.\n\nA formula found "
        "in some articles, 2 · d² + 2 · d · d_ff for a layer, leaves out two of attention's four matrices: it gives "
        "{wrong} for {n} layers instead of {all}.",
        d=WIDTH,
        f=FFN,
        attention=exact(attention),
        ffn=exact(ffn),
        layer=exact(attention + ffn),
        all=exact(layers * (attention + ffn)),
        n=layers,
        wrong=exact(layers * (2 * WIDTH**2 + ffn)),
    )


def _seen() -> str:
    plain, shared = _designs(_layers())
    return _(
        "With {n} layers, one stored layer needs {share} of the stored parameters of no sharing. It is more than one "
        "part in {n}, since the token table and the last norm are not shared. Executed parameters, FLOPs per token and "
        "the KV cache ({cache} for each token) are the same for both.",
        n=_layers(),
        share=percent(shared.counts.unique_parameters / plain.counts.unique_parameters),
        cache=memory(plain.counts.kv_cache_bytes_per_token),
    )


def _open() -> str:
    return _(
        "This is counting. How good the smaller model becomes is another question, and it takes training to answer "
        "it. Memory to train leaves out activations, the results that the backward pass needs: sharing does not "
        "reduce them."
    )


CHAPTER = Chapter(
    "stored",
    lambda: _("What is stored, and what is run"),
    6,
    lambda: _(
        "A Transformer usually stores different weights for each of its layers. With sharing, several layers use the "
        "same ones."
    ),
    _claim,
    Choice(_asks, _options, lambda: "same", _why),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("Which of these becomes smaller when all layers of a decoder share their weights?"),
            lambda: {
                "cache": _("The KV cache"),
                "file": _("The file with the weights"),
                "time": _("The time for one token"),
            },
            lambda: "file",
            lambda: _("Only what is stored becomes smaller, with its gradients and the optimiser's state."),
        ),
        Choice(
            lambda: _("Why does the KV cache not become smaller?"),
            lambda: {
                "inputs": _("Each layer has another input, so its keys and values differ"),
                "weights": _("The cache holds the weights of every layer"),
                "table": _("The token table is not shared"),
            },
            lambda: "inputs",
            lambda: _(
                "Keys are the input times a matrix. The matrix is the same in every layer, the input is not. To make "
                "the cache smaller, a layer has to read the keys and values of another layer."
            ),
        ),
        Choice(
            lambda: _("A layer of width 512 with a feed-forward width of 2,048: which part stores more weights?"),
            lambda: {
                "attention": _("Attention"),
                "ffn": _("The feed-forward network"),
                "same": _("The same number in both"),
            },
            lambda: "ffn",
            lambda: _(
                "Attention has {attention} weights and the feed-forward network {ffn}: twice as many.",
                attention=exact(4 * WIDTH**2),
                ffn=exact(2 * WIDTH * FFN),
            ),
        ),
    ),
    (
        Source(
            "Lan et al. 2019, ALBERT",
            "https://arxiv.org/abs/1909.11942",
            lambda: _(
                "BERT base has 108 million parameters. ALBERT base, which shares all layers and also has a smaller "
                "token table, has 12 million."
            ),
        ),
        Source(
            "Brandon et al. 2024, Cross-Layer Attention",
            "https://arxiv.org/abs/2405.12981",
            lambda: _("Two neighbouring layers that share keys and values halve the KV cache."),
        ),
    ),
    uses=("decoder", "kv-cache", "gradient", "optimiser", "activations"),
)
