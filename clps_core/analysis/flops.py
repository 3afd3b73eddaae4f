"""Floating-point operations of training, per token. Start at train_flops_per_token.

Definition (Kaplan et al. 2020, arXiv 2001.08361, section 2.1; Chowdhery et al. 2022 (PaLM), arXiv
2204.02311, appendix B):

* A multiplication and an addition are 2 operations; the backward pass costs twice the forward pass:
  a matrix of n weights costs ``6 n`` per token it is applied to.
* The matrices are the *executed* ones: sharing weights saves memory, not operations (but see the last
  but one point). Biases, norms, activations, softmax and lookups are left out; an output layer counts
  whether tied or not.
* Attention scores and their use on the values cost ``12 * num_heads * head_dim * length`` per query
  and executed layer. As in PaLM the full square is counted for causal attention too: no factor 1/2.
* A *token* is one position that a stack reads. Decoder: a token of the window; encoder: an input
  token or patch. Encoder-decoder: source and target tokens together, both at full ``length``:
  operations of one pair divided by ``2 * length``. Cross-attention keys and values are computed per
  source token, everything else of the decoder per target token. The memory is one for all decoder layers,
  so layers that share cross_k and cross_v project it once: here sharing saves operations.
* Some decoders have positions of a number of their own: learned queries, which are no tokens, and an answer about the
  frames of a sound, which is much shorter than these. Tokens are those of the encoder only, then, and the operations
  of the decoder, at its full number of positions, are divided among them.
* A layer that reads another's keys and values saves their two matrices; one that reads another's
  probabilities saves the matrices of queries and keys and the scores, half of the attention's
  operations. LoRA costs its two matrices at every layer that has it; concatenated input its matrix at
  every loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from clps_core.config import ModelConfig
from clps_core.shapes import BLANKS, SPAN_ENDS, block_shapes, outer_shapes
from clps_core.sharing import SharingPlan, Site
from clps_core.sharing.extras import Extras
from clps_core.sharing.sources import REUSE_KINDS
from clps_core.words import N_, Words

__all__ = ["FLOP_CAUSES", "MEMORY_COMPONENTS", "context_length", "flop_differences", "train_flops_per_token"]

PER_WEIGHT = 6
PER_QUERY_AND_KEY = 12
MEMORY_COMPONENTS = ("cross_k", "cross_v")
"""Computed from the memory, which is the same for every decoder layer and loop."""
FLOP_CAUSES: Mapping[str, str] = Words(
    {
        "memory": N_(
            "Layers that share the keys and values of cross-attention compute them once: they read the encoder's "
            "output, which is the same for every layer."
        ),
        "kv_source": N_("Layers that read another layer's keys and values compute none of their own."),
        "attention_source": N_("Layers that read another layer's attention compute no queries, keys or scores."),
        "lora": N_("LoRA adds two matrix products at every layer that has it."),
        "inject": N_("At every loop, one more matrix product joins the prelude's output to the core's input."),
        "loops": N_("Mean over the numbers of loops drawn in training."),
    }
)
"""Why a design has other operations than the same model without sharing; all else is computed as often."""

DEFAULT_CONTEXT = 512
"""Tokens at which attention is counted for a model that does not say how long its inputs are."""


def context_length(model: ModelConfig, context: int | None = None) -> int:
    """Tokens at which attention is counted: ``context``, else the model's longest input."""
    return context or model.max_positions or DEFAULT_CONTEXT


def train_flops_per_token(model: ModelConfig, plan: SharingPlan, length: int) -> int:
    """Operations of one training step per token, rounded down; inputs of ``length`` tokens.

    With a random number of loops, the mean over its draws.
    """
    if plan.extras.train_loops is None:
        return _per_token(model, plan, length, None)
    # Linear in the number of loops, and all numbers are equally likely: the mean is that of both ends.
    fewest, most = (_per_token(model, plan, length, loops) for loops in plan.extras.train_loops)
    return (fewest + most) // 2


def flop_differences(model: ModelConfig, plan: SharingPlan, length: int) -> dict[str, float]:
    """Operations per token more (or, below zero, fewer) than without sharing, by cause (``FLOP_CAUSES``).

    They add up to the difference of ``train_flops_per_token``, but for its rounding. Causes that change nothing
    are left out.
    """
    without_lora = replace(plan, lora=())
    fixed = replace(without_lora, extras=replace(plan.extras, lora=(), train_loops=None))
    bare = replace(fixed, extras=Extras())
    shares = {stack: _share(model, stack, length) for stack in plan.map.stacks}
    # With LoRA of its own a layer computes other keys and values than the layers it shares the full matrices with.
    source = shares[plan.map.stacks[0]]
    memory = source * PER_WEIGHT * _memory_saved(model, bare, plan)
    memory_without_lora = source * PER_WEIGHT * _memory_saved(model, bare, bare)
    found: dict[str, float] = {
        "memory": memory,
        **{kind: _reading(model, bare, kind, length, shares) for kind in REUSE_KINDS},
        "lora": _difference(model, plan, without_lora, length) + memory_without_lora - memory,
        "inject": _difference(model, fixed, bare, length),
        "loops": _difference(model, without_lora, fixed, length),
    }
    return {cause: amount for cause, amount in found.items() if amount}


def _share(model: ModelConfig, stack: str, length: int) -> float:
    """Positions of ``stack`` for each token that the model reads, at inputs of ``length`` tokens."""
    if model.family != "encoder_decoder":
        return 1.0
    if model.decoder_positions is None:
        return 0.5
    return 1.0 if stack == "encoder" else model.decoder_positions / length


def _own_length(model: ModelConfig, stack: str, length: int) -> int:
    """Positions of ``stack`` at inputs of ``length`` tokens."""
    return model.decoder_positions or length if stack == "decoder" else length


def _difference(model: ModelConfig, plan: SharingPlan, other: SharingPlan, length: int) -> int:
    return train_flops_per_token(model, plan, length) - train_flops_per_token(model, other, length)


def _memory_saved(model: ModelConfig, bare: SharingPlan, plan: SharingPlan) -> int:
    """Numbers fewer (so at most 0) that a source token is multiplied with, in the full matrices of cross-attention.

    ``bare`` is ``plan`` without its extras.
    """
    if "cross_k" not in plan.map.components(plan.map.stacks[-1]):
        return 0
    sizes = _sizes(model, bare, "decoder")
    first = dict.fromkeys(plan.groups("decoder", MEMORY_COMPONENTS))
    one_layer = sum(sizes[0, component] for component in MEMORY_COMPONENTS)
    return one_layer * (len(first) - plan.map.num_layers("decoder"))


def _reading(model: ModelConfig, plan: SharingPlan, kind: str, length: int, shares: Mapping[str, float]) -> float:
    """Operations per token fewer (so at most 0) in all layers that read another's activations of ``kind``."""
    total = 0.0
    for stack, reuse in plan.reuse.items():
        shapes = block_shapes(model, stack)
        weights = sum(prod(dict(shapes[component])["weight"]) for component in REUSE_KINDS[kind])
        keys = _own_length(model, stack, length)
        scores = PER_QUERY_AND_KEY // 2 * model.num_heads * model.head_size * keys
        each = PER_WEIGHT * weights + (scores if kind == "attention_source" else 0)
        total -= shares[stack] * each * len(reuse.consumers(kind))
    return total


def _per_token(model: ModelConfig, plan: SharingPlan, length: int, loops: int | None) -> int:
    if model.family != "encoder_decoder":
        stack = model.family
        weights = _matrix_weights(model, plan, stack, loops) + _outer_per_token(model)
        per_token = PER_WEIGHT * weights + _attention(model, plan, stack, length, loops)
        return per_token + PER_WEIGHT * _outer_per_input(model) // length
    source = PER_WEIGHT * (_matrix_weights(model, plan, "encoder", loops) + _outer_per_token(model, head=False))
    source += _attention(model, plan, "encoder", length, loops) + PER_WEIGHT * _memory_weights(model, plan)
    target = PER_WEIGHT * (_matrix_weights(model, plan, "decoder", loops) + _outer_of_target(model))
    target += _attention(model, plan, "decoder", length, loops)
    own = model.decoder_positions
    return (source + target) // 2 if own is None else source + target * own // length


def _sizes(model: ModelConfig, plan: SharingPlan, stack: str) -> dict[tuple[int, str], int]:
    """(layer, component) -> numbers in its matrices, with its LoRA; nothing where a layer has no such weight."""
    shapes = {
        component: dict(tensors)["weight"]
        for component, tensors in block_shapes(model, stack).items()
        if len(dict(tensors)["weight"]) == 2
    }
    ranks = plan.lora_ranks()
    return {
        (layer, component): prod(shape) + ranks.get(Site(stack, layer, component), 0) * sum(shape)
        for component, shape in shapes.items()
        for layer, slot in enumerate(plan.map.row(stack, component))
        if slot is not None
    }


def _matrix_weights(model: ModelConfig, plan: SharingPlan, stack: str, loops: int | None) -> int:
    """Numbers that each token of ``stack`` is multiplied with in all executed layers."""
    per_layer: dict[int, int] = {}
    for (layer, component), size in _sizes(model, plan, stack).items():
        if component not in MEMORY_COMPONENTS:
            per_layer[layer] = per_layer.get(layer, 0) + size
    execution = plan.execution[stack]
    total = sum(per_layer.get(layer, 0) for layer in execution.layers(loops))
    injected = 2 * model.d_model**2 if plan.extras.inject == "concat" else 0
    return total + injected * len(execution.starts(loops))


def _memory_weights(model: ModelConfig, plan: SharingPlan) -> int:
    """Numbers that each source token is multiplied with for cross-attention, once for each distinct pair of weights."""
    sizes = _sizes(model, plan, "decoder")
    groups = plan.groups("decoder", MEMORY_COMPONENTS)
    firsts = {group: layer for layer, group in reversed(list(enumerate(groups)))}
    return sum(sizes[layer, component] for layer in firsts.values() for component in MEMORY_COMPONENTS)


def _attention(model: ModelConfig, plan: SharingPlan, stack: str, length: int, loops: int | None) -> int:
    """Scores, and their use on the values: two halves of equal cost; probabilities that are read save the first."""
    order = plan.execution[stack].layers(loops)
    reading = plan.reuse[stack].consumers("attention_source")
    halves = 2 * len(order) - sum(layer in reading for layer in order)
    keys = halves * _own_length(model, stack, length)
    if "cross_q" in plan.map.components(stack):
        keys += 2 * len(order) * length
    return PER_QUERY_AND_KEY // 2 * keys * model.num_heads * model.head_size


def _outer_per_token(model: ModelConfig, *, head: bool = True, patches: bool = True) -> int:
    """Weights outside the map that are multiplied at every position of one stack: its embedding, and its head."""
    width, d = model.embedding_width, model.d_model
    total = width * d if width != d else 0
    if patches and model.patch_dim is not None:
        total += width * model.patch_dim
    if head and model.output == "lm":
        vocab = model.vocab_size or 0
        tied = model.tie_embeddings != "none"
        total += vocab * (width if tied else d) + (width * d if tied and width != d else 0)
    if head and model.output == "span":
        total += SPAN_ENDS * d
    if head and model.output == "ctc":
        total += ((model.num_classes or 0) + BLANKS) * d
    return total


def _outer_of_target(model: ModelConfig) -> int:
    """Weights outside the map that are multiplied at every position of a decoder above an encoder."""
    if model.num_queries is None:
        return _outer_per_token(model, patches=False)
    heads = [shape for shape in outer_shapes(model).values() if shape.group == "head"]
    return sum(prod(size) for head in heads for _tensor, size in head.shapes if len(size) == 2)


def _outer_per_input(model: ModelConfig) -> int:
    """Weights multiplied once per input: a pooler and a class head, less the one patch that is none."""
    if model.output in ("lm", "span", "ctc"):
        return 0
    # A class token takes a position, but no product with the patch matrix.
    saved = model.embedding_width * (model.patch_dim or 0) if model.class_token else 0
    outer = outer_shapes(model)
    names = [name for name in ("pooler", "head") if name in outer]
    total = sum(prod(shape) for name in names for _tensor, shape in outer[name].shapes if len(shape) == 2)
    return total - saved
