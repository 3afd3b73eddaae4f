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
        shared=N_(
            "The computed keys and values, within each group of n neighbouring layers. The other layers of the group "
            "have no W_k and W_v."
        ),
        kept=N_("Queries, output projection and feed-forward network."),
        saved=N_(
            "The KV cache is n times smaller. Each layer that reuses keys and values also saves 2 d d_kv weights "
            "and their products."
        ),
        lost=N_("Almost nothing for pairs of layers with a single key-value head; more for larger groups."),
        source=CLA,
        evidence=(
            Evidence(
                N_(
                    "1B parameters, one key-value head: perplexity 13.54 with a cache of 10,240 bytes per token. "
                    "Sharing in pairs gives 13.60 with 5,120 bytes; halving the head instead gives 13.81, also with "
                    "5,120 bytes."
                ),
                CLA + ", table 1",
            ),
            Evidence(N_("Perplexity with groups of 2, 3 and 4 layers: 13.60, 13.77, 13.95."), CLA),
            Evidence(
                N_(
                    "With several key-value heads and an untuned learning rate, perplexity rises more: by 0.12 "
                    "with four heads, by 0.07 with two."
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
        shared=N_("The keys and values of layer M - 1, which all layers above it read."),
        kept=N_("Queries, output projection and feed-forward network. The lower M layers keep everything."),
        saved=N_("The KV cache of L - M layers, with their W_k and W_v."),
        lost=N_("All upper layers attend to the same keys and values."),
        source=YOCO,
        beyond=N_(
            "In the paper, the lower half uses sliding-window attention or gated retention; here it uses full "
            "attention."
        ),
        evidence=(
            Evidence(
                N_(
                    "3B parameters, 1T tokens, average of eight tasks: 0.634. Other 3B models have 0.619 and 0.612, "
                    "trained on other data."
                ),
                YOCO + ", table 3",
            ),
            Evidence(
                N_(
                    "65B parameters: the cache is about 80 times smaller (fixed-size states in the lower half, one "
                    "cache for the upper half)."
                ),
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
        shared=N_("The attention probabilities. Layers that reuse them have no W_q and W_k and compute no scores."),
        kept=N_("Values, output projection and feed-forward network."),
        saved=N_(
            "2 d^2 weights, the scores, the softmax and the cached keys of every layer that reuses probabilities."
        ),
        lost=N_(
            "Layers that reuse probabilities attend to exactly the same positions as their source. In "
            "translation that costs almost nothing."
        ),
        source="Xiao et al. 2019, arXiv 1906.11024",
        evidence=(
            Evidence(
                N_("Ten translation tasks: decoding is 1.3 times as fast on average, with almost no decrease in BLEU."),
                "Xiao et al. 2019, arXiv 1906.11024, abstract",
            ),
        ),
        beyond=N_("The paper learns during training which layers share; here the source of each layer is fixed."),
    ),
)
