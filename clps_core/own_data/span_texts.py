"""The batches of questions whose answers stand in a context. Start at Marking.

An input is ``<bos> question <eos> context``, cut at its end. A question may take half of the length, what is longer is
cut. Training rows whose answer was cut away are not drawn; in an evaluation they count as wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from clps_core.data.base import IGNORED, Array, Batch, Example, check_split, digest
from clps_core.data.spans import CONTEXT, Spans, labels_of
from clps_core.errors import DataError
from clps_core.own_data.rows import some_texts
from clps_core.own_data.span_rows import MARKS, baselines, known_of
from clps_core.own_data.texts import EXAMPLE_ROWS, MOST_BASELINE_ROWS, OwnTexts, clean
from clps_core.shown import has_control
from clps_core.words import _

__all__ = ["Marking"]

LONGEST_CONTEXT = 4000
"""Characters of a context that a form can hold."""


class Marking(OwnTexts):
    """A question, a context, and where in it the answer stands."""

    @property
    def longest_answer(self) -> int:
        """Tokens that an answer may have."""
        return self.facts.max_target_len

    @cached_property
    def _learnable(self) -> Array:
        """Training rows whose answer is read as a whole."""
        rows = self.opened.rows
        spans = ((place, rows["span"].row(place)) for place in self.opened.places["train"].tolist())
        longest = self.facts.max_source_len
        found = [place for place, span in spans if len(span) and self._before(place) + span[1] < longest]
        if not found:
            raise DataError(
                _(
                    "at least one training answer must be in the first {length} tokens of its context. None is. "
                    "Raise seq_len.",
                  length=self.facts.max_source_len)
            )  # fmt: skip
        return np.array(found, dtype=np.int64)

    def rows(self, split: str) -> Array:
        """int64 places of the rows of ``split``; of the training part those that can be learned."""
        return self._learnable if split == "train" else self.opened.places[split]

    def _question(self, place: int) -> list[int]:
        found: list[int] = self.opened.rows["question"].row(place)[: self.facts.max_source_len // 2 - MARKS].tolist()
        return found

    def _before(self, place: int) -> int:
        return MARKS + len(self._question(place))

    def _batch(self, places: Array) -> Batch:
        longest = self.facts.max_source_len
        rows, labels = [], []
        for place in places.tolist():
            asked = [self.bos_id, *self._question(place), self.eos_id]
            context = self.opened.rows["context"].row(place)[: longest - len(asked)].tolist()
            span = self.opened.rows["span"].row(place).tolist()
            rows.append([*asked, *context])
            labels.append(labels_of(len(asked), len(context), (span[0], span[1]) if span else None, IGNORED))
        inputs = self._padded(rows, longest, self.pad_id)
        mask = np.arange(inputs.shape[1]) < np.array([len(row) for row in rows])[:, None]
        return Batch(inputs, mask, None, self._padded(labels, longest, IGNORED))

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The held-out rows in an order that a hash of their contexts gives, with what their marks mean."""
        check_split(split)
        places = self.rows(split)[:limit]
        for start in range(0, len(places), batch_size):
            some = places[start : start + batch_size]
            batch = self._batch(some)
            yield Batch(
                batch.inputs, batch.input_mask, None, batch.labels, spans=self._spans(some, batch.inputs.shape[1])
            )

    def _spans(self, places: Array, width: int) -> Spans:
        found = some_texts(self.opened.folder, places, ("question", "context", "answer"))
        offsets = [
            self._offsets(context, self._before(place), width)
            for place, context in zip(places.tolist(), found["context"], strict=True)
        ]
        questions, contexts, answers = (tuple(found[role]) for role in ("question", "context", "answer"))
        return Spans(questions, contexts, tuple(offsets), answers, self.longest_answer)

    def _offsets(self, context: str, before: int, width: int) -> Array:
        """int64 [width, 2]: where the tokens after ``before`` positions stand in ``context``."""
        table = np.full((width, 2), -1, dtype=np.int64)
        found = self.tokenizer.encode(context, add_special_tokens=False).offsets[: max(0, width - before)]
        if found:
            table[before : before + len(found)] = found
        return table

    def context_offsets(self, inputs: Array, context: str) -> tuple[str, Array]:
        """The context as it was read, and where each position of ``inputs`` [1, S] stands in it."""
        text = clean(context)
        before = inputs[0].tolist().index(self.eos_id) + 1
        return text, self._offsets(text, before, inputs.shape[1])

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of the best trivial answer (of at most ``MOST_BASELINE_ROWS`` rows); ``loss`` of all tokens alike."""
        check_split(split)
        places = self.rows(split)[:limit][:MOST_BASELINE_ROWS]
        longest = self.facts.max_source_len
        sizes = [min(len(self.opened.rows["context"].row(p)), longest - self._before(p)) for p in places.tolist()]
        return baselines(self.opened.folder, places, self._known_answers, sizes)

    @cached_property
    def _known_answers(self) -> list[str]:
        return known_of(self.opened.folder, self.opened.index)

    # What is typed

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        """int64 [1, S] of a question and the ``context`` in ``options``; ``DataError`` where either is missing."""
        context = (options or {}).get(CONTEXT, "")
        if not context.strip():
            raise DataError(_("a question must have a context that contains its answer. Got none. Add one."))
        longest = self.facts.max_source_len
        asked = [self.bos_id, *self._typed(text, longest // 2 - MARKS), self.eos_id]
        return np.array([[*asked, *self._typed(context, longest - len(asked))]], dtype=np.int64)

    def unknown(self, text: str) -> tuple[str, ...]:
        """The pieces of the question that the vocabulary does not know."""
        return super().unknown(text)

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:
        """The answer that belongs to one of the first test rows, where only one does."""
        return self._answers.get((text.strip(), clean((options or {}).get(CONTEXT, "")).strip()))

    @cached_property
    def _answers(self) -> Mapping[tuple[str, str], str | None]:
        found: dict[tuple[str, str], str | None] = {}
        for asked, context, answer in self._first_rows():
            key = (asked.strip(), context.strip())
            found[key] = answer if found.get(key, answer) == answer else None
        return found

    def _first_rows(self) -> Iterator[tuple[str, str, str]]:
        found = some_texts(self.opened.folder, self.rows("test")[:EXAMPLE_ROWS], ("question", "context", "answer"))
        yield from zip(found["question"], found["context"], found["answer"], strict=True)

    def examples(self, count: int) -> list[Example]:
        """The first test rows that a form can hold, in an order that mixes their contexts."""
        found = {}
        for asked, context, answer in self._first_rows():
            fits = len(context) <= LONGEST_CONTEXT and not has_control((asked + context).replace("\n", " "))
            if fits and asked not in found and self._fits_whole(asked, context):
                found[asked] = Example(asked, answer, {CONTEXT: context})
        order = sorted(found.values(), key=lambda one: digest("clps order", one.text))
        return order[:count]

    def _fits_whole(self, question: str, context: str) -> bool:
        codes = self.tokenizer.encode_batch([question, context], add_special_tokens=False)
        sizes = [len(code.ids) for code in codes]
        longest = self.facts.max_source_len
        return 0 < sizes[0] <= longest // 2 - MARKS and 0 < sizes[1] <= longest - MARKS - sizes[0]

    def input_text(self, tokens: Sequence[int] | Array) -> str:
        """Question and context, as far as the model read them."""
        ids = np.asarray(tokens).reshape(-1).tolist()
        at = ids.index(self.eos_id) if self.eos_id in ids else len(ids)
        return f"{self.decode(ids[:at])}\n{self.decode(ids[at + 1 :])}"
