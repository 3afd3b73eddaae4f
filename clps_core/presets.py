"""Designs of the papers, to build, count and compare. Start at PRESETS.

A preset is model sizes plus a sharing strategy, with its source and the figure the paper prints.
``exact`` is that figure to the digit, recomputed from the sizes; a test holds the counter to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from clps_core.config import ModelConfig, SharingConfig
from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["PRESETS", "Preset", "get_preset"]


@dataclass(frozen=True)
class Preset:
    """One design: ``published`` is the count of parameters as printed in ``source``."""

    name: str
    title: str
    source: str
    model: ModelConfig
    sharing: SharingConfig
    published: str | None = None
    exact: int | None = None


ALBERT_BASE = ModelConfig(
    family="encoder",
    num_layers=12,
    d_model=768,
    d_ff=3072,
    num_heads=12,
    vocab_size=30_000,
    embedding_size=128,
    max_positions=512,
    token_types=2,
    positions="learned",
    activation="gelu",
    norm="layernorm",
    norm_position="post",
    norm_eps=1e-12,
    embedding_norm=True,
    pooler=True,
    head="none",
)

TAKASE_BASE = ModelConfig(
    family="encoder_decoder",
    num_layers=12,
    num_decoder_layers=12,
    d_model=512,
    d_ff=2048,
    num_heads=8,
    vocab_size=32_768,
    max_positions=1024,
    positions="sinusoidal",
    activation="relu",
    norm="layernorm",
    norm_position="post",
    tie_embeddings="all",
)

MOBILELLM_125M = ModelConfig(
    family="decoder",
    num_layers=30,
    d_model=576,
    d_ff=1536,
    num_heads=9,
    num_kv_heads=3,
    vocab_size=32_000,
    max_positions=2048,
    positions="rotary",
    activation="swiglu",
    norm="rmsnorm",
    norm_position="pre",
    bias=False,
    tie_embeddings="output",
)

MOBILELLM_350M = MOBILELLM_125M.model_copy(
    update={"num_layers": 32, "d_model": 960, "d_ff": 2560, "num_heads": 15, "num_kv_heads": 5}
)

_ALBERT = "Lan et al. 2019, arXiv 1909.11942, table 4"
_MOBILELLM = "Liu et al. 2024, arXiv 2402.14905; sizes of the release"

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "albert-base",
            "ALBERT base: all layers share",
            _ALBERT,
            ALBERT_BASE,
            SharingConfig(strategy="all"),
            "12M",
            11_683_584,
        ),
        Preset(
            "albert-base-shared-attention",
            "ALBERT base: attention shared",
            _ALBERT,
            ALBERT_BASE,
            SharingConfig(strategy="attention_only"),
            "64M",
            63_647_232,
        ),
        Preset(
            "albert-base-shared-ffn",
            "ALBERT base: FFN shared",
            _ALBERT,
            ALBERT_BASE,
            SharingConfig(strategy="ffn_only"),
            "38M",
            37_686_528,
        ),
        Preset(
            "albert-base-not-shared",
            "ALBERT base: nothing shared",
            _ALBERT,
            ALBERT_BASE,
            SharingConfig(strategy="none"),
            "89M",
            89_650_176,
        ),
        Preset(
            "takase-base-cycle",
            "Takase and Kiyono: cycle, 6 of 12 layers stored",
            "Takase & Kiyono 2021, arXiv 2104.06022; vocabulary assumed: 32,768 reproduces the figure",
            TAKASE_BASE,
            SharingConfig(strategy="cycle:6"),
            "61M",
            60_915_712,
        ),
        Preset(
            "mobilellm-125m",
            "MobileLLM 125M: nothing shared",
            _MOBILELLM,
            MOBILELLM_125M,
            SharingConfig(strategy="none"),
            "124.6M",
            124_635_456,
        ),
        Preset(
            "mobilellm-ls-125m",
            "MobileLLM-LS 125M: each layer runs twice in a row",
            _MOBILELLM,
            MOBILELLM_125M.model_copy(update={"num_layers": 60}),
            SharingConfig(strategy="sequence:30"),
            "124.6M",
            124_635_456,
        ),
        Preset(
            "mobilellm-350m",
            "MobileLLM 350M: nothing shared",
            _MOBILELLM,
            MOBILELLM_350M,
            SharingConfig(strategy="none"),
            "345.3M",
            345_355_200,
        ),
    )
}


def get_preset(name: str) -> Preset:
    """The preset ``name``; raises ``ConfigError`` that lists the presets there are."""
    preset = PRESETS.get(name)
    if preset is None:
        raise ConfigError(
            _("preset must be one of {known}. Got {name!r}.", known=", ".join(PRESETS), name=str(name)[:60])
        )
    return preset
