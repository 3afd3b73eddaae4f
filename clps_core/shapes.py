"""The only source of parameter shapes; the counter and the parameter bank both read it.

``block_shapes`` says what one layer of a stack consists of (these weights go through the sharing
map); ``outer_shapes`` lists what lies outside the map: embeddings, heads, final norms;
``extra_shapes`` what loosens its ties: LoRA, depth embeddings, scales, and re-injected input.
Linear weights are ``(out_features, in_features)``, as in torch.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from clps_core.sharing.map import Shapes
from clps_core.sharing.plan import SharingPlan

__all__ = [
    "BLANKS",
    "BOX_SIDES",
    "SPAN_ENDS",
    "ExtraShape",
    "OuterShape",
    "Sizes",
    "block_shapes",
    "extra_shapes",
    "merging_is_cheaper",
    "outer_shapes",
    "stack_layers",
]

SPAN_ENDS = 2
"""Scores of each position: as the first of a span, and as the last (BERT, arXiv 1810.04805, section 4.2)."""
BLANKS = 1
"""Scores of each position beside those of the classes: that it stands for none (CTC, Graves et al. 2006)."""
BOX_SIDES = 4
"""Numbers of a box: its centre across and down, its width and its height, as parts of the picture."""
BRANCHES = {"attn": "o", "cross": "cross_o", "ffn": "ffn_out"}
"""Residual branch -> the component that ends it."""


class Sizes(Protocol):
    """What shapes are made from; ``config.ModelConfig`` has all of it."""

    @property
    def family(self) -> str: ...
    @property
    def num_layers(self) -> int: ...
    @property
    def decoder_layers(self) -> int: ...
    @property
    def d_model(self) -> int: ...
    @property
    def d_ff(self) -> int: ...
    @property
    def num_heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...
    @property
    def head_size(self) -> int: ...
    @property
    def embedding_width(self) -> int: ...
    @property
    def vocab_size(self) -> int | None: ...
    @property
    def max_positions(self) -> int | None: ...
    @property
    def token_types(self) -> int: ...
    @property
    def patch_dim(self) -> int | None: ...
    @property
    def num_classes(self) -> int | None: ...
    @property
    def num_queries(self) -> int | None: ...
    @property
    def reads_frames(self) -> bool: ...
    @property
    def max_target_positions(self) -> int | None: ...
    @property
    def class_token(self) -> bool: ...
    @property
    def positions(self) -> str: ...
    @property
    def activation(self) -> str: ...
    @property
    def norm(self) -> str: ...
    @property
    def bias(self) -> bool: ...
    @property
    def embedding_norm(self) -> bool: ...
    @property
    def has_final_norm(self) -> bool: ...
    @property
    def pooler(self) -> bool: ...
    @property
    def output(self) -> str: ...
    @property
    def tie_embeddings(self) -> str: ...


class OuterShape(NamedTuple):
    """A parameter outside the map: its tensors and the group it is counted in."""

    shapes: Shapes
    group: str


class ExtraShape(NamedTuple):
    """A parameter of the extras: its tensors, the group it is counted in, and where it stands.

    ``layer`` is ``None`` for what a stack has once; ``component`` is the one that LoRA loosens.
    """

    shapes: Shapes
    group: str
    stack: str
    layer: int | None = None
    component: str | None = None


def stack_layers(sizes: Sizes) -> dict[str, int]:
    """Stack -> number of executed layers, in order of execution."""
    if sizes.family == "encoder_decoder":
        return {"encoder": sizes.num_layers, "decoder": sizes.decoder_layers}
    return {sizes.family: sizes.num_layers}


def _linear(out_features: int, in_features: int, bias: bool) -> Shapes:
    weight = (("weight", (out_features, in_features)),)
    return (*weight, ("bias", (out_features,))) if bias else weight


def _norm(width: int, sizes: Sizes) -> Shapes:
    weight = (("weight", (width,)),)
    return (*weight, ("bias", (width,))) if sizes.norm == "layernorm" and sizes.bias else weight


def block_shapes(sizes: Sizes, stack: str) -> dict[str, Shapes]:
    """Component -> tensors of one layer of ``stack``, in order of execution."""
    d, bias = sizes.d_model, sizes.bias
    q_width, kv_width = sizes.num_heads * sizes.head_size, sizes.kv_heads * sizes.head_size
    attention = {"q": (q_width, d), "k": (kv_width, d), "v": (kv_width, d), "o": (d, q_width)}
    shapes = {name: _linear(*size, bias) for name, size in attention.items()}
    shapes["norm_attn"] = _norm(d, sizes)
    if stack == "decoder" and sizes.family == "encoder_decoder":
        shapes |= {f"cross_{name}": _linear(*size, bias) for name, size in attention.items()}
        shapes["norm_cross"] = _norm(d, sizes)
    shapes["ffn_in"] = _linear(sizes.d_ff, d, bias)
    if sizes.activation == "swiglu":
        shapes["ffn_gate"] = _linear(sizes.d_ff, d, bias)
    shapes["ffn_out"] = _linear(d, sizes.d_ff, bias)
    shapes["norm_ffn"] = _norm(d, sizes)
    return shapes


def outer_shapes(sizes: Sizes) -> dict[str, OuterShape]:
    """Name -> tensors of everything outside the map; tied weights appear once.

    Names are module paths of the built model, such as ``encoder_embedding.tokens``. With
    ``tie_embeddings="all"`` an encoder-decoder has one ``embedding``; with ``output`` or ``all`` there
    is no ``head`` weight. A factorised embedding (``embedding_size`` below ``d_model``) adds a
    projection up (ALBERT, arXiv 1909.11942) and, for a tied language-model head, one down. A decoder of
    ``num_queries`` learned queries (DETR, arXiv 2005.12872) reads no tokens: the only embedding is the encoder's.
    An encoder of frames has no token table that a decoder could share: both have an embedding then, always.
    """
    found: dict[str, OuterShape] = {}
    own_tables = sizes.tie_embeddings != "all" or sizes.reads_frames
    two_stacks = sizes.family == "encoder_decoder" and own_tables and not sizes.num_queries
    for name in ("encoder_embedding", "decoder_embedding") if two_stacks else ("embedding",):
        found |= _embedding(sizes, name)
    if sizes.num_queries:
        found["queries"] = OuterShape((("weight", (sizes.num_queries, sizes.d_model)),), "embedding")
    if sizes.has_final_norm:
        for stack in stack_layers(sizes):
            found[f"{stack}_final_norm"] = OuterShape(_norm(sizes.d_model, sizes), "norm")
    return found | _head(sizes)


def _embedding(sizes: Sizes, name: str) -> dict[str, OuterShape]:
    width, d = sizes.embedding_width, sizes.d_model
    found: dict[str, OuterShape] = {}
    writes = sizes.reads_frames and name == "decoder_embedding"
    if sizes.patch_dim is not None and not writes:
        found[f"{name}.patches"] = OuterShape(_linear(width, sizes.patch_dim, True), "embedding")
    else:
        found[f"{name}.tokens"] = OuterShape((("weight", (sizes.vocab_size or 0, width)),), "embedding")
    if sizes.class_token:
        found[f"{name}.class_token"] = OuterShape((("weight", (1, width)),), "embedding")
    if sizes.positions == "learned":
        longest = (sizes.max_target_positions if writes else None) or sizes.max_positions or 0
        found[f"{name}.positions"] = OuterShape((("weight", (longest, width)),), "embedding")
    if sizes.token_types:
        found[f"{name}.token_types"] = OuterShape((("weight", (sizes.token_types, width)),), "embedding")
    if sizes.embedding_norm:
        found[f"{name}.norm"] = OuterShape(_norm(width, sizes), "embedding")
    if width != d:
        found[f"{name}.projection"] = OuterShape(_linear(d, width, sizes.bias), "embedding")
    return found


def _head(sizes: Sizes) -> dict[str, OuterShape]:
    d = sizes.d_model
    found: dict[str, OuterShape] = {}
    if sizes.pooler:
        found["pooler"] = OuterShape(_linear(d, d, True), "head")
    if sizes.output == "classes":
        found["head"] = OuterShape(_linear(sizes.num_classes or 0, d, True), "head")
    elif sizes.output == "ctc":
        found["head"] = OuterShape(_linear((sizes.num_classes or 0) + BLANKS, d, True), "head")
    elif sizes.output == "span":
        found["head"] = OuterShape(_linear(SPAN_ENDS, d, True), "head")
    elif sizes.output == "boxes":
        found["head"] = OuterShape(_linear((sizes.num_classes or 0) + 1, d, True), "head")
        for name, rows in (("box_first", d), ("box_second", d), ("box_last", BOX_SIDES)):
            found[name] = OuterShape(_linear(rows, d, True), "head")
    elif sizes.output == "lm" and sizes.tie_embeddings == "none":
        found["head"] = OuterShape(_linear(sizes.vocab_size or 0, d, False), "head")
    elif sizes.output == "lm" and sizes.embedding_width != d:
        found["head_projection"] = OuterShape(_linear(sizes.embedding_width, d, False), "head")
    return found


def extra_shapes(sizes: Sizes, plan: SharingPlan) -> dict[str, ExtraShape]:
    """Name -> the extras of ``plan``, by executed layer.

    LoRA of rank r on a matrix ``(out, in)`` adds ``down`` (r, in) and ``up`` (out, r); a learned depth
    embedding and every scale are vectors of ``d_model``; concatenated input needs one ``(d, 2 d)`` matrix.
    """
    d, extras = sizes.d_model, plan.extras
    vector: Shapes = (("weight", (d,)),)
    found: dict[str, ExtraShape] = {}
    matrices = {
        (stack, component): dict(shapes)["weight"]
        for stack in stack_layers(sizes)
        for component, shapes in block_shapes(sizes, stack).items()
    }
    for site, rank in plan.lora:
        rows, columns = matrices[site.stack, site.component]
        name = f"extras.{site.stack}.{site.layer}.{site.component}"
        found[f"{name}.down"] = ExtraShape(_linear(rank, columns, False), "lora", *site)
        found[f"{name}.up"] = ExtraShape(_linear(rows, rank, False), "lora", *site)
    for stack, num_layers in stack_layers(sizes).items():
        if extras.inject == "concat":
            found[f"extras.{stack}.injection"] = ExtraShape(_linear(d, 2 * d, False), "injection", stack)
        for layer in range(num_layers):
            name = f"extras.{stack}.{layer}"
            if extras.depth_embedding == "learned":
                found[f"{name}.depth"] = ExtraShape(vector, "depth_embedding", stack, layer)
            if extras.layer_scale:
                components = plan.map.components(stack)
                for branch in (branch for branch, end in BRANCHES.items() if end in components):
                    found[f"{name}.scale_{branch}"] = ExtraShape(vector, "layer_scale", stack, layer)
    return found


def merging_is_cheaper(positions: int, rows: int, columns: int) -> bool:
    """Whether ``(W + B A) x`` takes fewer operations than ``W x + B (A x)``; a fact of shapes only.

    Per rank the first costs a product of the matrix's size, the second one of each of ``positions`` with
    both sides; in training the first, in decoding one token the second. Measured 2026-11-21, rank 4
    everywhere, one thread: a step of 1.4-1.7 times the tied one's with the second, 1.02-1.04 with the first.
    """
    return positions * (rows + columns) > rows * columns
