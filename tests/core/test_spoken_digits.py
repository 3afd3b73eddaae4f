"""Spoken digits: utterances, log-mel frames, the head and loss of CTC, alignments, error rates, sounds of others."""

from __future__ import annotations

import io
import itertools
import json
import math
import struct
import wave
from contextlib import closing
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_cli_depth import clps
from tiny_models import batch_for, tiny
from untrained_runs import SIZES, small_config, stored_run, untrained_run

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, RunConfig, SharingConfig, build_config, resolve
from clps_core.data.alignment import collapsed, constant_transcript, transcript_scores
from clps_core.data.base import IGNORED
from clps_core.data.kept_sounds import keep_sound, kept_samples
from clps_core.data.log_mel import BANDS, RATE, features, log_mel, mel_filters, mel_power
from clps_core.data.registry import load_task
from clps_core.data.scores import error_rate
from clps_core.data.wav import LARGEST_WAV, read_wav, resampled, wav_bytes
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.predicting import predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.store import open_store
from clps_core.tasks.spoken_digits import LEAST, MOST, facts, recordings
from clps_core.tasks.spoken_digits.data import SpokenDigits
from clps_core.tie import tie_of_run
from clps_core.training.checkpoint import checkpoint_path, read
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink
from clps_core.work.batch import DeviceBatch
from clps_core.work.ctc import CtcScores, loss

FIXTURE = Path(__file__).parents[1] / "fixtures" / "log_mel.npz"


def config_of(**changed: Any) -> RunConfig:
    given = {
        "data": {"task": "spoken-digits"},
        "sharing": {"strategy": "cycle:2"},
        "model": SIZES,
        "train": {"steps": 40, "test_examples": 30},
    }
    return resolve(build_config({**given, **changed})).config


@pytest.fixture(scope="module")
def digits() -> SpokenDigits:
    found = load_task(config_of())
    assert isinstance(found, SpokenDigits)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home") / "runs" / "run"
    place.parent.mkdir()
    return untrained_run(place, config_of())


# What is heard


def test_no_string_of_an_evaluation_is_trained_on_and_none_is_in_both(digits: SpokenDigits) -> None:
    validation, test = set(digits.strings("validation")), set(digits.strings("test"))
    assert not validation & test
    trained = {tuple(row[row != IGNORED].tolist()) for step in range(30) for row in digits.batch(step, 16).labels}
    assert len(trained) > 200
    assert not trained & (validation | test)
    assert {len(one) for one in trained} == {1, 2, 3, 4, 5}


def test_an_evaluation_has_fixed_sounds_and_training_has_new_ones(digits: SpokenDigits) -> None:
    again = load_task(config_of(data={"task": "spoken-digits", "seed": 9}))
    for one, other in zip(digits.evaluation("test", 20, 8), again.evaluation("test", 20, 8), strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
    same, first, second = digits.batch(3, 4), digits.batch(3, 4), digits.batch(4, 4)
    np.testing.assert_array_equal(same.inputs, first.inputs)
    assert digits.batch(3, 4).inputs[0, 0].tolist() not in second.inputs[:, 0].tolist()
    assert again.batch(3, 4).labels.tolist() != first.labels.tolist()


def test_what_is_padding_is_masked_and_the_rest_is_standardised(digits: SpokenDigits) -> None:
    batch = digits.batch(0, 8)
    assert batch.input_mask is not None
    assert not batch.inputs[~batch.input_mask].any()
    for row, mask in zip(batch.inputs, batch.input_mask, strict=True):
        frames = row[mask].reshape(-1, BANDS)
        np.testing.assert_allclose(frames.mean(0), 0, atol=1e-3)
        np.testing.assert_allclose(frames.std(0), 1, atol=1e-3)


@pytest.mark.parametrize("most", [LEAST, MOST])
def test_what_is_declared_for_a_difficulty_is_so(most: int) -> None:
    told, data = facts(most), SpokenDigits(0, facts(most))
    assert told.max_source_len == recordings.longest(most)
    assert data.baselines("validation", 200)["word_error_rate"] == pytest.approx(told.baseline, rel=1e-12)
    assert data.baselines("test")["word_error_rate"] == pytest.approx(told.test_baseline, rel=1e-12)
    assert max(len(row) for row in data.strings("test")) == most
    generator = np.random.default_rng(0)
    sounds = [features(recordings.utterance(generator, [7] * most)) for _round in range(4)]
    assert max(map(len, sounds)) <= told.max_source_len


def test_the_best_constant_answer_is_that_of_all(digits: SpokenDigits) -> None:
    rows = [row[:2] for row in digits.strings("validation")[:60]]
    tried = {one for size in range(4) for one in itertools.product(range(10), repeat=size)}
    edits = min(round(error_rate((list(one), list(row)) for row in rows) * sum(map(len, rows))) for one in tried)
    found = constant_transcript(rows, 10)
    assert found[1] == edits
    assert error_rate((found[0], row) for row in rows) * sum(map(len, rows)) == pytest.approx(edits)  # type: ignore[misc]


def test_recordings_that_are_damaged_or_others_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = recordings.FILE.read_bytes()
    with np.load(recordings.FILE) as kept:
        arrays = {name: kept[name] for name in kept.files}
    np.savez_compressed(tmp_path / "other.npz", **{**arrays, "digit_3": arrays["digit_4"]})
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("other", "cut", "gone"):
        monkeypatch.setattr(recordings, "FILE", tmp_path / f"{name}.npz")
        recordings.recordings.cache_clear()
        with pytest.raises(DataError, match=rf"{name}.npz, which comes with CLPS Lab, is missing or damaged"):
            recordings.recordings()
    recordings.recordings.cache_clear()


# Frames


def test_mel_filters_and_frames_are_librosas() -> None:
    with np.load(FIXTURE) as kept:
        signal, power, filters = kept["signal"], kept["power"], kept["filters"]
    np.testing.assert_allclose(mel_filters(), filters, atol=1e-6)
    mine = mel_power(signal)
    assert mine.shape == power.shape == (18, BANDS)
    np.testing.assert_allclose(mine, power, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(log_mel(signal), np.log(power + 1e-6), atol=1e-3)


def test_a_sound_that_is_too_short_has_no_frame_and_one_that_never_changes_no_infinite_number() -> None:
    assert features(np.zeros(100, np.float32)).shape == (0, 160)
    assert np.isfinite(features(np.zeros(4000, np.float32))).all()


# Head, loss, alignment


def test_each_position_has_a_score_for_each_class_and_the_blank_and_they_are_counted() -> None:
    model = tiny(family="encoder", head="ctc", num_classes=4, vocab_size=None, patch_dim=3)
    assert model(**batch_for(model)).shape == (3, 7, 5)
    counted = count(model.config, model.map)
    assert counted.unique_parameters == sum(one.numel() for one in model.parameters())
    assert counted.by_component["head"].unique == 5 * 16 + 5
    bare = count(model.config.model_copy(update={"head": "none"}), SharingConfig())
    assert counted.train_flops_per_token - bare.train_flops_per_token == 6 * 5 * 16


@pytest.mark.parametrize("fields", [{"family": "decoder"}, {"pooler": True}, {"class_token": True, "patch_dim": 3}])
def test_a_head_for_ctc_without_positions_of_its_own_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"head ctc gives each position"):
        ModelConfig(**{"family": "encoder", "num_classes": 3, **fields}, head="ctc")


def test_head_and_task_must_fit() -> None:
    with pytest.raises(ConfigError, match=r"task spoken-digits must have a model with head ctc. Got classes"):
        config_of(model={"family": "encoder", "head": "classes"})
    with pytest.raises(ConfigError, match=r"task digits must have a model with head classes. Got ctc"):
        resolve(build_config({"data": {"task": "digits"}, "model": {"head": "ctc"}}))


def test_the_loss_is_the_sum_over_all_alignments() -> None:
    draw = torch.Generator().manual_seed(0)
    output = torch.randn(2, 5, 4, generator=draw)
    mask = torch.tensor([[True] * 5, [True] * 4 + [False]])
    labels = torch.tensor([[1, 1], [2, IGNORED]])
    shares = output.double().softmax(-1)
    total = 0.0
    for row, size, right in ((0, 5, [1, 1]), (1, 4, [2])):
        found = 0.0
        for path in itertools.product(range(4), repeat=size):
            spelt = [label for label, _same in itertools.groupby(path) if label != 3]
            if spelt == right:
                found += math.prod(float(shares[row, at, label]) for at, label in enumerate(path))
        total -= math.log(found)
    batch = DeviceBatch(output, mask, None, labels)
    assert float(loss(output, batch, config_of())) == pytest.approx(total / 3, rel=1e-5)
    smoothed = config_of(optim={"label_smoothing": 0.1})
    even = -float((output.log_softmax(-1).mean(-1) * mask).sum()) / 9
    assert float(loss(output, batch, smoothed)) == pytest.approx(0.9 * total / 3 + 0.1 * even, rel=1e-5)


def test_an_answer_that_has_no_room_does_not_make_the_loss_infinite() -> None:
    output = torch.randn(1, 2, 4, requires_grad=True)
    batch = DeviceBatch(output, None, None, torch.tensor([[1, 1, 1]]))
    found = loss(output, batch, config_of())
    found.backward()
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
    assert found.item() == 0.0


@given(st.lists(st.integers(0, 3), max_size=20))
def test_labels_side_by_side_are_one_and_blanks_go(row: list[int]) -> None:
    found = collapsed(row, 3, np.linspace(0, 1, len(row)))
    assert [one.label for one in found] == [label for label, _same in itertools.groupby(row) if label != 3]
    assert all(row[one.begin : one.end] == [one.label] * (one.end - one.begin) for one in found)
    assert all(one.peak == one.end - 1 for one in found), "the surest of its positions"
    assert sum(one.end - one.begin for one in found) == sum(label != 3 for label in row)


@given(st.lists(st.tuples(st.text("123", max_size=6), st.text("123", min_size=1, max_size=6)), min_size=1, max_size=8))
def test_error_rates_are_jiwers(strings: list[tuple[str, str]]) -> None:
    said, right = ([" ".join(pair[side]) for pair in strings] for side in (0, 1))
    found = transcript_scores(zip(said, right, strict=True))
    assert found["word_error_rate"] == pytest.approx(jiwer.wer(right, said))
    assert found["character_error_rate"] == pytest.approx(jiwer.cer(right, said))


def test_the_scores_of_a_run_are_jiwers_of_the_predictions_it_writes(folder: Path) -> None:
    found = list(predict_split(folder, "test"))
    said, right = [one.prediction for one in found], [one.reference for one in found]
    assert len(found) == 30
    assert len(set(said)) > 3, "it writes something"
    _step, scores = score_folder(folder)
    assert scores["word_error_rate"] == pytest.approx(jiwer.wer(right, said))
    assert scores["character_error_rate"] == pytest.approx(jiwer.cer(right, said))


def test_scores_of_several_batches_are_those_of_one(digits: SpokenDigits) -> None:
    draw, config = torch.Generator().manual_seed(1), config_of()
    one, parts = CtcScores(config, loss), CtcScores(config, loss)
    output = torch.randn(6, 9, 11, generator=draw)
    labels = torch.tensor([[1, 2, IGNORED]] * 6)
    one.add(output, DeviceBatch(output, None, None, labels))
    for part in (slice(0, 4), slice(4, 6)):
        parts.add(output[part], DeviceBatch(output[part], None, None, labels[part]))
    assert one.values() == pytest.approx(parts.values())


def test_an_answer_says_which_positions_gave_each_digit(folder: Path, digits: SpokenDigits) -> None:
    (found,) = predict(folder, ["17"])
    assert found.right_answer == digits.decode(digits.strings("test")[17])
    assert found.answer == " ".join(one.label for one in found.aligned)
    assert found.answer == next(one.prediction for one in predict_split(folder, "test") if one.number == 17)
    assert [one.label for one in found.pieces] == [one.label for one in found.aligned]
    assert all(a.end <= b.begin for a, b in itertools.pairwise(found.aligned))
    positions = digits.encode_source("17").shape[1]
    assert found.spectrogram is not None
    assert found.sound is not None
    assert found.spectrogram.shape == (BANDS, 4 * positions)
    np.testing.assert_array_equal(found.sound, digits.samples("test", 17))
    seen = inspect_run(Look(folder, "17"))
    assert seen.attention["encoder"].shape[-2:] == (positions, positions)
    assert (seen.aligned, seen.source_labels[:3]) == (found.aligned, ("0.00 s", "0.04 s", "0.08 s"))


def test_every_way_to_look_inside_works_for_a_sound(folder: Path, digits: SpokenDigits) -> None:
    positions = digits.encode_source("17").shape[1]
    lens = lens_of_run(Look(folder, "17"))
    assert (len(lens.positions), lens.wanted_is) == (positions, "own")
    assert set(lens.names) <= {*"0123456789", "–"}
    own = keep_sound(folder.parent.parent, "ada", wav_bytes(digits.samples("test", 4))).name
    for text, aim in (("17", "right"), (own, "own")):
        proof = tie_of_run(Look(folder, text), site="encoder.2.q")
        assert proof.aim == aim
        assert len(proof.uses) == 2
        assert proof.difference < 1e-6
    (changed, plain) = (inspect_run(Look(folder, "17", left_out=out)) for out in (("encoder.0.attention",), ()))
    assert changed.effect is not None
    assert changed.effect.positions == positions
    assert plain.effect is None


@pytest.mark.usefixtures("one_thread")
def test_training_stopped_and_resumed_equals_its_twin_bit_for_bit(tmp_path: Path) -> None:
    options = {"steps": 6, "batch_size": 4, "eval_every": 3, "eval_examples": 8, "test_examples": 8,
               "checkpoint_every": 2, "accumulate": 2}  # fmt: skip
    config = config_of(train=options, sharing={"strategy": "cycle:2"})
    here = Placement("cpu", "fp32", 1, "for tests")
    train(config, tmp_path / "whole", RecordingSink(), device=here)
    train(config, tmp_path / "parts", RecordingSink(stop_after=3), device=here)
    train(config, tmp_path / "parts", RecordingSink(), device=here)
    whole, parts = (read(checkpoint_path(tmp_path / name, "last")) for name in ("whole", "parts"))
    assert whole.tensors.keys() == parts.tensors.keys()
    assert all(torch.equal(whole.tensors[name], parts.tensors[name]) for name in whole.tensors)


# Sounds of others


def tone(seconds: float, rate: int) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * 440 * time) * np.hanning(len(time))


def wav(rate: int = RATE, kind: int = 1, bits: int = 16, channels: int = 1, body: bytes = b"\0\1" * 8000) -> bytes:
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, 0, block, bits)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_every_kind_of_wav_is_read_as_the_same_sound() -> None:
    plain = read_wav(wav_bytes(tone(1, RATE)))
    assert float(np.abs(plain).max()) == pytest.approx(0.9)
    for rate in (RATE, 16_000, 44_100, 48_000):
        sound = tone(1, rate)
        wide = np.repeat((sound * (2**31 - 1)).astype("<i4")[:, None], 8, axis=1)
        three = (sound * (2**23 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3]
        for one in (
            wav_bytes(sound, rate),
            wav(rate, 1, 32, 8, wide.tobytes()),
            wav(rate, 1, 24, 1, three.tobytes()),
            wav(rate, 3, 32, 1, (1000 * sound).astype("<f4").tobytes()),
            wav(rate, 3, 64, 1, (sound + 0.25).astype("<f8").tobytes()),
        ):
            found = read_wav(one)
            assert len(found) == RATE
            np.testing.assert_allclose(found, plain, atol=2e-3)
    eight = (tone(1, RATE) * 127 + 128).round().astype(np.uint8)
    np.testing.assert_allclose(read_wav(wav(bits=8, body=eight.tobytes())), plain, atol=2e-2)


def test_what_a_lower_rate_cannot_hold_does_not_come_back_as_another_tone() -> None:
    time = np.arange(16_000) / 16_000
    both = np.sin(2 * np.pi * 500 * time) + np.sin(2 * np.pi * 6000 * time)
    np.testing.assert_allclose(
        resampled(both, 16_000, RATE), np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE), atol=1e-6
    )


def not_a_number() -> bytes:
    sound = tone(1, RATE)
    sound[100] = np.nan
    return sound.astype("<f4").tobytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must be a WAV file"),
        (b"<svg onload=alert(1)>", "must be a WAV file"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff", "must be a WAV file"),
        (wav()[:30], "must be a WAV file"),
        (wav(body=b""), r"at least 0\.15 seconds\. Got 0\.000"),
        (wav(body=b"\0\1" * 100), r"at least 0\.15 seconds\. Got 0\.013"),
        (wav(body=b"\0" * 16000), "must not be silent"),
        (wav(body=b"\0\1" * 8000), "must not be silent"),
        (wav(bits=8, body=b"\x80" * 4000), "must not be silent"),
        (wav(body=b"\0\1" * (RATE * 25)), r"at most 20 seconds\. Got 25\.0"),
        (wav(kind=3, bits=32, body=not_a_number()), "must be a finite number"),
        (wav(kind=3, bits=64, body=np.full(4000, np.inf).tobytes()), "must be a finite number"),
        (wav(channels=0), "1 to 32 channels"),
        (wav(channels=200), "1 to 32 channels"),
        (wav(rate=0), "samples a second"),
        (wav(rate=2**32 - 1), "samples a second"),
        (wav(kind=0x55, bits=0), "must be uncompressed"),
        (wav(bits=12), "must be uncompressed"),
        (wav(body=bytes(LARGEST_WAV)), "at most 16 MB"),
    ],
)
def test_a_sound_that_cannot_be_read_is_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_wav(content)


def test_a_sound_is_kept_under_a_hash_as_it_is_read(tmp_path: Path) -> None:
    steady = 0.5 * np.cos(2 * np.pi * 440 * np.arange(RATE) / RATE)
    content = wav_bytes(steady)
    kept = keep_sound(tmp_path, "ada", content)
    assert keep_sound(tmp_path, "ada", content) == kept
    assert keep_sound(tmp_path, "bea", content).name != kept.name
    assert len(kept_samples(tmp_path, kept.name)) == RATE
    silent = np.zeros(RATE // 2)
    assert keep_sound(tmp_path, "ada", wav_bytes(np.concatenate([silent, steady, silent]))) == kept
    click = np.zeros(RATE)
    click[100] = 1
    assert len(kept_samples(tmp_path, keep_sound(tmp_path, "ada", wav_bytes(click)).name)) == RATE
    whose, _dash, digest = kept.name.removeprefix("sound:").partition("-")
    with wave.open(io.BytesIO((tmp_path / "inputs" / whose / f"{digest}.wav").read_bytes())) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
    missing = f"{'0' * 12}-{'0' * 32}"
    for name in ("sound:", "sound:../../etc/passwd", f"sound:{missing}", f"sound:{kept.name}", "sound:" + "0" * 32):
        with pytest.raises(DataError, match="no longer kept"):
            kept_samples(tmp_path, name)


def test_a_run_answers_a_sound_that_was_brought(folder: Path, digits: SpokenDigits) -> None:
    home = folder.parent.parent
    name = keep_sound(home, "ada", wav_bytes(digits.samples("test", 17))).name
    (brought,), (own,) = predict(folder, [name]), predict(folder, ["17"])
    assert brought.right_answer is None
    assert brought.spectrogram is not None
    assert own.spectrogram is not None
    assert np.abs(brought.spectrogram - own.spectrogram).max() < 0.05  # it is kept with 16 bits
    with pytest.raises(DataError, match=r"at most 3\.3 seconds for this run\. Got 5\.8"):
        predict(folder, [keep_sound(home, "ada", wav_bytes(tone(6, RATE))).name])


def test_the_command_line_writes_down_a_wav_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: SpokenDigits
) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    with closing(open_store()) as store:
        run, other = (stored_run(store, small_config(task)) for task in ("spoken-digits", "digits"))
    file, out = tmp_path / "three.wav", tmp_path / "none.wav"
    file.write_bytes(wav_bytes(digits.samples("test", 3)))
    (told,) = json.loads(clps("predict", run.id, "--sound", str(file), "--json").stdout)["predictions"]
    assert told["answer"] == " ".join(part["label"] for part in told["aligned"])
    assert all(0 <= part["begin"] < part["end"] < 4 for part in told["aligned"])
    assert f"-> {told['answer']}" in clps("predict", run.id, "--sound", str(file)).stdout
    out.write_bytes(b"no sound")
    for run_id, path, said in (
        (run.id, out, "must be a WAV file"),
        (run.id, tmp_path / "gone.wav", "--sound must name a file that can be read"),
        (run.id, tmp_path, "--sound must name a file that can be read"),
        (other.id, file, "--sound is for tasks that read sounds. Got a run of digits"),
    ):
        refused = clps("predict", run_id, "--sound", str(path))
        assert refused.exit_code == 2
        assert said in " ".join(refused.stderr.split())


@pytest.mark.parametrize("text", ["", "1000", "-1", "1.5", "１", "seven", "9" * 50])
def test_a_number_that_no_utterance_has_is_one_sentence(text: str, digits: SpokenDigits) -> None:
    with pytest.raises(DataError, match=r"must be from 0 to 999\. Got"):
        digits.encode_source(text)
