"""Masked language models: which tokens are masked, and what is scored, typed, filled and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED
from clps_core.data.masked_text import SHORTEST_WINDOW, MaskedText
from clps_core.data.masking import MASK, chosen, mask_a_word, training_inputs
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.predicting import predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import token_loss
from clps_core.work.masked import scores

SPECIALS = (0, 1, 2)


def loaded(**data: Any) -> MaskedText:
    found = load_task(resolve(build_config({"data": {"task": "masked-docs", "seq_len": 64, **data}})))
    assert isinstance(found, MaskedText)
    return found


@pytest.fixture(scope="module")
def docs() -> MaskedText:
    return loaded()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = small_config("masked-docs")
    short = config.model_copy(update={"train": config.train.model_copy(update={"test_examples": 30})})
    return untrained_run(tmp_path_factory.mktemp("runs") / "masked", short)


def test_fifteen_percent_of_what_can_be_masked_is_chosen_and_at_least_one() -> None:
    draw = np.random.default_rng(0)
    able = draw.random((200, 60)) < 0.7
    able[0], able[1] = False, False
    able[1, 7] = True
    found = chosen(able, draw)
    assert not (found & ~able).any()
    assert found.sum(1).tolist() == [0, 1, *(round(0.15 * count) for count in able[2:].sum(1).tolist())]


def test_eight_of_ten_become_the_mask_one_another_token_and_one_stays() -> None:
    draw = np.random.default_rng(0)
    windows = draw.integers(3, 1000, size=(400, 100))
    places = chosen(np.ones(windows.shape, dtype=bool), draw)
    ordinary = np.arange(3, 1000)
    inputs, labels = training_inputs(windows, places, 1000, ordinary, draw)
    assert ((labels != IGNORED) == places).all()
    assert (labels[places] == windows[places]).all()
    assert (inputs[~places] == windows[~places]).all()
    masked, kept = (inputs == 1000)[places].mean(), (inputs == windows)[places].mean()
    assert masked == pytest.approx(0.8, abs=0.02)
    assert kept == pytest.approx(0.1, abs=0.02)
    assert np.isin(inputs[places & (inputs != 1000)], ordinary).all()


def test_batches_and_masks_depend_on_step_and_seed_alone(docs: MaskedText) -> None:
    same, other = loaded(), loaded(seed=1)
    for name in ("inputs", "labels"):
        assert np.array_equal(getattr(docs.batch(4, 8), name), getattr(same.batch(4, 8), name))
        assert not np.array_equal(getattr(docs.batch(4, 8), name), getattr(docs.batch(5, 8), name))
        assert not np.array_equal(getattr(docs.batch(4, 8), name), getattr(other.batch(4, 8), name))


def test_training_sees_the_windows_of_the_language_model_and_masks_no_special_token(docs: MaskedText) -> None:
    windows, batch = docs.source.batch(3, 64).inputs, docs.batch(3, 64)
    scored = batch.labels != IGNORED
    assert np.isin(windows, SPECIALS).any(), "there are documents that begin in these windows"
    assert not np.isin(batch.labels[scored], SPECIALS).any()
    assert (batch.inputs[~scored] == windows[~scored]).all()
    assert (batch.labels[scored] == windows[scored]).all()
    assert not np.isin(batch.inputs[scored], SPECIALS).any()


def test_held_out_masks_are_the_same_however_they_are_asked_for(docs: MaskedText) -> None:
    def windows(data: MaskedText, limit: int, batch_size: int, split: str = "test") -> tuple[Any, Any]:
        found = list(data.evaluation(split, limit, batch_size))
        return tuple(np.concatenate([getattr(one, name) for one in found]) for name in ("inputs", "labels"))

    inputs, labels = windows(docs, 60, 60)
    for data, size in ((docs, 7), (loaded(seed=5), 60), (loaded(folds=3, fold=1), 60)):
        found = windows(data, 40, size)
        assert np.array_equal(found[0], inputs[:40])
        assert np.array_equal(found[1], labels[:40])
    scored = labels != IGNORED
    assert (inputs[scored] == docs.mask_id).all(), "no chosen token can be read off the input"
    assert not (inputs[~scored] == docs.mask_id).any()
    assert not np.isin(labels[scored], SPECIALS).any()
    assert np.array_equal(
        docs.baselines("test", 60)["masked_accuracy"], np.bincount(labels[scored]).max() / scored.sum()
    )


def test_a_text_is_read_with_its_masks(docs: MaskedText) -> None:
    tokens = docs.encode_source("for i in [MASK]:")
    assert docs.token_labels(tokens) == ["for", "␣", "i", "␣in", MASK, ":"]
    (name,) = docs.source.tokenizer.encode(" name").ids
    assert docs.filled(tokens, [name]) == "for i in name:"
    assert docs.kept_text("a [MASK][MASK] b") == ("a", "", " b")
    assert docs.input_text(docs.encode_source("a [MASK], b")[0]) == "a [MASK], b"
    assert docs.unknown("é [MASK]") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" ", "must not be empty"),
        ("for i in range:", r"the text must have \[MASK\] where a token is to be filled in"),
        ("for i in [mask]:", r"Write \[MASK\] in place of a word"),
        ("[MASK] " * 65, "at most 64 tokens"),
        ("[MASK]" + "x" * 100_000, "Shorten it"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(docs: MaskedText, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        docs.encode_source(text)


@pytest.mark.parametrize("text", ["\ud800 [MASK]", "<script>[MASK]</script>", "[MASK]\u202e\r\n<eos>", "[[MASK]]"])
def test_hostile_text_is_just_text(docs: MaskedText, text: str) -> None:
    tokens = docs.encode_source(text)
    assert (tokens == docs.mask_id).sum() == 1
    assert not np.isin(tokens, SPECIALS).any()


def test_windows_too_short_for_masks_are_refused() -> None:
    with pytest.raises(DataError, match=f"at least {SHORTEST_WINDOW} for a masked language model. Got 4"):
        loaded(seq_len=4)


def test_examples_read_back_and_know_their_answer(docs: MaskedText) -> None:
    found = docs.examples(40)
    assert len({one.text for one in found}) == 40
    for one in found:
        tokens, right = docs.encode_source(one.text), docs.source.tokenizer.encode(one.target_text or "").ids
        (place,) = np.flatnonzero(tokens[0] == docs.mask_id)
        assert docs.filled(tokens, [right[place]]) == one.target_text == docs.right_answer(f" {one.text} ")
    assert docs.right_answer("a [MASK]") is None


def test_the_tokenizer_file_knows_the_mask(docs: MaskedText) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(docs.tokenizer_json())
    assert tokenizer.token_to_id(MASK) == docs.mask_id == docs.facts.vocab_size - 1  # type: ignore[operator]
    text = "for i in [MASK]:"
    assert tokenizer.encode(text, add_special_tokens=False).ids == docs.encode_source(text)[0].tolist()


def test_a_word_is_masked_by_dice_until_there_is_none() -> None:
    text = "if x: [MASK]"
    assert mask_a_word(text, lambda found: found[-1]) == "if [MASK]: [MASK]"
    for _time in range(9):
        text = mask_a_word(text, lambda found: found[0])
    assert text == "[MASK] [MASK][MASK] [MASK]"
    assert mask_a_word("", lambda found: found[0]) == ""


def test_only_masked_positions_are_scored() -> None:
    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.full((2, 5), IGNORED)
    labels[0, 1], labels[1, 4] = int(logits[0, 1].argmax()), int(logits[1, 4].argmin())
    found = scores(small_config("masked-docs"), token_loss)
    found.add(logits, DeviceBatch(labels, None, None, labels))
    right = logits.log_softmax(-1)
    loss = -(right[0, 1, labels[0, 1]] + right[1, 4, labels[1, 4]]).item() / 2
    values = found.values()
    assert values == pytest.approx({"loss": loss, "masked_accuracy": 0.5, "pseudo_perplexity": np.exp(loss)}, rel=1e-5)


def test_a_config_gets_the_head_of_its_task_and_no_other() -> None:
    assert resolve(build_config({"data": {"task": "masked-docs"}, "model": {"head": None}})).config.model.head == "lm"
    for task, head in (("masked-docs", "none"), ("masked-docs", "classes"), ("languages", "lm")):
        with pytest.raises(ConfigError, match=f"task {task} must have a model with head"):
            resolve(build_config({"data": {"task": task}, "model": {"head": head, "num_classes": 3}}))
    for wrong in ({"pooler": True}, {"patch_dim": 3}):
        with pytest.raises(ConfigError, match="an encoder with head lm predicts tokens at every position"):
            build_config({"data": {"task": "masked-docs"}, "model": wrong})


def test_masks_are_filled_with_the_most_likely_tokens(folder: Path) -> None:
    text = "for i in [MASK]: [MASK]"
    found, seen = predict(folder, [text])[0], inspect_run(Look(folder, text))
    assert len(found.pieces) == 2
    assert found.kept == ("for i in", ":", "")
    assert found.answer == seen.prediction
    assert seen.source_labels == ("for", "␣", "i", "␣in", MASK, ":", MASK)
    assert [one.likeliest[0].label for one in found.pieces] == [one.label for one in found.pieces]
    assert [one.label for one in seen.guesses] == [one.label for one in found.pieces[0].likeliest[:5]]
    assert found.pieces[0].likeliest[0].probability == pytest.approx(found.pieces[0].probability)
    assert sorted(one.probability for one in found.pieces[0].likeliest)[::-1] == [
        one.probability for one in found.pieces[0].likeliest
    ]
    with pytest.raises(DataError, match=r"must have \[MASK\]"):
        predict(folder, ["for i in range:"])


def test_the_accuracy_of_what_is_written_is_the_score_of_the_run(folder: Path) -> None:
    found = [json.loads(json.dumps(vars(one))) for one in predict_split(folder, "test")]
    pairs = [
        pair for one in found for pair in zip(one["prediction"].split(" "), one["reference"].split(" "), strict=True)
    ]
    _step, figures = score_folder(folder)
    assert len(found) == 30
    assert sum(said == right for said, right in pairs) / len(pairs) == pytest.approx(figures["masked_accuracy"])
    assert all(one["input"].count(MASK) == len(one["reference"].split(" ")) for one in found)
