"""BERT, ALBERT and its ablations, DeiT and MiniViT. Start at ENCODERS."""

from __future__ import annotations

from typing import Any

from clps_core.config import ModelConfig
from clps_core.presets.base import Preset, resized, shared, small_images
from clps_core.words import N_

__all__ = ["ENCODERS"]

BERT_BASE = ModelConfig(
    family="encoder",
    num_layers=12,
    d_model=768,
    d_ff=3072,
    num_heads=12,
    vocab_size=30_522,
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
BERT_LARGE = resized(BERT_BASE, num_layers=24, d_model=1024, d_ff=4096, num_heads=16)

ALBERT_E768 = resized(BERT_BASE, vocab_size=30_000)
ALBERT_BASE = resized(ALBERT_E768, embedding_size=128)
ALBERT_LARGE = resized(ALBERT_BASE, num_layers=24, d_model=1024, d_ff=4096, num_heads=16)
ALBERT_XLARGE = resized(ALBERT_LARGE, d_model=2048, d_ff=8192, num_heads=16)
ALBERT_XXLARGE = resized(ALBERT_BASE, d_model=4096, d_ff=16_384, num_heads=64)

DEIT_B = ModelConfig(
    family="encoder",
    num_layers=12,
    d_model=768,
    d_ff=3072,
    num_heads=12,
    patch_dim=16 * 16 * 3,
    class_token=True,
    max_positions=14 * 14 + 1,
    num_classes=1000,
    positions="learned",
    activation="gelu",
    norm="layernorm",
    norm_position="pre",
    norm_eps=1e-6,
)

_BERT = "Devlin et al. 2018, arXiv 1810.04805, section 3"
_ALBERT = "Lan et al. 2019, arXiv 1909.11942, table {table}"
_MINIVIT = "Zhang et al. 2022, arXiv 2204.07154, abstract; model list of the release"


def _small(strategy: str, **model: Any) -> dict[str, Any]:
    """BERT's kind of encoder: learned positions, a norm on the embeddings, a pooler."""
    return small_images(strategy, embedding_norm=True, pooler=True, **model)


def _bert(name: str, title: str, model: ModelConfig, published: str, exact: int) -> Preset:
    return Preset(
        name,
        title,
        "bert",
        _BERT,
        model,
        shared("none"),
        exact,
        published,
        note=N_(
            "The figure is rounded to two digits. The vocabulary is that of the released model: 30,522. Reference "
            "without sharing."
        ),
        small=_small("none"),
    )


def _albert(
    name: str,
    title: str,
    model: ModelConfig,
    strategy: str,
    published: str,
    exact: int,
    *,
    table: int = 4,
    note: str = "",
) -> Preset:
    width = {"embedding_size": 16} if model.embedding_size else {}
    return Preset(
        name,
        title,
        "albert",
        _ALBERT.format(table=table),
        model,
        shared(strategy),
        exact,
        published,
        note=note,
        small=_small(strategy, **width),
    )


def _minivit(name: str, title: str, strategy: str, small: str, published: str, exact: int, note: str) -> Preset:
    return Preset(
        name,
        title,
        "minivit",
        _MINIVIT,
        DEIT_B,
        shared(strategy),
        exact,
        published,
        note=note,
        small=small_images(small, class_token=True),
    )


_E768_NOTE = N_(
    "The printed figure is that of BERT in table 1. The same model has 109.1M with its pooler and 108.5M without."
)
_XLARGE_NOTE = N_("The sizes in table 1 give 58.7M, like the released model; the table prints 60M.")
_XXLARGE_NOTE = N_(
    "The sizes in table 1 give 222.6M, like the released model; table 1 prints 235M and section 3.2 prints 233M."
)
_TRANSFORMATIONS = N_("MiniViT's small transformations in each layer are not included.")

ENCODERS: tuple[Preset, ...] = (
    _albert("albert-base", N_("ALBERT base: all layers share"), ALBERT_BASE, "all", "12M", 11_683_584),
    _albert(
        "albert-base-shared-attention",
        N_("ALBERT base: attention shared"),
        ALBERT_BASE,
        "attention_only",
        "64M",
        63_647_232,
    ),
    _albert("albert-base-shared-ffn", N_("ALBERT base: FFN shared"), ALBERT_BASE, "ffn_only", "38M", 37_686_528),
    _albert(
        "albert-base-not-shared",
        N_("ALBERT base: nothing shared"),
        ALBERT_BASE,
        "none",
        "89M",
        89_650_176,
        note=N_("The figure is truncated, not rounded."),
    ),
    _albert("albert-base-e768", N_("ALBERT base, E = 768: all layers share"), ALBERT_E768, "all", "31M", 31_114_752),
    _albert(
        "albert-base-e768-shared-attention",
        N_("ALBERT base, E = 768: attention shared"),
        ALBERT_E768,
        "attention_only",
        "83M",
        83_078_400,
    ),
    _albert(
        "albert-base-e768-shared-ffn",
        N_("ALBERT base, E = 768: FFN shared"),
        ALBERT_E768,
        "ffn_only",
        "57M",
        57_117_696,
    ),
    _albert(
        "albert-base-e768-not-shared",
        N_("ALBERT base, E = 768: nothing shared"),
        ALBERT_E768,
        "none",
        "108M",
        109_081_344,
        note=_E768_NOTE,
    ),
    _albert("albert-large", "ALBERT large", ALBERT_LARGE, "all", "18M", 17_683_968, table=1),
    _albert("albert-xlarge", "ALBERT xlarge", ALBERT_XLARGE, "all", "60M", 58_724_864, table=1, note=_XLARGE_NOTE),
    _albert(
        "albert-xxlarge", "ALBERT xxlarge", ALBERT_XXLARGE, "all", "235M", 222_595_584, table=1, note=_XXLARGE_NOTE
    ),
    _bert("bert-base", N_("BERT base: nothing shared"), BERT_BASE, "110M", 109_482_240),
    _bert("bert-large", N_("BERT large: nothing shared"), BERT_LARGE, "340M", 335_141_888),
    _minivit(
        "deit-b",
        N_("DeiT-B: nothing shared"),
        "none",
        "none",
        "86M",
        86_567_656,
        N_("The figure is truncated, not rounded."),
    ),
    _minivit(
        "minivit-deit-b",
        N_("Mini-DeiT-B: each pair of neighbours shares, separate norms"),
        "sequence:6,norms=own",
        "sequence:3,norms=own",
        "44M",
        44_058_856,
        _TRANSFORMATIONS,
    ),
    _minivit(
        "minivit-deit-b-one-layer",
        N_("DeiT-B with one layer's weights, separate norms"),
        "all,norms=own",
        "all,norms=own",
        "9M",
        8_634_856,
        _TRANSFORMATIONS,
    ),
)
