"""Cards of what shares activations: keys and values, or attention probabilities. Start at ACTIVATIONS."""

from __future__ import annotations

from clps_core.schemes.scheme import Scheme
from clps_core.words import _

__all__ = ["ACTIVATIONS"]

ACTIVATIONS: tuple[Scheme, ...] = (
    Scheme(
        name="cla",
        title=_("Cross-layer attention (CLA)"),
        kind="activations",
        strategy="kv_source=every:2",
        family="decoder",
        rule=_("layer l reads the keys and values of layer n floor(l / n)"),
        shared=_("Keys and values, as computed, of each n neighbours; consumers have no W_k and W_v at all."),
        kept=_("Queries, output and feed-forward network."),
        saved=_("The KV cache is divided by n; 2 d d_kv weights and their products fall away in each consumer."),
        lost=_("A consumer cannot choose what it is keyed by."),
        source="Brandon et al. 2024, arXiv 2405.12981",
    ),
    Scheme(
        name="yoco",
        title=_("Upper layers read one cache (YOCO-like)"),
        kind="activations",
        strategy="kv_source=upper",
        family="decoder",
        rule=_("layer l reads the keys and values of layer min(l, M - 1)"),
        shared=_("The keys and values of layer M - 1, by all layers above it."),
        kept=_("Queries, output and feed-forward network; the lower M layers everything."),
        saved=_("The KV cache of L - M layers, with their W_k and W_v."),
        lost=_("All upper layers look at one view of the past."),
        source="Sun et al. 2024, arXiv 2405.05254",
        beyond=_("The paper's lower half uses sliding-window attention or gated retention; here it attends fully."),
    ),
    Scheme(
        name="san",
        title=_("Shared attention probabilities (SAN)"),
        kind="activations",
        strategy="attention_source=every:2",
        family="encoder_decoder",
        rule=_("layer l uses the attention probabilities of layer n floor(l / n)"),
        shared=_("The probabilities themselves: consumers have no W_q and W_k and compute no scores."),
        kept=_("Values, output and feed-forward network."),
        saved=_("2 d^2 weights, the scores and the softmax of every consumer; and its cached keys."),
        lost=_("Consumers look exactly where their source looks."),
        source="Xiao et al. 2019, arXiv 1906.11024",
    ),
)
