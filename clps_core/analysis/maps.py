"""Attention maps made small enough to show, one layer at a time. Start at MapsKept, then READERS.

Shape letters: R rows and C columns of the overview (often layers and heads), Q queries, K keys. However many layers a
model has, there are never more than a few layers' maps in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clps_core.analysis.thumbnails import FULL_LIMIT, max_pooled, thumbnail_side

__all__ = ["MOST_EXACT", "ONE_ROW", "READERS", "MapsKept", "Subtracted", "rolled_out", "total_variation"]

Bytes = NDArray[np.uint8]
MOST_EXACT = 200_000
"""Weights that are kept exactly where all maps are wanted so."""


class MapsKept:
    """Thumbnails of ``rows`` rows of maps and, in full, all of them where they are few or the one ``at``.

    ``at``: (row, column); with it there are no thumbnails. ``exact``: as numbers, not bytes; all maps where they have
    at most ``MOST_EXACT`` numbers, else the one ``at``. ``signed``: maps are differences, from -``scale`` to
    ``scale``, the largest that was put; otherwise they are shares, and ``scale`` is 1. ``values``: [R, C], with each
    row that was put.
    """

    def __init__(
        self, rows: int, at: tuple[int, int] | None = None, *, signed: bool = False, exact: bool = False
    ) -> None:
        self.rows, self.at, self.signed, self.exact = rows, at, signed, exact
        self._largest = 0.0
        self._small: dict[int, NDArray[np.float32]] = {}
        self._full: dict[int, NDArray[np.float32]] = {}
        self._values: dict[int, NDArray[np.float32]] = {}
        self._shape = (0, 0)
        self.columns = 0

    def put(self, row: int, maps: Tensor, values: Tensor | None = None) -> None:
        """``maps`` ``[C, Q, K]`` of one row, with ``values`` [C] about them."""
        array = maps.numpy()
        self.columns, *shape = array.shape
        self._shape = (shape[0], shape[1])
        if self.signed:
            least, most = maps.aminmax()
            self._largest = max(self._largest, -float(least), float(most))
        if values is not None:
            self._values[row] = values.to(torch.float32).numpy()
        if self.exact and self.rows * array.size <= MOST_EXACT:
            self._full |= {row * self.columns + column: one.copy() for column, one in enumerate(array)}
            return
        if self.at is not None:
            if row == self.at[0]:
                self._full[row * self.columns + self.at[1]] = array[self.at[1]].copy()
            return
        side = thumbnail_side(self.rows * self.columns)
        long = max(self._shape) > side
        if long:
            self._small[row] = max_pooled(array, side, signed=self.signed)
        if not long or self.rows * array.size <= FULL_LIMIT:
            self._full |= {row * self.columns + column: one.copy() for column, one in enumerate(array)}

    @property
    def scale(self) -> float:
        """What the largest byte stands for."""
        return self._largest if self.signed and self._largest else 1.0

    @property
    def small(self) -> Bytes:
        """Thumbnails, ``[R, C, side, side]``; ``[0, 0, 0, 0]`` where all maps are small already."""
        if not self._small:
            return np.zeros((0, 0, 0, 0), np.uint8)
        return self._bytes(np.stack([self._small[row] for row in range(self.rows)]))

    @property
    def full_at(self) -> tuple[int, ...]:
        """Which maps there are in full, as row * C + column."""
        return tuple(sorted(self._full))

    @property
    def full(self) -> Bytes | NDArray[np.float32]:
        """Those maps, ``[N, Q, K]``; float32 where they are ``exact``."""
        if not self._full:
            return np.zeros((0, *self._shape), np.uint8)
        if self.exact:
            return np.stack([self._full[place] for place in self.full_at])
        return self._bytes(np.stack([self._full[place] for place in self.full_at]))

    @property
    def values(self) -> NDArray[np.float32]:
        """``[R, C]`` what was put with the maps; ``[0, 0]`` where nothing was."""
        if not self._values:
            return np.zeros((0, 0), np.float32)
        return np.stack([self._values[row] for row in range(self.rows)])

    def _bytes(self, maps: NDArray[np.float32]) -> Bytes:
        """Shares 0..1 as 0..255; differences -scale..scale as 1..255, 128 being none."""
        if self.signed:
            return np.asarray(np.rint(np.clip(maps / self.scale, -1, 1) * 127) + 128, np.uint8)
        return np.asarray(np.rint(np.clip(maps, 0, 1) * 255), np.uint8)


@dataclass
class EveryHead:
    """A row for each layer, a column for each head. Told of one attention kind's layers, in order."""

    kept: MapsKept

    def __call__(self, layer: int, maps: Tensor) -> None:
        """``maps`` ``[H, Q, K]`` of executed ``layer``."""
        self.kept.put(layer, maps)

    def finish(self) -> None:
        """There are no more layers."""


@dataclass
class OverHeads(EveryHead):
    """A row for each layer: the mean of its heads, or with ``largest`` the maximum."""

    largest: bool = False

    def __call__(self, layer: int, maps: Tensor) -> None:
        """Keep what they come to."""
        self.kept.put(layer, maps.amax(0, keepdim=True) if self.largest else maps.mean(0, keepdim=True))


@dataclass
class OverLayers(EveryHead):
    """One row, a column for each head: the mean over all layers, or with ``largest`` the maximum."""

    largest: bool = False
    so_far: Tensor | None = None

    def __call__(self, layer: int, maps: Tensor) -> None:
        """Count them in."""
        if self.so_far is None:
            self.so_far = maps.clone()
        elif self.largest:
            torch.maximum(self.so_far, maps, out=self.so_far)
        else:
            self.so_far.lerp_(maps, 1 / (layer + 1))

    def finish(self) -> None:
        """Keep the result."""
        if self.so_far is not None:
            self.kept.put(0, self.so_far)


@dataclass
class Rollout(EveryHead):
    """A row for each layer: where each position comes from, through all layers up to this one."""

    so_far: Tensor | None = None

    def __call__(self, layer: int, maps: Tensor) -> None:
        """One layer more."""
        self.so_far = rolled_out(self.so_far, maps)
        self.kept.put(layer, self.so_far[None])


def rolled_out(before: Tensor | None, maps: Tensor) -> Tensor:
    """Rollout up to a layer with ``maps`` ``[H, N, N]``, from that up to the layer before it: ``[N, N]``.

    Half of each position is taken to stay where it is, the other half to come from where the mean head looks:
    ``(mean(A) / 2 + I / 2) @ before`` (Abnar & Zuidema 2020, "Quantifying attention flow in transformers").
    """
    mixed = (maps.mean(0) + torch.eye(maps.shape[-1])) / 2
    return mixed if before is None else mixed @ before


@dataclass
class Subtracted(EveryHead):
    """Differences to other maps, which ``subtracted(layer, maps)`` gives; a row for each layer in ``rows``.

    The value of a map is its ``total_variation``.
    """

    rows: Mapping[int, int]
    subtracted: Callable[[int, Tensor], Tensor]
    causal: bool

    def __call__(self, layer: int, maps: Tensor) -> None:
        """Compare a layer that has a row."""
        if (row := self.rows.get(layer)) is not None:
            apart = self.subtracted(layer, maps)
            self.kept.put(row, apart, total_variation(apart, causal=self.causal))


def total_variation(apart: Tensor, *, causal: bool) -> Tensor:
    """Half the sum of the absolute differences ``[H, Q, K]`` of a row, from 0 to 1, its mean over queries: [H].

    With ``causal`` the first query is left out (if there are others): it can look at nothing but itself.
    """
    first = 1 if causal and apart.shape[1] > 1 else 0
    room = torch.empty_like(apart[0, first:])
    return torch.stack([torch.abs(one[first:], out=room).sum(-1).mean() for one in apart]) / 2


READERS: Mapping[str, Callable[[MapsKept], EveryHead]] = {
    "heads": EveryHead,
    "mean_heads": OverHeads,
    "max_heads": partial(OverHeads, largest=True),
    "mean_layers": OverLayers,
    "max_layers": partial(OverLayers, largest=True),
    "rollout": Rollout,
}
"""How the maps of one run are put together."""
ONE_ROW = ("mean_layers", "max_layers")
