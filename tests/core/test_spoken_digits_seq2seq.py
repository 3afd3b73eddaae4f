"""Spoken digits written one after the other: an encoder of frames below a decoder, its counts, answers, error rates."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from test_cli_depth import clps
from tokenizers import Tokenizer
from untrained_runs import SIZES, small_config, stored_run, untrained_run

from clps_core.ablation import values_at
from clps_core.analysis.counts import count
from clps_core.analysis.flops import flop_differences, train_flops_per_token
from clps_core.analysis.memory import activation_bytes
from clps_core.analysis.steps import tokens_per_step
from clps_core.config import RunConfig, build_config, resolve, sharing_plan
from clps_core.data.base import IGNORED
from clps_core.data.kept_sounds import keep_sound
from clps_core.data.log_mel import BANDS
from clps_core.data.registry import load_task
from clps_core.data.wav import wav_bytes
from clps_core.depth import quality_at
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.model.generate import generate
from clps_core.model.transformer import Transformer, build_model
from clps_core.predicting import predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.spec import from_spec, to_spec
from clps_core.store import open_store
from clps_core.tasks.spoken_digits.data import SpokenDigits
from clps_core.tasks.spoken_digits_seq2seq.data import SPECIALS, DictatedDigits
from clps_core.tie import tie_of_run
from clps_core.training.by_example import score_examples
from clps_core.training.checkpoint import checkpoint_path, read
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

TASK = "spoken-digits-seq2seq"
STRATEGIES = (
    "none",
    "all",
    "cycle:2",
    "decoder=@encoder",
    "decoder.ffn=all",
    "encoder.attention=all,decoder.ffn=cycle:2",
    "kv_source=every:2",
)
HERE = Placement("cpu", "fp32", 1, "for tests")


def config_of(strategy: str = "cycle:2", model: dict[str, Any] | None = None, **changed: Any) -> RunConfig:
    given = {
        "data": {"task": TASK},
        "sharing": {"strategy": strategy},
        "model": {**SIZES, **(model or {})},
        "train": {"steps": 40, "test_examples": 30},
    }
    return resolve(build_config({**given, **changed})).config


def says_something(model: Transformer) -> None:
    """To plant: answers differ from each other, in length too."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "cross" in name or "patches" in name or "tokens" in name:
                parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))


@pytest.fixture(scope="module")
def digits() -> DictatedDigits:
    found = load_task(config_of())
    assert isinstance(found, DictatedDigits)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home") / "runs" / "run"
    place.parent.mkdir()
    return untrained_run(place, config_of(), plant=says_something)


# Data


def test_both_tasks_hear_the_same_utterances_in_training_too(digits: DictatedDigits) -> None:
    other = load_task(resolve(build_config({"data": {"task": "spoken-digits"}})))
    assert isinstance(other, SpokenDigits)
    pairs = [(digits.batch(5, 8), other.batch(5, 8))]
    pairs += zip(digits.evaluation("test", 20, 8), other.evaluation("test", 20, 8), strict=True)
    for mine, its in pairs:
        np.testing.assert_array_equal(mine.inputs, its.inputs)
        assert mine.decoder_inputs is not None
        for row, before, labels in zip(its.labels, mine.decoder_inputs, mine.labels, strict=True):
            said = row[row != IGNORED].tolist()
            assert labels[labels != IGNORED].tolist() == [*said, SPECIALS.end]
            assert before[before != SPECIALS.pad].tolist() == [SPECIALS.begin, *said]
    assert {**digits.baselines("test"), "loss": 0} == {**other.baselines("test"), "loss": 0}
    assert [one.target_text for one in digits.examples(9)] == [one.target_text for one in other.examples(9)]


def test_a_typed_target_is_digits_and_anything_else_one_sentence(digits: DictatedDigits) -> None:
    assert digits.encode_target(" 3 1\t4 ").tolist() == digits.encode_target("314").tolist() == [[10, 3, 1, 4]]
    assert digits.encode_target("").tolist() == [[10]]
    for text in ("3 x", "-1", "１", "123456", "1 " * 50):
        with pytest.raises(DataError, match=r"the digits must be at most 5 of 0 to 9\. Got"):
            digits.encode_target(text)
    assert digits.decode([10, 3, 1, 11, 4]) == "3 1"
    assert digits.token_labels([10, 3, 11, 12]) == ["<bos>", "3", "<eos>", "<pad>"]
    assert Tokenizer.from_str(digits.tokenizer_json()).encode("3 1 4 <eos>").ids == [3, 1, 4, SPECIALS.end]
    assert digits.facts.vocab_size == SPECIALS.vocab_size


# Model


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_model_has_the_parameters_that_are_counted(strategy: str) -> None:
    for model in ({}, {"tie_embeddings": "none", "positions": "rotary"}, {"embedding_size": 8, "positions": "learned"}):
        config = config_of(strategy, model)
        built = build_model(config)
        assert sum(one.numel() for one in built.parameters()) == count(config.model, config.sharing).unique_parameters
    assert built.get_parameter("encoder_embedding.positions.weight").shape == (83, 8)
    assert built.get_parameter("decoder_embedding.positions.weight").shape == (6, 8)


def test_operations_are_those_of_all_frames_and_of_the_longest_answer_over_the_frames() -> None:
    config = config_of("none")
    model, plan = config.model, sharing_plan(config.model, config.sharing)
    d, ff, layers, frames, answer = 16, 24, 4, 60, 6
    layer = 4 * d * d + 2 * d * ff
    encoder = frames * (6 * (layers * layer + 160 * d) + 12 * layers * d * frames)
    memory = frames * 6 * layers * (2 * d * d)
    decoder = answer * (6 * (layers * (layer + 2 * d * d) + 13 * d) + 12 * layers * d * (answer + frames))
    unshared = train_flops_per_token(model, plan, frames)
    assert unshared == (encoder + memory + decoder) // frames
    for strategy in ("all", "all,lora=2", "kv_source=every:2", "attention_source=every:2"):
        other = sharing_plan(model, config_of(strategy).sharing)
        told = sum(flop_differences(model, other, frames).values())
        assert train_flops_per_token(model, other, frames) - unshared == pytest.approx(told, abs=2)
    assert tokens_per_step(config) == 83 * config.train.batch_size
    longer = config_of("none", {"max_target_positions": 30})
    assert activation_bytes(longer) > activation_bytes(config)
    assert count(model, config.sharing).kv_cache_bytes_per_token == layers * 2 * d * 2


def test_an_answer_has_room_for_as_many_tokens_as_its_longest_and_a_spec_leaves_that_out() -> None:
    config = config_of()
    assert config.model.max_target_positions == 6
    assert "max_target" not in to_spec(config)
    longer = config_of(model={"max_target_positions": 9})
    assert resolve(from_spec(to_spec(longer))).config == longer
    with pytest.raises(ConfigError, match=r"at least the longest answer of spoken-digits-seq2seq \(6\)\. Got 5"):
        config_of(model={"max_target_positions": 5})
    with pytest.raises(ConfigError, match=r"max_target_positions must only be given for an encoder-decoder of frames"):
        resolve(build_config({"data": {"task": "dates"}, "model": {"max_target_positions": 40}}))
    with pytest.raises(ConfigError, match=r"frames must only be used with a model that has an encoder. Got family dec"):
        resolve(build_config({"model": {"family": "decoder", "patch_dim": 4}}))


@pytest.mark.parametrize(
    "strategy", ["all", "encoder.attention=all,decoder.ffn=cycle:2", "kv_source=every:2", "loop:1/1/1"]
)
def test_kept_keys_and_values_write_what_a_whole_pass_does(strategy: str, digits: DictatedDigits) -> None:
    batch = next(digits.evaluation("test", 6, 6))
    for positions in ("sinusoidal", "learned", "rotary"):
        model = build_model(config_of(strategy, {"positions": positions}))
        says_something(model)
        inputs, mask = torch.from_numpy(batch.inputs), torch.from_numpy(batch.input_mask)
        kept, again = (generate(model, inputs, mask, 10, 11, 9, keep_past=keep) for keep in (True, False))
        assert torch.equal(kept, again)
        assert kept.shape[1] <= 6, "no more than it has positions"
        assert len({tuple(row) for row in kept.tolist()}) > 1


# Scores


def test_the_scores_of_a_run_are_jiwers_of_the_predictions_it_writes(folder: Path) -> None:
    found = list(predict_split(folder, "test"))
    said, right = [one.prediction for one in found], [one.reference for one in found]
    assert len(found) == 30
    assert len(set(said)) > 3, "it writes something"
    _step, scores = score_folder(folder)
    assert scores["word_error_rate"] == pytest.approx(jiwer.wer(right, said))
    assert scores["character_error_rate"] == pytest.approx(jiwer.cer(right, said))
    assert scores["exact_match"] == sum(one == other for one, other in zip(said, right, strict=True)) / 30
    assert scores["examples"] == 30


def test_error_rates_of_examples_one_by_one_make_those_of_all(digits: DictatedDigits) -> None:
    config = config_of(train={"steps": 40, "eval_examples": 12, "batch_size": 5})
    model = build_model(config)
    says_something(model)
    one = score_examples(model, digits, config, HERE, "validation")
    assert one.values["word_error_rate"] == pytest.approx(np.average(one.each["word_error_rate"], weights=one.spelt))
    assert one.values["loss"] == pytest.approx(np.average(one.each["loss"], weights=one.labels), rel=1e-5)
    assert one.errors(one)["word_error_rate"] == 0.0


@pytest.mark.usefixtures("one_thread")
def test_training_stopped_and_resumed_equals_its_twin_bit_for_bit(tmp_path: Path) -> None:
    options = {"steps": 6, "batch_size": 4, "eval_every": 3, "eval_examples": 8, "test_examples": 8,
               "checkpoint_every": 2, "accumulate": 2}  # fmt: skip
    config = config_of(model={"dropout": 0.1}, train=options)
    sinks = [RecordingSink() for _run in range(2)]
    train(config, tmp_path / "whole", sinks[0], device=HERE)
    train(config, tmp_path / "parts", RecordingSink(stop_after=3), device=HERE)
    train(config, tmp_path / "parts", sinks[1], device=HERE)
    whole, parts = (read(checkpoint_path(tmp_path / name, "last")) for name in ("whole", "parts"))
    assert whole.tensors.keys() == parts.tensors.keys()
    assert all(torch.equal(whole.tensors[name], parts.tensors[name]) for name in whole.tensors)
    tests = [[point for point in sink.points if point[1] == "test"] for sink in sinks]
    assert tests[0] == tests[1] != []


# Answers


def test_an_answer_is_written_and_read_from_the_sound(folder: Path, digits: DictatedDigits) -> None:
    (found,) = predict(folder, ["17"])
    positions = digits.encode_source("17").shape[1]
    assert found.right_answer == digits.decode(digits.strings("test")[17])
    assert found.answer == next(one.prediction for one in predict_split(folder, "test") if one.number == 17)
    assert digits.decode([one.token for one in found.pieces]) == found.answer
    assert found.spectrogram is not None
    assert found.sound is not None
    assert found.spectrogram.shape == (BANDS, 4 * positions)
    np.testing.assert_array_equal(found.sound, digits.samples("test", 17))
    assert found.ended or found.room == 0
    for target in ("", "3 1 4"):
        seen = inspect_run(Look(folder, "17", target_text=target))
        tokens = len(seen.target_labels)
        assert {kind: maps.shape[-2:] for kind, maps in seen.attention.items()} == {
            "encoder": (positions, positions), "decoder": (tokens, tokens), "cross": (tokens, positions)
        }  # fmt: skip
        assert seen.spectrogram is not None
        assert seen.source_labels[:2] == ("0.00 s", "0.04 s")
    assert seen.target_labels == ("<bos>", "3", "1", "4")


def test_every_way_to_look_inside_works_for_a_sound(folder: Path, digits: DictatedDigits) -> None:
    lens = lens_of_run(Look(folder, "17", target_text="3 1 4"))
    assert (lens.stack, lens.positions, lens.wanted) == ("decoder", ("<bos>", "3", "1", "4"), ("3", "1", "4", "<eos>"))
    kept = keep_sound(folder.parent.parent, "ada", wav_bytes(digits.samples("test", 4))).name
    for text, aim in (("17", "right"), (kept, "own")):
        for site in ("encoder.2.q", "decoder.3.cross_k"):
            proof = tie_of_run(Look(folder, text), site=site)
            assert proof.aim == aim
            assert len(proof.uses) == 2
            assert proof.difference < 1e-6
    for out in ("encoder.0.attention", "decoder.1.cross_attention"):
        changed = inspect_run(Look(folder, "17", left_out=(out,)))
        assert changed.effect is not None


def test_what_is_left_out_and_the_number_of_loops_count_in_what_is_written(tmp_path: Path) -> None:
    config = config_of("loop:1/1/1", {"num_layers": 3}, train={"steps": 40, "eval_examples": 12, "batch_size": 5})
    folder = untrained_run(tmp_path / "run", config, plant=says_something)
    found = [quality_at(folder, loops).metrics["word_error_rate"] for loops in (1, 3)]
    assert found[0] != found[1]
    with values_at(folder, lambda: None) as at:
        whole, part = at("validation:12:whole"), at("validation:12:decoder.1")
    assert whole["word_error_rate"] == found[0] != part["word_error_rate"]
    assert part["error.word_error_rate"] > 0


def test_the_command_line_writes_down_a_wav_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: DictatedDigits
) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    with closing(open_store()) as store:
        run = stored_run(store, small_config(TASK))
    file = tmp_path / "three.wav"
    file.write_bytes(wav_bytes(digits.samples("test", 3)))
    (told,) = json.loads(clps("predict", run.id, "--sound", str(file), "--json").stdout)["predictions"]
    assert told["answer"] == digits.decode([piece["token"] for piece in told["pieces"]])
    assert f"-> {told['answer']}" in clps("predict", run.id, "--sound", str(file)).stdout
    assert clps("predict", run.id, "--text", "17", "--temperature", "1").exit_code == 0
