"""Chapter: reading another layer's keys and values."""

from __future__ import annotations

import streamlit as st

from app import navigation, state
from app.learn.chapter import Chapter, Choice, Source
from app.learn.kv_counts import HEADS, Chosen, cache_of, chosen, count_and_draw
from app.look.formatting import exact, memory
from clps_core.samples.ready import READY
from clps_core.samples.stories import title_of
from clps_core.schemes import get_scheme
from clps_core.words import _, ngettext

__all__ = ["CHAPTER"]

PARTS = {"same": 1.0, "half": 1 / 2, "eighth": 1 / 8}
"""Answers, as shares of the cache without sharing."""
LIVE = ("none", "kv_source=every:2", "all", "all,kv_source=every:2")
TASKS = ("docstrings", "hops")
FEWER_HEADS = 2


def _share(sizes: Chosen, strategy: str, whole: Chosen | None = None) -> float:
    return cache_of(sizes, strategy) / cache_of(whole or sizes, "none")


def _nearest(share: float) -> str:
    return min(PARTS, key=lambda one: abs(PARTS[one] - share))


def _asks() -> str:
    return _(
        "A decoder has {n} layers, and all of them use one set of weights. By how much does the KV cache shrink?",
        n=Chosen().layers,
    )


def _why() -> str:
    sizes = Chosen()
    return _(
        "After {tokens} tokens the cache takes {plain} without sharing, {shared} with one set of weights, and {read} "
        "where every second layer reads the keys and values of the layer before it.",
        tokens=exact(sizes.tokens),
        plain=memory(cache_of(sizes, "none")),
        shared=memory(cache_of(sizes, "all")),
        read=memory(cache_of(sizes, sizes.read)),
    )


def _claim() -> str:
    return _(
        "The KV cache holds what each layer has computed, not its weights. Layers with the same weights are given "
        "different inputs, so each writes keys and values of its own. The cache shrinks if fewer layers write and the "
        "others read what they wrote, or if each layer writes fewer heads."
    )


def _act() -> None:
    count_and_draw()
    st.markdown(_("**What does it cost in quality?**"))
    shipped = [
        ready for ready in READY if any("kv_source" in one.strategy or "attention_source" in one.strategy
                                        for one in ready.designs)
    ]  # fmt: skip
    if not shipped:
        st.markdown(
            _(
                "Counting does not tell, and no run that ships with CLPS Lab shows it. Train it: with and without one "
                "set of weights, with and without reading the keys and values of the layer before."
            )
        )
    with st.container(horizontal=True):
        for ready in shipped:
            query = {state.RUNS: state.run_ids(list(ready.run_ids()))}
            navigation.link("compare", title_of(ready), query=query)
        labels = {"hops": _("Train it live: two lookups"), "docstrings": _("Train it live: text")}
        for task in TASKS:
            spec = f"1;task={task};model.num_layers=4"
            navigation.link("train", labels[task], query={state.STRATEGY: list(LIVE), state.SPEC: spec})


def _seen() -> str:
    sizes = chosen()
    plain, shared, read = (cache_of(sizes, one) for one in ("none", "all", sizes.read))
    cache = _(
        "{layers} layers, {heads} for keys and values, {tokens} tokens: the cache takes {plain} without sharing, "
        "{shared} with one set of weights, and {read} where each group of {group} layers reads what its first layer "
        "wrote.",
        layers=sizes.layers,
        heads=ngettext("{n} head", "{n} heads", sizes.kv_heads),
        tokens=exact(sizes.tokens),
        plain=memory(plain),
        shared=memory(shared),
        group=sizes.group,
        read=memory(read),
    )
    return f"{cache} {_both(sizes)} " + _(
        "A layer that reads computes no keys and values, and needs no matrices for them."
    )


def _both(sizes: Chosen) -> str:
    """What grouped-query attention adds to it, or takes away."""
    if sizes.kv_heads == HEADS:
        fewer = Chosen(sizes.layers, sizes.tokens, sizes.group, FEWER_HEADS)
        return _(
            "With such groups and {fewer} heads for keys and values, it takes {both}.",
            fewer=FEWER_HEADS,
            both=memory(cache_of(fewer, sizes.read)),
        )
    whole = Chosen(sizes.layers, sizes.tokens, sizes.group)
    return _(
        "With {all} heads for keys and values, and without groups, it takes {whole}.",
        all=HEADS,
        whole=memory(cache_of(whole, "none")),
    )


def _open() -> str:
    return _(
        "A smaller cache is not a better model: layers that read must work with keys and values that were made for "
        "another layer. The counts do not say what that costs, nor how much faster a machine generates text."
    )


def _evidence() -> str:
    """Figures of the card: what is said of one scheme is said once."""
    return " ".join(str(one.claim) for one in get_scheme("cla").evidence[:2])


CHAPTER = Chapter(
    "kv",
    lambda: _("Reading another layer's keys and values"),
    8,
    lambda: _(
        "While a model generates text, it keeps the keys and values of all earlier tokens, so that it need not compute "
        "them again. This is the KV cache. For long texts it can be larger than the weights."
    ),
    _claim,
    Choice(
        _asks,
        lambda: {
            "eighth": _("To one eighth"),
            "half": _("To one half"),
            "same": _("Not at all"),
        },
        lambda: _nearest(_share(Chosen(), "all")),
        _why,
    ),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("A layer reads another layer's keys and values. What does it still compute?"),
            lambda: {
                "nothing": _("Nothing: it repeats the other layer's output"),
                "queries": _("Its queries, its attention and its feed-forward network"),
                "keys": _("Its keys and values, to check them"),
            },
            lambda: "queries",
            lambda: _(
                "It compares its own queries with the other layer's keys. Its queries differ, so its attention map "
                "differs from that of the layer it reads."
            ),
        ),
        Choice(
            lambda: _(
                "Two neighbouring layers use one layer's keys and values, and {heads} heads for them become {fewer}. "
                "How large is the cache, compared with before?",
                heads=HEADS,
                fewer=FEWER_HEADS,
            ),
            lambda: {"same": _("As large as before"), "half": _("One half"), "eighth": _("One eighth")},
            lambda: _nearest(_share(Chosen(kv_heads=FEWER_HEADS), Chosen().read, whole=Chosen())),
            lambda: _(
                "The two work on different numbers, so both savings count: half as many layers write, and each writes "
                "{fewer} heads instead of {heads}.",
                heads=HEADS,
                fewer=FEWER_HEADS,
            ),
        ),
        Choice(
            lambda: _("Which of these makes the file with the weights much smaller, but not the cache?"),
            lambda: {
                "weights": _("One set of weights for all layers"),
                "reading": _("Reading another layer's keys and values"),
                "heads": _("Fewer heads for keys and values"),
            },
            lambda: "weights",
            lambda: _(
                "The weights are stored once, and each layer still writes its own keys and values. Both can be "
                "combined: one set of weights, and layers that read."
            ),
        ),
    ),
    (
        Source(
            "Brandon et al. 2024, Reducing Transformer Key-Value Cache Size with Cross-Layer Attention",
            "https://arxiv.org/abs/2405.12981",
            lambda: _(
                "With pairs of layers the cache is half as large as that of multi-query attention. {figures}",
                figures=_evidence(),
            ),
        ),
        Source(
            "Ainslie et al. 2023, GQA",
            "https://arxiv.org/abs/2305.13245",
            lambda: _(
                "Grouped-query attention: a usual model is converted to it and trained further with 5 % of its "
                "original compute. It comes close to its original quality, at almost the speed of a single head for "
                "keys and values."
            ),
        ),
        Source(
            "Bae et al. 2025, Mixture-of-Recursions",
            "https://arxiv.org/abs/2507.10524",
            lambda: _(
                "Shared layers that run several times; in one variant all later rounds read the keys and values of the "
                "first, for a smaller cache."
            ),
        ),
        Source(
            "Conchello Vendrell et al. 2026, Memory-Efficient Looped Transformer",
            "https://arxiv.org/abs/2605.07721",
            lambda: _(
                "In looped models with the usual cache, its size grows with the number of loops. One cache for all "
                "loops, which a learned gate updates, keeps it constant."
            ),
        ),
    ),
    uses=("key", "value", "decoder", "flops"),
)
