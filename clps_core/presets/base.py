"""What a preset is, and the small models that keep its scheme. Start at Preset.

All small models have their norms before the blocks, also where the paper has them after: those need a
long warm-up, which a run of a minute has no room for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clps_core.config import ModelConfig, SharingConfig
from clps_core.words import Said, Worded, _, sentences

__all__ = ["Counted", "Note", "Preset", "joined", "resized", "shared", "small_images", "small_pairs", "small_text"]

Note = str | Callable[[], str]
"""A message (``N_``), or what gives its words when it is shown."""

Counted = Literal["all", "non_embedding", "kv_cache_bytes_per_token"]
"""What a paper's figure counts: all parameters, those outside the lookup tables, or bytes of the KV cache."""


@dataclass(frozen=True)
class Preset:
    """One design of a paper.

    ``published`` is the figure as printed in ``source`` (``None`` where none is printed, or none that
    this design stands for); ``counted`` says what it counts, ``exact`` is what the counter gives.
    ``note`` names the reading that reproduces the figure, what was assumed, and what is left out.
    ``title_message``: where a model of the paper has several designs, its name and after a colon what is shared.
    ``small``: the same scheme as nested plain data for ``build_config``, small enough for a laptop.
    """

    name: str
    title_message: Note
    paper: str
    source: str
    model: ModelConfig
    sharing: SharingConfig
    exact: int
    published: str | None = None
    counted: Counted = "all"
    note: Worded = Worded("")
    small: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return _(self.title_message) if isinstance(self.title_message, str) else self.title_message()

    @property
    def model_name(self) -> str:
        """The model's name, such as ALBERT base, which is the same in all languages; else the title."""
        title = self.title
        english = title.message.format(**title.fields) if isinstance(title, Said) else title
        name, colon, _what = english.partition(":")
        return name if colon else title


def joined(*messages: str) -> Callable[[], str]:
    """Sentences (``N_``) one after the other, each put into words when they are shown."""
    return lambda: sentences(_(message) for message in messages)


def shared(strategy: str) -> SharingConfig:
    """The sharing that ``strategy`` says."""
    return SharingConfig(strategy=strategy)


def resized(model: ModelConfig, **sizes: Any) -> ModelConfig:
    """``model`` with other sizes, validated as if they had been given at first."""
    return ModelConfig(**{**model.model_dump(), **sizes})


def small_text(strategy: str, num_layers: int = 6, **model: Any) -> dict[str, Any]:
    """A language model of Llama's kind, which most papers use, on a task of the project."""
    sizes = {
        "num_layers": num_layers,
        "d_model": 96,
        "d_ff": 256,
        "num_heads": 6,
        "positions": "rotary",
        "activation": "swiglu",
        "norm": "rmsnorm",
        "bias": False,
        "dropout": 0.0,
    }
    return {
        "data": {"task": "python-docs", "seq_len": 64},
        "model": {**sizes, **model},
        "sharing": {"strategy": strategy},
        "train": {"steps": 300, "batch_size": 12},
    }


def small_pairs(strategy: str, num_layers: int = 4, **model: Any) -> dict[str, Any]:
    """A translation model; ``num_layers`` are executed in each of the two stacks."""
    sizes = {"num_layers": num_layers, "d_model": 80, "d_ff": 160, "num_heads": 4, "activation": "relu"}
    return {
        "data": {"task": "dates"},
        "model": {**sizes, **model},
        "sharing": {"strategy": strategy},
        "train": {"steps": 300, "batch_size": 24},
    }


def small_images(strategy: str, num_layers: int = 6, **model: Any) -> dict[str, Any]:
    """An encoder on images of digits, cut into patches."""
    sizes = {
        "num_layers": num_layers,
        "d_model": 64,
        "d_ff": 128,
        "num_heads": 4,
        "positions": "learned",
        "dropout": 0.0,
    }
    return {
        "data": {"task": "digits"},
        "model": {**sizes, **model},
        "sharing": {"strategy": strategy},
        "train": {"steps": 400, "batch_size": 48},
    }
