"""What is known of one way of sharing. Start at Scheme."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from clps_core.words import Worded

__all__ = ["Evidence", "Family", "Kind", "Scheme"]

Kind = Literal["weights", "activations", "loosened", "depth", "outside"]
Family = Literal["decoder", "encoder", "encoder_decoder"]


@dataclass(frozen=True)
class Evidence:
    """One published observation in figures, and where it is printed."""

    claim: Worded = Worded()
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One card.

    ``strategy`` is the notation at the default options, so that it fits any number of layers (two or
    more), or ``custom`` for plain integers (``strategy_at`` gives an example); ``sizes`` are the model's
    fields that belong to the scheme. ``rule`` says how the slots follow from the layer ``l`` of ``L``;
    ``shared`` and ``kept`` what layers have in common and what each has for itself; ``lost`` what it
    costs, with the figures behind that in ``evidence``. ``beyond`` is what of the paper's design cannot
    be built here, where there is such a thing. ``stored`` says which numbers of stored layers M the card is about:
    any, half of the layers, or those that divide the number of layers.
    """

    name: str
    title: Worded = Worded()
    kind: Kind
    strategy: str
    family: Family
    rule: Worded = Worded()
    shared: Worded = Worded()
    kept: Worded = Worded()
    saved: Worded = Worded()
    lost: Worded = Worded()
    source: str
    evidence: tuple[Evidence, ...] = ()
    beyond: Worded = Worded("")
    sizes: Mapping[str, Any] = field(default_factory=dict)
    stored: Literal["any", "half", "whole"] = "any"

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """(identifier, address) of every arXiv paper that the card cites, its own source first."""
        texts = [self.source, *(one.source for one in self.evidence)]
        found = [number for text in texts for number in re.findall(r"arXiv (\d{4}\.\d{4,5})", text)]
        return tuple((f"arXiv {number}", f"https://arxiv.org/abs/{number}") for number in dict.fromkeys(found))

    def strategy_at(self, num_layers: int) -> str:
        """The notation at a depth; only a map written as integers depends on it."""
        if self.strategy != "custom":
            return self.strategy
        return "-".join(str((layer + 1) // 2 if layer % 2 else 0) for layer in range(num_layers))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {**asdict(self), "sizes": dict(self.sizes)}
