"""Cards of what gives each executed layer a little of its own again. Start at LOOSENED."""

from __future__ import annotations

from clps_core.schemes.scheme import Evidence, Scheme
from clps_core.words import _

__all__ = ["LOOSENED"]

LOOSENED: tuple[Scheme, ...] = (
    Scheme(
        name="lora",
        title=_("Low-rank weights per layer (LoRA)"),
        kind="loosened",
        strategy="all,lora=8",
        family="decoder",
        rule=_("W_l = W_slot + B_l A_l, with A_l of r rows and B_l of r columns"),
        shared=_("The full matrices, as the rule beside it says."),
        kept=_("r (in + out) weights per matrix and executed layer, which begin as zero."),
        saved=_("All of the tie's saving but those."),
        lost=_("The number of loops can no longer be changed: there are low-rank weights for so many layers only."),
        source="Hu et al. 2021, arXiv 2106.09685",
    ),
    Scheme(
        name="relaxed-recursive",
        title=_("Relaxed recursion"),
        kind="loosened",
        strategy="cycle,lora=8",
        family="decoder",
        rule=_("slot = l mod M; W_l = W_slot + B_l A_l"),
        shared=_("All full matrices, from one pass to the next."),
        kept=_("Low-rank weights of its own at every matrix."),
        saved=_("The weights of L - M layers, less the low-rank ones."),
        lost=_("Less than plain recursion; the higher the rank, the less."),
        source="Bae et al. 2024, arXiv 2410.20672",
        beyond=_("The paper starts from a trained model, with W_slot from its layers and B A from an SVD of the rest."),
        evidence=(
            Evidence(
                _(
                    "A recursive Gemma of 1B parameters outperforms models of its size that were trained as such "
                    "(TinyLlama 1.1B, Pythia 1B) and comes close to the 2B model it was made from."
                ),
                "Bae et al. 2024, arXiv 2410.20672, abstract",
            ),
        ),
    ),
    Scheme(
        name="residual-transformer",
        title=_("Shared weights plus a residue (ResidualTransformer)"),
        kind="loosened",
        strategy="grouped,lora=8",
        family="encoder",
        rule=_("slot = floor(l M / L); W_l = W_slot + B_l A_l"),
        shared=_("The full matrices of a group of neighbours."),
        kept=_("Low-rank weights of its own at every matrix."),
        saved=_("The weights of L - M layers, less the low-rank ones."),
        lost=_("Little, by the paper's account."),
        source="Wang & Li 2023, arXiv 2310.02489",
        beyond=_("The paper adds a diagonal of its own to each matrix as well; that is not built here."),
        evidence=(
            Evidence(
                _(
                    "Speech recognition and translation, 10,000 hours: the encoder is about three times smaller "
                    "with very slight degradation."
                ),
                "Wang & Li 2023, arXiv 2310.02489, abstract",
            ),
        ),
    ),
    Scheme(
        name="minivit",
        title=_("Weight multiplexing (MiniViT)"),
        kind="loosened",
        strategy="sequence,norms=own",
        family="encoder",
        rule=_("slot = floor(l / 2), with M = L / 2"),
        shared=_("Attention and feed-forward network of each pair of neighbours."),
        kept=_("Its own norms."),
        saved=_("The weights of L - M layers, less their norms."),
        lost=_("Not printed for this part of the design alone."),
        stored="half",
        source="Zhang et al. 2022, arXiv 2204.07154",
        beyond=_(
            "The paper also gives each layer small transformations of its own and distils from a large model; "
            "neither is built here."
        ),
        evidence=(
            Evidence(
                _(
                    "The whole design, with distillation: Swin-B 48% smaller with 1.0 points more top-1 on "
                    "ImageNet; DeiT-B from 86M to 9M with one layer's weights, without seriously compromising it."
                ),
                "Zhang et al. 2022, arXiv 2204.07154, abstract",
            ),
        ),
    ),
    Scheme(
        name="norms",
        title=_("Norms of one's own"),
        kind="loosened",
        strategy="all,norms=own",
        family="encoder",
        rule=_("norms: slot = l with norms=own, 0 with norms=shared, their block's with norms=follow"),
        shared=_("Everything but the norms, as the rule beside it says."),
        kept=_("Gain and bias of its norms: 4 d numbers per layer."),
        saved=_("All of the tie's saving but those."),
        lost=_("Next to nothing: norms are under a thousandth of a layer at d = 512."),
        source="Reid et al. 2021, arXiv 2101.00234",
    ),
    Scheme(
        name="layer-scale",
        title=_("A scale per layer"),
        kind="loosened",
        strategy="all,layer_scale=own",
        family="encoder",
        rule=_("x + diag(s_l) f(x), with f shared and s_l the layer's own"),
        shared=_("Everything, as the rule beside it says."),
        kept=_("One vector of d numbers per residual branch, which begins as one."),
        saved=_("All of the tie's saving but those."),
        lost=_("The number of loops can no longer be changed."),
        source="Touvron et al. 2021, arXiv 2103.17239",
        beyond=_("The paper starts the scale near zero to train deep stacks; here it starts at one: the tied model."),
    ),
    Scheme(
        name="factorised-embedding",
        title=_("Factorised embedding (ALBERT)"),
        kind="outside",
        strategy="none",
        family="encoder",
        rule=_("V x d becomes V x E times E x d, with E below d"),
        shared=_("One projection from E to d serves every word."),
        kept=_("Each word: E numbers."),
        saved=_("V (d - E) - E d numbers, of the embedding, not of the layers."),
        lost=_("A little where layers share nothing; where they share everything, E = 128 was best."),
        source="Lan et al. 2019, arXiv 1909.11942",
        sizes={"embedding_size": 128},
        evidence=(
            Evidence(
                _(
                    "Base size, E = 64, 128, 256, 768: nothing shared 81.3, 81.7, 81.8, 82.3; everything shared "
                    "79.0, 80.1, 79.6, 79.8."
                ),
                "Lan et al. 2019, arXiv 1909.11942, table 3",
            ),
        ),
    ),
)
