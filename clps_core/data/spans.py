"""Answers that are marked in a context: how they are read, compared and guessed. Start at Spans and answer_scores.

An input is ``begin, question, separator, context``, as in BERT ([CLS] question [SEP] context), whose words for it the
tokenizers have; there are no segment embeddings: the separator tells the parts. A label is given for each position of
the context: ``FIRST`` and ``LAST`` where the answer begins and ends, ``IGNORED`` outside of the context.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CONTEXT",
    "FIRST",
    "LAST",
    "Marked",
    "Spans",
    "answer_scores",
    "best_of",
    "covering",
    "first_words",
    "frequent_answer",
    "likeliest_spans",
    "normalised",
    "same_answer",
    "token_f1",
]

CONTEXT = "context"
"""The option of a typed question that its context is given by."""
FIRST, LAST = 1, 2
"""Bits of a label: here the answer begins, here it ends. One token has both."""
MOST_WORDS = 4
"""Words that the trivial answer "the first words" may have."""
MOST_KNOWN = 2000
"""Training answers that the trivial answer "a frequent one" looks for."""
WORD = re.compile(r"\w+|[^\w\s]")
SHOWN = 5

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """What the marks of a batch mean in words, example by example.

    ``offsets``: int64 [S, 2], where the token of each position begins and ends in the context, in characters; -1
    outside of it. ``answers``: the right ones, whole, also where the model reads only a part of the context.
    ``longest``: tokens that an answer may have.
    """

    questions: tuple[str, ...]
    contexts: tuple[str, ...]
    offsets: tuple[Array, ...]
    answers: tuple[str, ...]
    longest: int

    def text(self, place: int, first: int, last: int) -> str:
        """The part of the context of example ``place`` from position ``first`` to ``last``."""
        begin, end = int(self.offsets[place][first, 0]), int(self.offsets[place][last, 1])
        return self.contexts[place][begin:end].strip() if 0 <= begin <= end else ""


@dataclass(frozen=True)
class Marked:
    """A span of a context: characters from ``begin`` up to ``end``, and its probability among all that may be."""

    begin: int
    end: int
    probability: float


# Compared


def normalised(text: str) -> str:
    """As SQuAD compares answers (arXiv 1606.05250): small letters, no ASCII punctuation, no article, single blanks."""
    plain = text.lower().translate(_WITHOUT_MARKS)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


_WITHOUT_MARKS = str.maketrans("", "", string.punctuation)


def same_answer(said: str, right: str) -> bool:
    """Whether both are equal once they are ``normalised``."""
    return said == right or normalised(said) == normalised(right)


def token_f1(said: str, right: str) -> float:
    """F1 of the words that both have, each as often as it stands there, once they are ``normalised``.

    Where either has no word left, 1 if both have none, else 0.
    """
    one, other = normalised(said).split(), normalised(right).split()
    if not one or not other:
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def answer_scores(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Means of ``exact_match`` and ``token_f1`` over (said, right) answers; 0 without any."""
    found = [(float(same_answer(said, right)), token_f1(said, right)) for said, right in pairs]
    exact, f1 = np.array(found).mean(0) if found else (0.0, 0.0)
    return {"exact_match": float(exact), "token_f1": float(f1)}


# Trivial answers


def first_words(context: str, count: int) -> str:
    """The first ``count`` words or marks."""
    found = list(WORD.finditer(context))[:count]
    return context[found[0].start() : found[-1].end()] if found else ""


def frequent_answer(context: str, known: Sequence[str]) -> str:
    """The first of ``known`` (frequent ones first) that stands in ``context`` as whole words; empty without one."""
    return next((one for one in known if one in context and stands_in(one, context)), "")


def stands_in(answer: str, context: str) -> bool:
    """Whether ``answer`` stands there with no letter or digit directly around it."""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", context) is not None


def known_answers(answers: Iterable[str]) -> list[str]:
    """The most frequent of ``answers``, first those that come most often; as often: in the order of the alphabet."""
    counts = sorted(Counter(answers).items(), key=lambda one: (-one[1], one[0]))
    return [answer for answer, _count in counts[:MOST_KNOWN]]


def best_of(ways: Iterable[Callable[[str, str], str]], examples: Sequence[tuple[str, str, str]]) -> dict[str, float]:
    """Each score of the best of trivial ``ways`` to answer (question, context), on (question, context, answer)."""
    found = [answer_scores((way(asked, context), right) for asked, context, right in examples) for way in ways]
    return {name: max(one[name] for one in found) for name in ("exact_match", "token_f1")}


def usual_ways(known: Sequence[str]) -> list[Callable[[str, str], str]]:
    """The first words of the context, and a frequent training answer that stands there."""
    ways: list[Callable[[str, str], str]] = [
        lambda _asked, context, count=count: first_words(context, count)  # type: ignore[misc]
        for count in range(1, MOST_WORDS + 1)
    ]
    return [*ways, lambda _asked, context: frequent_answer(context, known)]


def even_loss(sizes: Iterable[int]) -> float:
    """Loss of giving every token of contexts with ``sizes`` tokens the same probability."""
    found = np.array([size for size in sizes if size > 0])
    return float(np.log(found).mean()) if len(found) else 0.0


# Positions


def covering(offsets: Sequence[tuple[int, int]], begin: int, end: int) -> tuple[int, int] | None:
    """The first and last token that have a character from ``begin`` up to ``end``; ``None`` where none has."""
    found = [place for place, (first, last) in enumerate(offsets) if last > begin and first < end and last > first]
    return (found[0], found[-1]) if found else None


def labels_of(before: int, tokens: int, span: tuple[int, int] | None, outside: int) -> list[int]:
    """The labels of ``before`` positions and ``tokens`` of a context; those of ``span`` lie in the context.

    An answer whose end is cut away has no label: nothing can be marked then.
    """
    labels = [outside] * before + [0] * tokens
    if span is not None and span[1] < tokens:
        labels[before + span[0]] |= FIRST
        labels[before + span[1]] |= LAST
    return labels


def likeliest_spans(
    scores: NDArray[np.floating], offsets: Array, longest: int, count: int = SHOWN
) -> list[tuple[int, int, float]]:
    """(first, last, probability) of the best spans of one input, best first; ``scores`` are [S, 2].

    A softmax over all spans in the context with at most ``longest`` tokens, whose score is that of its first position
    as a beginning and of its last one as an end. So the probabilities of all of them add up to 1.
    """
    places = np.flatnonzero(offsets[:, 0] >= 0)
    if not len(places):
        return []
    begins, ends = scores[places, 0].astype(np.float64), scores[places, 1].astype(np.float64)
    lengths = np.arange(min(longest, len(places)))
    at = np.arange(len(places))[:, None] + lengths
    sums = np.where(at < len(places), begins[:, None] + ends[np.minimum(at, len(places) - 1)], -np.inf).reshape(-1)
    shares = np.exp(sums - sums.max())
    shares /= shares.sum()
    best = np.argsort(-shares, kind="stable")[:count]
    best = best[shares[best] > 0]
    firsts, more = np.divmod(best, len(lengths))
    return [
        (int(places[first]), int(places[first + length]), float(shares[one]))
        for one, first, length in zip(best, firsts, more, strict=True)
    ]


def marked(spans: Iterable[tuple[int, int, float]], offsets: Array, context: str) -> tuple[Marked, ...]:
    """The same as parts of ``context``, without the blanks that tokens may begin or end with."""
    found = []
    for first, last, share in spans:
        begin, end = int(offsets[first, 0]), int(offsets[last, 1])
        text = context[begin:end]
        begin += len(text) - len(text.lstrip())
        found.append(Marked(begin, begin + len(text.strip()), share))
    return tuple(found)
