"""Scores of predictions that need nothing but numpy. Start at exact_match; constant_answer is what trivial ones get."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from clps_core.data.base import IGNORED, Array

__all__ = [
    "bits_per_byte",
    "constant_answer",
    "constant_classes",
    "constant_text",
    "error_rate",
    "exact_match",
    "macro_f1",
    "of_text",
    "token_accuracy",
    "top_metrics",
]

SOME_CLASSES, MANY_CLASSES = 6, 20
"""From so many classes on, the first three or five answers of a classifier say something."""


def exact_match(predicted: Array, labels: Array, eos: int) -> Array:
    """Which examples are right as a whole: bool [B].

    ``predicted`` int [B, P]: generated tokens, bos not among them; what follows the first ``eos`` does
    not count. ``labels`` int [B, T]: the right tokens, ``eos`` last, ``IGNORED`` in the padding. An
    answer that never ends is wrong, and so is one that ends early.
    """
    width = max(predicted.shape[1], labels.shape[1])
    given = _until_eos(_widened(predicted, width, eos), eos)
    wanted = _until_eos(np.where(labels == IGNORED, eos, labels), eos)
    ended = (predicted == eos).any(axis=1)
    right: Array = (given == _widened(wanted, width, eos)).all(axis=1) & ended
    return right


def token_accuracy(predicted: Array, labels: Array) -> tuple[int, int]:
    """(right, scored) over the positions of ``labels`` [B, T] that count; ``predicted`` has its shape."""
    scored = labels != IGNORED
    return int(((predicted == labels) & scored).sum()), int(scored.sum())


def macro_f1(confusion: Array) -> float:
    """Mean F1 of the classes, each with the same weight; ``confusion`` [C, C] counts (right, said) classes.

    The F1 of a class is 2 hits / (examples of it + answers with it). A class that is neither right nor said anywhere is
    left out.
    """
    hits, both = np.diag(confusion), confusion.sum(0) + confusion.sum(1)
    return float((2 * hits[both > 0] / both[both > 0]).mean()) if both.any() else 0.0


def error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Edits that turn the first of each pair into the second, by the length of all the second ones.

    An edit puts in, takes out or replaces one item (Levenshtein distance). Of words it is the word error rate, of
    phones the phone error rate. It is above 1 where answers are much too long.
    """
    edits = items = 0
    for said, right in pairs:
        edits += _distance(said, right)
        items += len(right)
    return edits / max(1, items)


def _distance(one: Sequence[str], other: Sequence[str]) -> int:
    row = list(range(len(other) + 1))  # edits from what has been read of ``one`` to each beginning of ``other``
    for read, item in enumerate(one, 1):
        before, row[0] = row[0], read
        for place, wanted in enumerate(other, 1):
            replaced = before + (item != wanted)
            before = row[place]
            row[place] = min(replaced, row[place] + 1, row[place - 1] + 1)
    return row[-1]


def constant_answer(labels: Array) -> tuple[float, float]:
    """(accuracy, loss in nats) of the best answer that is the same at every position of ``labels`` that counts.

    The most frequent label; the loss is the entropy of the labels' shares, below which no fixed distribution comes.
    """
    counts = np.bincount(labels[labels != IGNORED])
    shares = counts[counts > 0] / max(1, counts.sum())
    return float(shares.max(initial=0.0)), float(-(shares * np.log(shares)).sum())


def top_metrics(classes: int) -> dict[str, int]:
    """Metric -> how many answers of a classifier it looks at: none where so many would be a large part of all."""
    if classes >= MANY_CLASSES:
        return {"top5_accuracy": 5}
    return {"top3_accuracy": 3} if classes >= SOME_CLASSES else {}


def constant_classes(counts: Array) -> dict[str, float]:
    """Every metric of always the same answers to examples of which ``counts`` [C] are in each class.

    The most frequent classes, best first; the loss is the entropy of their shares, as in ``constant_answer``.
    """
    shares = np.sort(counts)[::-1] / max(1, counts.sum())
    known = shares[shares > 0]
    found = {"loss": float(-(known * np.log(known)).sum()), "accuracy": float(shares[:1].sum())}
    return found | {name: float(shares[:k].sum()) for name, k in top_metrics(len(counts)).items()}


def of_text(labels: Array, spelt: int) -> dict[str, float]:
    """Every metric of a language model that guesses each token of ``labels`` by its share in them.

    ``spelt``: bytes that the labels spell together; 0 where nobody knows, and then there are no bits per byte.
    """
    accuracy, loss = constant_answer(labels)
    found = {"loss": loss, "token_accuracy": accuracy, "perplexity": math.exp(loss)}
    return found | ({"bits_per_byte": bits_per_byte(loss * (labels != IGNORED).sum(), spelt)} if spelt else {})


def bits_per_byte(loss: float, spelt: float) -> float:
    """``loss``: in nats, of all tokens together, which spell so many bytes.

    What a compressor that knew the model would need; models with different tokens can be compared by it
    (Radford et al. 2019, "Language models are unsupervised multitask learners", section 3.1).
    """
    return float(loss) / math.log(2) / max(1.0, float(spelt))


def constant_text(rows: Sequence[Array]) -> tuple[float, float, float]:
    """(exact match, token accuracy, loss) of the best text that is the same for every one of ``rows``.

    Each score has its own best: the most frequent row; the most frequent label, or the labels' shares, at each place.
    """
    width = max(len(row) for row in rows)
    table = np.full((len(rows), width), IGNORED)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    _texts, counts = np.unique(table, axis=0, return_counts=True)
    scored = (table != IGNORED).sum(0)
    places = [constant_answer(column) for column in table.T]
    token_accuracy, loss = (np.array(places) * scored[:, None]).sum(0) / scored.sum()
    return float(counts.max() / len(rows)), float(token_accuracy), float(loss)


def _widened(tokens: Array, width: int, fill: int) -> Array:
    return np.pad(tokens, ((0, 0), (0, width - tokens.shape[1])), constant_values=fill)


def _until_eos(tokens: Array, eos: int) -> Array:
    """Everything from the first ``eos`` of each row on becomes ``eos``."""
    return np.where(np.maximum.accumulate(tokens == eos, axis=1), eos, tokens)
