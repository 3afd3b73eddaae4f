"""Attention maps of trained runs as they are shown: small ones of all, and some in full. Start at maps_of_run.

torch is imported only when a run is opened: code that shows ``RunMaps`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import ConfigError, DataError
from clps_core.inspection import groups_of
from clps_core.look import Look, looking, read_maps
from clps_core.opened import Opener, open_run
from clps_core.patching import Asked
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.analysis.maps import MapsKept
    from clps_core.work.answers import Answer

__all__ = ["HOW", "RunMaps", "apart_in_layers", "apart_in_runs", "maps_of_run"]

Array = NDArray[Any]

HOW = ("heads", "mean_heads", "max_heads", "mean_layers", "max_layers", "rollout")
"""How the maps of a run are put together: each head; over heads or layers; through all layers."""
KEPT_BYTES = 100 << 20
"""What the layers of one run may take while another run is compared with them."""


@dataclass(frozen=True)
class RunMaps:
    """Maps in R rows and C columns (often executed layers and heads), of Q queries and K keys.

    ``layers``: per row the executed layer; empty where the one row stands for all. ``groups``: per row a number; equal
    ones use the same query and key weights. ``small``: uint8 [R, C, side, side], or [0, 0, 0, 0] where all maps are in
    full. ``full``: uint8 [N, Q, K] with their places ``full_at``, row * C + column. Bytes 0 to 255 are shares 0 to 1;
    of ``signed`` ones, 1 to 255 are differences from -``scale`` to ``scale``. ``values``: of differences, float32
    [R, C], the total variation of each head (``analysis.maps.total_variation``).
    """

    kind: str
    step: int
    layers: tuple[int, ...]
    groups: tuple[int, ...]
    columns: int
    small: Array
    full: Array
    full_at: tuple[int, ...]
    signed: bool = False
    scale: float = 1.0
    values: Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def rows(self) -> int:
        """R."""
        return max(1, len(self.layers))

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return self.small.nbytes + self.full.nbytes + self.values.nbytes


def maps_of_run(
    look: Look,
    kind: str,
    how: str = "heads",
    *,
    at: tuple[int, int] | None = None,
    exact: bool = False,
    opener: Opener = open_run,
) -> RunMaps:
    """The maps of one attention ``kind``, put together as ``how`` says; with ``at`` (row, column) that one in full.

    ``exact`` gives numbers, not bytes, see ``analysis.maps.MapsKept``. Raises what
    ``Look`` says, and ``ConfigError`` for a kind that the model does not have, an
    unknown ``how``, a place that there is not, or rollout through cross-attention.
    """
    if how not in HOW:
        raise ConfigError(
            _("attention maps must be combined by one of {known}. Got {how}.", known=", ".join(HOW), how=how)
        )
    if how == "rollout" and kind == "cross":
        raise ConfigError(
            _(
                "rollout must follow self-attention through the layers of one stack. Got cross-attention. Choose the "
                "encoder or the decoder."
            )
        )
    with looking(look, kind, opener) as asked:
        from clps_core.analysis.maps import ONE_ROW, READERS, MapsKept

        groups = groups_of(asked.run, kind, look.loops)
        layers = () if how in ONE_ROW else tuple(range(len(groups)))
        columns = asked.run.config.model.num_heads if how == "heads" or how in ONE_ROW else 1
        kept = MapsKept(max(1, len(layers)), _checked(at, max(1, len(layers)), columns), exact=exact)
        reader = READERS[how](kept)
        read_maps(asked, kind, reader)
        reader.finish()
        return _found(kept, kind, asked.run.step, layers, groups if layers else ())


def apart_in_layers(
    look: Look,
    kind: str,
    layers: Sequence[int],
    *,
    at: tuple[int, int] | None = None,
    exact: bool = False,
    opener: Opener = open_run,
) -> RunMaps:
    """What ``layers[1:]`` look at more (or less) than ``layers[0]``, head by head: a row for each, in their order.

    Raises what ``maps_of_run`` raises, and ``ConfigError`` for fewer than two layers or one that is not executed.
    """
    with looking(look, kind, opener) as asked:
        from clps_core.analysis.maps import MapsKept, Subtracted

        groups = groups_of(asked.run, kind, look.loops)
        if len(layers) < 2 or len(set(layers)) < len(layers) or not all(0 <= one < len(groups) for one in layers):
            raise ConfigError(
                _(
                    "the layers to compare must be two or more different ones from 0 to {last}. Got {layers}.",
                    last=len(groups) - 1,
                    layers=", ".join(map(str, layers)) or _("none"),
                )
            )
        first, *others = layers
        reference: dict[int, Tensor] = {}

        def keep_first(layer: int, maps: Tensor) -> None:
            if layer == first:
                reference[first] = maps.clone()

        kept = MapsKept(
            len(others), _checked(at, len(others), asked.run.config.model.num_heads), signed=True, exact=exact
        )
        compare = Subtracted(
            kept,
            {layer: row for row, layer in enumerate(others)},
            lambda _layer, maps: maps - reference[first],
            causal=asked.run.config.model.is_causal(kind),
        )

        def both(layer: int, maps: Tensor) -> None:
            keep_first(layer, maps)
            compare(layer, maps)

        if first < min(others):
            read_maps(asked, kind, both)
        else:  # what is compared with comes later: one pass to find it, another to compare
            read_maps(asked, kind, keep_first)
            read_maps(asked, kind, compare)
        return _found(kept, kind, asked.run.step, tuple(others), tuple(groups[one] for one in others))


def apart_in_runs(
    look: Look,
    other: Look,
    kind: str,
    *,
    at: tuple[int, int] | None = None,
    exact: bool = False,
    opener: Opener = open_run,
) -> RunMaps:
    """What the heads of ``look`` look at more (or less) than those of ``other``, layer by layer and head by head.

    A few layers of ``other`` are kept at a time, so a deep model with a long input answers more than once. ``step``
    and ``groups`` are those of ``look``. Raises what ``maps_of_run`` raises, ``ConfigError`` for runs with other
    numbers of layers or heads, and ``DataError`` for runs that read other tokens.
    """
    from clps_core.analysis.maps import MapsKept, Subtracted

    kept: MapsKept | None = None
    begin = 0
    while True:
        reference = _Reference(begin)
        with looking(other, kind, opener) as asked:
            reference.count = len(groups_of(asked.run, kind, other.loops))
            reference.tokens = _tokens(asked, kind, read_maps(asked, kind, reference.keep))
            heads = asked.run.config.model.num_heads
        with looking(look, kind, opener) as asked:
            groups = groups_of(asked.run, kind, look.loops)
            _check_same_shape((len(groups), reference.count), (asked.run.config.model.num_heads, heads))
            kept = kept or MapsKept(len(groups), _checked(at, len(groups), heads), signed=True, exact=exact)
            rows = {layer: layer for layer in reference.maps}
            causal = asked.run.config.model.is_causal(kind)
            compare = Subtracted(kept, rows, reference.subtracted_from, causal=causal)
            said = read_maps(asked, kind, compare)
            if _tokens(asked, kind, said) != reference.tokens:
                raise DataError(_different_tokens())
            begin = reference.end
            if begin >= reference.count:
                return _found(kept, kind, asked.run.step, tuple(range(len(groups))), groups)


class _Reference:
    """As many layers of a run from ``begin`` on as may be kept: at full precision where all of them may."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.count = 0
        self.tokens: tuple[tuple[str, ...], ...] = ()
        self.maps: dict[int, Tensor] = {}

    @property
    def end(self) -> int:
        """The first layer after those that are kept."""
        return self.begin + len(self.maps)

    def keep(self, layer: int, maps: Tensor) -> None:
        """Keep a layer while there is room, and the first one in any case."""
        if layer != self.end:
            return
        one = self._rounded(maps)
        if not self.maps or (len(self.maps) + 1) * one.nbytes <= KEPT_BYTES:
            self.maps[layer] = one if one is not maps else maps.clone()

    def subtracted_from(self, layer: int, maps: Tensor) -> Tensor:
        """``maps`` of the other run without those that are kept."""
        before = self.maps[layer]
        if before.shape != maps.shape:
            raise DataError(_different_tokens())
        return self._rounded(maps).float() - before.float()

    def _rounded(self, maps: Tensor) -> Tensor:
        """At half precision where all layers are too many, so that equal maps stay equal."""
        return maps if self.count * maps.nbytes <= KEPT_BYTES else maps.half()


def _tokens(asked: Asked, kind: str, said: Answer) -> tuple[tuple[str, ...], ...]:
    """What the run read on the way to its attention of ``kind``: the encoder has no part in what was answered."""
    return tuple(asked.run.data.token_labels(asked.inputs[0])), (() if kind == "encoder" else said.target_labels)


def _different_tokens() -> str:
    return _(
        "two runs can only be compared token by token where they read the same tokens. These two have different "
        "answers or vocabularies. Type a decoder target that both read, or look at the encoder."
    )


def _check_same_shape(layers: tuple[int, int], heads: tuple[int, int]) -> None:
    """Of two runs."""
    if layers[0] != layers[1]:
        raise ConfigError(
            _(
                "two runs must execute the same number of layers to be compared. Got {one} and {other}.",
                one=layers[0],
                other=layers[1],
            )
        )
    if heads[0] != heads[1]:
        raise ConfigError(
            _(
                "two runs must have the same number of heads to be compared. Got {one} and {other}.",
                one=heads[0],
                other=heads[1],
            )
        )


def _checked(at: tuple[int, int] | None, rows: int, columns: int) -> tuple[int, int] | None:
    """``ConfigError`` for a place that there is not."""
    if at is not None and not (0 <= at[0] < rows and 0 <= at[1] < columns):
        raise ConfigError(
            _(
                "a map must be selected by a row below {rows} and a column below {columns}. Got {row}, {column}.",
                rows=rows,
                columns=columns,
                row=at[0],
                column=at[1],
            )
        )
    return at


def _found(kept: MapsKept, kind: str, step: int, layers: tuple[int, ...], groups: tuple[int, ...]) -> RunMaps:
    return RunMaps(
        kind,
        step,
        layers,
        groups,
        kept.columns,
        kept.small,
        kept.full,
        kept.full_at,
        kept.signed,
        kept.scale,
        kept.values,
    )
