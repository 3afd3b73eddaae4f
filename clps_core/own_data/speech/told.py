"""What people read of sounds with transcripts, before and after they are added. Start at preview, then about."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clps_core.data.base import Array
from clps_core.data.log_mel import POSITION_SECONDS, RATE
from clps_core.data.wav import UnusableSound, wav_bytes
from clps_core.numbers import percent
from clps_core.own_data import record
from clps_core.own_data.columns import Guess
from clps_core.own_data.media import Asked, Found, Preview
from clps_core.own_data.record import DataSet
from clps_core.own_data.rows import read_index, some_texts
from clps_core.own_data.speech.batches import Kept
from clps_core.own_data.speech.decoding import heard
from clps_core.own_data.speech.facts import statistic
from clps_core.own_data.speech.keeping import LeftOut, asked_lower, check_options, reason_text
from clps_core.own_data.speech.sources import utterances
from clps_core.own_data.speech.transcripts import normalised
from clps_core.own_data.told import KIND_TITLES, About
from clps_core.shown import visible
from clps_core.words import _, listed, ngettext

__all__ = ["about", "preview", "samples", "sounds", "warnings"]

SHOWN_ROWS = 20
PLAYED = 3
SHOWN_CHARACTERS = 60


def preview(found: Found, asked: Asked) -> Preview:
    """See ``media.Medium``: the first sounds, with how long each is or why it would be left out.

    ``medium``: ``lower``; ``left_out``: reason -> (number, first names) so far; ``sounds``: (name, address of data) of
    the first ones, to be played.
    """
    check_options(asked)
    left = LeftOut()
    source = utterances(found, asked, left.add)
    rows: dict[str, list[str]] = {"sound": [], "transcript": [], "split": [], "seconds": []}
    first: list[list[str]] = []
    for one in itertools.islice(source.rows, SHOWN_ROWS):
        try:
            sound = heard(one.content()).samples
            seconds = f"{len(sound) / RATE:.2f}"
            if len(first) < PLAYED:
                first.append([visible(one.name), _address(sound / np.float32(32767))])
        except UnusableSound as error:
            seconds = str(reason_text(error.reason))
        cells = (one.name, normalised(one.text, lower=asked_lower(asked)), one.split or "", seconds)
        for column, cell in zip(rows.values(), cells, strict=True):
            column.append(visible(cell))
    medium = {
        "lower": asked_lower(asked),
        "sounds": first,
        "left_out": {reason: [count, list(left.names[reason])] for reason, count in left.counts.items()},
    }
    columns = {} if found.rows is None else {"audio": "sound"}
    if source.column:
        columns["text"] = "transcript"
    note = [_("The transcripts are the names of the folders.")] if source.by_folder else []
    return Preview(Guess("speech", columns, " ".join([*note, *_notes(left)])), rows, medium=medium)


def _notes(left: LeftOut) -> list[str]:
    return [_left_sentence(reason, count, left.names[reason]) for reason, count in left.counts.items()]


def _left_sentence(reason: str, count: int, names: list[str]) -> str:
    """How many were left out for one reason, and the first of them."""
    shown = listed(visible(str(name)[:100]) for name in names) + (", ..." if count > len(names) else "")
    if reason == "without_sound":
        return ngettext(
            "{n:,} transcript has no sound: {names}.", "{n:,} transcripts have no sound: {names}.", count, names=shown
        )
    if reason == "repeated":
        return ngettext(
            "{n:,} sound has more than one transcript, of which the first is used: {names}.",
            "{n:,} sounds have more than one transcript, of which the first is used: {names}.",
            count,
            names=shown,
        )
    return ngettext(
        "{n:,} sound is left out ({why}): {names}.", "{n:,} sounds are left out ({why}): {names}.", count,
        why=reason_text(reason), names=shown,
    )  # fmt: skip


def about(home: Path, known: DataSet) -> About:
    """See ``media.Medium``."""
    alphabet = statistic(known, "alphabet", str)
    baselines: Mapping[str, Mapping[str, float]] = statistic(known, "baselines", dict)
    lengths = statistic(known, "positions", list)
    seconds = [one * POSITION_SECONDS for one in (lengths[len(lengths) // 2], statistic(known, "longest", int))]
    lines = [
        (_("name"), known.name),
        (_("task"), _("{task}; with a decoder, {other}", task=known.tasks[0], other=known.tasks[1])),
        (_("kind"), KIND_TITLES[known.kind]),
        (_("source"), known.source),
        (_("licence"), known.licence or _("not stated")),
        (_("rows"), _split_sentence(known)),
        (_("sounds"), _("{minutes:,.1f} minutes; median {median:.1f} s, longest {longest:.1f} s",
                        minutes=known.stored.get("samples", 0) / RATE / 60, median=seconds[0], longest=seconds[1])),
        (_("stored"), _("one channel, {rate:,} samples a second; the files had {rates}",
                        rate=RATE, rates=_rates(known))),
        (_("transcripts"), _transcripts(known, alphabet)),
        (_("baselines"), _baselines(baselines["validation"])),
    ]  # fmt: skip
    plain = {
        "samples": known.stored.get("samples", 0),
        "characters": alphabet,
        "baselines": {split: dict(values) for split, values in baselines.items()},
    }
    return About(lines, [], samples(home, known, 5, "train"), plain)


def _split_sentence(known: DataSet) -> str:
    parts = ", ".join(f"{split} {count:,}" for split, count in known.splits.items())
    if len(known.given_splits) == 2:
        return _("{parts} (as given)", parts=parts)
    if statistic(known, "by_sound", bool):
        return _("{parts} (split by a hash of the sound, because there are few different transcripts)", parts=parts)
    return _("{parts} (split by a hash of the transcript, so equal transcripts are in the same split)", parts=parts)


def _rates(known: DataSet) -> str:
    rates = statistic(known, "rates", dict)
    return listed(_("{rate:,} Hz ({n:,})", rate=int(rate), n=int(count)) for rate, count in rates.items())


def _transcripts(known: DataSet, alphabet: str) -> str:
    case = _("lower case") if statistic(known, "lower", bool) else _("as they are written")
    shown = visible(alphabet[:SHOWN_CHARACTERS]) + ("..." if len(alphabet) > SHOWN_CHARACTERS else "")
    return _(
        "{total:,} characters, longest {longest:,}; {case}; {n:,} different in the training part: {shown}",
        total=known.characters, longest=statistic(known, "longest_text", int), case=case, n=len(alphabet), shown=shown,
    )  # fmt: skip


def _baselines(found: Mapping[str, float]) -> str:
    return _(
        "always the same words: word error rate {words}, character error rate {characters}",
        words=percent(found["word_error_rate"]), characters=percent(found["character_error_rate"]),
    )  # fmt: skip


def sounds(home: Path, known: DataSet, count: int = PLAYED, split: str = "train") -> list[tuple[str, str, str]]:
    """(name, transcript, address of data) of some stored sounds, evenly spread over ``split``, to be played."""
    folder = record.folder_of(home, known.name)
    kept = Kept(folder, known)
    places = _spread(kept.index.of_split(split), count)
    found = some_texts(folder, places, ("name", "text"))
    return [
        (visible(name), text, _address(kept.sound(int(place))))
        for name, text, place in zip(found["name"], found["text"], places, strict=True)
    ]


def _address(samples: Array) -> str:
    """``data:audio/wav`` with the samples, from -1 to 1."""
    return "data:audio/wav;base64," + base64.b64encode(wav_bytes(samples)).decode()


def _spread(places: Array, count: int) -> Array:
    return places[np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(np.int64)]


def samples(home: Path, known: DataSet, count: int, split: str) -> list[dict[str, str]]:
    """Rows of the stored copy, evenly spread over ``split``."""
    folder = record.folder_of(home, known.name)
    index = read_index(folder)
    places = _spread(index.of_split(split), count)
    found = some_texts(folder, places, ("name", "text"))
    return [
        {"sound": visible(name), "seconds": f"{positions * POSITION_SECONDS:.1f}", "text": text}
        for name, text, positions in zip(found["name"], found["text"], index.labels[places].tolist(), strict=True)
    ]


def warnings(known: DataSet) -> list[str]:
    """See ``media.Medium``."""
    left, names = statistic(known, "left_out", dict), statistic(known, "left_names", dict)
    found = [_left_sentence(reason, int(count), list(names.get(reason, []))) for reason, count in left.items()]
    if mixed := statistic(known, "mixed", int):
        found.append(
            ngettext(
                "{n:,} sound has several channels: their mean is used.",
                "{n:,} sounds have several channels: their mean is used.",
                mixed,
            )
        )
    found += _about_splits(known)
    for split, unknown in statistic(known, "unknown", dict).items():
        if unknown:
            shown = listed(visible(sign) for sign in unknown)
            found.append(
                ngettext(
                    "{n} character is in {split} but not in the training part, so it counts as an error: {shown}.",
                    "{n} characters are in {split} but not in the training part, so they count as errors: {shown}.",
                    len(unknown), split=split, shown=shown,
                )
            )  # fmt: skip
    return found


def _about_splits(known: DataSet) -> list[str]:
    """What the same sound or the same transcript in more than one place means."""
    found: list[str] = []
    repeats: Mapping[str, Any] = statistic(known, "repeats", dict)
    for where, count in repeats.items():
        if not count:
            continue
        if " " in where:
            one, other = where.split()
            found.append(
                ngettext(
                    "{n:,} sound is in both {one} and {other}, so the score there is too good.",
                    "{n:,} sounds are in both {one} and {other}, so the score there is too good.",
                    count, one=one, other=other,
                )
            )  # fmt: skip
        elif where == "train":
            found.append(
                ngettext(
                    "{n:,} training sound repeats an earlier one.",
                    "{n:,} training sounds repeat an earlier one.",
                    count,
                )
            )
    for where, count in statistic(known, "same_text", dict).items():
        if count:
            one, other = where.split()
            found.append(
                ngettext(
                    "{n:,} transcript is in both {one} and {other}.",
                    "{n:,} transcripts are in both {one} and {other}.",
                    count,
                    one=one,
                    other=other,
                )
            )
    return found
