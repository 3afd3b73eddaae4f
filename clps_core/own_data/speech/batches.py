"""The batches of people's own sounds. Start at load; ``Sounds`` is for CTC, ``Dictated`` for a decoder.

Samples stay in a memory-mapped file; what a model reads of them is computed when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
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
    check_split,
    digest,
    fold_of,
    padded,
    step_generator,
)
from clps_core.data.heard import HeardInputs
from clps_core.data.lengths import by_length
from clps_core.data.log_mel import features, positions
from clps_core.data.transcripts import answered, framed, specials
from clps_core.errors import DataError
from clps_core.files import open_regular
from clps_core.own_data import record
from clps_core.own_data.record import SEQ2SEQ, DataSet
from clps_core.own_data.rows import SPLIT_CODES, Index, folded, read_index, some_texts
from clps_core.own_data.speech.facts import LENGTH_STEP, damaged, statistic
from clps_core.own_data.speech.keeping import OFFSETS, SOUNDS
from clps_core.own_data.speech.spelling import Alphabet, baselines_of
from clps_core.own_data.speech.transcripts import normalised
from clps_core.own_data.speech.varying import varied
from clps_core.shown import visible
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

__all__ = ["Dictated", "Kept", "Sounds", "load"]

BLANK_LABEL, SPACE_LABEL = "–", "␣"
MOST_BASELINE_ROWS = 20_000


class Kept:
    """The files of a data set of sounds, memory-mapped; raises ``DataError`` where they do not belong together."""

    def __init__(self, folder: Path, known: DataSet) -> None:
        self.folder, self.known = folder, known
        self.index: Index = read_index(folder)
        count = len(self.index.keys)
        try:
            self.texts(np.array([count - 1]))
            with open_regular(folder, OFFSETS, limit=8 * (count + 1)) as file:
                self.offsets = np.frombuffer(file.read(8 * (count + 1)), dtype="<i8")
            with open_regular(folder, SOUNDS) as file:
                self.samples = np.memmap(file, dtype="<i2", mode="r")
        except (OSError, ValueError, LookupError):
            raise damaged(known) from None
        lengths = np.diff(self.offsets)
        if (
            len(self.offsets) != count + 1 or self.offsets[0] != 0 or (lengths <= 0).any()
            or self.offsets[-1] != len(self.samples)
            or [positions(int(one)) for one in lengths[:50]] != self.index.labels[:50].tolist()
        ):  # fmt: skip
            raise damaged(known)

    def sound(self, place: int) -> Array:
        """float32 [n]: the samples of one row, at ``log_mel.RATE``, from -1 to 1."""
        found: Array = self.samples[self.offsets[place] : self.offsets[place + 1]].astype(np.float32) / 32767
        return found

    def texts(self, places: Array) -> list[str]:
        """The transcripts of some rows."""
        return list(some_texts(self.folder, places, ("text",))["text"])


class Sounds(HeardInputs):
    """Sounds whose transcripts are written at positions; see ``TaskData`` for the methods."""

    pad_id = bos_id = eos_id = -1

    def __init__(
        self,
        kept: Kept,
        facts: TaskFacts,
        seed: int,
        *,
        by_length: bool = False,
        vary: bool = False,
        fold: Fold | None = None,
        home: Path | None = None,
    ) -> None:
        self.kept, self.facts, self.seed, self.home = kept, facts, seed, home
        self.by_length, self.vary = by_length, vary
        self.alphabet = Alphabet(statistic(kept.known, "alphabet", str))
        self.lower = statistic(kept.known, "lower", bool)
        self.blank = self.alphabet.size
        self.places: Mapping[str, Array] = {split: kept.index.of_split(split) for split in SPLIT_CODES}
        self.fingerprint = digest("own sounds 1", kept.known.fingerprint, self.alphabet.text)
        if fold is not None:
            self.places = {**self.places, **folded(kept.index, self.places, fold)}
            self.fingerprint = fold.name(self.fingerprint)
        if not all(map(len, self.places.values())):
            raise damaged(kept.known)

    def rows(self, split: str) -> Array:
        """int64 places of the rows of ``split``, in the order of evaluation."""
        return self.places[split]

    @cached_property
    def _lengths(self) -> Array:
        return self.kept.index.labels[self.rows("train")]

    def batch(self, step: int, batch_size: int) -> Batch:
        """Sounds drawn evenly, with replacement, from the training part, and varied unless nobody wants that.

        With ``by_length``, those of about one length come together.
        """
        rows = self.rows("train")
        generator = step_generator(self.fingerprint, self.seed, step)
        if self.by_length:
            places = rows[by_length(self._lengths, self.fingerprint, self.seed, step, batch_size)]
        else:
            places = rows[generator.integers(len(rows), size=batch_size)]
        if not self.vary:
            return self._batch(places)
        longest = self.facts.max_source_len
        return self._batch(places, [varied(generator, self.kept.sound(place), longest) for place in places.tolist()])

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """The held-out rows in an order that a hash gives."""
        check_split(split)
        places = self.rows(split)[:limit]
        for start in range(0, len(places), batch_size):
            yield self._batch(places[start : start + batch_size])

    def _batch(self, places: Array, sounds: Sequence[Array] | None = None) -> Batch:
        """``sounds``: what a model reads of the rows at ``places``, where that is not the sounds as they are."""
        sounds = sounds or [features(self.kept.sound(place)) for place in places.tolist()]
        inputs, mask = framed(sounds, self.facts.max_source_len, LENGTH_STEP)
        decoder_inputs, labels = self._answers([self.alphabet.labels(text) for text in self.kept.texts(places)])
        return Batch(inputs, mask, decoder_inputs, labels)

    def _answers(self, rows: Sequence[Sequence[int]]) -> tuple[Array | None, Array]:
        """What a decoder reads, where there is one, and the labels."""
        return None, padded(rows, IGNORED, 1, max(map(len, rows)))

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """Of one answer for all, chosen by the first examples; see ``spelling.baselines_of``."""
        texts = self.kept.texts(self.rows(split)[: min(limit or MOST_BASELINE_ROWS, MOST_BASELINE_ROWS)])
        constant = str(statistic(self.kept.known, "constant", dict).get(split, ""))
        return baselines_of(texts, constant, ends=self.facts.writes)

    # What is typed and shown

    def held_out_sounds(self) -> int:
        """How many test sounds there are."""
        return len(self.rows("test"))

    def held_out_samples(self, number: int) -> Array:
        """float32 [n]: the samples of a test sound."""
        return self.kept.sound(int(self.rows("test")[number]))

    def held_out_transcript(self, number: int) -> str:
        """What is said in a test sound; a character that training does not have shows as the replacement character."""
        return self.decode(self._labels(self.kept.texts(self.rows("test")[number : number + 1])[0]))

    def _labels(self, text: str) -> list[int]:
        return self.alphabet.labels(normalised(text, lower=self.lower))

    def transcript(self, text: str) -> Array:
        """int64 [1, T]: the labels of a transcript."""
        return np.array([self._labels(text)], dtype=np.int64)

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The text, with single blanks between words."""
        ids = np.asarray(tokens, dtype=np.int64).reshape(-1).tolist()
        return " ".join("".join(self.alphabet.sign(one) for one in ids if 0 <= one < self.alphabet.size).split())

    def name_of(self, token: int) -> str:
        """The character, with a sign for the blank between words and one for the CTC blank."""
        if token == 0:
            return SPACE_LABEL
        return visible(self.alphabet.sign(token)) if token != self.blank else BLANK_LABEL

    def examples(self, count: int) -> list[Example]:
        """Test sounds by number, with what is said in them."""
        texts = self.kept.texts(self.rows("test")[:count])
        return [Example(str(number), self.decode(self._labels(text))) for number, text in enumerate(texts)]


class Dictated(Sounds):
    """The same for a decoder that writes one character after the other."""

    def __init__(
        self,
        kept: Kept,
        facts: TaskFacts,
        seed: int,
        *,
        by_length: bool = False,
        vary: bool = False,
        fold: Fold | None = None,
        home: Path | None = None,
    ) -> None:
        super().__init__(kept, facts, seed, by_length=by_length, vary=vary, fold=fold, home=home)
        self.specials = specials(self.alphabet.size)
        self.pad_id, self.bos_id, self.eos_id = self.specials.pad, self.specials.begin, self.specials.end
        self.blank = -1

    def _answers(self, rows: Sequence[Sequence[int]]) -> tuple[Array | None, Array]:
        return answered(rows, self.alphabet.size, self.facts.max_target_len)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, 1 + T]: the labels of a text after the beginning, as far as it is typed."""
        labels = self._labels(text)
        if len(labels) >= self.facts.max_target_len:
            raise DataError(
                _("the target must have at most {most} characters. Got {got}. Shorten it.",
                  most=self.facts.max_target_len - 1, got=len(labels))
            )  # fmt: skip
        return np.array([[self.bos_id, *labels]], dtype=np.int64)

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The text up to the first end."""
        ids = np.asarray(tokens, dtype=np.int64).reshape(-1).tolist()
        return super().decode(ids[: ids.index(self.eos_id)] if self.eos_id in ids else ids)

    def name_of(self, token: int) -> str:
        """The character, or what a special token is called."""
        names = {self.bos_id: "<bos>", self.eos_id: "<eos>", self.pad_id: "<pad>"}
        return names.get(token) or super().name_of(token)

    def tokenizer_json(self) -> str:
        """One token per character."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        words = {self.alphabet.sign(label): label for label in range(self.alphabet.size)}
        specials_ = {"<bos>": self.bos_id, "<eos>": self.eos_id, "<pad>": self.pad_id}
        tokenizer = Tokenizer(models.WordLevel(words | specials_, unk_token=self.alphabet.sign(self.alphabet.unknown)))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        tokenizer.add_special_tokens(list(specials_))
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


def load(
    config: RunConfig, facts: TaskFacts, known: DataSet, *, home: Path, cache_folder: Path | None  # noqa: ARG001
) -> TaskData:  # fmt: skip
    """See ``media.Medium``."""
    kept = Kept(record.folder_of(home, known.name), known)
    kind = Dictated if config.data.task.endswith(SEQ2SEQ) else Sounds
    return kind(
        kept, facts, config.data.seed, by_length=bool(config.data.by_length),
        vary=config.data.vary_sounds is not False,
        fold=fold_of(config.data.fold, config.data.folds), home=home,
    )  # fmt: skip
