"""Designs of the papers, to build, count and compare. Start at PRESETS.

A preset is model sizes plus a sharing strategy, with its source and the figure the paper prints.
``exact`` is that figure to the digit, recomputed from the sizes; tests hold the counter to it. One
file per group of papers: ``encoders``, ``translation``, ``language``, ``recursive``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from clps_core.errors import ConfigError
from clps_core.presets.base import Preset
from clps_core.presets.encoders import ENCODERS
from clps_core.presets.language import LANGUAGE
from clps_core.presets.recursive import RECURSIVE
from clps_core.presets.translation import TRANSLATION
from clps_core.words import N_, Words, _

__all__ = ["PAPERS", "PRESETS", "Preset", "get_preset"]

PAPERS: Mapping[str, str] = Words(
    {
        "albert": "ALBERT (Lan et al. 2019, arXiv 1909.11942)",
        "bert": "BERT (Devlin et al. 2018, arXiv 1810.04805)",
        "minivit": "MiniViT (Zhang et al. 2022, arXiv 2204.07154)",
        "transformer": "Transformer (Vaswani et al. 2017, arXiv 1706.03762)",
        "takase": "Lessons on Parameter Sharing (Takase & Kiyono 2021, arXiv 2104.06022)",
        "universal-transformer": "Universal Transformer (Dehghani et al. 2018, arXiv 1807.03819)",
        "subformer": "Subformer (Reid et al. 2021, arXiv 2101.00234)",
        "tied-transformer": "Tied Transformers (Xia et al. 2019, AAAI)",
        "one-wide-ffn": "One Wide Feedforward (Pires et al. 2023, arXiv 2309.01826)",
        "gpt2": "GPT-2 (Radford et al. 2019)",
        "mobilellm": "MobileLLM (Liu et al. 2024, arXiv 2402.14905)",
        "cla": "Cross-Layer Attention (Brandon et al. 2024, arXiv 2405.12981)",
        "shared-qk": "Reformer (Kitaev et al. 2020, arXiv 2001.04451)",
        "founding-documents": N_("This project's founding documents"),
        "mixture-of-recursions": "Mixture-of-Recursions (Bae et al. 2025, arXiv 2507.10524)",
        "relaxed-recursive": "Relaxed Recursive Transformers (Bae et al. 2024, arXiv 2410.20672)",
        "huginn": "Huginn (Geiping et al. 2025, arXiv 2502.05171)",
    }
)
"""Key of a paper -> its name, in the order they are shown. Names of papers stay as they are in every language."""

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*ENCODERS, *TRANSLATION, *LANGUAGE, *RECURSIVE)}


def get_preset(name: str) -> Preset:
    """The preset ``name``; raises ``ConfigError`` that names those that are spelt alike."""
    preset = PRESETS.get(name)
    if preset is None:
        near = difflib.get_close_matches(str(name)[:60], PRESETS, n=3, cutoff=0.4) or list(PRESETS)[:3]
        raise ConfigError(
            _(
                "preset must be one of the {count} that 'clps presets' lists, such as {near}. Got {name!r}.",
                count=len(PRESETS),
                near=", ".join(near),
                name=str(name)[:60],
            )
        )
    return preset
