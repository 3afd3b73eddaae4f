"""In what two designs can be equal, and which dials change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from clps_core.matching.dials import DIALS, Dial
from clps_core.words import N_, Words

__all__ = ["CHANGES", "MEASURES", "USUAL", "Measure"]

Measure = Literal["parameters", "flops", "kv_cache"]

MEASURES: Mapping[str, str] = Words(
    {
        "parameters": N_("stored parameters"),
        "flops": N_("training FLOPs"),
        "kv_cache": N_("bytes of KV cache per token"),
    }
)
CHANGES: Mapping[Measure, tuple[Dial, ...]] = {
    "parameters": ("depth", "width", "d_ff"),
    "flops": DIALS,
    "kv_cache": ("depth", "width"),
}
"""The dials that change a figure."""
USUAL: Mapping[Measure, tuple[Dial, ...]] = {
    "parameters": ("width", "d_ff"),
    "flops": ("steps",),
    "kv_cache": ("width",),
}
