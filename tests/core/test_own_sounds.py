"""A person's own sounds with transcripts: what is read of any source, what is left out, and why."""

from __future__ import annotations

import base64
import io
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from own_sound_files import NAMES, folder_of, spoken, table, tone, with_table, zipped
from test_cli_depth import clps

from clps_core.config import build_config, resolve
from clps_core.data.log_mel import RATE, features
from clps_core.data.wav import UnusableSound, read_wav, wav_bytes
from clps_core.errors import DataError
from clps_core.jobs.data_desk import DataDesk
from clps_core.limits import DATA
from clps_core.own_data import record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.record import DataSet
from clps_core.own_data.rows import read_index, some_texts
from clps_core.own_data.sources import Source
from clps_core.own_data.speech import keeping
from clps_core.own_data.speech.batches import Kept
from clps_core.own_data.speech.decoding import heard
from clps_core.own_data.speech.told import sounds
from clps_core.own_data.speech.transcripts import normalised
from clps_core.own_data.told import about, samples, warnings
from clps_core.own_data.uploads import kept_upload
from clps_core.policy import Person, Policy

SAID = spoken(40)


def texts_of(home: Path, known: DataSet, split: str) -> list[str]:
    folder = record.folder_of(home, known.name)
    return list(some_texts(folder, read_index(folder).of_split(split))["text"])


def test_a_zip_is_kept_with_its_sounds_and_equal_transcripts_are_in_one_split(tmp_path: Path) -> None:
    known = add("voice", Source(path=zipped(tmp_path / "voice.zip", with_table(SAID))), tmp_path)
    assert (known.kind, known.rows, known.given_splits) == ("speech", 40, ())
    assert known.tasks == ("data:voice", "data:voice:seq2seq")
    parts = {split: set(texts_of(tmp_path, known, split)) for split in ("train", "validation", "test")}
    assert all(parts.values())
    assert not parts["train"] & parts["test"]
    assert not parts["validation"] & (parts["test"] | parts["train"])
    kept = Kept(record.folder_of(tmp_path, "voice"), known)
    for place, (content, text) in enumerate(SAID):
        np.testing.assert_allclose(kept.sound(place), read_wav(content), atol=1e-4)
        assert kept.texts(np.array([place])) == [text]
        assert len(features(kept.sound(place))) == kept.index.labels[place]
    assert known.stored["samples"] == sum(len(read_wav(content)) for content, _text in SAID)
    assert about(tmp_path, known).plain["characters"] == "efghinorstuvwxz"
    assert warnings(known) == []
    assert samples(tmp_path, known, 2)[0].keys() == {"sound", "seconds", "text"}
    (name, text, address), *_others = sounds(tmp_path, known)
    place = int(name.removesuffix(".wav"))
    assert text == SAID[place][1]
    played = base64.b64decode(address.removeprefix("data:audio/wav;base64,"))
    np.testing.assert_allclose(read_wav(played), read_wav(SAID[place][0]), atol=2e-3)


def test_of_few_different_transcripts_sounds_are_held_out(tmp_path: Path) -> None:
    said = [(wav_bytes(tone(0.5, 200 + 10 * place)), ("yes", "no")[place % 2]) for place in range(30)]
    known = add("commands", Source(path=zipped(tmp_path / "commands.zip", with_table([*said, said[0]]))), tmp_path)
    assert set(texts_of(tmp_path, known, "train")) == set(texts_of(tmp_path, known, "test")) == {"yes", "no"}
    index = read_index(record.folder_of(tmp_path, "commands"))
    assert index.splits[0] == index.splits[30], "the same sound"
    assert "few different transcripts" in dict(about(tmp_path, known).lines)["rows"]


def test_commands_may_lie_in_folders_that_say_them(tmp_path: Path) -> None:
    files = {f"{('yes', 'turn_on')[n % 2]}/{n}.wav": wav_bytes(tone(0.5, 200 + 10 * n)) for n in range(24)}
    files |= {"_noise_/long.wav": wav_bytes(tone(30)), "README.md": b"Commands."}
    where = Source(path=zipped(tmp_path / "commands.zip", files))
    found = preview(where, tmp_path)
    assert found.guess.note.startswith("The transcripts are the names of the folders.")
    assert found.rows["transcript"][:5] == ["noise", "turn on", "yes", "turn on", "yes"], "the first are of all folders"
    known = add("commands", where, tmp_path)
    assert known.rows == 24
    assert set(texts_of(tmp_path, known, "train")) == {"yes", "turn on"}
    speakers = {f"{n // 12}/{n}.wav": files[name] for n, name in enumerate([*files][:24])}
    with pytest.raises(DataError, match="must have transcripts"):
        add("speakers", Source(path=zipped(tmp_path / "speakers.zip", speakers)), tmp_path)


def plain_table() -> dict[str, bytes]:
    return with_table(SAID, "any/where/")


def lines() -> dict[str, bytes]:
    rows = "".join(f'{{"audio": "clips/{n}.wav", "n": {n}, "text": "{text}"}}\n' for n, (_, text) in enumerate(SAID))
    return {f"clips/{n}.wav": sound for n, (sound, _) in enumerate(SAID)} | {"all.jsonl": rows.encode()}


def lj_speech() -> dict[str, bytes]:
    rows = "".join(f'LJ-{n:02}|"Doctor {n}|{text}\n' for n, (_, text) in enumerate(SAID))
    return {f"LJ/wavs/LJ-{n:02}.wav": sound for n, (sound, _) in enumerate(SAID)} | {"LJ/metadata.csv": rows.encode()}


def libri_speech() -> dict[str, bytes]:
    files = {f"dev-clean/1/2/1-2-{n:04}.wav": sound for n, (sound, _) in enumerate(SAID)}
    rows = "".join(f"1-2-{n:04} {text.upper()}\n" for n, (_, text) in enumerate(SAID))
    return files | {"dev-clean/1/2/1-2.trans.txt": rows.encode(), "README.txt": b"Read me."}


def common_voice() -> dict[str, bytes]:
    heads = "client_id\tpath\tsentence\tup_votes\n"
    rows = [f'ab\tc_{n}.wav\t"{text}\t2\n' for n, (_, text) in enumerate(SAID)]
    return {f"en/clips/c_{n}.wav": sound for n, (sound, _) in enumerate(SAID)} | {
        "en/train.tsv": (heads + "".join(rows[:24])).encode(),
        "en/dev.tsv": (heads + "".join(rows[24:32])).encode(),
        "en/test.tsv": (heads + "".join(rows[32:])).encode(),
        "en/validated.tsv": (heads + "".join(row.replace("\t2", "\t3") for row in rows)).encode(),
        "en/invalidated.tsv": (heads + "".join(f"ab\tc_{n}.wav\twrong\t2\n" for n in range(40))).encode(),
    }


def text_files() -> dict[str, bytes]:
    folders = ["train"] * 24 + ["val"] * 8 + ["test"] * 8
    pairs = [(f"{folder}/{n}", pair) for n, (folder, pair) in enumerate(zip(folders, SAID, strict=True))]
    return {f"{name}.wav": sound for name, (sound, _) in pairs} | {f"{name}.txt": b[1].encode() for name, b in pairs}


def split_column() -> dict[str, bytes]:
    split = ["train"] * 24 + ["validation"] * 8 + ["test"] * 8
    rows = [("id", "label", "split"), *((f"{n}", SAID[n][1], split[n]) for n in range(40))]
    return {f"{n}.wav": sound for n, (sound, _) in enumerate(SAID)} | {"table.csv": table(rows)}


@pytest.mark.parametrize(
    ("files", "given"),
    [
        (plain_table, False), (lines, False), (lj_speech, False), (libri_speech, False), (common_voice, True),
        (text_files, True), (split_column, True),
    ],
)  # fmt: skip
def test_transcripts_are_found_wherever_collections_have_them(
    tmp_path: Path, files: Callable[[], Mapping[str, bytes]], given: bool
) -> None:
    where = Source(path=folder_of(tmp_path / "data", files()))
    found = preview(where, tmp_path, kind="speech")
    assert (found.guess.kind, found.guess.note) == ("speech", "")
    assert len(found.medium["sounds"]) == 3
    known = add("voice", where, tmp_path, kind="speech")
    assert known.rows == 40
    assert known.given_splits == (("validation", "test") if given else ())
    if given:
        assert known.splits == {"train": 24, "validation": 8, "test": 8}
    everything = sorted(text for split in ("train", "validation", "test") for text in texts_of(tmp_path, known, split))
    assert [one.strip('"') for one in everything] == sorted(text for _sound, text in SAID)
    assert not any(known.statistics["left_out"].values())


def test_files_of_their_own_for_the_other_splits(tmp_path: Path) -> None:
    parts = [zipped(tmp_path / f"{place}.zip", with_table(SAID[place::3])) for place in range(3)]
    where = Source(path=parts[0], splits=(("validation", parts[1]), ("test", parts[2])))
    known = add("voice", where, tmp_path)
    assert known.splits == {"train": 14, "validation": 13, "test": 13}
    assert any("transcripts are in both train and" in line for line in warnings(known))


def test_what_belongs_to_nothing_is_counted_and_named(tmp_path: Path) -> None:
    files = with_table(SAID)
    files["metadata.csv"] += (
        b"../../../etc/passwd,stolen\r\n/etc/passwd,stolen\r\nnever.wav,not there\r\n000.wav,again\r\n"
    )
    files["more/alone.wav"] = SAID[0][0]
    known = add("voice", Source(path=zipped(tmp_path / "voice.zip", files)), tmp_path)
    assert known.rows == 40
    assert known.statistics["left_out"] == {"without_text": 1, "without_sound": 3, "repeated": 1}
    told = " ".join(warnings(known))
    assert "1 sound is left out (no transcript): more/alone.wav." in told
    assert "3 transcripts have no sound: ../../../etc/passwd, /etc/passwd, never.wav." in told
    assert "1 sound has more than one transcript, of which the first is used: 000.wav." in told


def flac(seconds: float = 1.0, declared: int | None = None) -> bytes:
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, tone(seconds) if seconds <= 60 else np.zeros(round(seconds * RATE)), RATE, format="FLAC")
    content = target.getvalue()
    if declared is None:
        return content
    # The last 36 bits of the eight bytes with rate, channels and bits say how many samples there are.
    (word,) = struct.unpack(">Q", content[18:26])
    return content[:18] + struct.pack(">Q", word >> 36 << 36 | declared) + content[26:]


def wav_of(samples: np.ndarray, rate: int = RATE) -> bytes:
    """float32 WAV of samples [n, channels]."""
    body = samples.astype("<f4").tobytes()
    head = struct.pack("<HHIIHH", 3, samples.shape[1], rate, 0, 4 * samples.shape[1], 32)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def bad_sounds() -> dict[str, tuple[str, bytes]]:
    """Name -> (reason, content)."""
    plain = tone(1)[:, None]
    return {
        "two-hours.flac": ("long", flac(7200)),
        "long.wav": ("long", wav_bytes(tone(21))),
        "large.wav": ("long", bytes(17 << 20)),
        "declared.flac": ("long", flac(1, 2**36 - 1)),
        "declared-a-little.flac": ("unreadable", flac(1, RATE * 3)),
        "nothing.wav": ("short", wav_bytes(np.zeros(0))),
        "short.wav": ("short", wav_bytes(tone(0.1))),
        "silence.wav": ("silent", wav_bytes(np.zeros(RATE))),
        "nan.wav": ("numbers", wav_of(np.where(np.arange(RATE)[:, None] == 7, np.nan, plain))),
        "nine.wav": ("unreadable", wav_of(np.repeat(plain, 9, axis=1))),
        "empty.wav": ("unreadable", b""),
        "page.wav": ("unreadable", b"<script>alert(1)</script>"),
        "cut.flac": ("unreadable", flac()[:200]),
        "page.mp3": ("unreadable", b"ID3" + bytes(5000)),
        "other.flac": ("unreadable", b"FORM" + bytes(100)),
    }


def test_sounds_that_cannot_be_used_are_counted_by_reason_and_the_rest_is_kept(tmp_path: Path) -> None:
    bad = bad_sounds()
    rows = [("file_name", "text"), *((name, "one two") for name in bad)]
    files = with_table(SAID, "good/") | {f"bad/{name}": content for name, (_reason, content) in bad.items()}
    where = Source(path=zipped(tmp_path / "voice.zip", files | {"bad/metadata.csv": table(rows)}))
    known = add("voice", where, tmp_path)
    assert known.rows == 40
    counts: dict[str, int] = {}
    for reason, _content in bad.values():
        counts[reason] = counts.get(reason, 0) + 1
    assert known.statistics["left_out"] == counts
    assert "bad/nan.wav" in known.statistics["left_names"]["numbers"]
    assert any(line.startswith("1 sound is left out (silence): bad/silence.wav") for line in warnings(known))
    seconds = preview(where, tmp_path).rows["seconds"]
    assert "silence" in seconds
    assert "1.00" not in seconds, "the first ones are bad"


def test_eight_channels_become_their_mean_and_any_rate_becomes_ours() -> None:
    plain = heard(wav_bytes(tone(1)))
    eight = np.zeros((44_100, 8))
    eight[:, 3] = tone(1, rate=44_100)
    found = heard(wav_of(eight, 44_100))
    assert (found.rate, found.channels, plain.channels) == (44_100, 8, 1)
    np.testing.assert_allclose(found.samples, plain.samples, atol=80)


@pytest.mark.parametrize(
    ("kind", "coding", "rate"),
    [("FLAC", "PCM_24", 44_100), ("OGG", "VORBIS", 16_000), ("OGG", "OPUS", 48_000), ("MP3", "MPEG_LAYER_III", 22_050)],
)
def test_other_kinds_of_files_are_the_same_sound(kind: str, coding: str, rate: int) -> None:
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, tone(1, rate=rate), rate, format=kind, subtype=coding)
    found = heard(target.getvalue())
    assert found.rate == rate
    plain = tone(1) / 0.5 * 0.9 * 32767
    here = found.samples[: len(plain)].astype(float)
    assert len(here) > 0.95 * len(plain)
    lag = np.argmax(np.correlate(here, plain[: len(here)], "same")) - len(here) // 2  # coders delay a little
    assert abs(lag) < 0.15 * RATE
    assert np.corrcoef(np.roll(here, -lag), plain[: len(here)])[0, 1] > 0.98


def test_without_the_package_for_other_kinds_of_files_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = flac()
    monkeypatch.setitem(sys.modules, "soundfile", None)
    heard(wav_bytes(tone(1)))
    with pytest.raises(DataError, match=r"Install it: pip install 'clps-lab\[sound\]'. Or convert the sounds to WAV"):
        add("v", Source(path=zipped(tmp_path / "v.zip", {"a.flac": content, "a.txt": b"one"})), tmp_path)


def test_transcripts_are_clean_text() -> None:
    assert normalised("  E\u0301t\u00e9 \t\n ICI ", lower=True) == "\u00e9t\u00e9 ici"
    assert normalised("É A", lower=False) == "É A"
    assert normalised("a\x1b[31m\u202e\u200bb \0 \ud800c", lower=True) == "a[31mb c"
    assert normalised("<script>", lower=True) == "<script>"
    assert normalised("\u200b \x07", lower=True) == ""


def test_transcripts_that_cannot_be_spelled_are_left_out(tmp_path: Path) -> None:
    files = with_table(SAID)
    short = wav_bytes(tone(0.3))
    more = {"a.wav": "\x07\u200b", "b.wav": "eleven eleven", "c.wav": "o" * 5, "d.wav": "x" * 2_000_000}
    rows = "".join(f"{name},{text}\r\n" for name, text in more.items())
    files |= dict.fromkeys(more, short) | {"metadata.csv": files["metadata.csv"] + rows.encode()}
    known = add("voice", Source(path=zipped(tmp_path / "voice.zip", files)), tmp_path)
    assert known.statistics["left_out"] == {"empty": 1, "spelled": 3}
    assert known.statistics["left_names"]["empty"] == ["a.wav"]


def test_a_character_that_training_does_not_have_is_told(tmp_path: Path) -> None:
    files = text_files()
    files["test/39.txt"] = "ÅNGSTRÖM <b>".encode()
    known = add("voice", Source(path=zipped(tmp_path / "voice.zip", files)), tmp_path, options={"lower": False})
    (line,) = [one for one in warnings(known) if "not in the training part" in one]
    assert "are in test but" in line
    assert {"Å", "<", ">"} <= set(known.statistics["unknown"]["test"])


@pytest.mark.parametrize(
    ("options", "said"),
    [({"lower": "yes"}, "lower must be true or false"), ({"side": 32}, "side cannot be chosen for sounds")],
)
def test_options_of_other_data_are_refused(tmp_path: Path, options: dict[str, object], said: str) -> None:
    where = Source(path=zipped(tmp_path / "voice.zip", with_table(SAID[:2])))
    for asked in (
        lambda: preview(where, tmp_path, options=options),
        lambda: add("v", where, tmp_path, options=options),
    ):
        with pytest.raises(DataError, match=said):
            asked()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (lambda: with_table(SAID[:3]), r"at least 10 different sounds with a transcript to train on. Got 3"),
        (lambda: with_table([SAID[0]] * 30), r"at least 10 different sounds"),
        (lambda: {f"{n}.wav": SAID[n][0] for n in range(40)}, r"must have transcripts.*None was found for 40 sounds"),
        (lambda: {"a.wav": SAID[0][0], "metadata.csv": b"file_name\r\na.wav\r\n"}, "must have transcripts"),
        (lambda: {"a.wav": SAID[0][0], "a.txt": b"\xff\xfe\xff"}, r"must be UTF-8. a.txt is not"),
        (lambda: {"a.wav": SAID[0][0], "m.jsonl": b"[1]\n"}, r"must be one JSON object. Line 1 of m.jsonl"),
        (lambda: {"a.wav": b"", "b.wav": b"", "a.txt": b"x"}, r"Got 0. Add more. Left out: b.wav: no tran"),
        (lambda: {"../a.wav": SAID[0][0], "a.txt": b"one"}, "must lead to a place inside"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_data_set_is_one_sentence_and_nothing_is_kept(
    tmp_path: Path, files: Callable[[], Mapping[str, bytes]], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        add("voice", Source(path=zipped(tmp_path / "voice.zip", files())), tmp_path, kind="speech")
    assert record.names(tmp_path) == []
    assert [one for one in (tmp_path / record.FOLDER).iterdir() if not one.name.startswith(".cache")] == []


def test_a_data_set_has_bounds_of_its_own_and_a_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = Source(path=zipped(tmp_path / "voice.zip", with_table(SAID)))
    with pytest.raises(DataError, match=r"must fit into 0\.1 MB"):
        add("voice", where, tmp_path, room=100_000)
    assert "Got 1,000" not in add("small", replace(where, rows=20), tmp_path).source
    assert record.read(tmp_path, "small").rows == 20
    monkeypatch.setattr(keeping, "DATA", replace(DATA, sounds=30))
    with pytest.raises(DataError, match=r"at most 30 sounds of 50 hours"):
        add("voice", where, tmp_path)
    monkeypatch.setattr("clps_core.own_data.speech.spelling.MOST_CHARACTERS", 10)
    monkeypatch.setattr(keeping, "DATA", DATA)
    with pytest.raises(DataError, match=r"at most 10 different characters. Got 15"):
        add("voice", where, tmp_path)


def test_rows_of_the_datasets_library_are_read_as_files_are(tmp_path: Path) -> None:
    import datasets

    rows = {
        "audio": [{"bytes": sound, "path": f"{n}.wav"} for n, (sound, _) in enumerate(SAID)],
        "speaker": ["ada"] * 40,
        "sentence": [text for _sound, text in SAID],
    }
    rows["audio"][3] = {"bytes": None, "path": "/etc/hostname"}
    rows["audio"][4] = None
    rows["sentence"][5] = " "
    whole = datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio(decode=False))
    whole.to_parquet(str(tmp_path / "voice.parquet"))
    datasets.DatasetDict({"train": whole, "test": whole.select(range(10, 20))}).save_to_disk(str(tmp_path / "saved"))
    for name, where in (("file", tmp_path / "voice.parquet"), ("saved", tmp_path / "saved")):
        known = add(name, Source(path=where), tmp_path)
        assert known.columns["text"] == "sentence"
        assert known.statistics["left_out"] == {"without_sound": 1, "without_text": 1, "unreadable": 1}
        assert known.rows == (37 if name == "file" else 47)
    assert known.given_splits == ("test",)
    assert any(line.endswith("in both train and test, so the score there is too good.") for line in warnings(known))
    with pytest.raises(DataError, match=r"column of role text must be one of speaker, sentence. Got words"):
        add("other", Source(path=tmp_path / "voice.parquet"), tmp_path, columns={"text": "words"})


def test_the_command_line_adds_and_shows_sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    files = with_table([(sound, f"{text} \x1b[31m<b>") for sound, text in SAID])
    where = str(zipped(tmp_path / "voice.zip", files))
    shown = clps("data", "preview", where)
    assert shown.exit_code == 0, shown.output
    assert "[31m<b>" in shown.stdout
    assert "\x1b[31m" not in shown.stdout
    assert "It would be used for speech. To change that, use --kind, --text." in shown.output
    made = clps("data", "add", "voice", where, "--no-lower", "--licence", "mine")
    assert made.exit_code == 0, made.output
    assert "Or train an encoder-decoder: --task data:voice:seq2seq" in made.output
    listed = clps("data", "show", "voice")
    assert "as they are written" in listed.stdout
    assert "8,000 Hz (" in listed.stdout
    assert "speech" in clps("data", "list").stdout
    assert clps("data", "remove", "voice", "--yes").exit_code == 0
    assert record.names(tmp_path / "home") == []


def test_languages_without_blanks_between_words_are_judged_by_their_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path))
    signs = [chr(0x4E00 + place) for place in range(600)]
    said = [(wav_bytes(tone(1, 200 + n)), "".join(signs[15 * n : 15 * n + 15])) for n in range(40)]
    add("chinese", Source(path=zipped(tmp_path / "chinese.zip", with_table(said))), tmp_path)
    found = resolve(build_config({"data": {"task": "data:chinese"}}))
    assert found.facts.metric == "character_error_rate"
    assert found.config.model.num_classes == 2 + 15 * record.read(tmp_path, "chinese").splits["train"]


def test_a_visitor_uploads_sounds_in_a_process_of_their_own(tmp_path: Path) -> None:
    content = zipped(tmp_path / "voice.zip", with_table(SAID)).read_bytes()
    where = Source(path=kept_upload(tmp_path, "my <b>voice.zip", content), called="my <b>voice.zip")
    desk = DataDesk(tmp_path, Policy.model_validate({"mode": "shared"}), Person("guest-one"))
    told = desk.preview(where, options={"lower": True})
    assert (told.kind, told.rows["transcript"][0]) == ("speech", SAID[0][1])
    name, address = told.medium["sounds"][0]
    assert (name, address[:22]) == ("000.wav", "data:audio/wav;base64,")
    made = desk.add("voice", where)
    assert (made.kind, made.source, made.rows) == ("speech", "my <b>voice.zip", 40)
    small = DataDesk(tmp_path, Policy.model_validate({"mode": "shared", "quotas": {"data": 90_000}}), Person("two"))
    with pytest.raises(DataError, match=r"must fit into 0\.1 MB"):
        small.add("other", where)


def test_a_sound_says_for_what_reason_it_cannot_be_used() -> None:
    with pytest.raises(UnusableSound) as found:
        heard(wav_bytes(tone(0.1)))
    assert found.value.reason == "short"
    assert len(NAMES) == 10
