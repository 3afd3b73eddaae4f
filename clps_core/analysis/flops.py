"""Floating-point operations of training, per token. Start at train_flops_per_token.

Definition (Kaplan et al. 2020, arXiv 2001.08361, section 2.1; Chowdhery et al. 2022 (PaLM), arXiv
2204.02311, appendix B):

* A multiplication and an addition are 2 operations; the backward pass costs twice the forward pass:
  a matrix of n weights costs ``6 n`` per token it is applied to.
* The matrices are the *executed* ones: sharing weights saves memory, not operations. Biases, norms,
  activations, softmax and lookups are left out; an output layer counts whether tied or not.
* Attention scores and their use on the values cost ``12 * num_heads * head_dim * length`` per query
  and executed layer. As in PaLM the full square is counted for causal attention too: no factor 1/2.
* A *token* is one position that a stack reads. Decoder: a token of the window; encoder: an input
  token or patch. Encoder-decoder: source and target tokens together, both at full ``length``:
  operations of one pair divided by ``2 * length``. Cross-attention keys and values are computed per
  source token, everything else of the decoder per target token.
"""

from __future__ import annotations

from math import prod

from clps_core.config import ModelConfig
from clps_core.shapes import block_shapes, outer_shapes
from clps_core.sharing import SharingMap

__all__ = ["context_length", "train_flops_per_token"]

PER_WEIGHT = 6
PER_QUERY_AND_KEY = 12
DEFAULT_CONTEXT = 512
"""Tokens at which attention is counted for a model that does not say how long its inputs are."""


def context_length(model: ModelConfig, context: int | None = None) -> int:
    """Tokens at which attention is counted: ``context``, else the model's longest input."""
    return context or model.max_positions or DEFAULT_CONTEXT


def train_flops_per_token(model: ModelConfig, mapping: SharingMap, length: int) -> int:
    """Operations of one training step per token, rounded down; inputs of ``length`` tokens."""
    if model.family != "encoder_decoder":
        stack = model.family
        weights = _matrix_weights(model, mapping, stack) + _outer_per_token(model)
        per_token = PER_WEIGHT * weights + _attention(model, mapping, stack, "q", length)
        return per_token + PER_WEIGHT * _outer_per_input(model) // length
    source = PER_WEIGHT * (_matrix_weights(model, mapping, "encoder") + _outer_per_token(model, head=False))
    source += _attention(model, mapping, "encoder", "q", length)
    # Cross-attention's keys and values are made once per source token, its queries per target token.
    cross = PER_WEIGHT * _matrix_weights(model, mapping, "decoder", only=("cross_k", "cross_v"))
    rest = PER_WEIGHT * _matrix_weights(model, mapping, "decoder", without=("cross_k", "cross_v"))
    target = rest + PER_WEIGHT * _outer_per_token(model)
    target += _attention(model, mapping, "decoder", "q", length) + _attention(
        model, mapping, "decoder", "cross_q", length
    )
    return (source + cross + target) // 2


def _matrix_weights(
    model: ModelConfig, mapping: SharingMap, stack: str, *, only: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> int:
    total = 0
    for component, shapes in block_shapes(model, stack).items():
        if (only and component not in only) or component in without:
            continue
        size = sum(prod(shape) for _name, shape in shapes if len(shape) == 2)
        total += size * sum(slot is not None for slot in mapping.row(stack, component))
    return total


def _attention(model: ModelConfig, mapping: SharingMap, stack: str, component: str, length: int) -> int:
    # Layers, not q sites: a layer that takes over another's q still mixes its values.
    layers = mapping.num_layers(stack) if component in mapping.components(stack) else 0
    return PER_QUERY_AND_KEY * layers * model.num_heads * model.head_size * length


def _outer_per_token(model: ModelConfig, *, head: bool = True) -> int:
    """Weights outside the map that are multiplied at every position of one stack."""
    width, d = model.embedding_width, model.d_model
    total = width * d if width != d else 0
    if model.patch_dim is not None:
        total += width * model.patch_dim
    if head and model.output == "lm":
        vocab = model.vocab_size or 0
        tied = model.tie_embeddings != "none"
        total += vocab * (width if tied else d) + (width * d if tied and width != d else 0)
    return total


def _outer_per_input(model: ModelConfig) -> int:
    """Weights multiplied once per input: a pooler and a class head."""
    if model.output == "lm":
        return 0
    outer = outer_shapes(model)
    names = [name for name in ("pooler", "head") if name in outer]
    return sum(prod(shape) for name in names for _tensor, shape in outer[name].shapes if len(shape) == 2)
