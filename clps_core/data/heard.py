"""What tasks have in common whose inputs are sounds: how one is named, heard and shown. Start at HeardInputs.

A person says which one by the number of a test sound, or by the name of a sound that was kept for them.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.data.base import Array
from clps_core.data.kept_sounds import KEPT, kept_samples
from clps_core.data.log_mel import BANDS, POSITION_SECONDS, STACKED, features
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["HeardInputs"]

LONGEST_TYPED = 200


class HeardInputs:
    """A base for ``TaskData``: see there for the methods. ``home``: where sounds lie that people brought."""

    facts: TaskFacts
    home: Path | None

    @abstractmethod
    def held_out_sounds(self) -> int:
        """How many test sounds there are."""

    @abstractmethod
    def held_out_samples(self, number: int) -> Array:
        """float32 [n]: the samples of a test sound, at ``log_mel.RATE``."""

    @abstractmethod
    def held_out_transcript(self, number: int) -> str:
        """What is said in a test sound, as ``decode`` writes it."""

    @abstractmethod
    def name_of(self, token: int) -> str:
        """What a token reads as where each has a place of its own."""

    def held_out_features(self, number: int) -> Array:
        """float32 [S, patch_dim]: what a model reads of a test sound."""
        return features(self.held_out_samples(number))

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """float32 [1, S, patch_dim] of a test sound's number (``"17"``), or of a sound that was kept."""
        word = self._typed(text)
        if not word.startswith(KEPT):
            return self.held_out_features(self._number(word))[None]
        found = features(kept_samples(self.home, word))
        longest = self.facts.max_source_len
        if len(found) > longest:
            raise DataError(
                _(
                    "the sound must have at most {longest:.1f} seconds for this run. Got {got:.1f}. Shorten it.",
                    longest=longest * POSITION_SECONDS,
                    got=len(found) * POSITION_SECONDS,
                )
            )
        return found[None]

    def sound(self, text: str) -> Array:
        """float32 [n]: the samples of a typed input, at ``log_mel.RATE``."""
        word = self._typed(text)
        if word.startswith(KEPT):
            return kept_samples(self.home, word)
        return self.held_out_samples(self._number(word))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """What is said in a test sound; nobody knows it of a sound that was brought."""
        word = self._typed(text)
        return None if word.startswith(KEPT) else self.held_out_transcript(self._number(word))

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """There is no decoder target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def unknown(self, text: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing: what is no number is refused."""
        return ()

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """When each position begins, in seconds, for [S, patch_dim]; otherwise a name for each token."""
        shape = np.shape(tokens)
        if len(shape) > 1 and shape[-1] == STACKED * BANDS:
            return [_("{seconds:.2f} s", seconds=place * POSITION_SECONDS) for place in range(shape[-2])]
        return [self.name_of(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def tokenizer_json(self) -> str:
        """Empty: there are no tokens."""
        return ""

    def _typed(self, text: str) -> str:
        if len(text) > LONGEST_TYPED:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=LONGEST_TYPED,
                    got=len(text),
                )
            )
        return text.strip()

    def _number(self, word: str) -> int:
        last = self.held_out_sounds() - 1
        if not re.fullmatch(r"[0-9]{1,9}", word, re.ASCII) or int(word) > last:
            raise DataError(
                _("the number of a test utterance must be from 0 to {last}. Got {got!r}.", last=last, got=word[:40])
            )
        return int(word)
