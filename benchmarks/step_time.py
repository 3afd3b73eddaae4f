"""One training step, shared and unshared, beside torch's and x-transformers' models of the same sizes.

A step is forward, backward and AdamW on random tokens. The models take turns, one step each per
round, and ratios are medians over rounds of the time in that round: a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from x_transformers import Decoder, TransformerWrapper

from clps_core.config import ModelConfig, OptimConfig, SharingConfig, sharing_plan
from clps_core.model.transformer import Transformer
from clps_core.training.optimiser import Optimiser
from report import write_table

VOCAB = 256
BATCH = 32
STRATEGIES = ("none", "all", "cycle", "sandwich", "middle_cycle", "q=all,k=@q", "kv_source=every:2", "all,lora=4")
"""Sharing weights must cost nothing; reading activations saves operations; LoRA adds some."""
DECODERS = ((64, 32, 6), (128, 64, 6))
"""d_model, tokens, layers of the language models."""
DATES_SIZES: dict[str, int] = {"d_model": 96, "d_ff": 256, "num_layers": 4}
SOURCE, TARGET = 40, 34
"""The default model of the task `dates`, and about the lengths of its batches."""

Step = Callable[[], None]


class TorchDecoder(nn.Module):
    """torch.nn.TransformerEncoder with a causal mask, embedding and tied head."""

    def __init__(self, d_model: int, layers: int, tokens: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, d_model)
        self.positions = nn.Parameter(torch.zeros(tokens, d_model))
        layer = nn.TransformerEncoderLayer(
            d_model, 4, 4 * d_model, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.stack = nn.TransformerEncoder(layer, layers, nn.LayerNorm(d_model), enable_nested_tensor=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(tokens))

    def forward(self, inputs: Tensor) -> Tensor:
        """``[B, T]`` -> logits ``[B, T, VOCAB]``."""
        states = self.stack(self.embedding(inputs) + self.positions, mask=self.mask, is_causal=True)
        return states @ self.embedding.weight.T


class TorchEncoderDecoder(nn.Module):
    """torch.nn.Transformer with one tied embedding."""

    def __init__(self, d_model: int, d_ff: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, d_model)
        self.positions = nn.Parameter(torch.zeros(64, d_model))
        self.stack = nn.Transformer(
            d_model, 4, layers, layers, d_ff, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )

    def forward(self, inputs: Tensor, *, input_mask: Tensor, decoder_inputs: Tensor) -> Tensor:
        """``[B, S]`` and ``[B, T]`` -> logits ``[B, T, VOCAB]``."""
        future = torch.ones(decoder_inputs.shape[1], decoder_inputs.shape[1], dtype=torch.bool).triu(1)
        states = self.stack(
            self.embedding(inputs) + self.positions[: inputs.shape[1]],
            self.embedding(decoder_inputs) + self.positions[: decoder_inputs.shape[1]],
            tgt_mask=future,
            src_key_padding_mask=~input_mask,
            memory_key_padding_mask=~input_mask,
        )
        return states @ self.embedding.weight.T


def ours(strategy: str, **sizes: Any) -> Transformer:
    config = ModelConfig(num_heads=4, vocab_size=VOCAB, max_positions=64, **sizes)
    return Transformer(config, sharing_plan(config, SharingConfig(strategy=strategy)))


def x_transformers(d_model: int, layers: int, tokens: int) -> nn.Module:
    stack = Decoder(dim=d_model, depth=layers, heads=4, attn_dim_head=d_model // 4, attn_flash=True)
    return TransformerWrapper(num_tokens=VOCAB, max_seq_len=tokens, attn_layers=stack, tie_embedding=True)


def step_of(model: nn.Module, labels: Tensor, *inputs: Tensor, **named: Tensor) -> Step:
    optimiser = Optimiser(model, OptimConfig())

    def step() -> None:
        logits = model(*inputs, **named)
        F.cross_entropy(logits.flatten(0, 1), labels.flatten()).backward()
        optimiser.step(1e-3)
        model.zero_grad()

    return step


def decoder_steps(d_model: int, tokens: int, layers: int) -> dict[str, Step]:
    sizes = {"d_model": d_model, "d_ff": 4 * d_model, "num_layers": layers}
    models: dict[str, nn.Module] = {f"ours, {name}": ours(name, **sizes) for name in STRATEGIES}
    models["torch.nn.TransformerEncoder"] = TorchDecoder(d_model, layers, tokens)
    models["x-transformers"] = x_transformers(d_model, layers, tokens)
    inputs, labels = torch.randint(0, VOCAB, (2, BATCH, tokens))
    return {name: step_of(model, labels, inputs) for name, model in models.items()}


def dates_steps() -> dict[str, Step]:
    models: dict[str, nn.Module] = {
        f"ours, {name}": ours(name, family="encoder_decoder", **DATES_SIZES) for name in STRATEGIES
    }
    models["torch.nn.Transformer"] = TorchEncoderDecoder(*DATES_SIZES.values())
    inputs = torch.randint(0, VOCAB, (BATCH, SOURCE))
    decoder_inputs, labels = torch.randint(0, VOCAB, (2, BATCH, TARGET))
    mask = torch.arange(SOURCE)[None] < torch.randint(SOURCE - 12, SOURCE + 1, (BATCH, 1))
    return {
        name: step_of(model, labels, inputs, input_mask=mask, decoder_inputs=decoder_inputs)
        for name, model in models.items()
    }


def measure(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round, after two that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(rounds + 2):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            if round_number >= 2:
                taken[name].append(time.perf_counter() - began)
    return taken


def rows_of(shape: str, steps: dict[str, Step], rounds: int) -> list[list[str]]:
    print(shape, flush=True)
    taken = measure(steps, rounds)
    base = taken["ours, none"]
    return [
        [
            shape,
            name,
            f"{1000 * statistics.median(seconds):.1f} ms",
            f"{statistics.median(own / other for own, other in zip(seconds, base, strict=True)):.2f}",
        ]
        for name, seconds in taken.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    warnings.filterwarnings("ignore", message="enable_nested_tensor")  # torch's note on its own default
    load = os.getloadavg()[0]
    rows = []
    for d_model, tokens, layers in DECODERS:
        shape = f"decoder, {layers} layers, d_model {d_model}, {BATCH} x {tokens} tokens"
        rows += rows_of(shape, decoder_steps(d_model, tokens, layers), options.rounds)
    shape = f"encoder-decoder as for `dates`, 4 + 4 layers, d_model 96, {BATCH} x ({SOURCE} + {TARGET}) tokens"
    rows += rows_of(shape, dates_steps(), options.rounds)
    write_table(
        "step_time",
        "One training step",
        ["shape", "model", "median", "ratio to ours without sharing"],
        rows,
        f"Forward, backward and AdamW in fp32, threads: {options.threads}; medians of {options.rounds} rounds in "
        "which the models take turns. x-transformers has no biases in its attention. "
        f"Load of the machine when it began: {load:.1f} processes on {os.cpu_count()} cores; trust the ratios.",
    )


if __name__ == "__main__":
    main()
