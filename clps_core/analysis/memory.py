"""Will it fit? Memory of a training run, estimated before anything is queued. Start at check_fits.

The estimate is for fp32 training in one process and errs on the large side (six models from 0.1
to 190 M parameters on a CPU: 1 to 20 % above the measured peak):

* weights, gradients and two moments: 16 bytes per *unique* parameter (of a matrix that Muon updates one moment less,
  with an average of the weights one copy more); a copy of the weights while a checkpoint is written;
* what the backward pass keeps of one micro-batch, for every *executed* layer and position: inputs of the norms, of the
  projections and of the feed-forward network, and the attention probabilities (fused attention does
  not store them; plain attention at short lengths does; on a GPU they count only where attention is not fused);
  of a matrix with LoRA also the merged one, which every executed layer has of its own however much is shared;
* if that is more, in its place what Muon's iteration holds (they do not happen at once): stacked matrices of one shape;
* the output layer: logits, their gradient and the softmax between;
* the process itself (``PROCESS_BYTES``; on a GPU its context and libraries stand for it).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from clps_core.analysis.counts import count, layer_matrices
from clps_core.config import ModelConfig, Resolved, RunConfig, resolve
from clps_core.errors import ConfigError
from clps_core.shapes import BLANKS, block_shapes, merging_is_cheaper
from clps_core.sharing import SharingPlan
from clps_core.words import _

__all__ = ["check_fits", "estimate_evaluation_memory", "estimate_training_memory"]

FP32_BYTES = 4
GIB = 2**30
PROCESS_BYTES = 480 * 2**20
"""An interpreter with torch, the task's data and the allocator's slack (measured: 0.45 GiB)."""
LOGIT_COPIES = 3
ITERATION_COPIES = 5
"""Stacked matrices of one shape at a time in Muon's iteration: before and after, two products, and the normed one."""
FUSED_HEAD = 8
"""Fused attention on a GPU takes heads whose width is a multiple of this (of 4 in fp32); others take steps."""
JOINED = (("q", "k", "v"), ("cross_k", "cross_v"), ("ffn_gate", "ffn_in"))
"""Components whose matrices are put together for one product: one with LoRA makes a new copy of all."""


def estimate_training_memory(config: RunConfig | Resolved, *, gpu: bool = False) -> int:
    """Bytes that training ``config`` will need at its peak, of the machine or of a GPU; see the top of this file."""
    found = resolve(config)
    counts = count(found.config.model, found.plan, optim=found.config.optim)
    passing = max(activation_bytes(found, gpu=gpu), _iteration_bytes(found))
    return PROCESS_BYTES + counts.training_bytes + counts.weight_bytes + passing


def _iteration_bytes(found: Resolved) -> int:
    """Bytes that Muon's update of the matrices holds at its peak; nothing without Muon."""
    if found.config.optim.name != "muon":
        return 0
    matrices = layer_matrices(found.config.model, found.plan.map)
    of_a_shape: dict[tuple[int, ...], int] = {}
    for shape in matrices:
        of_a_shape[tuple(sorted(shape))] = of_a_shape.get(tuple(sorted(shape)), 0) + prod(shape)
    largest = max(of_a_shape.values(), default=0)
    return FP32_BYTES * (sum(map(prod, matrices)) + ITERATION_COPIES * largest)


def estimate_evaluation_memory(config: RunConfig | Resolved, *, gpu: bool = False) -> int:
    """Bytes that evaluating a run of ``config`` will need at most: its weights twice while they are read, and no more
    activations than a training step keeps for its backward pass.
    """
    found = resolve(config)
    weights = count(found.config.model, found.plan).weight_bytes
    return PROCESS_BYTES + 2 * weights + activation_bytes(found, gpu=gpu)


def activation_bytes(config: RunConfig | Resolved, *, gpu: bool = False) -> int:
    """Bytes of activations that a training step keeps for its backward pass: those of one micro-batch."""
    found = resolve(config)
    config, plan = found.config, found.plan
    model, batch = config.model, config.train.micro_batch
    length = config.data.seq_len or model.max_positions or 1
    per_sequence = 0
    most = plan.extras.train_loops[1] if plan.extras.train_loops else None
    for stack, execution in plan.execution.items():
        layers = len(execution.layers(most)) if execution.core else execution.num_layers
        cross = stack == "decoder" and model.family == "encoder_decoder"
        own = model.decoder_positions or length if cross else length
        per_sequence += layers * _layer_numbers(model, own, cross=cross)
        if own != length:  # the keys and values of cross-attention have other positions than its queries
            per_sequence += layers * 2 * length * model.num_heads * model.head_size
        if not gpu or model.head_size % FUSED_HEAD:
            kept = 2 if cross else 1
        else:
            kept = 1 if plan.reuse[stack].read("attention_source") else 0
        per_sequence += layers * _probabilities(model, own, [own, length][:kept])
    wide = {"lm": model.vocab_size or 0, "ctc": (model.num_classes or 0) + BLANKS}.get(model.output, 0)
    per_sequence += LOGIT_COPIES * (model.decoder_positions or length) * wide
    return (batch * per_sequence + _merged_numbers(model, plan, batch * length)) * FP32_BYTES


def _merged_numbers(model: ModelConfig, plan: SharingPlan, positions: int) -> int:
    """Numbers of the matrices that are merged with their LoRA, one set for every executed layer."""
    total = 0
    loosened = plan.lora_ranks()
    for stack in plan.map.stacks if loosened else ():
        matrices = {name: dict(shapes)["weight"] for name, shapes in block_shapes(model, stack).items()}
        for layer in range(plan.map.num_layers(stack)):
            used = [name for name in matrices if plan.map.slot(stack, layer, name) is not None]
            own = {name for name in used if (stack, layer, name) in loosened}
            own |= {name for name in used for group in JOINED if name in group and own & set(group)}
            sizes = [matrices[name] for name in own]
            total += sum(rows * columns for rows, columns in sizes if merging_is_cheaper(positions, rows, columns))
    return total


def _layer_numbers(model: ModelConfig, length: int, *, cross: bool) -> int:
    """Numbers kept for one sequence by one layer."""
    d, width = model.d_model, model.num_heads * model.head_size
    # Norm in and out, q, k, v, the mix, its projection and the residual sum.
    attention = length * (4 * d + 2 * width + 2 * width)
    wide = 4 if model.activation == "swiglu" else 2
    ffn = length * (4 * d + wide * model.d_ff)
    return attention * (2 if cross else 1) + ffn


def _probabilities(model: ModelConfig, queries: int, keys: Sequence[int]) -> int:
    """Numbers of attention to each number of ``keys`` of one sequence, where it is not fused."""
    kept = 2 if model.dropout else 1
    return kept * model.num_heads * queries * sum(keys)


def check_fits(config: RunConfig | Resolved, memory_bytes: int, *, gpu: bool = False) -> None:
    """Raise ``ConfigError`` when training ``config`` would need more than ``memory_bytes``, of a ``gpu`` or of this
    machine.
    """
    found = resolve(config)
    needed = estimate_training_memory(found, gpu=gpu)
    if needed <= memory_bytes:
        return
    complete, activations = found.config, activation_bytes(found, gpu=gpu)
    if activations > (needed - PROCESS_BYTES) // 2:
        longer = _("batch_size ({batch}) or seq_len", batch=complete.train.batch_size)
        shorter = _("batch_size ({batch})", batch=complete.train.batch_size)
        advice = longer if complete.data.seq_len else shorter
    else:
        advice = _("d_model ({d_model}), d_ff or num_layers, or share more", d_model=complete.model.d_model)
    sizes = {"needed": needed / GIB, "got": memory_bytes / GIB, "advice": advice}
    if gpu:
        raise ConfigError(
            _(
                "the run does not fit into GPU memory: it needs about {needed:.1f} GiB, and the largest GPU here has "
                "{got:.1f} GiB. Lower {advice}, or use train.device cpu.",
                **sizes,
            )
        )
    raise ConfigError(
        _(
            "the run does not fit into memory: it needs about {needed:.1f} GiB, and {got:.1f} GiB are available on "
            "this machine. Lower {advice}.",
            **sizes,
        )
    )
