"""Cards of what gives each executed layer a little of its own again. Start at LOOSENED."""

from __future__ import annotations

from clps_core.schemes.scheme import Evidence, Scheme
from clps_core.words import N_

__all__ = ["LOOSENED"]

LOOSENED: tuple[Scheme, ...] = (
    Scheme(
        name="lora",
        title=N_("Low-rank weights per layer (LoRA)"),
        kind="loosened",
        strategy="all,lora=8",
        family="decoder",
        rule=N_("W_l = W_slot + B_l A_l, where A_l has r rows and B_l has r columns"),
        shared=N_("The full matrices that the sharing rule shares."),
        kept=N_("r (in + out) weights per matrix and executed layer. At the start their product is zero."),
        saved=N_("Everything that the sharing rule saves, minus these separate weights."),
        lost=N_(
            "The number of loops can no longer be changed: low-rank weights exist only for the trained number of "
            "layers."
        ),
        source="Hu et al. 2021, arXiv 2106.09685",
    ),
    Scheme(
        name="relaxed-recursive",
        title=N_("Relaxed recursion"),
        kind="loosened",
        strategy="cycle,lora=8",
        family="decoder",
        rule=N_("slot = l mod M; W_l = W_slot + B_l A_l"),
        shared=N_("All full matrices, in every pass."),
        kept=N_("Separate low-rank weights for every matrix."),
        saved=N_("The weights of L - M layers, minus the low-rank ones."),
        lost=N_("Less than plain recursion; a higher rank costs less."),
        source="Bae et al. 2024, arXiv 2410.20672",
        beyond=N_("The paper starts from a trained model: W_slot from its layers, and B A from an SVD of the rest."),
        evidence=(
            Evidence(
                N_(
                    "A recursive Gemma with 1B parameters is better than models of similar size trained from scratch "
                    "(TinyLlama 1.1B, Pythia 1B) and comes close to the 2B model it was made from."
                ),
                "Bae et al. 2024, arXiv 2410.20672, abstract",
            ),
        ),
    ),
    Scheme(
        name="residual-transformer",
        title=N_("Shared weights plus a low-rank residual (ResidualTransformer)"),
        kind="loosened",
        strategy="grouped,lora=8",
        family="encoder",
        rule=N_("slot = floor(l M / L); W_l = W_slot + B_l A_l"),
        shared=N_("The full matrices of a group of neighbouring layers."),
        kept=N_("Separate low-rank weights for every matrix."),
        saved=N_("The weights of L - M layers, minus the low-rank ones."),
        lost=N_("Little, according to the paper."),
        source="Wang & Li 2023, arXiv 2310.02489",
        beyond=N_("The paper also adds a separate diagonal to each matrix; that is not implemented here."),
        evidence=(
            Evidence(
                N_(
                    "Speech recognition and translation, 10,000 hours: the encoder is about three times smaller, "
                    "with very slight degradation."
                ),
                "Wang & Li 2023, arXiv 2310.02489, abstract",
            ),
        ),
    ),
    Scheme(
        name="minivit",
        title=N_("Weight multiplexing (MiniViT)"),
        kind="loosened",
        strategy="sequence,norms=own",
        family="encoder",
        rule=N_("slot = floor(l / 2), with M = L / 2"),
        shared=N_("Attention and feed-forward network of each pair of neighbouring layers."),
        kept=N_("Separate norms."),
        saved=N_("The weights of L - M layers, minus their norms."),
        lost=N_("The paper prints no figure for this part of the design alone."),
        stored="half",
        source="Zhang et al. 2022, arXiv 2204.07154",
        beyond=N_(
            "The paper also gives each layer separate small transformations and distils from a large model; neither "
            "is implemented here."
        ),
        evidence=(
            Evidence(
                N_(
                    "The whole design, with distillation: Swin-B is 48% smaller with 1.0 points more top-1 accuracy "
                    "on ImageNet; DeiT-B shrinks from 86M to 9M with one layer's weights, without a serious loss."
                ),
                "Zhang et al. 2022, arXiv 2204.07154, abstract",
            ),
        ),
    ),
    Scheme(
        name="norms",
        title=N_("Separate norms"),
        kind="loosened",
        strategy="all,norms=own",
        family="encoder",
        rule=N_("norms: slot = l with norms=own, 0 with norms=shared, the slot of their block with norms=follow"),
        shared=N_("Everything that the sharing rule shares, except the norms."),
        kept=N_("Gain and bias of the norms: 4 d numbers per layer."),
        saved=N_("Everything that the sharing rule saves, minus these separate weights."),
        lost=N_("Almost nothing: norms are less than a thousandth of a layer at d = 512."),
        source="Reid et al. 2021, arXiv 2101.00234",
    ),
    Scheme(
        name="layer-scale",
        title=N_("A scale per layer"),
        kind="loosened",
        strategy="all,layer_scale=own",
        family="encoder",
        rule=N_("x + diag(s_l) f(x), where f is shared and each layer has a separate s_l"),
        shared=N_("Everything that the sharing rule shares."),
        kept=N_("One vector of width d per residual branch. All its numbers start at 1."),
        saved=N_("Everything that the sharing rule saves, minus these separate weights."),
        lost=N_("The number of loops can no longer be changed."),
        source="Touvron et al. 2021, arXiv 2103.17239",
        beyond=N_(
            "The paper starts the scale near zero to train deep stacks; here it starts at one, which is the tied model."
        ),
    ),
    Scheme(
        name="factorised-embedding",
        title=N_("Factorised embedding (ALBERT)"),
        kind="outside",
        strategy="none",
        family="encoder",
        rule=N_("a table of V x d becomes V x E times E x d, with E < d"),
        shared=N_("One projection from E to d, used for every token."),
        kept=N_("Each token: E numbers."),
        saved=N_("V (d - E) - E d weights of the embedding, not of the layers."),
        lost=N_("A little if layers share nothing; if they share everything, E = 128 was best."),
        source="Lan et al. 2019, arXiv 1909.11942",
        sizes={"embedding_size": 128},
        evidence=(
            Evidence(
                N_(
                    "Base size with E = 64, 128, 256, 768: nothing shared 81.3, 81.7, 81.8, 82.3; everything shared "
                    "79.0, 80.1, 79.6, 79.8."
                ),
                "Lan et al. 2019, arXiv 1909.11942, table 3",
            ),
        ),
    ),
)
