"""Language models that share in place: MobileLLM, cross-layer attention, shared queries and keys. Start at LANGUAGE."""

from __future__ import annotations

from typing import Any

from clps_core.config import ModelConfig
from clps_core.presets.base import Preset, resized, shared, small_text
from clps_core.words import N_

__all__ = ["LANGUAGE"]

GPT2 = ModelConfig(
    family="decoder",
    num_layers=12,
    d_model=768,
    d_ff=3072,
    num_heads=12,
    vocab_size=50_257,
    max_positions=1024,
    positions="learned",
    activation="gelu",
    norm="layernorm",
    norm_position="pre",
    tie_embeddings="output",
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
MOBILELLM_350M = resized(MOBILELLM_125M, num_layers=32, d_model=960, d_ff=2560, num_heads=15, num_kv_heads=5)
MOBILELLM_600M = resized(MOBILELLM_125M, num_layers=40, d_model=1152, d_ff=3072, num_heads=18, num_kv_heads=6)
MOBILELLM_1B = resized(MOBILELLM_125M, num_layers=54, d_model=1280, d_ff=3584, num_heads=20, num_kv_heads=5)
MOBILELLM_1_5B = resized(MOBILELLM_125M, num_layers=54, d_model=1600, d_ff=4352, num_heads=25, num_kv_heads=5)

CLA_1B = ModelConfig(
    family="decoder",
    num_layers=20,
    d_model=2048,
    d_ff=5472,
    num_heads=16,
    head_dim=128,
    vocab_size=50_432,
    max_positions=2048,
    positions="rotary",
    activation="swiglu",
    norm="layernorm",
    norm_position="pre",
    bias=False,
    tie_embeddings="none",
)

REFORMER = ModelConfig(
    family="decoder",
    num_layers=3,
    d_model=1024,
    d_ff=4096,
    num_heads=8,
    vocab_size=256,
    max_positions=65_536,
    positions="none",
    activation="relu",
    tie_embeddings="none",
)

FOUNDING = ModelConfig(
    family="decoder",
    num_layers=6,
    d_model=512,
    d_ff=2048,
    num_heads=8,
    vocab_size=32_000,
    max_positions=1024,
    positions="sinusoidal",
    activation="relu",
    norm_position="pre",
    tie_embeddings="output",
)

_MOBILELLM = "Liu et al. 2024, arXiv 2402.14905; sizes and figures of the release"
_CLA = "Brandon et al. 2024, arXiv 2405.12981, table 1"

_CUT = N_("The figure is truncated, not rounded.")
_LS_ROUNDED = N_(
    "Runs each stored layer twice in a row. The printed figure is that of the model without this, rounded."
)
_LS_CUT = N_("Runs each stored layer twice in a row. The printed figure is that of the model without this, truncated.")


def _mobilellm(
    name: str, title: str, model: ModelConfig, published: str, exact: int, note: str = "", strategy: str = "none"
) -> Preset:
    once = strategy == "none"
    small = small_text("none" if once else "sequence:3", 3 if once else 6, num_kv_heads=2)
    return Preset(
        name, title, "mobilellm", _MOBILELLM, model, shared(strategy), exact, published, note=note, small=small
    )


def _cla(name: str, title: str, kv_heads: int, bytes_per_token: int, strategy: str = "none") -> Preset:
    sizes: dict[str, Any] = {} if kv_heads == 16 else {"num_kv_heads": 1 if kv_heads == 1 else 2}
    return Preset(
        name,
        title,
        "cla",
        _CLA,
        resized(CLA_1B, num_kv_heads=kv_heads),
        shared(strategy),
        bytes_per_token,
        str(bytes_per_token),
        counted="kv_cache_bytes_per_token",
        note=N_(
            "16-bit keys and values of all layers that have a cache. The vocabulary and the untied output layer are "
            "assumed; they do not affect the figure."
        ),
        small=small_text(strategy, norm="layernorm", **sizes),
    )


LANGUAGE: tuple[Preset, ...] = (
    Preset(
        "gpt2",
        N_("GPT-2, the smallest"),
        "gpt2",
        "Radford et al. 2019, Language Models are Unsupervised Multitask Learners; figure of the release",
        GPT2,
        shared("none"),
        124_439_808,
        "124M",
        note=N_("The report itself prints 117M, which the authors corrected. Reference without sharing."),
        small=small_text(
            "none", positions="learned", activation="gelu", norm="layernorm", bias=True, tie_embeddings="output"
        ),
    ),
    _mobilellm("mobilellm-125m", N_("MobileLLM 125M: nothing shared"), MOBILELLM_125M, "124.6M", 124_635_456),
    _mobilellm(
        "mobilellm-ls-125m",
        N_("MobileLLM-LS 125M: each layer runs twice in a row"),
        resized(MOBILELLM_125M, num_layers=60),
        "124.6M",
        124_635_456,
        _LS_ROUNDED,
        "sequence:30",
    ),
    _mobilellm("mobilellm-350m", N_("MobileLLM 350M: nothing shared"), MOBILELLM_350M, "345.3M", 345_355_200, _CUT),
    _mobilellm(
        "mobilellm-ls-350m",
        N_("MobileLLM-LS 350M: each layer runs twice in a row"),
        resized(MOBILELLM_350M, num_layers=64),
        "345.3M",
        345_355_200,
        _LS_CUT,
        "sequence:32",
    ),
    _mobilellm("mobilellm-600m", N_("MobileLLM 600M: nothing shared"), MOBILELLM_600M, "603.1M", 603_188_352, _CUT),
    _mobilellm("mobilellm-1b", N_("MobileLLM 1B: nothing shared"), MOBILELLM_1B, "1.01B", 1_005_461_760),
    _mobilellm("mobilellm-1.5b", N_("MobileLLM 1.5B: nothing shared"), MOBILELLM_1_5B, "1.51B", 1_511_188_800),
    _cla("cla-1b-mha", N_("CLA study, 1B: 16 key-value heads"), 16, 163_840),
    _cla("cla-1b-gqa4", N_("CLA study, 1B: 4 key-value heads"), 4, 40_960),
    _cla("cla-1b-mqa", N_("CLA study, 1B: one key-value head"), 1, 10_240),
    _cla(
        "cla-1b-mqa-cla2",
        N_("CLA study, 1B: one key-value head, every second layer"),
        1,
        5_120,
        "none,kv_source=every:2",
    ),
    Preset(
        "reformer-shared-qk",
        N_("Shared-QK: one matrix for query and key"),
        "shared-qk",
        "Kitaev et al. 2020, arXiv 2001.04451, section 5",
        REFORMER,
        shared("none,k=@q"),
        35_166_208,
        note=N_(
            "Only the shared matrix: hashed attention and reversible layers are not included, positions are not "
            "counted, and a vocabulary of bytes is assumed. The paper prints no figure."
        ),
        small=small_text("none,k=@q", activation="relu", norm="layernorm", bias=True, tie_embeddings="none"),
    ),
    Preset(
        "query-key-across-layers",
        N_("One matrix for query and key of all layers"),
        "founding-documents",
        "this project's founding documents; no paper",
        FOUNDING,
        shared("none,q=all,k=@q"),
        32_410_112,
        note=N_("The sizes are the paper's (6 layers, d_model 512, d_ff 2048); heads and vocabulary are assumed."),
        small=small_text("none,q=all,k=@q", activation="relu", norm="layernorm", bias=True),
    ),
)
