"""Cards of what shares parts of a layer, or ties parts and stacks. Start at PARTS."""

from __future__ import annotations

from clps_core.schemes.scheme import Evidence, Scheme
from clps_core.words import N_

__all__ = ["PARTS"]

ALBERT = "Lan et al. 2019, arXiv 1909.11942"
ONE_WIDE_FFN = "Pires et al. 2023, arXiv 2309.01826"

PARTS: tuple[Scheme, ...] = (
    Scheme(
        name="attention-only",
        title=N_("Attention only (ALBERT)"),
        kind="weights",
        strategy="attention_only",
        family="encoder",
        rule=N_("q, k, v, o: slot = 0; feed-forward network: slot = l"),
        shared=N_("The four attention matrices and the norm of attention, in all layers."),
        kept=N_("The feed-forward network and its norm."),
        saved=N_("4 d^2 weights in each of L - 1 layers: a third of a layer at d_ff = 4 d."),
        lost=N_("It depends on the task: almost nothing in ALBERT, very much in the decoder of a translation model."),
        source=ALBERT,
        evidence=(
            Evidence(
                N_(
                    "Base size, average of five tasks. E = 128: attention shared 81.7, nothing shared 81.6. E = 768: "
                    "81.6 and 82.3."
                ),
                ALBERT + ", table 4",
            ),
            Evidence(
                N_(
                    "Translation, nothing shared 35.6 BLEU. Shared self-attention of the encoder 35.5, "
                    "cross-attention 35.5, self-attention of the decoder 26.5."
                ),
                ONE_WIDE_FFN + ", table 8",
            ),
        ),
    ),
    Scheme(
        name="ffn-only",
        title=N_("Feed-forward network only (ALBERT)"),
        kind="weights",
        strategy="ffn_only",
        family="encoder",
        rule=N_("feed-forward network: slot = 0; q, k, v, o: slot = l"),
        shared=N_("The feed-forward network and its norm, in all layers."),
        kept=N_("Attention and its norm."),
        saved=N_("2 d d_ff weights in each of L - 1 layers: two thirds of a layer at d_ff = 4 d."),
        lost=N_(
            "It depends on the task: in ALBERT, almost as much as sharing everything costs; in one stack of a "
            "translation model, little."
        ),
        source=ALBERT,
        evidence=(
            Evidence(
                N_(
                    "Base size, average of five tasks. E = 128: feed-forward network shared 80.2, nothing shared "
                    "81.6, everything shared 80.1. E = 768: 79.5, 82.3, 79.8."
                ),
                ALBERT + ", table 4",
            ),
            Evidence(
                N_(
                    "Translation, nothing shared 35.6 BLEU. Shared in the encoder 35.4, in the decoder 35.3, in both "
                    "34.7."
                ),
                ONE_WIDE_FFN + ", table 2",
            ),
        ),
    ),
    Scheme(
        name="one-wide-ffn",
        title=N_("One wide feed-forward network"),
        kind="weights",
        strategy="encoder.ffn=all,decoder.ffn=all",
        family="encoder_decoder",
        rule=N_("feed-forward network: slot = 0 in each stack; q, k, v, o: slot = l"),
        shared=N_("One feed-forward network per stack. It can be made wider with the saved parameters (raise d_ff)."),
        kept=N_("Attention."),
        saved=N_("2 d d_ff weights in each of L - 1 layers of each stack."),
        lost=N_("Little in one stack, more in both. Widened to the original size, it is better than without sharing."),
        source=ONE_WIDE_FFN,
        beyond=N_("The paper's last step removes the decoder's feed-forward network; here it is shared."),
        evidence=(
            Evidence(
                N_(
                    "Nothing shared, 228M parameters: 35.6 BLEU. Shared in the encoder 35.4 (186M), in both stacks "
                    "34.7 (144M), one for both stacks 34.5 (136M)."
                ),
                ONE_WIDE_FFN + ", table 2",
            ),
            Evidence(
                N_(
                    "Shared in the encoder and twelve times as wide, removed in the decoder: 36.5 with 228M, and "
                    "faster with small batches."
                ),
                ONE_WIDE_FFN + ", table 4",
            ),
        ),
    ),
    Scheme(
        name="tied-transformers",
        title=N_("Encoder = decoder (Tied Transformers)"),
        kind="weights",
        strategy="decoder=@encoder",
        family="encoder_decoder",
        rule=N_("decoder slot of layer l = encoder slot of layer l"),
        shared=N_("Self-attention and feed-forward network of encoder layer l and decoder layer l, with their norms."),
        kept=N_("The decoder's cross-attention, which has no counterpart in the encoder."),
        saved=N_("The self-attention and feed-forward network of a whole decoder."),
        lost=N_("The same weights must both read and write. The abstract prints no comparison at equal size."),
        source="Xia et al. 2019, AAAI 33, doi 10.1609/aaai.v33i01.33015466",
        evidence=(
            Evidence(
                N_("Translation: 35.52 BLEU on IWSLT 2014 German to English, 28.98 on WMT 2014 English to German."),
                "Xia et al. 2019, AAAI 33, abstract",
            ),
        ),
    ),
    Scheme(
        name="shared-qk",
        title=N_("Queries = keys (shared-QK)"),
        kind="weights",
        strategy="k=@q",
        family="decoder",
        rule=N_("k slot of layer l = q slot of layer l"),
        shared=N_("W_q and W_k within each layer are one matrix."),
        kept=N_("Everything else, unless another rule shares it."),
        saved=N_("d^2 weights of every layer."),
        lost=N_("Scores before the mask become symmetric: i attends to j as strongly as j attends to i."),
        source="Kitaev et al. 2020, arXiv 2001.04451",
        evidence=(
            Evidence(
                N_("Sharing queries and keys does not affect performance on enwik8 and imagenet64, with three layers."),
                "Kitaev et al. 2020, arXiv 2001.04451, section 5",
            ),
        ),
        beyond=N_(
            "The paper also scales keys to unit length and does not let a token attend to itself, because of its "
            "hashing; neither is implemented here."
        ),
    ),
    Scheme(
        name="qk-across-layers",
        title=N_("Queries and keys across layers"),
        kind="weights",
        strategy="q=all,k=all",
        family="decoder",
        rule=N_("q, k: slot = 0; v, o and feed-forward network: slot = l; with k=@q, one matrix for both q and k"),
        shared=N_("W_q and W_k of all layers: one pair of matrices decides where to attend."),
        kept=N_("Values, output projection and feed-forward network, which process what attention reads."),
        saved=N_("2 d^2 weights in each of L - 1 layers; d^2 more with k=@q."),
        lost=N_("No paper known to us measures this. Train it and compare."),
        source="-",
    ),
)
