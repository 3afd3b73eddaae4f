"""Terms of Transformers: their parts and their sizes."""

from __future__ import annotations

from clps_core.glossary.term import Source, Term
from clps_core.words import N_

__all__ = ["TERMS"]

VASWANI = Source("Vaswani et al. 2017", "https://arxiv.org/abs/1706.03762")
GQA = Source("Ainslie et al. 2023", "https://arxiv.org/abs/2305.13245")
GLU = Source("Shazeer 2020", "https://arxiv.org/abs/2002.05202")
PRE_NORM = Source("Xiong et al. 2020", "https://arxiv.org/abs/2002.04745")

TERMS: tuple[Term, ...] = (
    Term(
        "transformer",
        N_("Transformer"),
        N_("A network of layers that each combine attention with a feed-forward network."),
        pages=("start", "learn", "design"),
        chapter="layer",
        source=VASWANI,
    ),
    Term(
        "layer",
        N_("Layer"),
        N_("One executed block: attention and a feed-forward network. Layers are numbered from 0."),
        N_("block, executed layers"),
        symbols=("L", "num_layers"),
        pages=("learn", "design", "train", "attention", "depth"),
        chapter="layer",
    ),
    Term(
        "depth",
        N_("Depth"),
        N_("The number of layers that run, one after another. Sharing does not change it."),
        N_("number of layers"),
        symbols=("L",),
        pages=("learn", "design", "compare", "depth"),
        chapter="layer",
    ),
    Term(
        "encoder",
        N_("Encoder"),
        N_("A stack of layers in which every position sees the whole input."),
        pages=("design", "attention", "depth"),
        source=VASWANI,
    ),
    Term(
        "decoder",
        N_("Decoder"),
        N_(
            "A stack of layers in which every position sees only itself and earlier positions. It writes text "
            "token by token."
        ),
        N_("decoder layers, causal model"),
        pages=("design", "attention", "depth"),
        source=VASWANI,
    ),
    Term(
        "encoder-decoder",
        N_("Encoder-decoder"),
        N_(
            "An encoder reads the input; a decoder writes the answer and reads the encoder's output by cross-attention."
        ),
        N_("sequence-to-sequence model"),
        pages=("design", "attention"),
        source=VASWANI,
    ),
    Term(
        "family",
        N_("Family"),
        N_("Which stacks a model has: an encoder, a decoder, or both."),
        N_("model family, stack"),
        pages=("design", "depth"),
    ),
    Term(
        "component",
        N_("Component"),
        N_(
            "One weight matrix with its bias, or one norm, such as Q or FFN in. Each component can have its own "
            "sharing rule."
        ),
        N_("part, parts, matrix"),
        pages=("design", "attention"),
        chapter="parts",
    ),
    Term(
        "branch",
        N_("Sublayer"),
        N_("Attention, cross-attention or the FFN of a layer. Its output is added to the state."),
        N_("branch, residual branch"),
        pages=("design", "attention"),
        chapter="parts",
    ),
    Term(
        "attention",
        N_("Attention"),
        N_("Each position reads information from other positions. Weights between 0 and 1 say how much from each."),
        N_("self-attention"),
        pages=("learn", "design", "attention"),
        chapter="layer",
        source=VASWANI,
    ),
    Term(
        "cross-attention",
        N_("Cross-attention"),
        N_("Attention from the decoder to the encoder's output."),
        symbols=("cross_q", "cross_k", "cross_v", "cross_o"),
        pages=("design", "attention"),
        source=VASWANI,
    ),
    Term(
        "query",
        N_("Query"),
        N_(
            "A vector of a position that is compared with the keys of others. The better they match, the larger "
            "the weight."
        ),
        N_("query matrix"),
        symbols=("Q", "q"),
        pages=("design", "attention"),
        chapter="parts",
        source=VASWANI,
    ),
    Term(
        "key",
        N_("Key"),
        N_("A vector of a position that queries are compared with."),
        N_("key matrix"),
        symbols=("K", "k"),
        pages=("design", "attention"),
        chapter="parts",
        source=VASWANI,
    ),
    Term(
        "value",
        N_("Value"),
        N_("The vector that is read from a position, multiplied by the attention weight."),
        N_("value matrix, keys and values"),
        symbols=("V", "v"),
        pages=("design", "attention"),
        chapter="parts",
        source=VASWANI,
    ),
    Term(
        "output-projection",
        N_("Output projection"),
        N_("The matrix that joins the results of all heads."),
        symbols=("O", "o"),
        pages=("design", "attention"),
        source=VASWANI,
    ),
    Term(
        "head",
        N_("Attention head"),
        N_("Attention runs several times side by side, each time on a part of the vector. Each part is a head."),
        N_("heads, head"),
        symbols=("h", "num_heads"),
        pages=("design", "train", "attention"),
        source=VASWANI,
    ),
    Term(
        "kv-heads",
        N_("KV heads"),
        N_(
            "The number of heads with their own keys and values. If it is smaller than the number of query "
            "heads, several of these share one (GQA, MQA)."
        ),
        N_("grouped-query attention, multi-query attention, GQA, MQA"),
        symbols=("num_kv_heads",),
        pages=("design",),
        source=GQA,
    ),
    Term(
        "ffn",
        N_("Feed-forward network"),
        N_("Two or three matrices with an activation function between them. It changes each position by itself."),
        N_("FFN, MLP, feed-forward, FFN in, FFN gate, FFN out"),
        symbols=("ffn_in", "ffn_gate", "ffn_out"),
        pages=("learn", "design", "attention"),
        chapter="layer",
        source=VASWANI,
    ),
    Term(
        "d-model",
        N_("Width"),
        N_(
            "The length of the vector of each token, the same in all layers. It must be divisible by the number "
            "of heads, unless head_dim is given."
        ),
        N_("model width, hidden size"),
        symbols=("d_model", "d"),
        pages=("design", "train", "compare"),
    ),
    Term(
        "d-ff",
        N_("FFN width"),
        N_("The length of the vector inside the feed-forward network."),
        N_("feed-forward width, intermediate size"),
        symbols=("d_ff",),
        pages=("design", "train"),
    ),
    Term(
        "activation-function",
        N_("Activation function"),
        N_(
            "The function between the matrices of an FFN. ReLU and GELU need two matrices, SwiGLU needs a third, "
            "the gate."
        ),
        N_("activation, ReLU, GELU, SwiGLU, gate"),
        pages=("design", "train"),
        source=GLU,
    ),
    Term(
        "norm",
        N_("Norm"),
        N_("Rescales each vector and multiplies it by learned numbers. LayerNorm also centres it; RMSNorm does not."),
        N_("normalisation, LayerNorm, RMSNorm, final norm"),
        symbols=("norm_attn", "norm_cross", "norm_ffn"),
        pages=("design", "train", "attention"),
        chapter="layer",
        source=Source("Zhang and Sennrich 2019", "https://arxiv.org/abs/1910.07467"),
    ),
    Term(
        "norm-position",
        N_("Norm position"),
        N_(
            "Whether the norm is before each sublayer (pre-norm, easier to train) or after it (post-norm, the "
            "original)."
        ),
        N_("pre-norm, post-norm"),
        pages=("design",),
        source=PRE_NORM,
    ),
    Term(
        "state",
        N_("State"),
        N_("The vector of a position between two layers. Each sublayer adds something to it."),
        N_("hidden state, residual stream"),
        pages=("attention", "depth"),
        chapter="layer",
    ),
    Term(
        "embedding",
        N_("Embedding"),
        N_("A table with one learned vector for each token. It turns the input into the first state."),
        N_("token embedding"),
        pages=("design",),
    ),
    Term(
        "positions",
        N_("Position encoding"),
        N_(
            "How the model gets the order of the tokens: fixed waves (sinusoidal), a learned vector, or rotated "
            "queries and keys."
        ),
        N_("positions, rotary, RoPE, sinusoidal, learned positions"),
        pages=("design", "train"),
        source=Source("Su et al. 2021", "https://arxiv.org/abs/2104.09864"),
    ),
    Term(
        "bias",
        N_("Bias"),
        N_("A learned vector that is added after a matrix product."),
        pages=("design",),
    ),
    Term(
        "class-token",
        N_("Class token"),
        N_("A learned vector in front of the image patches. The class is predicted from its last state."),
        N_("CLS token"),
        pages=("design",),
        source=Source("Dosovitskiy et al. 2020", "https://arxiv.org/abs/2010.11929"),
    ),
    Term(
        "image-patch",
        N_("Image patch"),
        N_(
            "A small square of an image. Each patch is one position of the input, so smaller patches make it longer. "
            "The patch size is its side."
        ),
        N_("patch size"),
        symbols=("patch_size", "patch_dim"),
        unit=N_("pixels"),
        pages=("train", "attention"),
        source=Source("Dosovitskiy et al. 2020", "https://arxiv.org/abs/2010.11929"),
    ),
    Term(
        "token",
        N_("Token"),
        N_("One unit of text that the model reads: a character, a byte, a word or a piece of one."),
        pages=("learn", "data", "tryit", "attention"),
    ),
    Term(
        "vocabulary",
        N_("Vocabulary"),
        N_("All tokens that a model knows. Each has a row in the embedding."),
        symbols=("vocab_size",),
        pages=("design", "data"),
    ),
    Term(
        "tokenizer",
        N_("Tokenizer"),
        N_("Splits text into tokens. BPE learns frequent pieces of words from the training text."),
        N_("BPE, byte-pair encoding"),
        pages=("data",),
        source=Source("Sennrich et al. 2015", "https://arxiv.org/abs/1508.07909"),
    ),
    Term(
        "sequence-length",
        N_("Sequence length"),
        N_("The number of tokens in one example. A model has a maximum."),
        N_("context length, context, maximum length"),
        symbols=("seq_len",),
        unit=N_("tokens"),
        pages=("design", "train", "data"),
    ),
    Term(
        "softmax",
        N_("Softmax"),
        N_("Turns scores into probabilities that add up to 1."),
        pages=("learn", "attention"),
    ),
    Term(
        "mask",
        N_("Mask token"),
        N_("A token that takes the place of a hidden one. A masked language model predicts what is hidden."),
        N_("masked, mask, masked language model"),
        pages=("tryit", "data"),
        source=Source("Devlin et al. 2018", "https://arxiv.org/abs/1810.04805"),
    ),
)
