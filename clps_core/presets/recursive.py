"""Models that run a core again and again: Mixture-of-Recursions, relaxed recursion, Huginn. Start at RECURSIVE."""

from __future__ import annotations

from functools import partial
from typing import Any

from clps_core.config import ModelConfig
from clps_core.presets.base import Note, Preset, joined, resized, shared, small_text
from clps_core.words import N_, _

__all__ = ["RECURSIVE"]

MOR_135M = ModelConfig(
    family="decoder",
    num_layers=30,
    d_model=576,
    d_ff=1536,
    num_heads=9,
    num_kv_heads=3,
    vocab_size=49_152,
    max_positions=2048,
    positions="rotary",
    activation="swiglu",
    norm="rmsnorm",
    norm_position="pre",
    bias=False,
    tie_embeddings="output",
)
MOR_360M = resized(MOR_135M, num_layers=32, d_model=960, d_ff=2560, num_heads=15, num_kv_heads=5)
MOR_730M = resized(MOR_135M, num_layers=26, d_model=1536, d_ff=4096, num_heads=24, num_kv_heads=8)

GEMMA_2B = resized(
    MOR_135M,
    num_layers=18,
    d_model=2048,
    d_ff=16_384,
    num_heads=8,
    num_kv_heads=1,
    head_dim=256,
    vocab_size=256_000,
    max_positions=8192,
)
TINYLLAMA = resized(
    MOR_135M,
    num_layers=22,
    d_model=2048,
    d_ff=5632,
    num_heads=32,
    num_kv_heads=4,
    vocab_size=32_000,
    tie_embeddings="none",
)
PYTHIA_1B = resized(
    MOR_135M,
    num_layers=16,
    d_model=2048,
    d_ff=8192,
    num_heads=8,
    num_kv_heads=8,
    vocab_size=50_304,
    activation="gelu",
    norm="layernorm",
    bias=True,
    tie_embeddings="none",
)

HUGINN_LOOPS = 32
HUGINN = resized(
    MOR_135M,
    num_layers=2 + 4 * HUGINN_LOOPS + 2,
    d_model=5280,
    d_ff=17_920,
    num_heads=55,
    num_kv_heads=55,
    vocab_size=65_536,
    max_positions=4096,
    norm_eps=1e-6,
)

_MOR = "Bae et al. 2025, arXiv 2507.10524, table {table}"
_RELAXED = "Bae et al. 2024, arXiv 2410.20672, tables 1 and K.1"
_REFERENCE = N_("Reference without sharing.")
_ROUTERS = N_("Routers are not included, nor are they in the printed figure.")
_UNTRIED = N_("The paper does not train this map at this size, so there is no figure.")
_GEMMA = N_("SwiGLU replaces Gemma's GeGLU, which has the same shapes.")
_LIMITED = N_("Keys and values have width 256, which limits the rank of their LoRA.")
_LORA = N_("LoRA on every linear weight of every executed layer.")


def _mor(
    name: str,
    title: Note,
    model: ModelConfig,
    strategy: str,
    published: str | None,
    exact: int,
    *,
    table: str = "10",
    note: str = "",
    small: tuple[str, int] = ("none", 6),
) -> Preset:
    why = _REFERENCE if strategy == "none" else joined(_ROUTERS, note) if note else _ROUTERS
    return Preset(
        name,
        title,
        "mixture-of-recursions",
        _MOR.format(table=table),
        model,
        shared(strategy),
        exact,
        published,
        counted="non_embedding",
        note=why,
        small=small_text(small[0], small[1], num_kv_heads=2),
    )


def _four_maps(size: str, model: ModelConfig, plain: tuple[str, int], middle: tuple[str, int]) -> tuple[Preset, ...]:
    """The maps of two recursions: ``plain`` and ``middle`` are the figures without and with ends of their own."""
    half = model.num_layers // 2
    cycle = N_("Mixture-of-Recursions {size}: cycle, 2 recursions")
    sequence = N_("Mixture-of-Recursions {size}: sequence, 2 recursions")
    middle_cycle = N_("Mixture-of-Recursions {size}: middle cycle, 2 recursions")
    middle_sequence = N_("Mixture-of-Recursions {size}: middle sequence, 2 recursions")
    rows = (
        ("cycle", cycle, f"cycle:{half}", plain, "cycle:3"),
        ("sequence", sequence, f"sequence:{half}", plain, "sequence:3"),
        ("middle-cycle", middle_cycle, f"middle_cycle:{half + 1}", middle, "middle_cycle:4"),
        ("middle-sequence", middle_sequence, f"middle_sequence:{half + 1}", middle, "middle_sequence:4"),
    )
    return tuple(
        _mor(f"mor-{size.lower()}-{name}", partial(_, title, size=size), model, strategy, *figure, small=(small, 6))
        for name, title, strategy, figure, small in rows
    )


def _relaxed(
    name: str,
    title: str,
    model: ModelConfig,
    strategy: str,
    published: str,
    exact: int,
    *,
    note: Note,
    small: str,
    sizes: dict[str, Any],
) -> Preset:
    return Preset(
        name,
        title,
        "relaxed-recursive",
        _RELAXED,
        model,
        shared(strategy),
        exact,
        published,
        counted="non_embedding",
        note=note,
        small=small_text(small, **sizes),
    )


_SMALL_GEMMA: dict[str, Any] = {"num_heads": 4, "num_kv_heads": 1, "head_dim": 32}
_SMALL_TINYLLAMA: dict[str, Any] = {"num_kv_heads": 2, "tie_embeddings": "none"}
_SMALL_PYTHIA: dict[str, Any] = {"activation": "gelu", "norm": "layernorm", "bias": True, "tie_embeddings": "none"}

RECURSIVE: tuple[Preset, ...] = (
    _mor(
        "mor-135m-vanilla", N_("Mixture-of-Recursions 135M: vanilla"), MOR_135M, "none", "106M", 106_203_456, table="6"
    ),
    *_four_maps("135M", MOR_135M, ("53M", 53_102_016), ("57M", 56_642_112)),
    _mor(
        "mor-360m-vanilla", N_("Mixture-of-Recursions 360M: vanilla"), MOR_360M, "none", "315M", 314_635_200, table="3"
    ),
    *_four_maps("360M", MOR_360M, ("157M", 157_318_080), ("167M", 167_150_400)),
    _mor(
        "mor-360m-middle-cycle-r3",
        N_("Mixture-of-Recursions 360M: middle cycle, 3 recursions"),
        MOR_360M,
        "middle_cycle:12",
        "118M",
        117_988_800,
        table="3",
        small=("middle_cycle:4", 8),
    ),
    _mor(
        "mor-360m-middle-cycle-r4",
        N_("Mixture-of-Recursions 360M: middle cycle, 4 recursions"),
        resized(MOR_360M, num_layers=34),
        "middle_cycle:10",
        "98M",
        98_324_160,
        table="3",
        note=N_(
            "34 layers instead of 32: the paper adds layers if the depth is not a multiple of the number of recursions."
        ),
        small=("middle_cycle:4", 10),
    ),
    _mor(
        "mor-730m-vanilla", N_("Mixture-of-Recursions 730M: vanilla"), MOR_730M, "none", "654M", 654_392_832, table="6"
    ),
    _mor(
        "mor-730m-cycle",
        N_("Mixture-of-Recursions 730M: cycle, 3 recursions"),
        resized(MOR_730M, num_layers=30),
        "cycle:10",
        "252M",
        251_690_496,
        table="11",
        small=("cycle:2", 6),
    ),
    _mor(
        "mor-730m-sequence",
        N_("Mixture-of-Recursions 730M: sequence, 3 recursions"),
        resized(MOR_730M, num_layers=30),
        "sequence:10",
        None,
        251_690_496,
        table="11",
        note=_UNTRIED,
        small=("sequence:2", 6),
    ),
    _mor(
        "mor-730m-middle-cycle",
        N_("Mixture-of-Recursions 730M: middle cycle, 3 recursions"),
        MOR_730M,
        "middle_cycle:10",
        "252M",
        251_690_496,
        table="9",
        small=("middle_cycle:4", 8),
    ),
    _mor(
        "mor-730m-middle-sequence",
        N_("Mixture-of-Recursions 730M: middle sequence, 3 recursions"),
        MOR_730M,
        "middle_sequence:10",
        None,
        251_690_496,
        table="9",
        note=_UNTRIED,
        small=("middle_sequence:4", 8),
    ),
    _relaxed(
        "gemma-2b",
        N_("Gemma 2B: nothing shared"),
        GEMMA_2B,
        "none",
        "1.98B",
        1_981_884_416,
        note=_GEMMA,
        small="none",
        sizes=_SMALL_GEMMA,
    ),
    _relaxed(
        "recursive-gemma",
        N_("Recursive Gemma: 9 layers, twice"),
        GEMMA_2B,
        "cycle:9",
        "0.99B",
        990_943_232,
        note=_GEMMA,
        small="cycle:3",
        sizes=_SMALL_GEMMA,
    ),
    _relaxed(
        "relaxed-gemma-r64",
        N_("Relaxed Recursive Gemma: LoRA of rank 64"),
        GEMMA_2B,
        "cycle:9,lora=64",
        "1.07B",
        1_069_389_824,
        note=joined(_GEMMA, _LORA),
        small="cycle:3,lora=4",
        sizes=_SMALL_GEMMA,
    ),
    _relaxed(
        "relaxed-gemma-r512",
        N_("Relaxed Recursive Gemma: LoRA of rank 512"),
        GEMMA_2B,
        "cycle:9,lora=512,lora.k=256,lora.v=256",
        "1.60B",
        1_597_282_304,
        note=joined(_GEMMA, _LORA, _LIMITED),
        small="cycle:3,lora=16",
        sizes=_SMALL_GEMMA,
    ),
    _relaxed(
        "tinyllama",
        N_("TinyLlama 1.1B: nothing shared"),
        TINYLLAMA,
        "none",
        "0.97B",
        968_976_384,
        note=N_("Reference without sharing."),
        small="none",
        sizes=_SMALL_TINYLLAMA,
    ),
    _relaxed(
        "recursive-tinyllama",
        N_("Recursive TinyLlama: 11 layers, twice"),
        TINYLLAMA,
        "cycle:11",
        "0.48B",
        484_489_216,
        note=N_("The output layer is not tied and not counted."),
        small="cycle:3",
        sizes=_SMALL_TINYLLAMA,
    ),
    _relaxed(
        "pythia-1b",
        N_("Pythia 1B: nothing shared"),
        PYTHIA_1B,
        "none",
        "0.81B",
        805_736_448,
        note=N_("Pythia's attention and FFN work in parallel, which changes no shape."),
        small="none",
        sizes=_SMALL_PYTHIA,
    ),
    _relaxed(
        "recursive-pythia",
        N_("Recursive Pythia: 8 layers, twice"),
        PYTHIA_1B,
        "cycle:8",
        "0.40B",
        402_870_272,
        note=N_("Pythia's attention and FFN work in parallel, which changes no shape."),
        small="cycle:3",
        sizes=_SMALL_PYTHIA,
    ),
    Preset(
        "huginn",
        N_("Huginn: a core of 4 layers, looped 32 times"),
        "huginn",
        "Geiping et al. 2025, arXiv 2502.05171, section 4.1 and abstract",
        HUGINN,
        shared("loop:2/4/2,inject=concat"),
        3_564_807_840,
        "3.5B",
        note=N_(
            "The figure is truncated, not rounded. The paper splits it into 1.5B + 1.5B + 0.5B; its vocabulary and "
            "width give 0.35B for the tied embedding. Two of the four norms per layer are not included. The paper "
            "draws the number of loops at random in each step."
        ),
        small=small_text("loop:1/2/1,inject=concat,train_loops=1-4", 8),
    ),
)
