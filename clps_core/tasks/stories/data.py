"""Questions about a story: where is everything? Start at Stories.

A story is made of sentences of two tokens (who, what happened) and questions of one; the label at a question is the
place where the person or thing is then. A story begins with the places to which all people go first: a hash of this
beginning says which split it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import (
    IGNORED,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    fold_of,
)
from clps_core.data.drawn import Drawn
from clps_core.data.labelled import guess_loss
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.stories import facts as own_facts
from clps_core.tasks.stories import reading, rules
from clps_core.tasks.stories.rules import ASKED, PLACES, TOOK, UNKNOWN, WENT, World

__all__ = ["Stories", "load"]


class Stories(Drawn[rules.Stories]):
    """The ``stories`` task: see the module, ``Drawn``, and ``TaskData`` for the methods."""

    VERSION = "stories 1"
    all_beginnings = staticmethod(rules.begun)
    held_out = staticmethod(rules.held_out)
    told = staticmethod(rules.told)
    drawn = staticmethod(rules.drawn)

    def __init__(self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None) -> None:
        super().__init__(seed, facts or own_facts(), fold)

    @staticmethod
    def content(lines: rules.Stories) -> bytes:
        """See ``Drawn``."""
        return lines.tokens.tobytes()

    @staticmethod
    def labelled(told: rules.Stories) -> Batch:
        """See ``Drawn``."""
        labels = np.where(told.labels < 0, IGNORED, told.labels)
        return Batch(told.tokens, None, None, labels, told.needed)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of a guess that follows people, and takes the place named last for things.

        ``loss``: of giving that place its share, and all others the same.
        """
        share, *parts = rules.guessed_shares(self.scored_lines(split, limit), self.dial)
        return {
            "loss": guess_loss(share, len(PLACES)),
            "accuracy": share,
            **dict(zip(self.facts.graded, parts, strict=True)),
        }

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """A story such as ``Anna went to the kitchen. Where is Anna?``: int64 [1, S]."""
        return np.array([reading.read(text)], dtype=np.int64)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The place at each question; ``None`` where the story does not say all of them."""
        world, said, tokens = World(1), [], reading.read(text)
        for place, token in enumerate(tokens):
            if token >= ASKED:
                said.append(int(world.answers()[0][0, token - ASKED]))
            elif token >= WENT:
                world.tell(np.array([tokens[place - 1 : place + 1]]))
        return None if UNKNOWN in said else self.decode(said)

    def scored(self, inputs: Array) -> Array:
        """The positions of the questions."""
        return np.flatnonzero(inputs[0] >= ASKED)

    def name(self, token: int) -> str:
        """A place; for anything else, which is no answer, what it reads as."""
        return PLACES[token - WENT] if WENT <= token < TOOK else reading.name(token)

    def input_text(self, tokens: Array) -> str:
        """A story [L] as a person types it."""
        return reading.written(tokens)

    def guess(self, inputs: Array, place: int, token: int) -> str:
        """``ball: kitchen``: what was asked for, and where it may be."""
        return f"{reading.name(int(inputs[0, place])).rstrip('?')}: {self.name(token)}"

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """``Anna``, ``went to the kitchen``, ``Anna?``."""
        return [reading.name(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def examples(self, count: int) -> list[Example]:
        """Test stories, with where everything is that they ask for."""
        texts = [reading.written(row) for row in self.scored_lines("test", count).tokens]
        return [Example(text, self.right_answer(text)) for text in texts]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """Generated; nothing lies in files."""
    return Stories(config.data.seed, facts, fold_of(config.data.fold, config.data.folds))
