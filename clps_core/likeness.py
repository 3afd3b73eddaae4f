"""How alike layers of one run are, or of two, by what they make of the same tokens. Start at likeness_of_runs.

By the cosine of one typed input's states, or by CKA over held-out examples. torch is imported when a run is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from clps_core.analysis.cka import LEAST_VECTORS, Cka
from clps_core.analysis.movement import cosines
from clps_core.errors import ConfigError, DataError
from clps_core.look import Look
from clps_core.moves import StackLayers, Way, layers_of, way_of
from clps_core.opened import Opener, OpenRun, open_run, without
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.data.base import Batch

__all__ = ["BATCH", "MOST_EXAMPLES", "MOST_POSITIONS", "Likeness", "Measure", "likeness_of_runs"]

Array = NDArray[Any]
Measure = Literal["cosine", "cka"]

MOST_EXAMPLES = 64
MOST_POSITIONS = 4096
"""After this many positions, no further examples are read."""
PER_EXAMPLE = 32
"""Tokens of one example that are compared, spread evenly: those of one text are much alike."""
BATCH = 256
"""Vectors of one batch of the estimate."""
READ_AT_ONCE = 8


@dataclass(frozen=True)
class Likeness:
    """``values`` [L + 1, M + 1]: row l stands after l executed layers of one run, column m after m of the other.

    Row and column 0 stand before the first layer. NaN where a state has no direction (cosine), or is the same for all
    tokens (CKA). ``vectors``: how many pairs of states each value is from, of so many ``examples``.
    """

    measure: Measure
    values: Array
    rows: StackLayers
    columns: StackLayers
    vectors: int
    examples: int

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return self.values.nbytes


def likeness_of_runs(
    one: Look,
    other: Look | None,
    measure: Measure,
    *,
    stack: str,
    opener: Opener = open_run,
) -> Likeness:
    """Every executed layer of ``one`` against every one of ``other`` (without: of ``one`` itself), in ``stack``.

    ``cosine`` compares the states of the typed input, position by position, ``cka`` those of held-out examples, with
    their right answers where the decoder reads one. Raises ``ConfigError`` where the two read other tokens, have no
    such stack, or, for ``cosine``, states of other widths; ``DataError`` where there are too few examples; and what
    ``Look`` says.
    """
    for look in filter(None, (one, other)):
        look.check_length()
    with opener(one.folder, one.which) as run:
        if other is None:
            return _compared(_Side(run, one), None, measure, stack, opener)
        with opener(other.folder, other.which) as second:
            return _compared(_Side(run, one), _Side(second, other), measure, stack, opener)


@dataclass(frozen=True)
class _Side:
    """An opened run and how it is looked into."""

    run: OpenRun
    look: Look


def _compared(one: _Side, other: _Side | None, measure: Measure, stack: str, opener: Opener) -> Likeness:
    if measure == "cka":
        return _by_cka(one, other, stack)
    mine = way_of(one.run, one.look, stack, opener)
    its = mine if other is None else way_of(other.run, other.look, stack, opener)
    if other is not None:
        _check_same(one.run, mine, its, stack)
    values = cosines(mine.states, its.states).astype(np.float32)
    return Likeness(measure, values, mine.ran, its.ran, len(mine.tokens), 1)


def _check_same(run: OpenRun, mine: Way, its: Way, stack: str) -> None:
    """Refuse states of other tokens, or of another width."""
    if mine.tokens != its.tokens:
        raise ConfigError(
            _(
                "two runs can only be compared where they read the same tokens. Here their decoders read different "
                "answers. Type a decoder target, or compare by CKA."
            )
            if run.config.model.family == "encoder_decoder" and stack == "decoder"
            else _other_tokens()
        )
    widths = mine.states.shape[-1], its.states.shape[-1]
    if widths[0] != widths[1]:
        raise ConfigError(
            _(
                "a cosine must compare states of the same width. Got widths {one} and {other}. Compare by CKA.",
                one=widths[0],
                other=widths[1],
            )
        )


def _other_tokens() -> str:
    return _(
        "two runs can only be compared where they read the same tokens. These two were trained on different data. "
        "Choose runs of one task with the same data."
    )


# CKA


def _by_cka(one: _Side, other: _Side | None, stack: str) -> Likeness:
    if one.look.patching is not None or (other is not None and other.look.patching is not None):
        raise ConfigError(_("CKA reads held-out examples, without patches. Remove the patches, or compare by cosine."))
    rows = _layers(one, stack)
    columns = rows if other is None else _layers(other, stack)
    mine, its, examples = [], [], 0
    for batch in _read(one.run) if other is None else _both(_read(one.run), _read(other.run)):
        places = _places(batch, stack, one.run.config.model.num_queries)
        mine.append(_states(one, batch, stack, places))
        if other is not None:
            its.append(_states(other, batch, stack, places))
        examples += len(batch.inputs)
    vectors = sum(part.shape[1] for part in mine)
    if vectors < LEAST_VECTORS:
        raise DataError(
            _(
                "CKA needs at least {least} tokens of held-out examples. There are {got}. Compare by cosine.",
                least=LEAST_VECTORS,
                got=vectors,
            )
        )
    first = np.concatenate(mine, 1)
    then = np.concatenate(its, 1) if its else first
    order = np.random.default_rng(0).permutation(vectors)  # tokens of one example stand side by side
    sums = Cka()
    for chosen in np.array_split(order, max(1, vectors // BATCH)):
        part = first[:, chosen]
        sums.add(part, then[:, chosen] if its else part)
    return Likeness("cka", sums.value().astype(np.float32), rows, columns, vectors, examples)


def _layers(side: _Side, stack: str) -> StackLayers:
    with without(side.run, side.look.left_out, side.look.loops):
        return layers_of(side.run, stack, side.look.loops)


def _read(run: OpenRun) -> Iterator[Batch]:
    """Held-out examples, until there are enough."""
    positions = 0
    for batch in run.data.evaluation("validation", MOST_EXAMPLES, READ_AT_ONCE):
        yield batch
        positions += batch.inputs.shape[0] * batch.inputs.shape[1]
        if positions >= MOST_POSITIONS:
            return


def _both(one: Iterator[Batch], other: Iterator[Batch]) -> Iterator[Batch]:
    """The batches of ``one``, if those of ``other`` are the same."""
    for mine, its in zip(one, other, strict=False):
        pairs = (
            (mine.inputs, its.inputs),
            (mine.input_mask, its.input_mask),
            (mine.decoder_inputs, its.decoder_inputs),
        )
        if any((left is None) != (right is None) for left, right in pairs) or not all(
            left is None or right is None or np.array_equal(left, right) for left, right in pairs
        ):
            raise ConfigError(_other_tokens())
        yield mine


def _places(batch: Batch, stack: str, queries: int | None) -> tuple[Array, Array]:
    """(example, position) of the tokens that are compared: real ones, spread evenly over each example.

    ``queries``: how many learned ones the decoder reads in place of tokens.
    """
    if stack == "decoder" and queries:
        real = np.ones((len(batch.inputs), queries), dtype=bool)
    elif stack == "decoder" and batch.decoder_inputs is not None:
        real = batch.labels >= 0
    elif batch.input_mask is not None:
        real = batch.input_mask
    else:
        real = np.ones(batch.inputs.shape[:2], dtype=bool)
    rows, columns = [], []
    for row, mask in enumerate(real):
        there = np.flatnonzero(mask)
        if not len(there):
            continue
        chosen = there[np.unique(np.linspace(0, len(there) - 1, min(PER_EXAMPLE, len(there))).round().astype(int))]
        rows.append(np.full(len(chosen), row))
        columns.append(chosen)
    none = np.zeros(0, dtype=int)
    return np.concatenate([none, *rows]), np.concatenate([none, *columns])


class _Chosen:
    """Fulfils ``model.layer.Recorder``: keeps the states of some places of one stack."""

    def __init__(self, stack: str, places: tuple[Array, Array], shift: int) -> None:
        self._stack = stack
        self._rows, self._columns = places[0].tolist(), (places[1] + shift).tolist()
        self.kept: list[Array] = []

    def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
        """Not kept."""

    def hidden(self, stack: str, index: int, states: Tensor) -> None:
        """What enters the first layer."""
        if index == 0:
            self.after(stack, index, states)

    def after(self, stack: str, index: int, states: Tensor) -> None:  # noqa: ARG002
        """What a layer gives."""
        if stack == self._stack:
            self.kept.append(states[self._rows, self._columns].float().numpy())


def _states(side: _Side, batch: Batch, stack: str, places: tuple[Array, Array]) -> Array:
    """[L + 1, n, D] at the ``places`` of ``batch``."""
    import torch

    run, look = side.run, side.look

    def tensor(array: Array | None) -> Tensor | None:
        return None if array is None else torch.from_numpy(np.ascontiguousarray(array))

    # A class token stands before the patches.
    recorder = _Chosen(stack, places, int(run.config.model.class_token and stack == "encoder"))
    with without(run, look.left_out, look.loops), torch.inference_mode():
        run.model(
            tensor(batch.inputs),
            input_mask=tensor(batch.input_mask),
            decoder_inputs=tensor(batch.decoder_inputs),
            recorder=recorder,
            loops=look.loops,
        )
    return np.stack(recorder.kept)
