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
        rule=N_("W_l = W_slot + B_l A_l, with A_l of r rows and B_l of r columns"),
        shared=N_("The full matrices, as the rule beside it says."),
        kept=N_("r (in + out) weights per matrix and executed layer, which begin as zero."),
        saved=N_("All of the tie's saving but those."),
        lost=N_("The number of loops can no longer be changed: there are low-rank weights for so many layers only."),
        source="Hu et al. 2021, arXiv 2106.09685",
    ),
    Scheme(
        name="relaxed-recursive",
        title=N_("Relaxed recursion"),
        kind="loosened",
        strategy="cycle,lora=8",
        family="decoder",
        rule=N_("slot = l mod M; W_l = W_slot + B_l A_l"),
        shared=N_("All full matrices, from one pass to the next."),
        kept=N_("Low-rank weights of its own at every matrix."),
        saved=N_("The weights of L - M layers, less the low-rank ones."),
        lost=N_("Less than plain recursion; the higher the rank, the less."),
        source="Bae et al. 2024, arXiv 2410.20672",
        beyond=N_(
            "The paper starts from a trained model, with W_slot from its layers and B A from an SVD of the rest."
        ),
        evidence=(
            Evidence(
                N_(
                    "A recursive Gemma of 1B parameters outperforms models of its size that were trained as such "
                    "(TinyLlama 1.1B, Pythia 1B) and comes close to the 2B model it was made from."
                ),
                "Bae et al. 2024, arXiv 2410.20672, abstract",
            ),
        ),
    ),
    Scheme(
        name="residual-transformer",
        title=N_("Shared weights plus a residue (ResidualTransformer)"),
        kind="loosened",
        strategy="grouped,lora=8",
        family="encoder",
        rule=N_("slot = floor(l M / L); W_l = W_slot + B_l A_l"),
        shared=N_("The full matrices of a group of neighbours."),
        kept=N_("Low-rank weights of its own at every matrix."),
        saved=N_("The weights of L - M layers, less the low-rank ones."),
        lost=N_("Little, by the paper's account."),
        source="Wang & Li 2023, arXiv 2310.02489",
        beyond=N_("The paper adds a diagonal of its own to each matrix as well; that is not built here."),
        evidence=(
            Evidence(
                N_(
                    "Speech recognition and translation, 10,000 hours: the encoder is about three times smaller "
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
        shared=N_("Attention and feed-forward network of each pair of neighbours."),
        kept=N_("Its own norms."),
        saved=N_("The weights of L - M layers, less their norms."),
        lost=N_("Not printed for this part of the design alone."),
        stored="half",
        source="Zhang et al. 2022, arXiv 2204.07154",
        beyond=N_(
            "The paper also gives each layer small transformations of its own and distils from a large model; "
            "neither is built here."
        ),
        evidence=(
            Evidence(
                N_(
                    "The whole design, with distillation: Swin-B 48% smaller with 1.0 points more top-1 on "
                    "ImageNet; DeiT-B from 86M to 9M with one layer's weights, without seriously compromising it."
                ),
                "Zhang et al. 2022, arXiv 2204.07154, abstract",
            ),
        ),
    ),
    Scheme(
        name="norms",
        title=N_("Norms of one's own"),
        kind="loosened",
        strategy="all,norms=own",
        family="encoder",
        rule=N_("norms: slot = l with norms=own, 0 with norms=shared, their block's with norms=follow"),
        shared=N_("Everything but the norms, as the rule beside it says."),
        kept=N_("Gain and bias of its norms: 4 d numbers per layer."),
        saved=N_("All of the tie's saving but those."),
        lost=N_("Next to nothing: norms are under a thousandth of a layer at d = 512."),
        source="Reid et al. 2021, arXiv 2101.00234",
    ),
    Scheme(
        name="layer-scale",
        title=N_("A scale per layer"),
        kind="loosened",
        strategy="all,layer_scale=own",
        family="encoder",
        rule=N_("x + diag(s_l) f(x), with f shared and s_l the layer's own"),
        shared=N_("Everything, as the rule beside it says."),
        kept=N_("One vector of d numbers per residual branch, which begins as one."),
        saved=N_("All of the tie's saving but those."),
        lost=N_("The number of loops can no longer be changed."),
        source="Touvron et al. 2021, arXiv 2103.17239",
        beyond=N_("The paper starts the scale near zero to train deep stacks; here it starts at one: the tied model."),
    ),
    Scheme(
        name="factorised-embedding",
        title=N_("Factorised embedding (ALBERT)"),
        kind="outside",
        strategy="none",
        family="encoder",
        rule=N_("V x d becomes V x E times E x d, with E below d"),
        shared=N_("One projection from E to d serves every word."),
        kept=N_("Each word: E numbers."),
        saved=N_("V (d - E) - E d numbers, of the embedding, not of the layers."),
        lost=N_("A little where layers share nothing; where they share everything, E = 128 was best."),
        source="Lan et al. 2019, arXiv 1909.11942",
        sizes={"embedding_size": 128},
        evidence=(
            Evidence(
                N_(
                    "Base size, E = 64, 128, 256, 768: nothing shared 81.3, 81.7, 81.8, 82.3; everything shared "
                    "79.0, 80.1, 79.6, 79.8."
                ),
                "Lan et al. 2019, arXiv 1909.11942, table 3",
            ),
        ),
    ),
)
