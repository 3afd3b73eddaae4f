"""Transcripts as labels: the characters of the training part; answers that need no learning. Start at Alphabet.

Label 0 is the blank between words, whether or not there is any; then come the characters by their code; the last label
stands for every other character. It is never a right answer in training, so a model does not learn it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from clps_core.data.alignment import constant_transcript, transcript_scores
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["MOST_CHARACTERS", "UNKNOWN", "Alphabet", "baselines_of", "constant_of", "frames_needed", "long_words"]

MOST_CHARACTERS = 4_000
UNKNOWN = "�"
LONG_WORDS = 10
"""Characters of a mean word from which a language is taken to write no blanks between words."""
TRIED_ROWS, TRIED_UNITS, TRIED_LENGTH = 100, 6, 16
"""By the first units of so many transcripts a constant answer of the most frequent units is chosen."""


class Alphabet:
    """``text``: the characters in the order of their labels, without the blank between words."""

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def of(cls, texts: Sequence[str]) -> Alphabet:
        """That of the training part; raises ``DataError`` where it has more characters than can be learned."""
        found = sorted({sign for text in texts for sign in text} - {" "})
        if len(found) > MOST_CHARACTERS:
            raise DataError(
                _("the transcripts must have at most {limit:,} different characters. Got {got:,}. Use a part of them.",
                  limit=MOST_CHARACTERS, got=len(found))
            )  # fmt: skip
        return cls("".join(found))

    @cached_property
    def _labels(self) -> Mapping[str, int]:
        return {" ": 0} | {sign: place for place, sign in enumerate(self.text, start=1)}

    @property
    def unknown(self) -> int:
        """The label of all other characters."""
        return len(self.text) + 1

    @property
    def size(self) -> int:
        """How many labels there are."""
        return self.unknown + 1

    def __contains__(self, sign: str) -> bool:
        return sign in self._labels

    def labels(self, text: str) -> list[int]:
        """One for each character."""
        return [self._labels.get(sign, self.unknown) for sign in text]

    def sign(self, label: int) -> str:
        """The character of a label; ``UNKNOWN`` for the last one."""
        if label == 0:
            return " "
        return self.text[label - 1] if 0 < label < self.unknown else UNKNOWN


def frames_needed(text: str) -> int:
    """The positions that spell ``text`` with CTC at least: equal neighbours need a blank between them."""
    return len(text) + sum(one == other for one, other in itertools.pairwise(text))


def long_words(texts: Sequence[str]) -> bool:
    """Whether words are so long that characters are what answers are judged by."""
    words = sum(text.count(" ") + 1 for text in texts)
    return sum(len(text) - text.count(" ") for text in texts) > LONG_WORDS * words


def constant_of(texts: Sequence[str], by_characters: bool) -> str:
    """An answer that is nearly right as often as one that is always the same can be: words (or characters)."""
    rows = [list(text) if by_characters else text.split() for text in texts[:TRIED_ROWS]]
    names = [unit for unit, _count in Counter(unit for row in rows for unit in row).most_common()]
    units = {unit: place for place, unit in enumerate(names)}
    best, _edits = constant_transcript(
        [[units[unit] for unit in row[:TRIED_LENGTH]] for row in rows], min(TRIED_UNITS, len(names))
    )
    found = ("" if by_characters else " ").join(names[one] for one in best)
    usual = Counter(texts[:TRIED_ROWS]).most_common(1)[0][0]
    metric = "character_error_rate" if by_characters else "word_error_rate"
    return min((found, usual), key=lambda said: transcript_scores((said, text) for text in texts[:TRIED_ROWS])[metric])


def baselines_of(texts: Sequence[str], constant: str, ends: bool) -> dict[str, float]:
    """Error rates of always ``constant``, ``exact_match`` of the most frequent transcript.

    ``loss``: of knowing only how frequent each length and each character is, in nats per label; ``ends``: the end of a
    transcript is a label as well.
    """
    signs = [ord(sign) for text in texts for sign in text]
    lengths = [len(text) for text in texts]
    nats = constant_answer(np.array(signs))[1] * len(signs) + constant_answer(np.array(lengths))[1] * len(lengths)
    return {
        **transcript_scores((constant, text) for text in texts),
        "exact_match": Counter(texts).most_common(1)[0][1] / len(texts),
        "loss": nats / (len(signs) + (len(texts) if ends else 0)),
    }
