"""What a run says to one input, and helpers to read it off the logits. Start at Answer. No torch to import this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from clps_core.data.alignment import Aligned
from clps_core.data.base import Array, TaskData
from clps_core.data.detection import Found
from clps_core.data.spans import Marked

if TYPE_CHECKING:
    from clps_core.analysis.capture import Capture
    from clps_core.config import RunConfig
    from clps_core.model.transformer import Transformer

__all__ = [
    "SHOWN_GUESSES",
    "Answer",
    "Guess",
    "Opened",
    "Piece",
    "best_next",
    "image_of",
    "piece",
    "ranked",
    "refuse_target",
]

SHOWN_GUESSES = 5
LIKELIEST = 8
"""How many of the most probable tokens are told for each token of an answer."""


class Opened(Protocol):
    """A run's model (in evaluation mode), config and data in memory (``opened.OpenRun``)."""

    @property
    def model(self) -> Transformer: ...  # noqa: D102
    @property
    def config(self) -> RunConfig: ...  # noqa: D102
    @property
    def data(self) -> TaskData: ...  # noqa: D102


@dataclass(frozen=True)
class Guess:
    """One possible answer and its probability."""

    label: str
    probability: float


@dataclass(frozen=True)
class Piece:
    """One token of an answer: ``label`` is its text, ``token`` its number in the vocabulary.

    ``probability``: what the model gives it, before temperature, top-k and top-p. ``likeliest``: the most probable
    tokens in its place.
    """

    token: int
    label: str
    probability: float
    likeliest: tuple[Guess, ...]


@dataclass(frozen=True)
class Answer:
    """What a run says to one input; the fields below ``capture`` are those of ``inspection.Inspection``.

    ``pieces``: of an answer at several positions, each of them. ``places``: the positions of the output that are the
    answer, where not all are. ``context``, ``marked``: of an answer that is marked, the text it stands in and the best
    spans of it, best first. ``decoder_inputs``: int64 [1, T], what the decoder of two stacks has read.
    ``found``: of an answer that is things in a picture, each of them, the most probable first.
    """

    capture: Capture
    prediction: str
    target: Literal["greedy", "typed", "queries", "none"] = "none"
    target_labels: tuple[str, ...] = ()
    guesses: tuple[Guess, ...] = ()
    next_tokens: tuple[Guess, ...] = ()
    image: Array | None = None
    pieces: tuple[Piece, ...] = ()
    places: tuple[int, ...] | None = None
    context: str = ""
    marked: tuple[Marked, ...] = ()
    decoder_inputs: Array | None = None
    spectrogram: Array | None = None
    aligned: tuple[Aligned, ...] = ()
    found: tuple[Found, ...] = ()


def piece(logits: Array, token: int, name: Callable[[Any], str]) -> Piece:
    """``token`` as chosen from ``logits`` [V], with the most probable ones in its place."""
    return Piece(token, name(token), float(_probabilities(logits)[token]), ranked(logits, name, LIKELIEST))


def refuse_target(data: TaskData, target_text: str) -> None:
    """Let the task say why it takes no typed target, where one was typed."""
    if target_text:
        data.encode_target(target_text)


def ranked(logits: Array, name: Callable[[Any], str], count: int = SHOWN_GUESSES) -> tuple[Guess, ...]:
    """The ``count`` most probable entries of ``logits`` [V], best first."""
    probabilities = _probabilities(logits)
    best = np.argsort(-probabilities, kind="stable")[:count].tolist()
    return tuple(Guess(name(token), float(probabilities[token])) for token in best)


def best_next(logits: Array, data: TaskData) -> tuple[Guess, ...]:
    """Per position of ``logits`` [T, V] the most probable next token."""
    probabilities = _probabilities(logits)
    labels = data.token_labels(probabilities.argmax(axis=-1))
    return tuple(Guess(label, float(p)) for label, p in zip(labels, probabilities.max(axis=-1), strict=True))


def image_of(patches: Array, data: TaskData | None = None) -> Array:
    """[1, N, patch_dim] square patches in rows -> the image they were cut from, [side, side] or [side, side, 3].

    A grey one has 0 for paper and 1 for ink, one in colour 0 for dark and 1 for bright. ``data``: where they are its
    inputs, whose ``unscaled`` gives their brightness in 0..1 again. Three channels are no
    square's number of pixels, so patch_dim tells grey from colour.
    """
    unscaled = getattr(data, "unscaled", None)
    patches = patches if unscaled is None else unscaled(patches)
    _one, count, numbers = patches.shape
    across, channels = isqrt(count), 1 if isqrt(numbers) ** 2 == numbers else 3
    side = isqrt(numbers // channels)
    whole = patches[0].reshape(across, across, side, side, channels).swapaxes(1, 2)
    image = whole.reshape(across * side, across * side, channels)
    if channels == 3:
        return np.asarray(image)
    return np.asarray(image[..., 0] if unscaled is None else 1 - image[..., 0])


def _probabilities(logits: Array) -> Array:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
