"""Claims about what the numbers on the charts mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.base import IGNORED, Batch
from clps_core.data.registry import load_task
from clps_core.data.running_text import RunningText
from clps_core.data.scores import exact_match
from clps_core.model.generate import generate
from clps_core.model.transformer import build_model
from clps_core.training.device import Placement
from clps_core.training.evaluation import cross_entropy, evaluate, real_tokens
from clps_core.training.loading import load_model
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Placement("cpu", "fp32", 1, "")


def tiny(task: str, **train_options: object) -> RunConfig:
    model = {"num_layers": 2, "d_model": 32, "d_ff": 64, "num_heads": 2}
    options = {
        "eval_examples": 60,
        "test_examples": 60,
        "batch_size": 16,
        "probe_count": 0,
        "threads": 1,
        **train_options,
    }
    return resolve(build_config({"data": {"task": task}, "model": model, "train": options})).config


@dataclass
class OneBatch:
    """Data whose evaluation is one given batch."""

    batch: Batch

    def evaluation(self, _split: str, _limit: int, _batch_size: int) -> list[Batch]:
        return [self.batch]


def test_exact_match_is_that_of_greedy_decoding() -> None:
    # Targets are cut to two characters and the end, so that a tiny model soon gets some of them right.
    config = tiny("dates", steps=1)
    data, model = load_task(config), build_model(config)
    whole = next(data.evaluation("validation", 24, 24))
    labels = np.full_like(whole.labels[:, :3], IGNORED)
    labels[:, :2], labels[:, 2] = whole.labels[:, :2], data.eos_id
    batch = Batch(whole.inputs, whole.input_mask, whole.decoder_inputs[:, :3], labels)
    inputs, mask, decoder_inputs = map(torch.from_numpy, (batch.inputs, batch.input_mask, batch.decoder_inputs))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    seen = set()
    for _round in range(40):
        logits = model(inputs, input_mask=mask, decoder_inputs=decoder_inputs)
        cross_entropy(logits, torch.from_numpy(labels)).backward()
        optimiser.step()
        optimiser.zero_grad()
        answers = generate(model, inputs, mask, data.bos_id, data.eos_id, max_len=3)
        decoded = exact_match(answers.numpy(), labels, data.eos_id).mean()
        assert evaluate(model, OneBatch(batch), config, CPU)["exact_match"] == pytest.approx(decoded)
        seen.add(float(decoded))
    assert len(seen) > 3


def test_loss_is_the_mean_over_scored_positions_whatever_the_batches() -> None:
    config = tiny("dates", steps=1)
    data, model = load_task(config), build_model(config)
    model.train()
    values = evaluate(model, data, config, CPU)
    assert model.training
    total, count, right = 0.0, 0, 0
    for batch in data.evaluation("validation", 60, 60):
        with torch.no_grad():
            logits = model.eval()(
                torch.from_numpy(batch.inputs),
                input_mask=torch.from_numpy(batch.input_mask),
                decoder_inputs=torch.from_numpy(batch.decoder_inputs),
            )
        chosen = torch.from_numpy(batch.labels != IGNORED)
        wanted = torch.from_numpy(batch.labels)[chosen]
        total += float(functional.cross_entropy(logits[chosen], wanted, reduction="sum"))
        right += int((logits[chosen].argmax(-1) == wanted).sum())
        count += len(wanted)
    assert values["loss"] == pytest.approx(total / count, rel=1e-5)
    assert values["token_accuracy"] == pytest.approx(right / count)


def test_perplexity_and_bits_per_byte_are_other_ways_to_tell_the_loss() -> None:
    config = tiny("python-docs", steps=1)
    data = load_task(config)
    assert isinstance(data, RunningText)
    values = evaluate(build_model(config), data, config, CPU)
    assert set(values) == {"loss", "token_accuracy", "perplexity", "bits_per_byte"}
    assert values["perplexity"] == pytest.approx(math.exp(values["loss"]))
    labels = np.concatenate([one.labels for one in data.evaluation("validation", config.train.eval_examples, 64)])
    spelt = int(data.token_bytes[labels].sum())
    assert values["bits_per_byte"] == pytest.approx(values["loss"] * labels.size / math.log(2) / spelt)


def test_accuracy_of_classes_counts_examples() -> None:
    config = tiny("digits", steps=1)
    values = evaluate(build_model(config), load_task(config), config, CPU)
    assert set(values) == {"loss", "accuracy"}
    assert values["accuracy"] * 60 == pytest.approx(round(values["accuracy"] * 60))


def test_tokens_per_second_counts_no_padding() -> None:
    labels = np.array([[5, 2, IGNORED], [5, 6, 2]])
    mask = np.array([[True, True, False, False], [True] * 4])
    both = Batch(np.ones((2, 4), dtype=np.int64), mask, np.ones((2, 3), dtype=np.int64), labels)
    assert real_tokens(both) == 6 + 5
    window = Batch(np.ones((2, 4), dtype=np.int64), None, None, np.ones((2, 4), dtype=np.int64))
    assert real_tokens(window) == 8
    patches = Batch(np.ones((2, 16, 4), dtype=np.float32), None, None, np.array([3, 4]))
    assert real_tokens(patches) == 32


def test_label_smoothing_is_trained_with_but_not_reported() -> None:
    logits, labels = torch.tensor([[[4.0, 0.0], [0.0, 4.0]]]), torch.tensor([[0, 1]])
    assert cross_entropy(logits, labels, smoothing=0.2) > cross_entropy(logits, labels)
    plain = tiny("digits", steps=1)
    smoothed = plain.model_copy(update={"optim": plain.optim.model_copy(update={"label_smoothing": 0.2})})
    data, model = load_task(plain), build_model(plain)
    assert evaluate(model, data, smoothed, CPU) == evaluate(model, data, plain, CPU)


def test_best_is_by_the_metric_and_among_equals_by_the_loss(tmp_path: Path) -> None:
    # Exact match stays 0 in so few steps, so the loss decides.
    config = tiny("dates", steps=6, eval_every=2)
    sink = RecordingSink()
    train(config, tmp_path, sink)
    assert {value for _step, value in sink.curve("validation", "exact_match")} == {0.0}
    losses = dict(sink.curve("validation", "loss"))
    _model, _config, step = load_model(tmp_path)
    assert losses[step] == min(losses.values())
    assert step > 0
