"""What a model would answer after each of its layers: the logit lens. Start at lens.

The state after an executed layer goes through the final norm and the head, as if it were the last one (nostalgebraist
2020, "interpreting GPT: the logit lens"). A reading says what *this head* makes of a state that it was not trained on;
that the model "thinks" it there is not shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Readings", "lens"]

TOP = 5
"""How many of the most probable tokens are told at each place."""


class Readable(Protocol):
    """A model of which states can be read (``Transformer``)."""

    def read_out(self, states: Tensor) -> Tensor:
        """What it would return if ``states`` [1, T, D] came out of its last layer."""


Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Readings:
    """Shape letters: L executed layers, P positions that are read, K most probable tokens.

    Row 0 is read before the first layer, row l after l executed layers; row L is the model's own answer.
    ``tokens``: int64 [L + 1, P, K], best first, with ``probabilities``. ``entropy``: of all tokens, in bits. ``rank``:
    1 where the token of ``wanted`` [P] is the most probable one; 0 where nothing is wanted (``wanted`` is -1).
    ``wanted_probability``: its probability, 0 where nothing is wanted.
    """

    tokens: Integers
    probabilities: Floats
    entropy: Floats
    wanted: Integers
    rank: Integers
    wanted_probability: Floats

    @property
    def flips(self) -> NDArray[np.bool_]:
        """[L, P]: whether the most probable token after a layer is another one than before it."""
        best = self.tokens[..., 0]
        return np.asarray(best[1:] != best[:-1])

    @property
    def settled(self) -> Integers:
        """[P]: after how many layers the last answer is there to stay; 0 where it stood before the first."""
        same = self.tokens[..., 0] == self.tokens[-1, :, 0]
        return np.asarray(len(same) - np.logical_and.accumulate(same[::-1]).sum(axis=0))


def lens(model: Readable, states: Floats, positions: Sequence[int] | None, wanted: Sequence[int]) -> Readings:
    """Read ``states`` [L + 1, T, D] of the model's last stack: its first layer's input, then each layer's output.

    ``positions``: of the output; ``None``: all (a classifier has one). ``wanted``: a token for each of them, or -1.
    Raises ``ConfigError`` for a model without a head.
    """
    targets = torch.as_tensor(list(wanted))
    with torch.inference_mode():
        read = [_row(_logits(model, torch.from_numpy(one), positions), targets) for one in states]
    tokens, probabilities, entropy, rank, probability = (
        torch.stack(column).numpy() for column in zip(*read, strict=True)
    )
    return Readings(tokens, probabilities, entropy, targets.numpy(), rank, probability)


def _logits(model: Readable, states: Tensor, positions: Sequence[int] | None) -> Tensor:
    """[P, V] of the states [T, D] after one layer."""
    found = model.read_out(states[None])[0].float()
    found = found[None] if found.dim() == 1 else found
    return found if positions is None else found[list(positions)]


def _row(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    logs = logits.log_softmax(-1)
    best = logs.topk(min(TOP, logs.shape[-1]), -1)
    entropy = -(logs.exp() * logs.clamp(min=-1e30)).sum(-1) / math.log(2)
    asked = wanted.clamp(min=0)[:, None]
    own = logs.gather(-1, asked)
    known = wanted >= 0
    rank = torch.where(known, 1 + (logs > own).sum(-1), 0)
    probability = torch.where(known, own[:, 0].exp(), 0.0)
    return best.indices, best.values.exp(), entropy, rank, probability
