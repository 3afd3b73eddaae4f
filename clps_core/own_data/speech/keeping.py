"""Sounds with transcripts on their way into a data set: read, counted, cut into splits, written. Start at keep.

Kept are ``sounds.s16`` (the samples of all sounds, one channel at ``log_mel.RATE``, 16 bits), ``offsets.i64`` (where
each begins), ``rows.arrow`` (transcripts and names) and ``index.arrow`` (of each row its key, its split, and how many
positions a model reads of it). What a model reads is computed from the samples: that takes 0.4 ms for a second, and a
sound can be played.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from clps_core.data.alignment import transcript_scores
from clps_core.data.log_mel import RATE, positions
from clps_core.data.wav import UnusableSound
from clps_core.errors import DataError
from clps_core.limits import DATA
from clps_core.own_data import record
from clps_core.own_data.media import Asked, Found
from clps_core.own_data.record import DataSet, Split
from clps_core.own_data.rows import ROWS, SPLIT_CODES, Array, Index, cut_by_content, key_of, write_index
from clps_core.own_data.speech.decoding import Heard, heard
from clps_core.own_data.speech.facts import SCORED
from clps_core.own_data.speech.sources import Source, Utterance, utterances
from clps_core.own_data.speech.spelling import Alphabet, constant_of, frames_needed, long_words
from clps_core.own_data.speech.transcripts import normalised
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["OFFSETS", "SOUNDS", "LeftOut", "asked_lower", "check_options", "keep", "reason_text"]

SOUNDS, OFFSETS = "sounds.s16", "offsets.i64"
FEWEST = 10
"""Different sounds that there must be to train on: fewer cannot be split."""
FEW_TEXTS = 20
"""Of fewer different transcripts, such as single commands, no tenth can be held out: then sounds are."""
ROW_BYTES = 128
"""Kept of each sound, beside its samples and its transcript."""
NAMED, LONGEST_NAME = 5, 100
MOST_MEASURED = 400
TOLD_EVERY = 100


def keep(folder: Path, found: Found, asked: Asked, about: Mapping[str, Any]) -> DataSet:
    """See ``media.Medium``: everything that can be used of ``found``, in ``folder``."""
    check_options(asked)
    left = LeftOut()
    source = utterances(found, asked, left.add)
    kept = _Kept(asked, left)
    with (folder / SOUNDS).open("wb") as file:
        for one in source.rows:
            kept.add(one, file)
    return kept.finished(folder, source, about)


def check_options(asked: Asked) -> None:
    """Raise ``DataError`` for what sounds have no option for."""
    if unknown := [name for name in asked.options if name != "lower"]:
        raise DataError(_("{option} cannot be chosen for sounds. Leave it out.", option=visible(str(unknown[0])[:40])))
    asked_lower(asked)


def asked_lower(asked: Asked) -> bool:
    """Whether transcripts become lower case; by default they do."""
    lower = asked.options.get("lower", True)
    if not isinstance(lower, bool):
        raise DataError(_("lower must be true or false. Got {got}.", got=visible(str(lower)[:40])))
    return lower


@dataclass
class LeftOut:
    """What is not used: reason -> how many, and the names of the first."""

    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Count one."""
        self.counts[reason] += 1
        named = self.names.setdefault(reason, [])
        if len(named) < NAMED:
            named.append(record.harmless(name, LONGEST_NAME, end=True))


@dataclass
class _Kept:
    """What was written, in lists of one item for each sound."""

    asked: Asked
    left: LeftOut
    texts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    rates: Counter[int] = field(default_factory=Counter)
    mixed: int = 0
    samples: int = 0
    bytes_: int = 0
    state: Any = field(default_factory=hashlib.sha256)

    def add(self, one: Utterance, file: BinaryIO) -> None:
        """Write the sound if it can be used, else count why not."""
        text = normalised(one.text, lower=asked_lower(self.asked))
        if not text:
            self.left.add("empty", one.name)
            return
        try:
            sound = heard(one.content())
        except UnusableSound as error:
            self.left.add(error.reason, one.name)
            return
        if len(text) > DATA.text_characters or frames_needed(text) > positions(len(sound.samples)):
            self.left.add("spelled", one.name)
            return
        self._write(one, text, sound, file)

    def _write(self, one: Utterance, text: str, sound: Heard, file: BinaryIO) -> None:
        content = sound.samples.tobytes()
        self.samples += len(sound.samples)
        self.bytes_ += len(content) + len(text.encode()) + ROW_BYTES
        self._check_room()
        file.write(content)
        self.texts.append(text)
        self.names.append(record.harmless(one.name, LONGEST_NAME, end=True))
        self.given.append(SPLIT_CODES.get(one.split, 0))
        self.counts.append(len(sound.samples))
        digest = hashlib.blake2b(content, digest_size=8).digest()
        self.hashes.append(int.from_bytes(digest, "little"))
        self.rates[sound.rate] += 1
        self.mixed += sound.channels > 1
        self.state.update(digest + f"{len(text)}:{text}".encode())
        if len(self.texts) % TOLD_EVERY == 0:
            self.asked.said(len(self.texts))

    def _check_room(self) -> None:
        if self.samples > DATA.sound_hours * 3600 * RATE or len(self.texts) >= DATA.sounds:
            raise DataError(
                _("a data set must have at most {sounds:,} sounds of {hours:,} hours together. There are more. Use a "
                  "part of them.",
                  sounds=DATA.sounds, hours=DATA.sound_hours)
            )  # fmt: skip
        if self.asked.room is not None and self.bytes_ > self.asked.room:
            raise DataError(
                _("the sounds of this data set must fit into {limit:,.1f} MB. They need more. Use a part of them, or "
                  "remove another data set of yours.",
                  limit=self.asked.room / 10**6)
            )  # fmt: skip

    def finished(self, folder: Path, source: Source, about: Mapping[str, Any]) -> DataSet:
        """The record; writes everything but the samples."""
        given = np.array(self.given, dtype=np.int8)
        hashes = np.array(self.hashes, dtype=np.uint64)
        self._check_enough(hashes, given)
        spoken = np.array([key_of(text) for text in self.texts], dtype=np.uint64)
        few = len(np.unique(spoken[given == 0])) < FEW_TEXTS
        by_sound = few and not {1, 2} <= set(given.tolist())
        keys = hashes if by_sound else spoken
        splits = cut_by_content(keys, given)
        lengths = np.array([positions(count) for count in self.counts], dtype=np.int32)
        index = Index(keys, splits, lengths)
        write_index(folder, index)
        np.concatenate([[0], np.cumsum(self.counts)]).astype("<i8").tofile(folder / OFFSETS)
        _write_rows(folder, self.texts, self.names)
        self.state.update(splits.tobytes())
        training = [text for text, code in zip(self.texts, splits, strict=True) if code == 0]
        alphabet = Alphabet.of(training)
        counts = {cast(Split, split): int((splits == code).sum()) for split, code in SPLIT_CODES.items()}
        held_out = {
            split: [self.texts[place] for place in index.of_split(split).tolist()] for split in ("validation", "test")
        }
        by_characters = long_words(training)
        constant = {split: constant_of(texts, by_characters) for split, texts in held_out.items()}
        return DataSet(
            **about,
            kind="speech",
            columns={"audio": "audio", "text": record.harmless(source.column, 200) if source.column else "text"},
            splits=counts,
            given_splits=tuple(
                cast(Split, split) for split, code in SPLIT_CODES.items() if code and (given == code).any()
            ),
            characters=sum(map(len, self.texts)),
            stored={"samples": self.samples, "sounds": len(self.texts)},
            statistics={
                "alphabet": alphabet.text,
                "lower": asked_lower(self.asked),
                "by_sound": by_sound,
                "by_characters": by_characters,
                "constant": constant,
                "baselines": {
                    split: transcript_scores((constant[split], text) for text in texts[: SCORED[split]])
                    for split, texts in held_out.items()
                },
                "longest": int(lengths.max()),
                "longest_text": max(map(len, self.texts)),
                "positions": _measured(lengths[splits == 0]),
                "unknown": {split: _unknown(alphabet, texts) for split, texts in held_out.items()},
                "repeats": _repeats(hashes, splits),
                "same_text": {} if len(np.unique(spoken)) < FEW_TEXTS else _across(spoken, splits),
                "rates": {str(rate): count for rate, count in self.rates.most_common(NAMED)},
                "mixed": self.mixed,
                "left_out": dict(self.left.counts),
                "left_names": self.left.names,
            },
            fingerprint=self.state.hexdigest(),
            added_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _check_enough(self, hashes: Array, given: Array) -> None:
        different = len(np.unique(hashes[given == 0]))
        if different < FEWEST:
            why = "; ".join(_("{name}: {reason}", name=self.left.names[reason][0], reason=reason_text(reason))
                            for reason in self.left.counts)  # fmt: skip
            raise DataError(
                _("the data must have at least {limit} different sounds with a transcript to train on. Got {got}. Add "
                  "more.", limit=FEWEST, got=different) + (" " + _("Left out: {why}.", why=why) if why else "")
            )  # fmt: skip


def reason_text(reason: str) -> str:
    """Why a sound is left out, for a list after a name."""
    return {
        "without_text": _("no transcript"),
        "without_sound": _("no sound of this name"),
        "repeated": _("more than one transcript, of which the first is used"),
        "empty": _("the transcript is empty"),
        "spelled": _("the transcript is too long for the sound"),
        "long": _("longer than 20 seconds, or larger than 16 MB"),
        "short": _("shorter than 0.15 seconds"),
        "silent": _("silence"),
        "numbers": _("samples that are not finite numbers"),
        "unreadable": _("damaged, or not a sound that can be read"),
    }.get(reason, _("unknown reason"))


def _write_rows(folder: Path, texts: list[str], names: list[str]) -> None:
    import pyarrow as pa

    schema = pa.schema([("text", pa.string()), ("name", pa.string())])
    with pa.OSFile(str(folder / ROWS), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        table = pa.table({"text": pa.array(texts, pa.string()), "name": pa.array(names, pa.string())}, schema=schema)
        writer.write_table(table, max_chunksize=5_000)


def _measured(lengths: Array) -> list[int]:
    """``lengths``, sorted; of many a part that is spread evenly."""
    found = np.sort(lengths)
    places = np.linspace(0, len(found) - 1, min(MOST_MEASURED, len(found))).round().astype(np.int64)
    return [int(one) for one in found[places]]


def _unknown(alphabet: Alphabet, texts: list[str]) -> dict[str, int]:
    """The characters of ``texts`` that training does not have, most frequent first, at most 20 of them."""
    counts = Counter(sign for text in texts for sign in text if sign not in alphabet)
    return dict(counts.most_common(20))


def _repeats(hashes: Array, splits: Array) -> dict[str, int]:
    """Sounds that repeat one of their split (``train`` ...), and those in both of two splits (``train test`` ...)."""
    within = {
        split: int((splits == code).sum() - len(np.unique(hashes[splits == code])))
        for split, code in SPLIT_CODES.items()
    }
    return within | _across(hashes, splits)


def _across(keys: Array, splits: Array) -> dict[str, int]:
    """How many different ``keys`` are in both of two splits."""
    unique = {split: np.unique(keys[splits == code]) for split, code in SPLIT_CODES.items()}
    return {
        f"{one} {other}": len(np.intersect1d(unique[one], unique[other], assume_unique=True))
        for one, other in (("train", "validation"), ("train", "test"), ("validation", "test"))
    }
