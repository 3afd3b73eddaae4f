"""The two tasks that a data set of sounds is: facts, batches, scores, training, and looking inside."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from own_sound_files import spoken, tone, voice_zip
from test_cli_depth import clps
from untrained_runs import SIZES, stored_run, untrained_run

from clps_core.analysis.counts import count
from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.base import IGNORED, Batch
from clps_core.data.log_mel import BANDS, features
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.own_data import record
from clps_core.own_data.adding import add
from clps_core.own_data.rows import INDEX, ROWS
from clps_core.own_data.sources import Source
from clps_core.own_data.speech.batches import Dictated, Kept, Sounds
from clps_core.own_data.speech.dictation import DictationScores
from clps_core.own_data.speech.keeping import OFFSETS, SOUNDS
from clps_core.own_data.speech.spelling import UNKNOWN, Alphabet, baselines_of, constant_of, long_words
from clps_core.own_data.speech.varying import varied
from clps_core.own_data.speech.work import CharacterScores
from clps_core.predicting import predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.store import open_store
from clps_core.tie import tie_of_run
from clps_core.training.checkpoint import checkpoint_path, read
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink
from clps_core.work.batch import DeviceBatch
from clps_core.work.ctc import loss
from clps_core.work.losses import token_loss

TASKS = ("data:voice", "data:voice:seq2seq")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home")
    add("voice", Source(path=voice_zip(place / "voice.zip")), place)
    return place


@pytest.fixture(autouse=True)
def _here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(home))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)


def config_of(task: str, **changed: Any) -> RunConfig:
    given = {
        "data": {"task": task}, "sharing": {"strategy": "cycle:2"}, "model": SIZES,
        "train": {"steps": 40, "test_examples": 30},
    }  # fmt: skip
    return resolve(build_config({**given, **changed})).config


def data_of(task: str, **data: Any) -> Sounds:
    found = load_task(config_of(task, data={"task": task, **data}))
    assert isinstance(found, Sounds)
    return found


@pytest.fixture(scope="module", params=TASKS)
def folder(request: pytest.FixtureRequest, home: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLPS_HOME", str(home))
        place = home / "runs" / f"run-{TASKS.index(request.param)}"
        place.parent.mkdir(exist_ok=True)
        return untrained_run(place, config_of(request.param))


def test_what_the_tasks_state_is_so(home: Path) -> None:
    for task in TASKS:
        data = data_of(task)
        told, known = data.facts, record.read(home, "voice")
        batches = [one for split in ("validation", "test") for one in data.evaluation(split, 100, 7)]
        assert sum(len(one.labels) for one in batches) == known.splits["validation"] + known.splits["test"]
        assert max(one.inputs.shape[1] for one in batches) <= told.max_source_len
        assert told.max_source_len == int(data.kept.index.labels.max())
        for split, value in (("validation", told.baseline), ("test", told.test_baseline)):
            assert data.baselines(split)[told.metric] == pytest.approx(value)
        assert told.test_size == known.splits["test"] == data.held_out_sounds()
        assert all(data.right_answer(one.text) == one.target_text for one in data.examples(3))
        assert set(told.metrics) == {*data.baselines("test")}
        assert told.batch_lengths is not None
        assert told.batch_lengths[0] <= told.max_source_len


def test_a_decoder_hears_the_same_and_writes_an_end() -> None:
    heard, dictated = (data_of(task) for task in TASKS)
    assert isinstance(dictated, Dictated)
    one, other = next(heard.evaluation("test", 5, 5)), next(dictated.evaluation("test", 5, 5))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert other.decoder_inputs is not None
    for row, ended, given in zip(one.labels, other.labels, other.decoder_inputs, strict=True):
        right = row[row != IGNORED].tolist()
        assert ended[ended != IGNORED].tolist() == [*right, dictated.eos_id]
        assert given[: len(right) + 1].tolist() == [dictated.bos_id, *right]
        assert heard.decode(right) == dictated.decode([*right, dictated.eos_id, 3, 3])
    assert dictated.encode_target("Two").tolist() == [[dictated.bos_id, *dictated.alphabet.labels("two")]]
    with pytest.raises(DataError, match=r"must have at most \d+ characters. Got 400"):
        dictated.encode_target("a" * 400)
    with pytest.raises(DataError, match="does not use a typed target"):
        heard.encode_target("two")
    assert json.loads(dictated.tokenizer_json())["model"]["vocab"]["t"] == dictated.alphabet.labels("t")[0]


def test_a_batch_depends_on_its_step_alone_and_has_sounds_of_about_one_length() -> None:
    data, again, other = data_of(TASKS[0]), data_of(TASKS[0], by_length=False), data_of(TASKS[0], seed=3)
    np.testing.assert_array_equal(data.batch(7, 8).inputs, data_of(TASKS[0]).batch(7, 8).inputs)
    assert data.batch(7, 8).labels.tolist() != other.batch(7, 8).labels.tolist()
    sorted_ = data_of(TASKS[0], by_length=True)
    assert (data.vary, data_of(TASKS[0], vary_sounds=False).vary) == (True, False)
    padding = [
        float(np.mean([1 - one.batch(step, 8).input_mask.mean() for step in range(16)]))  # type: ignore[union-attr]
        for one in (again, sorted_)
    ]
    assert padding[1] < padding[0]
    batch = data.batch(0, 8)
    assert batch.input_mask is not None
    assert not batch.inputs[~batch.input_mask].any()


def test_training_sounds_are_varied_and_held_out_ones_never_are() -> None:
    plain, data = data_of(TASKS[0], vary_sounds=False), data_of(TASKS[0])
    as_they_are = {features(plain.kept.sound(int(place))).tobytes() for place in plain.rows("train")}

    def rows(batch: Batch) -> list[bytes]:
        assert batch.input_mask is not None
        return [row[mask].tobytes() for row, mask in zip(batch.inputs, batch.input_mask, strict=True)]

    assert set(rows(plain.batch(0, 8))) <= as_they_are
    assert not set(rows(data.batch(0, 8))) & as_they_are
    assert data.batch(0, 8).labels.tolist() == plain.batch(0, 8).labels.tolist()
    for one, other in zip(data.evaluation("test", 9, 9), plain.evaluation("test", 9, 9), strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
    with pytest.raises(ConfigError, match=r"data.vary_sounds must only be given for your own sounds"):
        resolve(build_config({"data": {"task": "spoken-digits", "vary_sounds": True}}))


@pytest.mark.parametrize("seconds", [0.15, 0.5, 1.0])
def test_a_varied_sound_is_never_longer_than_the_longest(seconds: float) -> None:
    sound = tone(seconds).astype(np.float32)
    longest = len(features(sound))
    found = [varied(np.random.default_rng(seed), sound, longest) for seed in range(20)]
    assert max(map(len, found)) <= longest
    assert min(map(len, found)) < longest
    assert all(np.isfinite(one).all() and one.dtype == np.float32 for one in found)


def test_folds_keep_the_test_sounds_and_equal_transcripts_together() -> None:
    whole = data_of(TASKS[0])
    held_out: list[int] = []
    for fold in range(3):
        part = data_of(TASKS[0], folds=3, fold=fold)
        np.testing.assert_array_equal(part.rows("test"), whole.rows("test"))
        assert not set(part.kept.texts(part.rows("train"))) & set(part.kept.texts(part.rows("validation")))
        held_out += part.rows("validation").tolist()
        assert part.fingerprint != whole.fingerprint
    assert sorted(held_out) == sorted([*whole.rows("train"), *whole.rows("validation")])


def test_labels_are_characters_and_what_training_does_not_have_is_always_an_error() -> None:
    alphabet = Alphabet.of(["no one", "ten"])
    assert alphabet.text == "enot"
    assert alphabet.labels("no ten?") == [2, 3, 0, 4, 1, 2, alphabet.unknown]
    assert "".join(map(alphabet.sign, alphabet.labels("no ten?"))) == f"no ten{UNKNOWN}"
    config = config_of(TASKS[0])
    classes = alphabet.size
    right = [*alphabet.labels("ten"), alphabet.unknown]
    output = torch.full((1, 4, classes + 1), -9.0)
    for place, label in enumerate(right):
        output[0, place, label] = 9.0  # a model that writes even the label of what is not known
    scores = CharacterScores(config, loss)
    batch = DeviceBatch(output, None, None, torch.tensor([right]))
    scores.add(output, batch)
    told = DictationScores(config_of(TASKS[1]), token_loss)
    told.add(output[:, :, :classes], replace(batch, written=[(f"ten{UNKNOWN}", f"ten{UNKNOWN}")]))
    for found in (scores.values(), told.values()):
        assert (found["word_error_rate"], found["character_error_rate"], found["exact_match"]) == (1.0, 0.25, 0.0)


def test_the_scores_of_a_run_are_jiwers_of_the_predictions_it_writes(folder: Path) -> None:
    found = list(predict_split(folder, "test"))
    said, right = [one.prediction for one in found], [one.reference for one in found]
    assert all(right)
    _step, scores = score_folder(folder)
    assert scores["word_error_rate"] == pytest.approx(jiwer.wer(right, said))
    assert scores["character_error_rate"] == pytest.approx(jiwer.cer(right, said))
    assert scores["exact_match"] == pytest.approx(np.mean([a == b for a, b in zip(said, right, strict=True)]))
    assert not {"bleu", "chrf"} & set(scores)


def test_baselines_are_of_the_best_simple_answer() -> None:
    texts = ["one two"] * 3 + ["one three", "four two", "one"]
    assert constant_of(texts, by_characters=False) == "one two"
    found = baselines_of(texts, "one two", ends=False)
    assert found["word_error_rate"] == pytest.approx(jiwer.wer(texts, ["one two"] * 6))
    assert found["character_error_rate"] == pytest.approx(jiwer.cer(texts, ["one two"] * 6))
    assert found["exact_match"] == 0.5
    assert baselines_of(texts, "", ends=True)["loss"] < found["loss"]
    assert not long_words(texts)
    assert long_words(["今天天气很好我们一起去公园散步吧", "我喜欢吃苹果也喜欢喝茶"])


def test_every_way_to_look_inside_works_for_a_sound(folder: Path, home: Path) -> None:
    (found,) = predict(folder, ["1"])
    data = data_of(TASKS[0])
    assert found.right_answer == data.right_answer("1")
    assert found.sound is not None
    assert found.spectrogram is not None
    positions = data.encode_source("1").shape[1]
    assert found.spectrogram.shape == (BANDS, 4 * positions)
    seen = inspect_run(Look(folder, "1"))
    assert seen.attention["encoder"].shape[-2:] == (positions, positions)
    assert lens_of_run(Look(folder, "1")).positions
    stack = "encoder.2.q"
    proof = tie_of_run(Look(folder, "1"), site=stack)
    assert proof.aim == "right"
    assert proof.difference < 1e-6
    changed = inspect_run(Look(folder, "1", left_out=("encoder.0.attention",)))
    assert changed.effect is not None


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("task", TASKS)
def test_training_stopped_and_resumed_equals_its_twin_bit_for_bit(tmp_path: Path, task: str) -> None:
    options = {"steps": 4, "batch_size": 4, "eval_every": 2, "eval_examples": 4, "test_examples": 4,
               "checkpoint_every": 2, "accumulate": 2}  # fmt: skip
    config = config_of(task, train=options, optim={"warmup_steps": 1}, data={"task": task, "by_length": True})
    here = Placement("cpu", "fp32", 1, "for tests")
    train(config, tmp_path / "whole", RecordingSink(), device=here)
    train(config, tmp_path / "parts", RecordingSink(stop_after=2), device=here)
    train(config, tmp_path / "parts", RecordingSink(), device=here)
    whole, parts = (read(checkpoint_path(tmp_path / name, "last")) for name in ("whole", "parts"))
    assert whole.tensors.keys() == parts.tensors.keys()
    assert all(torch.equal(whole.tensors[name], parts.tensors[name]) for name in whole.tensors)


def test_a_design_is_counted_with_the_frames_that_it_reads() -> None:
    for task in TASKS:
        found = resolve(build_config({"data": {"task": task}}))
        counted = count(found.config.model, found.plan.map)
        assert counted.unique_parameters > 10_000
        assert found.config.model.patch_dim == 160
    with pytest.raises(ConfigError, match="seq_len"):
        resolve(build_config({"data": {"task": TASKS[0], "seq_len": 64}}))


def test_only_sounds_can_be_written_down_by_a_decoder(home: Path, tmp_path: Path) -> None:
    from own_data_files import reviews

    add("texts", Source(path=reviews(tmp_path / "texts.csv")), home)
    try:
        with pytest.raises(DataError, match=r"data:texts:seq2seq must be a data set of sounds. texts is for classif"):
            resolve(build_config({"data": {"task": "data:texts:seq2seq"}}))
    finally:
        record.remove(home, "texts")


def test_the_command_line_writes_down_a_sound_with_either_model(tmp_path: Path) -> None:
    (content, _text), *_rest = spoken(1, seed=5)
    file = tmp_path / "new.wav"
    file.write_bytes(content)
    with closing(open_store()) as store:
        runs = [stored_run(store, config_of(task)) for task in TASKS]
    for run in runs:
        result = clps("predict", run.id, "--sound", str(file), "--text", "0", "--json")
        assert result.exit_code == 0, result.output
        numbered, brought = json.loads(result.stdout)["predictions"]
        assert numbered["right_answer"]
        assert brought["right_answer"] is None


@pytest.mark.parametrize("name", [SOUNDS, OFFSETS, ROWS, INDEX, record.RECORD])
def test_files_that_are_damaged_or_gone_are_one_sentence(home: Path, tmp_path: Path, name: str) -> None:
    other = tmp_path / "home"
    shutil.copytree(home / record.FOLDER, other / record.FOLDER)
    place = record.folder_of(other, "voice")
    content = (place / name).read_bytes()
    for damaged in (content[: len(content) // 2], content[:3], None):
        (place / name).unlink()
        if damaged is not None:
            (place / name).write_bytes(damaged)
        with pytest.raises(DataError, match=r"damaged. Remove|there is no data set voice"):
            load_task(resolve(config_of(TASKS[0]), home=other).config, home=other)
        (place / name).write_bytes(content)
    (place / name).unlink()
    (place / name).symlink_to("/dev/zero")
    if name in (SOUNDS, OFFSETS, record.RECORD):  # Arrow's are mapped, and that fails by itself
        with pytest.raises(DataError, match=r"damaged. Remove"):
            load_task(resolve(config_of(TASKS[0]), home=other).config, home=other)


@pytest.mark.parametrize(
    "changed",
    [
        {"alphabet": 3}, {"positions": []}, {"positions": ["x"]}, {"baselines": {}}, {"longest": True},
        {"baselines": {"validation": {"word_error_rate": "x"}}}, {"by_characters": None}, {"longest_text": -5},
    ],
)  # fmt: skip
def test_a_record_with_other_figures_is_one_sentence(home: Path, tmp_path: Path, changed: dict[str, Any]) -> None:
    other = tmp_path / "home"
    shutil.copytree(home / record.FOLDER, other / record.FOLDER)
    known = record.read(other, "voice")
    record.write(
        record.folder_of(other, "voice"), known.model_copy(update={"statistics": {**known.statistics, **changed}})
    )
    with pytest.raises(DataError, match=r"data set voice is damaged. Remove it and add it again"):
        resolve(build_config({"data": {"task": TASKS[1]}}), home=other)


def test_kept_files_belong_together(home: Path) -> None:
    known = record.read(home, "voice")
    kept = Kept(record.folder_of(home, "voice"), known)
    assert len(kept.samples) == kept.offsets[-1] == known.stored["samples"]
