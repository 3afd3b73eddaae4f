"""One training step on a GPU, and what share of the card's bf16 peak it uses, beside other implementations.

A step is forward, cross-entropy, backward and fused AdamW on random tokens, in fp32 (no TF32) and under bf16 autocast.
Models of one shape take turns: in every round each makes a few steps between two waits for the GPU, in an order that
turns by one each round. Ratios are medians over rounds of the time in that round. Memory is measured before, with one
model on the card at a time.

    python benchmarks/gpu.py                        on a machine with CUDA; writes benchmarks/results/gpu.md
    python benchmarks/gpu.py --device cpu --quick   tiny shapes, to see that the script works; writes nothing
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clps_core.analysis.flops import train_flops_per_token
from clps_core.config import ModelConfig, OptimConfig, SharingConfig, sharing_plan
from clps_core.model.transformer import Transformer
from clps_core.training.device import Placement
from clps_core.training.optimiser import Optimiser
from report import table, write_table

BF16_PEAKS = {
    "NVIDIA A100-SXM4-40GB": 312.0,
    "NVIDIA A100-SXM4-80GB": 312.0,
    "NVIDIA A100-PCIE-40GB": 312.0,
    "NVIDIA A100 80GB PCIe": 312.0,
    "NVIDIA A30": 165.0,
    "NVIDIA H100 80GB HBM3": 989.4,
    "NVIDIA H100 PCIe": 756.0,
    "NVIDIA H100 NVL": 835.5,
    "NVIDIA H200": 989.4,
    "NVIDIA L40S": 362.0,
}
"""Tera-operations per second in bf16 on tensor cores, without sparsity, by the name that torch gives a card.

Source: NVIDIA's data sheets of these cards, whose figures with sparsity are twice as high. A card that is not here, or
a part of one (MIG), gets no share: a guess would make every share wrong.
"""
STRATEGIES = ("none", "all", "kv_source=every:2")
Step = Callable[[], None]


class Shape(NamedTuple):
    """Sizes that all models of a comparison have; ``steps`` are made between two waits for the GPU."""

    name: str
    d_model: int
    layers: int
    heads: int
    vocab: int
    batch: int
    tokens: int
    steps: int

    @property
    def sizes(self) -> dict[str, Any]:
        """As fields of a ``ModelConfig``."""
        return {
            "d_model": self.d_model,
            "d_ff": 4 * self.d_model,
            "num_layers": self.layers,
            "num_heads": self.heads,
            "vocab_size": self.vocab,
            "max_positions": self.tokens,
        }

    def __str__(self) -> str:
        return f"{self.name}: {self.layers} x {self.d_model}, {self.batch} x {self.tokens} tokens"


SHAPES = (
    Shape("small", 256, 4, 4, 8192, 32, 128, steps=10),
    Shape("about 110 M executed", 768, 12, 12, 32000, 16, 512, steps=3),
)
QUICK = (Shape("quick", 32, 2, 2, 64, 2, 16, steps=1),)
EMBEDDING = 128
"""Width of ALBERT's embedding table, and of ours beside it (arXiv 1909.11942)."""


@dataclass(frozen=True)
class Candidate:
    """A model to be built: ``flops`` are operations per token of its shape, by ``clps_core.analysis.flops``."""

    name: str
    build: Callable[[], nn.Module]
    flops: int


class TorchStack(nn.Module):
    """torch.nn.TransformerEncoder between a tied embedding and its output; with ``causal`` a language model."""

    def __init__(self, shape: Shape, *, causal: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocab, shape.d_model)
        self.positions = nn.Parameter(torch.zeros(shape.tokens, shape.d_model))
        layer = nn.TransformerEncoderLayer(
            shape.d_model,
            shape.heads,
            4 * shape.d_model,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=causal,
        )
        norm = nn.LayerNorm(shape.d_model) if causal else None
        self.stack = nn.TransformerEncoder(layer, shape.layers, norm, enable_nested_tensor=False)
        self.causal = causal
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(shape.tokens), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """``[B, T]`` -> logits ``[B, T, V]``, or states ``[B, T, D]`` of an encoder."""
        mask = self.mask if self.causal else None
        states = self.stack(self.embedding(inputs) + self.positions, mask=mask, is_causal=self.causal)
        return states @ self.embedding.weight.T if self.causal else states


class States(nn.Module):
    """The last hidden states of a Hugging Face model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        """``[B, T]`` -> ``[B, T, D]``."""
        return self.model(inputs).last_hidden_state


def ours(shape: Shape, strategy: str, **more: Any) -> Candidate:
    config = ModelConfig(**shape.sizes, **more)
    plan = sharing_plan(config, SharingConfig(strategy=strategy))
    flops = train_flops_per_token(config, plan, shape.tokens)
    return Candidate(f"ours, {strategy}", lambda: Transformer(config, plan), flops)


def decoders(shape: Shape) -> list[Candidate]:
    """Causal language models with learned positions and a tied output."""
    found = [ours(shape, strategy, positions="learned") for strategy in STRATEGIES]
    same = found[0].flops
    found.append(Candidate("torch.nn.TransformerEncoder, causal", lambda: TorchStack(shape, causal=True), same))
    found.append(Candidate("x-transformers Decoder", lambda: x_transformers(shape), same))
    return found


def encoders(shape: Shape) -> list[Candidate]:
    """ALBERT's block (norms after the addition, a narrow embedding, all layers one), without a head."""
    albert = {
        "family": "encoder",
        "head": "none",
        "positions": "learned",
        "norm_position": "post",
        "embedding_norm": True,
        "token_types": 2,
        "embedding_size": min(EMBEDDING, shape.d_model // 2),
    }
    found = [ours(shape, strategy, **albert) for strategy in ("none", "all")]
    same = found[1].flops
    found.append(Candidate("Hugging Face ALBERT", lambda: hf_albert(shape), same))
    found.append(Candidate("torch.nn.TransformerEncoder", lambda: TorchStack(shape, causal=False), found[0].flops))
    return found


def x_transformers(shape: Shape) -> nn.Module:
    from x_transformers import Decoder, TransformerWrapper

    width = shape.d_model // shape.heads
    stack = Decoder(dim=shape.d_model, depth=shape.layers, heads=shape.heads, attn_dim_head=width, attn_flash=True)
    return TransformerWrapper(num_tokens=shape.vocab, max_seq_len=shape.tokens, attn_layers=stack, tie_embedding=True)


def hf_albert(shape: Shape) -> nn.Module:
    from transformers.models.albert.modeling_albert import AlbertConfig, AlbertModel

    config = AlbertConfig(
        vocab_size=shape.vocab,
        embedding_size=min(EMBEDDING, shape.d_model // 2),
        hidden_size=shape.d_model,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.d_model,
        max_position_embeddings=shape.tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        hidden_act="gelu",
        attn_implementation="sdpa",
    )
    return States(AlbertModel(config, add_pooling_layer=False))


class Built(NamedTuple):
    """A step of a model that is on the device, and how many numbers the model stores."""

    step: Step
    parameters: int


def built(candidate: Candidate, shape: Shape, placement: Placement) -> Built:
    """A new model and its optimiser on the device."""
    torch.manual_seed(0)
    model = candidate.build().to(placement.device).train()
    optimiser = Optimiser(model, OptimConfig())
    inputs, labels = torch.randint(0, shape.vocab, (2, shape.batch, shape.tokens)).to(placement.device)

    def step() -> None:
        with placement.autocast():
            output = model(inputs)
            if output.shape[-1] == shape.vocab:
                loss = F.cross_entropy(output.flatten(0, 1).float(), labels.flatten())
            else:
                loss = output.float().square().mean()
        loss.backward()
        optimiser.step(1e-4)
        optimiser.zero_grad()

    return Built(step, sum(parameter.numel() for parameter in model.parameters()))


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def clear(device: str) -> None:
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def peak_memory(candidate: Candidate, shape: Shape, placement: Placement) -> int | None:
    """Bytes of the card at their highest in three steps of this model alone; ``None`` on the CPU."""
    clear(placement.device)
    if placement.device != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    one = built(candidate, shape, placement)
    for _step in range(3):
        one.step()
    wait(placement.device)
    return torch.cuda.max_memory_allocated() - before


def measure(models: dict[str, Built], count: int, rounds: int, device: str) -> dict[str, list[float]]:
    """Seconds of one step in every round, after three rounds that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in models}
    names = list(models)
    for number in range(-3, rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            wait(device)
            began = time.perf_counter()
            for _step in range(count):
                models[name].step()
            wait(device)
            if number >= 0:
                taken[name].append((time.perf_counter() - began) / count)
    return taken


@contextmanager
def said_if_missing(name: str, missing: dict[str, str]) -> Iterator[None]:
    """A package that is not installed, or a model that does not fit, leaves its row out, and the table says why."""
    try:
        yield
    except ImportError as error:
        missing[name] = f"not installed ({error.name or error})"
    except torch.OutOfMemoryError:
        missing[name] = "does not fit into the card's memory"


def rows_of(
    shape: Shape, kind: str, candidates: list[Candidate], placement: Placement, rounds: int, missing: dict[str, str]
) -> list[list[str]]:
    print(f"{kind}, {shape}, {placement.precision}", flush=True)
    memory: dict[str, int | None] = {}
    models: dict[str, Built] = {}
    for candidate in candidates:
        with said_if_missing(candidate.name, missing):
            memory[candidate.name] = peak_memory(candidate, shape, placement)
    clear(placement.device)
    for candidate in candidates:
        with said_if_missing(candidate.name, missing):
            models[candidate.name] = built(candidate, shape, placement)
    taken = measure(models, shape.steps, rounds, placement.device)
    rows = []
    for candidate in (one for one in candidates if one.name in taken):
        seconds, base = taken[candidate.name], taken.get("ours, none")
        median = statistics.median(seconds)
        ratio = None if base is None else statistics.median(a / b for a, b in zip(seconds, base, strict=True))
        held = memory.get(candidate.name)
        rows.append(
            [
                f"{kind}, {shape}",
                placement.precision,
                candidate.name,
                f"{models[candidate.name].parameters / 1e6:.2f} M",
                f"{1000 * median:.2f} ms",
                "-" if ratio is None else f"{ratio:.2f}",
                f"{shape.batch * shape.tokens / median:,.0f}",
                share_of_peak(candidate.flops * shape.batch * shape.tokens / median, placement.device),
                "-" if held is None else f"{held / 2**20:,.0f} MiB",
            ]
        )
    return rows


def share_of_peak(operations: float, device: str, name: str | None = None) -> str:
    """``operations`` per second as a share of what the card could do in bf16; ``-`` for a card that is not known."""
    card = name if name is not None else torch.cuda.get_device_name(0) if device == "cuda" else ""
    peak = BF16_PEAKS.get(card)
    return "-" if peak is None else f"{operations / (peak * 1e12):.1%}"


def card() -> str:
    """The card and what stands between it and torch."""
    name = torch.cuda.get_device_name(0)
    peak = BF16_PEAKS.get(name)
    known = f"bf16 peak {peak:g} TFLOP/s without sparsity" if peak else "its bf16 peak is not in the script: no share"
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    return f"{name}, {memory:.0f} GiB, CUDA {torch.version.cuda}; {known}."


def notes(device: str, rounds: int, missing: dict[str, str]) -> str:
    left_out = "".join(f" Left out: {name}: {why}." for name, why in missing.items())
    return (
        f"{card() if device == 'cuda' else 'No GPU: these figures say nothing of one.'} "
        "A step is forward, loss, backward and fused AdamW; fp32 without TF32, bf16 as autocast over fp32 weights. "
        f"Medians of {rounds} rounds in which the models take turns, after three that do not count; ratios are medians "
        "of the time in the same round, to ours without sharing. The share is the model's operations, counted as in "
        "`clps_core/analysis/flops.py` (6 per executed weight and token, the full square of attention, causal or not), "
        "over the card's peak in bf16 - also for fp32, which cannot reach it. torch and x-transformers are counted as "
        "ours of the same shape without sharing. Encoders have no head: their loss is the mean square of their states; "
        "torch's has no narrow embedding. x-transformers has no biases in its attention. Memory is the most that torch "
        f"had allocated at once for weights, moments, gradients and activations.{left_out}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="tiny shapes and two rounds; writes nothing")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print(f"benchmarks/gpu.py measures a CUDA GPU: torch {torch.__version__} finds none here, nothing is measured.")
        return
    warnings.filterwarnings("ignore", message="enable_nested_tensor")  # torch's note on its own default
    shapes, rounds = (QUICK, 2) if options.quick else (SHAPES, options.rounds)
    bf16 = options.device == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    rows, missing = [], {}
    for shape in shapes:
        for kind, candidates in (("decoder", decoders(shape)), ("encoder", encoders(shape))):
            for precision in ("fp32", "bf16") if bf16 else ("fp32",):
                placement = Placement(options.device, precision, torch.get_num_threads(), "")
                with placement.in_force():
                    rows += rows_of(shape, kind, candidates, placement, rounds, missing)
                clear(options.device)
    header = ["shape", "precision", "model", "parameters", "step", "ratio", "tokens/s", "of bf16 peak", "memory"]
    text = notes(options.device, rounds, missing)
    if options.quick or options.device == "cpu":
        print(table("gpu", "One training step (a try: not kept)", header, rows, text))
    else:
        write_table("gpu", "One training step on a GPU", header, rows, text)


if __name__ == "__main__":
    main()
