"""What a trained run answers to the held-out examples of a split, with the right answers. Start at predict_split.

Anybody can then compute a metric of their own from the file that ``clps predict --split`` writes. torch is imported
when a run is opened only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clps_core.errors import DataError
from clps_core.opened import Opener, OpenRun, Which, open_run
from clps_core.tasks import TASKS
from clps_core.words import _
from clps_core.work import WrittenScores

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.data.base import Array, Batch
    from clps_core.store import Run
    from clps_core.work.batch import DeviceBatch

__all__ = ["AnsweredExample", "predict_split", "scores_of_written"]

BATCH = 64


@dataclass(frozen=True)
class AnsweredExample:
    """``number``: the example's place in its split. ``input``: what the model read, as text; empty for an image or
    a sound. Where an answer is marked it is the question and, on the next line, its whole context.
    """

    number: int
    input: str
    prediction: str
    reference: str


def predict_split(
    folder: Path,
    split: str,
    limit: int | None = None,
    *,
    loops: int | None = None,
    which: Which = "best",
    opener: Opener = open_run,
) -> Iterator[AnsweredExample]:
    """The first ``limit`` examples of ``validation`` or ``test`` in the order in which a run is scored on them.

    By default as many as the run's own score takes. A text is answered greedily; of masked tokens prediction and
    reference are their labels, with a blank between them. Raises ``DataError`` for a language
    model, whose texts have no single right continuation, and as ``predict`` does.
    """
    with opener(folder, which) as run:
        if run.data.facts.windows and not run.data.facts.masked:
            raise DataError(
                _("{task} has no correct answers to compare with. Use --text to let a run continue a text.",
                  task=run.data.facts.title)
            )  # fmt: skip
        train = run.config.train
        count = limit or (train.test_examples if split == "test" else train.eval_examples)
        number = 0
        for batch in run.data.evaluation(split, count, BATCH):
            for asked, said, right in _answers(run, batch, loops):
                yield AnsweredExample(number, asked, said, right)
                number += 1


def scores_of_written(run: Run, answered: Sequence[AnsweredExample]) -> WrittenScores:
    """The metrics that the run's task can tell of whole answers only, such as BLEU; of most tasks none."""
    work = TASKS.work(run.task)
    if not WrittenScores.offered(work, run.facts):
        return WrittenScores()
    return WrittenScores.of(work, [(one.prediction, one.reference) for one in answered])


def _answers(run: OpenRun, batch: Batch, loops: int | None) -> Iterator[tuple[str, str, str]]:
    from clps_core.work.batch import to_device
    from clps_core.work.writing import written_tokens

    on_cpu = to_device(batch, "cpu")
    if batch.spans is not None:
        from clps_core.work.spans import marked_pairs

        pairs = marked_pairs(_output(run, on_cpu, loops), on_cpu)
        for asked, context, (marked, right) in zip(batch.spans.questions, batch.spans.contexts, pairs, strict=True):
            yield f"{asked}\n{context}", marked, right
        return
    if run.data.facts.ctc:
        from clps_core.work.ctc import ctc_pairs

        for said_text, right_text in ctc_pairs(_output(run, on_cpu, loops), on_cpu, run.data):
            yield "", said_text, right_text
        return
    if batch.boxes is not None:
        yield from _found(run, batch, _output(run, on_cpu, loops))
        return
    written = run.data.facts.writes
    predictions = written_tokens(run.model, run.data, on_cpu, loops) if written else _most_likely(run, on_cpu, loops)
    for place, said in enumerate(predictions):
        scored = _scored(batch.labels[place])
        answer = said if written else said[_is_scored(batch.labels[place])]
        told = getattr(run.data, "fillings", run.data.decode)  # of tokens that stand apart from each other
        yield _input_text(run, batch, place), told(answer), told(scored)


def _found(run: OpenRun, batch: Batch, output: Tensor) -> Iterator[tuple[str, str, str]]:
    """What was found in each picture and what is there, in order and without their boxes."""
    from clps_core.work.boxes import found_in

    def told(classes: Array) -> str:
        return " ".join(sorted(run.data.decode([one]) for one in classes.tolist()))

    for place, one in enumerate(output.numpy()):
        classes, _chances, there = found_in(one)
        yield "", told(classes[there]), told(_scored(batch.labels[place]))


def _most_likely(run: OpenRun, batch: DeviceBatch, loops: int | None) -> list[Array]:
    """The most likely label of each example, or of each of its positions."""
    return [np.atleast_1d(row) for row in _output(run, batch, loops).argmax(-1).numpy()]


def _output(run: OpenRun, batch: DeviceBatch, loops: int | None) -> Tensor:
    import torch

    with torch.inference_mode():
        found: Tensor = run.model(
            batch.inputs, input_mask=batch.input_mask, decoder_inputs=batch.decoder_inputs, loops=loops
        )
    return found


def _is_scored(labels: Array) -> Array:
    from clps_core.data.base import IGNORED

    return np.asarray(np.atleast_1d(labels) != IGNORED)


def _scored(labels: Array) -> Array:
    return np.asarray(np.atleast_1d(labels)[_is_scored(labels)])


def _input_text(run: OpenRun, batch: Batch, place: int) -> str:
    if not np.issubdtype(batch.inputs.dtype, np.integer):
        return ""
    row = batch.inputs[place]
    row = row if batch.input_mask is None else row[batch.input_mask[place]]
    # A classifier's ``decode`` names classes; its data may say how their texts read.
    text = getattr(run.data, "input_text", run.data.decode)
    return str(text(row))
