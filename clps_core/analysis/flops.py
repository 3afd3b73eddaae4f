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
* A layer that reads another's keys and values saves their two matrices; one that reads another's
  probabilities saves the matrices of queries and keys and the scores, half of the attention's
  operations. LoRA costs its two matrices at every layer that has it; concatenated input its matrix at
  every loop.
"""

from __future__ import annotations

from math import prod

from clps_core.config import ModelConfig
from clps_core.shapes import block_shapes, extra_shapes, outer_shapes
from clps_core.sharing import SharingPlan

__all__ = ["context_length", "train_flops_per_token"]

PER_WEIGHT = 6
PER_QUERY_AND_KEY = 12
DEFAULT_CONTEXT = 512
"""Tokens at which attention is counted for a model that does not say how long its inputs are."""


def context_length(model: ModelConfig, context: int | None = None) -> int:
    """Tokens at which attention is counted: ``context``, else the model's longest input."""
    return context or model.max_positions or DEFAULT_CONTEXT


def train_flops_per_token(model: ModelConfig, plan: SharingPlan, length: int) -> int:
    """Operations of one training step per token, rounded down; inputs of ``length`` tokens."""
    if model.family != "encoder_decoder":
        stack = model.family
        weights = _matrix_weights(model, plan, stack) + _outer_per_token(model)
        per_token = PER_WEIGHT * weights + _attention(model, plan, stack, "q", length)
        return per_token + PER_WEIGHT * _outer_per_input(model) // length
    source = PER_WEIGHT * (_matrix_weights(model, plan, "encoder") + _outer_per_token(model, head=False))
    source += _attention(model, plan, "encoder", "q", length)
    # Cross-attention's keys and values are made once per source token, its queries per target token.
    cross = PER_WEIGHT * _matrix_weights(model, plan, "decoder", only=("cross_k", "cross_v"))
    rest = PER_WEIGHT * _matrix_weights(model, plan, "decoder", without=("cross_k", "cross_v"))
    target = rest + PER_WEIGHT * _outer_per_token(model)
    target += _attention(model, plan, "decoder", "q", length) + _attention(model, plan, "decoder", "cross_q", length)
    return (source + cross + target) // 2


def _matrix_weights(
    model: ModelConfig, plan: SharingPlan, stack: str, *, only: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> int:
    total = 0
    for component, shapes in block_shapes(model, stack).items():
        if (only and component not in only) or component in without:
            continue
        size = sum(prod(shape) for _name, shape in shapes if len(shape) == 2)
        total += size * sum(slot is not None for slot in plan.map.row(stack, component))
    return total + _extra_weights(model, plan, stack, only, without)


def _extra_weights(
    model: ModelConfig, plan: SharingPlan, stack: str, only: tuple[str, ...], without: tuple[str, ...]
) -> int:
    total = 0
    for extra in extra_shapes(model, plan).values():
        if extra.stack != stack or (only and extra.component not in only) or extra.component in without:
            continue
        size = sum(prod(shape) for _name, shape in extra.shapes if len(shape) == 2)
        total += size * (plan.execution[stack].loops if extra.layer is None else 1)
    return total


def _attention(model: ModelConfig, plan: SharingPlan, stack: str, component: str, length: int) -> int:
    # Layers, not q sites: a layer that reads another's keys still mixes values.
    layers = plan.map.num_layers(stack) if component in plan.map.components(stack) else 0
    reused = len(plan.reuse[stack].consumers("attention_source")) if component == "q" else 0
    halves = 2 * layers - reused
    return PER_QUERY_AND_KEY // 2 * halves * model.num_heads * model.head_size * length


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
    """Weights multiplied once per input: a pooler and a class head, less the one patch that is none."""
    if model.output == "lm":
        return 0
    # A class token takes a position, but no product with the patch matrix.
    saved = model.embedding_width * (model.patch_dim or 0) if model.class_token else 0
    outer = outer_shapes(model)
    names = [name for name in ("pooler", "head") if name in outer]
    total = sum(prod(shape) for name in names for _tensor, shape in outer[name].shapes if len(shape) == 2)
    return total - saved
