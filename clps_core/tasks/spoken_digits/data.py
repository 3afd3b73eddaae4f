"""Write down spoken digits. Start at SpokenDigits; ``recordings`` says how an utterance is made.

A hash of the string of digits says which split it belongs to, so that no string of an evaluation is ever trained on. An
evaluation's utterances are always the same sounds; in training each is drawn anew. A string may be spoken in several
utterances of its split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.alignment import constant_transcript, transcript_scores
from clps_core.data.base import (
    IGNORED,
    Array,
    Batch,
    Example,
    Fold,
    TaskData,
    check_split,
    digest,
    fold_of,
    padded,
    step_generator,
)
from clps_core.data.heard import HeardInputs
from clps_core.data.log_mel import features
from clps_core.data.scores import constant_answer
from clps_core.data.transcripts import framed
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.spoken_digits import facts as own_facts
from clps_core.tasks.spoken_digits.recordings import DIGITS, SHA256, drawn_digits, recordings, split_of, utterance

__all__ = ["SpokenDigits", "load"]

HELD_OUT = {"validation": 500, "test": 1000}
"""Utterances of each split."""
LENGTH_STEP = 8
BLANK_LABEL = "–"


@lru_cache(maxsize=64)
def _strings(split: str, most: int, fold: Fold | None) -> tuple[tuple[int, ...], ...]:
    """The digits of each utterance of a split."""
    generator = step_generator("spoken digits", most, 0 if split == "validation" else 1)
    found: list[tuple[int, ...]] = []
    while len(found) < HELD_OUT[split]:
        digits = drawn_digits(generator, most)
        if _split(digits, fold) == split:
            found.append(digits)
    return tuple(found)


def _split(digits: tuple[int, ...], fold: Fold | None) -> str:
    split = split_of(digits)
    if fold is None or split == "test":
        return split
    return "validation" if fold.holds("".join(map(str, digits))) else "train"


@lru_cache(maxsize=2500)
def _held_out(split: str, most: int, fold: Fold | None, number: int) -> Array:
    """What a model reads of one utterance of an evaluation, float32 [S, patch_dim]."""
    return features(_samples(split, most, fold, number))


def _samples(split: str, most: int, fold: Fold | None, number: int) -> Array:
    digits = _strings(split, most, fold)[number]
    return utterance(step_generator(f"spoken digits {split}", most, number), digits)


class SpokenDigits(HeardInputs):
    """The ``spoken-digits`` task: see the module, and ``TaskData`` for the methods.

    ``seed`` decides the training batches only; ``fold`` splits all but the test strings in another way. ``home``: where
    sounds lie that people brought.
    """

    pad_id = bos_id = eos_id = -1
    blank = DIGITS

    def __init__(
        self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None, home: Path | None = None
    ) -> None:
        self.facts: TaskFacts = facts or own_facts()
        assert self.facts.difficulty is not None
        self.seed, self.most, self.fold, self.home = seed, self.facts.difficulty, fold, home
        recordings()  # a damaged file is told of now
        content = [str(self.strings(split)) for split in HELD_OUT]
        self.fingerprint = digest("spoken digits 1", SHA256, self.most, *content)
        if fold is not None:
            self.fingerprint = fold.name(self.fingerprint)

    def strings(self, split: str) -> tuple[tuple[int, ...], ...]:
        """The digits of each utterance of ``validation`` or ``test``."""
        check_split(split)
        return _strings(split, self.most, self.fold if split == "validation" else None)

    def split_of(self, digits: Sequence[int]) -> str:
        """The split that a string of digits belongs to."""
        return _split(tuple(digits), self.fold)

    def samples(self, split: str, number: int) -> Array:
        """float32 [n]: the sound of one utterance, at ``log_mel.RATE``."""
        return _samples(split, self.most, self.fold if split == "validation" else None, number)

    def batch(self, step: int, batch_size: int) -> Batch:
        """Utterances drawn anew, of strings that are not held out."""
        generator = step_generator(self.fingerprint, self.seed, step)
        strings: list[tuple[int, ...]] = []
        sounds: list[Array] = []
        while len(strings) < batch_size:
            digits = drawn_digits(generator, self.most)
            if _split(digits, self.fold) == "train":
                strings.append(digits)
                sounds.append(features(utterance(generator, digits)))
        return self._batch(sounds, strings)

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The utterances of the split in their order."""
        strings = self.strings(split)[:limit]
        fold = self.fold if split == "validation" else None
        for start in range(0, len(strings), batch_size):
            part = strings[start : start + batch_size]
            yield self._batch([_held_out(split, self.most, fold, start + place) for place in range(len(part))], part)

    def _batch(self, sounds: Sequence[Array], strings: Sequence[Sequence[int]]) -> Batch:
        inputs, mask = framed(sounds, self.facts.max_source_len, LENGTH_STEP)
        decoder_inputs, labels = self._answers(strings)
        return Batch(inputs, mask, decoder_inputs, labels)

    def _answers(self, strings: Sequence[Sequence[int]]) -> tuple[Array | None, Array]:
        """What a decoder reads, where there is one, and the labels."""
        return None, padded(strings, IGNORED, 1, self.most)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Error rates of the best constant answer, ``exact_match`` of the most frequent string.

        ``loss``: of knowing only how frequent each length and each digit is.
        """
        rows = self.strings(split)[:limit]
        best, _edits = constant_transcript(rows, DIGITS)
        said = self.decode(best)
        pairs = [(said, self.decode(row)) for row in rows]
        frequent = max(rows.count(row) for row in set(rows)) / len(rows)
        digits, lengths = np.concatenate([np.array(row) for row in rows]), np.array([len(row) for row in rows])
        nats = constant_answer(digits)[1] * len(digits) + constant_answer(lengths)[1] * len(rows)
        count = sum(int((self._answers([row])[1] != IGNORED).sum()) for row in rows)
        return {**transcript_scores(pairs), "exact_match": frequent, "loss": nats / count}

    def held_out_sounds(self) -> int:
        """How many test utterances there are."""
        return HELD_OUT["test"]

    def held_out_samples(self, number: int) -> Array:
        """float32 [n]: the samples of a test utterance."""
        return self.samples("test", number)

    def held_out_features(self, number: int) -> Array:
        """float32 [S, patch_dim]: what a model reads of a test utterance; kept in memory."""
        return _held_out("test", self.most, None, number)

    def held_out_transcript(self, number: int) -> str:
        """The digits of a test utterance."""
        return self.decode(self.strings("test")[number])

    def transcript(self, text: str) -> Array:
        """int64 [1, T]: the labels of a transcript such as ``3 1 4``."""
        return np.array([[int(word) for word in text.split()]], dtype=np.int64)

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """Digits with blanks between; the CTC blank among them shows as a dash."""
        return " ".join(self.name_of(token) for token in np.asarray(tokens, dtype=np.int64).reshape(-1).tolist())

    def name_of(self, token: int) -> str:
        """The digit; a dash for the blank."""
        return str(token) if 0 <= token < DIGITS else BLANK_LABEL

    def examples(self, count: int) -> list[Example]:
        """Test utterances by number, with their digits."""
        return [Example(str(place), self.decode(row)) for place, row in enumerate(self.strings("test")[:count])]


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The recordings that ship beside this file; raises ``DataError`` where they are damaged."""
    return SpokenDigits(config.data.seed, facts, fold_of(config.data.fold, config.data.folds), home)
