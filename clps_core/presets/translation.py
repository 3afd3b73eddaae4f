"""Encoder-decoders: Transformer, Takase & Kiyono, Universal Transformer, One Wide FFN. Start at TRANSLATION."""

from __future__ import annotations

from functools import partial
from typing import Any

from clps_core.config import ModelConfig
from clps_core.presets.base import Preset, joined, resized, shared, small_pairs
from clps_core.words import N_, _

__all__ = ["TRANSLATION"]

TRANSFORMER_BASE = ModelConfig(
    family="encoder_decoder",
    num_layers=6,
    d_model=512,
    d_ff=2048,
    num_heads=8,
    vocab_size=37_000,
    max_positions=1024,
    positions="sinusoidal",
    activation="relu",
    norm="layernorm",
    norm_position="post",
    tie_embeddings="all",
)
TRANSFORMER_BIG = resized(TRANSFORMER_BASE, d_model=1024, d_ff=4096, num_heads=16)

TAKASE_VANILLA = resized(TRANSFORMER_BASE, vocab_size=32_768)
TAKASE_BASE = resized(TAKASE_VANILLA, num_layers=12, num_decoder_layers=12)
TAKASE_DEEP = resized(TAKASE_VANILLA, num_layers=18, num_decoder_layers=18)
UNIVERSAL = resized(TAKASE_VANILLA, d_model=1024, d_ff=4096, num_heads=16)

# Each of the six figures of the paper's tables 2 and 3 follows from any vocabulary of 50,298 to 50,651.
ONE_WIDE = resized(TRANSFORMER_BIG, vocab_size=50_400)

_VASWANI = "Vaswani et al. 2017, arXiv 1706.03762, table 3"
_TAKASE = "Takase & Kiyono 2021, arXiv 2104.06022, table 1"
_ONE_WIDE = "Pires et al. 2023, arXiv 2309.01826, table 2"

_VASWANI_NOTE = N_(
    "With the paper's tied vocabulary of about 37,000, this design has {ours} parameters; no single vocabulary "
    "reproduces both of the paper's figures."
)
_TAKASE_NOTE = N_("The vocabulary is assumed: 32,768 reproduces all figures in the table.")
_ONE_WIDE_NOTE = N_(
    "The vocabulary is assumed: the paper says 32K, which would give 210M for the unshared model; 50,400 reproduces "
    "all figures in tables 2 and 3."
)
_WIDE_DECODER = N_(
    "In the paper, the decoder has no FFN at all and the model has 228M parameters. Here the decoder uses the "
    "encoder's wide FFN, which adds only norms."
)


def _transformer(name: str, title: str, model: ModelConfig, published: str, exact: int, ours: str) -> Preset:
    note = partial(_, _VASWANI_NOTE, ours=ours)
    small = small_pairs("none")
    return Preset(name, title, "transformer", _VASWANI, model, shared("none"), exact, published, note=note, small=small)


def _takase(
    name: str,
    title: str,
    strategy: str,
    small: dict[str, Any],
    model: ModelConfig = TAKASE_BASE,
    exact: int = 60_915_712,
) -> Preset:
    return Preset(name, title, "takase", _TAKASE, model, shared(strategy), exact, "61M", note=_TAKASE_NOTE, small=small)


def _one_wide(name: str, title: str, strategy: str, published: str, exact: int) -> Preset:
    return Preset(
        name,
        title,
        "one-wide-ffn",
        _ONE_WIDE,
        ONE_WIDE,
        shared(strategy),
        exact,
        published,
        note=_ONE_WIDE_NOTE,
        small=small_pairs(strategy),
    )


TRANSLATION: tuple[Preset, ...] = (
    _transformer("transformer-base", "Transformer base", TRANSFORMER_BASE, "65M", 63_082_496, "63.1M"),
    _transformer("transformer-big", "Transformer big", TRANSFORMER_BIG, "213M", 214_245_376, "214.2M"),
    _takase(
        "takase-vanilla",
        N_("Takase & Kiyono: 6 layers, nothing shared"),
        "none",
        small_pairs("none", 2),
        TAKASE_VANILLA,
    ),
    _takase(
        "takase-base-sequence",
        N_("Takase & Kiyono: sequence, 6 of 12 layers stored"),
        "sequence:6",
        small_pairs("sequence:2"),
    ),
    _takase(
        "takase-base-cycle", N_("Takase & Kiyono: cycle, 6 of 12 layers stored"), "cycle:6", small_pairs("cycle:2")
    ),
    _takase(
        "takase-base-cycle-rev",
        N_("Takase & Kiyono: cycle (rev), 6 of 12 layers stored"),
        "cycle_rev:6",
        small_pairs("cycle_rev:2"),
    ),
    _takase(
        "takase-deep-cycle-rev",
        N_("Takase & Kiyono: cycle (rev), 6 of 18 layers stored"),
        "cycle_rev:6",
        small_pairs("cycle_rev:2", 6),
        TAKASE_DEEP,
    ),
    Preset(
        "universal-transformer",
        N_("Universal Transformer: one layer, six steps"),
        "universal-transformer",
        "Dehghani et al. 2018, arXiv 1807.03819; sizes of its code; figure: Takase & Kiyono 2021, arXiv 2104.06022, "
        "table 1",
        UNIVERSAL,
        shared("all,depth_embedding=sinusoidal"),
        62_947_328,
        "63M",
        note=N_(
            "The vocabulary is the one that Takase & Kiyono use (32,768). The time signal has no parameters; "
            "adaptive halting (ACT) is not included."
        ),
        small=small_pairs("all,depth_embedding=sinusoidal"),
    ),
    Preset(
        "subformer-base",
        N_("Subformer: sandwich, separate norms"),
        "subformer",
        "Reid et al. 2021, arXiv 2101.00234; sizes of the training command of its code",
        resized(TAKASE_VANILLA, embedding_size=320),
        shared("sandwich,norms=own"),
        32_898_560,
        note=N_(
            "Vocabulary assumed: 32,768. The attention layer of the factorised embedding (SAFE) is not included, so "
            "the paper's figures do not apply to this design."
        ),
        small=small_pairs("sandwich,norms=own", embedding_size=48),
    ),
    Preset(
        "tied-transformer",
        N_("Tied Transformer: the decoder uses the encoder's layers"),
        "tied-transformer",
        "Xia et al. 2019, AAAI 33, doi 10.1609/aaai.v33i01.33015466",
        TRANSFORMER_BASE,
        shared("none,decoder=@encoder"),
        44_168_192,
        note=N_(
            "Sizes and vocabulary of the base Transformer, as in the paper. Here the decoder's cross-attention has "
            "separate weights."
        ),
        small=small_pairs("none,decoder=@encoder"),
    ),
    _one_wide("one-wide-ffn-transformer-big", N_("Transformer Big: nothing shared"), "none", "228M", 227_966_976),
    _one_wide(
        "one-wide-ffn-shared-encoder",
        N_("One FFN for the encoder"),
        "none,encoder.ffn=all,norms=own",
        "186M",
        185_998_336,
    ),
    _one_wide(
        "one-wide-ffn-shared-decoder",
        N_("One FFN for the decoder"),
        "none,decoder.ffn=all,norms=own",
        "186M",
        185_998_336,
    ),
    _one_wide("one-wide-ffn-shared-each", N_("One FFN for each stack"), "none,ffn=all,norms=own", "144M", 144_029_696),
    _one_wide(
        "one-wide-ffn-shared-both",
        N_("One FFN for both stacks"),
        "none,ffn=all,decoder.ffn=@encoder,norms=own",
        "136M",
        135_635_968,
    ),
    Preset(
        "one-wide-ffn",
        N_("One FFN for both stacks, 12 times as wide"),
        "one-wide-ffn",
        "Pires et al. 2023, arXiv 2309.01826, table 4",
        resized(ONE_WIDE, d_ff=49_152),
        shared("none,ffn=all,decoder.ffn=@encoder,norms=own"),
        227_955_712,
        note=joined(_WIDE_DECODER, _ONE_WIDE_NOTE),
        small=small_pairs("none,ffn=all,decoder.ffn=@encoder,norms=own", 2, d_ff=640),
    ),
)
