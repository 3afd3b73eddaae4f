"""What an answer of the Try it page is called as a file, and its numbers. Start at answer_picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.attention.pictures import Shown
from app.attention.source import run_label
from app.look.picture import Table, picture
from clps_core.data.detection import corners_of
from clps_core.predicting import Prediction
from clps_core.store import Run
from clps_core.words import _

__all__ = ["answer_numbers", "answer_picture"]


def answer_picture(answer: Prediction, run: Run, steps: tuple[int, int], *, key: str) -> None:
    """Files of the answer with key ``key``, which was drawn before; none where nothing in it has a probability."""
    if not (answer.pieces or answer.guesses or answer.marked or answer.found):
        return
    label = run_label(run)
    text = " · ".join(filter(None, [answer.text, *answer.options.values()]))
    picture(
        key,
        title=_("{run}: answer and probabilities", run=label),
        name=("answer", run.id),
        about=Shown(run, label, steps[1], text).about,
        numbers=lambda: answer_numbers(answer),
    )


def answer_numbers(answer: Prediction) -> Table:
    """One row per candidate, the most probable first: for each token, or mask, of the answer, or for the answer.

    ``chosen``: 1 for the token that stands in the answer. One that was drawn by chance need not be a candidate; it then
    has a row without a rank. Spans of a context have the place where they begin and end, in characters; boxes have
    their sides, as parts of the picture.
    """
    if answer.pieces:
        return Table(["place", "rank", "token", "probability", "chosen"], _pieces(answer))
    if answer.marked:
        rows = (
            (rank, answer.context[one.begin : one.end], one.begin, one.end, one.probability)
            for rank, one in enumerate(answer.marked, start=1)
        )
        return Table(["rank", "answer", "begin", "end", "probability"], rows)
    if answer.found:
        boxes = (
            (rank, one.label, one.probability, one.query, *corners_of(np.array(one.box)).tolist())
            for rank, one in enumerate(answer.found, start=1)
        )
        return Table(["rank", "answer", "probability", "query", "left", "top", "right", "bottom"], boxes)
    guesses = ((rank, one.label, one.probability) for rank, one in enumerate(answer.guesses, start=1))
    return Table(["rank", "answer", "probability"], guesses)


def _pieces(answer: Prediction) -> Iterator[tuple[object, ...]]:
    for place, piece in enumerate(answer.pieces, start=1):
        labels = [one.label for one in piece.likeliest]
        at = labels.index(piece.label) if piece.label in labels else None
        for rank, one in enumerate(piece.likeliest, start=1):
            yield place, rank, one.label, one.probability, int(rank - 1 == at)
        if at is None:
            yield place, None, piece.label, piece.probability, 1
