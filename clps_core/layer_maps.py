"""Some layers of a trained run beside each other, head by head: their maps, and how alike they are.

Start at maps_of_layers. torch is imported when a run is opened only: whoever shows a ``RunLayers`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clps_core.analysis.thumbnails import FULL_LIMIT
from clps_core.errors import ConfigError
from clps_core.inspection import quantised
from clps_core.look import Look, looking, read_maps
from clps_core.opened import Opener, open_run
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MOST_EXACT", "RunLayers", "maps_of_layers"]

Array = NDArray[Any]
MOST_EXACT = 200_000
"""Weights that are kept exactly where all heads are wanted so."""


@dataclass(frozen=True)
class RunLayers:
    """Maps of L layers: of H heads, those in ``heads``, with Q queries and K keys.

    ``weights``: [L, len(heads), Q, K], uint8 (0 to 255 are shares 0 to 1), or float32 shares where they are exact.
    ``similarities``: float64 [L, H], each layer against the first, see ``analysis.similarity``; [0, 0] with the maps of
    a single head.
    """

    kind: str
    step: int
    heads: tuple[int, ...]
    weights: Array
    similarities: Array

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return self.weights.nbytes + self.similarities.nbytes


def maps_of_layers(
    look: Look,
    kind: str,
    layers: Sequence[int],
    *,
    head: int | None = None,
    exact: bool = False,
    opener: Opener = open_run,
) -> RunLayers:
    """How alike ``layers`` are to the first of them, with the maps of all heads where they are few.

    With ``head`` the maps of that one, and no similarities. ``exact``: as numbers, not as bytes, and of all heads
    where they have at most ``MOST_EXACT`` numbers. However many layers there are, the maps of two at most are in memory
    with all their heads. Raises what ``maps.maps_of_run`` raises, and ``ConfigError`` for layers that are not executed
    in this order, or a head that there is not.
    """
    with looking(look, kind, opener) as asked:
        from clps_core.analysis.alike import heads_alike

        heads = asked.run.config.model.num_heads
        if head is not None and not 0 <= head < heads:
            raise ConfigError(_("head must be from 0 to {last}. Got {head}.", last=heads - 1, head=head))
        most = MOST_EXACT if exact else FULL_LIMIT
        first: list[Tensor] = []
        kept: list[Array] = []
        alike: list[Array] = []
        chosen: list[tuple[int, ...]] = []
        executed = 0

        def told(layer: int, maps: Tensor) -> None:
            nonlocal executed
            executed += 1
            if layer not in layers:
                return
            all_of_them = len(layers) * maps.numel() <= most and (exact or head is None)
            chosen[:] = [tuple(range(heads)) if all_of_them else () if head is None else (head,)]
            one = maps[list(chosen[0])].numpy()
            kept.append(one if exact else quantised(one))
            if head is None:
                if not first:
                    first.append(maps.clone())
                alike.append(heads_alike(first[0], maps, causal=asked.run.config.model.is_causal(kind)).numpy())

        read_maps(asked, kind, told)
        if not layers or list(layers) != sorted(set(layers)) or not 0 <= layers[0] <= layers[-1] < executed:
            raise ConfigError(
                _(
                    "layers must be given in the order of execution, each once, from 0 to {last}. Got {layers}.",
                    last=executed - 1,
                    layers=", ".join(map(str, layers)) or _("none"),
                )
            )
        similarities = np.stack(alike) if alike else np.zeros((0, 0))
        return RunLayers(kind, asked.run.step, chosen[0], np.stack(kept), similarities)
