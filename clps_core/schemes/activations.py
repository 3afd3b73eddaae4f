"""Cards of what shares activations: keys and values, or attention probabilities. Start at ACTIVATIONS."""

from __future__ import annotations

from clps_core.schemes.scheme import Evidence, Scheme
from clps_core.words import N_

__all__ = ["ACTIVATIONS"]

CLA = "Brandon et al. 2024, arXiv 2405.12981"
YOCO = "Sun et al. 2024, arXiv 2405.05254"

ACTIVATIONS: tuple[Scheme, ...] = (
    Scheme(
        name="cla",
        title=N_("Cross-layer attention (CLA)"),
        kind="activations",
        strategy="kv_source=every:2",
        family="decoder",
        rule=N_("layer l reads the keys and values of layer n floor(l / n)"),
        shared=N_("Keys and values, as computed, of each n neighbours; consumers have no W_k and W_v at all."),
        kept=N_("Queries, output and feed-forward network."),
        saved=N_("The KV cache is divided by n; 2 d d_kv weights and their products fall away in each consumer."),
        lost=N_("Nearly nothing for pairs on top of a single key-value head; more for larger groups."),
        source=CLA,
        evidence=(
            Evidence(
                N_(
                    "1B parameters, one key-value head: perplexity 13.54 with 10,240 bytes per token, 13.60 with "
                    "pairs and 5,120; halving the head instead, also 5,120, 13.81."
                ),
                CLA + ", table 1",
            ),
            Evidence(N_("Groups of 2, 3 and 4: 13.60, 13.77, 13.95."), CLA),
            Evidence(
                N_(
                    "With several key-value heads and an untuned rate it costs more: 0.12 with four heads, 0.07 "
                    "with two."
                ),
                CLA + ", table 1",
            ),
        ),
    ),
    Scheme(
        name="yoco",
        title=N_("Upper layers read one cache (YOCO-like)"),
        kind="activations",
        strategy="kv_source=upper",
        family="decoder",
        rule=N_("layer l reads the keys and values of layer min(l, M - 1)"),
        shared=N_("The keys and values of layer M - 1, by all layers above it."),
        kept=N_("Queries, output and feed-forward network; the lower M layers everything."),
        saved=N_("The KV cache of L - M layers, with their W_k and W_v."),
        lost=N_("All upper layers look at one view of the past."),
        source=YOCO,
        beyond=N_("The paper's lower half uses sliding-window attention or gated retention; here it attends fully."),
        evidence=(
            Evidence(
                N_(
                    "3B parameters, 1T tokens, average of eight tasks: 0.634; other 3B models 0.619 and 0.612 "
                    "(their data differ)."
                ),
                YOCO + ", table 3",
            ),
            Evidence(
                N_("65B parameters: the cache is about 80 times smaller (fixed-size states below, one cache above)."),
                YOCO,
            ),
        ),
    ),
    Scheme(
        name="san",
        title=N_("Shared attention probabilities (SAN)"),
        kind="activations",
        strategy="attention_source=every:2",
        family="encoder_decoder",
        rule=N_("layer l uses the attention probabilities of layer n floor(l / n)"),
        shared=N_("The probabilities themselves: consumers have no W_q and W_k and compute no scores."),
        kept=N_("Values, output and feed-forward network."),
        saved=N_("2 d^2 weights, the scores and the softmax of every consumer; and its cached keys."),
        lost=N_("Consumers look exactly where their source looks. In translation that costs almost nothing."),
        source="Xiao et al. 2019, arXiv 1906.11024",
        evidence=(
            Evidence(
                N_("Ten translation tasks: decoding 1.3 times as fast on average, with almost no decrease in BLEU."),
                "Xiao et al. 2019, arXiv 1906.11024, abstract",
            ),
        ),
        beyond=N_("The paper learns which layers share while training; here the source of each layer is given."),
    ),
)
