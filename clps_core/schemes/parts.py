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
        shared=N_("The four attention matrices of all layers, and their norm."),
        kept=N_("Its own feed-forward network and the norm of it."),
        saved=N_("4 d^2 weights of L - 1 layers: a third of a layer at d_ff = 4 d."),
        lost=N_("It depends on the task: next to nothing in ALBERT, ruinous in the decoder of a translation model."),
        source=ALBERT,
        evidence=(
            Evidence(
                N_(
                    "Base size, average of five tasks: attention shared 81.7, nothing 81.6 with E = 128; 81.6 and "
                    "82.3 with E = 768."
                ),
                ALBERT + ", table 4",
            ),
            Evidence(
                N_(
                    "Translation, nothing shared 35.6 BLEU: the encoder's self-attention shared 35.5, "
                    "cross-attention 35.5, the decoder's self-attention 26.5."
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
        shared=N_("The feed-forward network of all layers, and its norm."),
        kept=N_("Its own attention and the norm of it."),
        saved=N_("2 d d_ff weights of L - 1 layers: two thirds of a layer at d_ff = 4 d."),
        lost=N_(
            "It depends on the task: in ALBERT nearly all that sharing everything loses, in one stack of a "
            "translation model little."
        ),
        source=ALBERT,
        evidence=(
            Evidence(
                N_(
                    "Base size, average of five tasks: feed-forward network shared 80.2, nothing 81.6, everything "
                    "80.1 with E = 128; 79.5, 82.3, 79.8 with E = 768."
                ),
                ALBERT + ", table 4",
            ),
            Evidence(
                N_("Translation, nothing shared 35.6 BLEU: the encoder's shared 35.4, the decoder's 35.3, both 34.7."),
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
        shared=N_("One feed-forward network per stack, which may be made wider with what is saved (raise d_ff)."),
        kept=N_("Its own attention."),
        saved=N_("2 d d_ff weights of L - 1 layers of each stack."),
        lost=N_("Little in either stack, more in both; widened until it is as large as before, it gains."),
        source=ONE_WIDE_FFN,
        beyond=N_("The paper's last step drops the decoder's feed-forward network altogether; here it is shared."),
        evidence=(
            Evidence(
                N_(
                    "228M parameters, nothing shared, 35.6 BLEU: the encoder's shared 35.4 (186M), both 34.7 "
                    "(144M), one for both stacks 34.5 (136M)."
                ),
                ONE_WIDE_FFN + ", table 2",
            ),
            Evidence(
                N_(
                    "The encoder's shared and twelve times as wide, the decoder's dropped: 36.5 at 228M, and "
                    "faster at small batches."
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
        kept=N_("The decoder's cross-attention, which the encoder does not have."),
        saved=N_("The self-attention and feed-forward network of a whole decoder."),
        lost=N_(
            "Reading and writing have to do with the same weights. The abstract prints no comparison at equal size."
        ),
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
        kept=N_("Everything else, but for what another rule shares between layers."),
        saved=N_("d^2 weights of every layer."),
        lost=N_("Scores before the mask become symmetric: how strongly i looks at j equals how strongly j looks at i."),
        source="Kitaev et al. 2020, arXiv 2001.04451",
        evidence=(
            Evidence(
                N_("Sharing queries and keys does not affect performance on enwik8 and imagenet64, with three layers."),
                "Kitaev et al. 2020, arXiv 2001.04451, section 5",
            ),
        ),
        beyond=N_(
            "The paper also scales keys to unit length and bars a token from itself, for its hashing; neither "
            "is done here."
        ),
    ),
    Scheme(
        name="qk-across-layers",
        title=N_("Queries and keys across layers"),
        kind="weights",
        strategy="q=all,k=all",
        family="decoder",
        rule=N_("q, k: slot = 0; v, o and feed-forward network: slot = l; with k=@q one matrix for both"),
        shared=N_("W_q and W_k of all layers: where to look is decided by one pair of matrices."),
        kept=N_("Values, output and feed-forward network: what is done with what is seen."),
        saved=N_("2 d^2 weights of L - 1 layers; d^2 more with k=@q."),
        lost=N_("Not measured in any paper known to us. Train it beside the others."),
        source="-",
    ),
)
