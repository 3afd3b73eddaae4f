"""What each attention head does with one input, in a few numbers and, where it is clear, a name. Start at summary_of.

Shape letters: H heads, Q queries, K keys. A row of attention is a probability distribution over keys.

All figures are means over *counted* queries: those that are no padding and can see at least two keys. A query that sees
one key has no choice (the first token of a decoder); it counts only where no query has one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clps_core.analysis.head_names import MEASURES

__all__ = ["Summariser", "summary_of"]

Floats = NDArray[np.float32]


class Summariser:
    """Told of layer after layer; ``rows`` has a summary of each. ``causal``, ``aligned``: as for ``summary_of``."""

    def __init__(self, *, causal: bool, aligned: bool) -> None:
        self.causal, self.aligned = causal, aligned
        self.rows: list[dict[str, Floats]] = []
        self.counted = self.queries = self.keys = 0

    def __call__(self, layer: int, maps: Tensor) -> None:
        """One layer's maps ``[H, Q, K]``."""
        assert layer == len(self.rows)
        self.queries, self.keys = maps.shape[1:]
        self.counted = int(_counted(maps, causal=self.causal)[0].sum())
        self.rows.append(summary_of(maps, causal=self.causal, aligned=self.aligned))

    @property
    def measures(self) -> dict[str, Floats]:
        """Measure -> float32 ``[layer, head]``."""
        return {name: np.stack([row[name] for row in self.rows]) for name in self.rows[0]}


def summary_of(
    maps: Tensor, *, causal: bool, aligned: bool = True, real: Tensor | None = None, real_keys: Tensor | None = None
) -> dict[str, Floats]:
    """Measure -> float32 [H] of one layer's ``maps`` [H, Q, K]; NaN where no query counts for it.

    ``entropy``: in bits. ``entropy_share``: entropy over the largest that the query could have, log2 of the keys that
    it sees. ``distance``: mean number of positions between query and key. ``itself``, ``previous``, ``next``,
    ``first``: share on the key at the query's own place, one before, one after, and on the first key; each over the
    queries that have such a key, and ``first`` without the first query. ``causal``: a query sees the keys up to its own
    place. ``aligned``: queries and keys are the same positions; otherwise (cross-attention) only the entropies and
    ``first`` mean something. ``real`` [Q], ``real_keys`` [K]: which positions are no padding, all by default.
    """
    counted, visible = _counted(maps, causal=causal, real=real, real_keys=real_keys)
    choice = counted & (visible >= 2)
    room = torch.empty_like(maps[0])  # new memory for each head would take as long as the arithmetic
    entropy = torch.stack([_entropy(one, room) for one in maps])
    found = {
        "entropy": _mean(entropy, counted),
        "entropy_share": _mean(entropy / visible.clamp(min=2).log2(), choice),
        "first": _mean(maps[:, :, 0], counted & (torch.arange(maps.shape[1]) > 0) if aligned else counted),
    }
    if aligned:
        size = maps.shape[1]
        places = torch.arange(size, dtype=maps.dtype)
        apart = (places[:, None] - places[None]).abs()
        found["distance"] = _mean(torch.stack([torch.mul(one, apart, out=room).sum(-1) for one in maps]), counted)
        found["itself"] = _mean(maps.diagonal(0, 1, 2), counted)
        known = torch.ones(size, dtype=torch.bool) if real_keys is None else real_keys
        found["previous"] = _mean(maps.diagonal(-1, 1, 2), counted[1:] & known[:-1])
        if not causal:
            found["next"] = _mean(maps.diagonal(1, 1, 2), counted[:-1] & known[1:])
    return {name: found[name].to(torch.float32).numpy() for name in MEASURES if name in found}


def _counted(
    maps: Tensor, *, causal: bool, real: Tensor | None = None, real_keys: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Which queries count, and how many keys each of them sees: bool and integer [Q]."""
    queries, keys = maps.shape[1:]
    known = torch.ones(keys, dtype=torch.bool) if real_keys is None else real_keys
    visible = known.cumsum(0)[:queries] if causal else known.sum().expand(queries)
    asked = torch.ones(queries, dtype=torch.bool) if real is None else real
    choice = asked & (visible >= 2)
    return (choice if bool(choice.any()) else asked), visible


def _entropy(rows: Tensor, room: Tensor) -> Tensor:
    """In bits, [Q, K] -> [Q], worked out in ``room``; a third of the time that ``torch.special.entr`` takes."""
    logs = torch.clamp(rows, min=torch.finfo(rows.dtype).tiny, out=room).log_()
    return -logs.mul_(rows).sum(-1) / math.log(2)


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """[H, N] over the N that count -> [H]; NaN where none does."""
    return values[:, counted].mean(-1)
