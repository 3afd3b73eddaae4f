"""What a model would answer after each of its layers: the logit lens. Start at lens.

The state after an executed layer goes through the final norm and the head, as if it were the last one (nostalgebraist
2020, "interpreting GPT: the logit lens"). A reading says what *this head* makes of a state that it was not trained on;
that the model "thinks" it there is not shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Read", "Readings", "lens"]

TOP = 5
"""How many of the most probable tokens are told at each place."""

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


Read = Callable[[Tensor], Tensor]
"""What a model returns for states [1, T, D] of its last stack, as logits [P, V]."""


def lens(read: Read, states: Floats, wanted: Sequence[int]) -> Readings:
    """``read`` ``states`` [L + 1, T, D]: the first layer's input, then each layer's output (``Capture``).

    ``wanted``: a token for each of the P positions, or -1.
    """
    targets = torch.as_tensor(list(wanted))
    with torch.inference_mode():
        rows = [_row(read(torch.from_numpy(one)[None]).float(), targets) for one in states]
    tokens, probabilities, entropy, rank, own = (torch.stack(column).numpy() for column in zip(*rows, strict=True))
    return Readings(tokens, probabilities, entropy, targets.numpy(), rank, own)


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
