"""Texts of about one length share a batch: what that computes, what its time is told by, and runs of before."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data_files import pairs, questions, reviews, write_jsonl
from torch.nn import Module
from torch.nn.modules.module import register_module_forward_hook

from clps_core.analysis.steps import operations_at, operations_per_step
from clps_core.config import RunConfig, build_config, resolve
from clps_core.config.reading import validated
from clps_core.data.lengths import POOLED, padded_length
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError
from clps_core.model.transformer import Transformer
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.timing import FORWARD, _costs
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

MODEL = {"num_layers": 1, "d_model": 16, "d_ff": 24, "num_heads": 2}
BATCHES_OF_BEFORE = {"pairs": "494202ad6d4bea28", "reviews": "b187503c5a019e4e", "houses": "5382afc4df37083f"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lengths")
    draw = random.Random(0)
    texts = ["".join(draw.choices("abcdefgh", k=draw.randint(3, 90))) for _ in range(400)]
    files = {
        "mixed": write_jsonl(folder / "mixed.jsonl", [{"source": text, "target": text[::-1]} for text in texts]),
        "pairs": pairs(folder / "pairs.jsonl"),
        "reviews": reviews(folder / "reviews.csv"),
        "houses": questions(folder / "houses.jsonl"),
    }
    for name, file in files.items():
        add(name, Source(path=file), folder)
    return folder


@pytest.fixture(autouse=True)
def _home_of_the_test(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(home))


def config_of(name: str, **given: object) -> RunConfig:
    data = {"task": f"data:{name}" if name != "sentences" else name}
    return resolve(build_config({"model": MODEL, **given, "data": data | dict(given.get("data", {}))})).config


def test_a_run_computes_what_its_time_is_told_by(tmp_path: Path) -> None:
    few = {"steps": POOLED, "eval_every": POOLED, "eval_examples": 32, "test_examples": 1, "probe_count": 0}
    config = config_of("mixed", train=few)
    assert config.data.by_length
    counted = 0.0

    def count(model: Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal counted
        if isinstance(model, Transformer):
            rows, width = inputs[0].shape
            part = rows / config.train.batch_size * (1 if model.training else FORWARD)
            counted += part * operations_at(config, (width + output.shape[1]) / 2)

    hook = register_module_forward_hook(count)
    outcome = train(config, tmp_path, RecordingSink(), device=Placement("cpu", "fp32", 1, ""))
    hook.remove()
    assert outcome.step == POOLED
    told = POOLED * _costs(config, POOLED)[1]
    assert told == pytest.approx(counted, rel=0.15)
    assert told < 0.8 * POOLED * operations_per_step(config), "all as long as the longest"


@pytest.mark.parametrize("by_length", [True, False])
def test_own_texts_become_as_long_as_the_facts_say(by_length: bool) -> None:
    config = config_of("mixed", data={"by_length": by_length})
    facts, data = resolve(config).facts, load_task(config)
    found = [np.mean([one.inputs.shape[1], one.labels.shape[1]]) for one in (data.batch(n, 32) for n in range(64))]
    assert np.mean(found) == pytest.approx(facts.batch_lengths[0], rel=0.1)
    assert facts.batch_lengths[1] > 80
    if by_length:
        assert np.mean(found) < 0.65 * facts.batch_lengths[1]


@pytest.mark.parametrize("name", BATCHES_OF_BEFORE)
def test_a_run_of_before_draws_the_batches_it_drew(name: str) -> None:
    """Its config has no such field. The batches' hashes were taken before there was one."""
    plain = config_of(name).as_dict()
    del plain["data"]["by_length"]
    batch = load_task(resolve(validated(RunConfig, plain))).batch(5, 8)
    assert hashlib.sha256(batch.inputs.tobytes() + batch.labels.tobytes()).hexdigest()[:16] == BATCHES_OF_BEFORE[name]


@pytest.mark.parametrize("name", ["reviews", "houses"])
def test_texts_of_every_kind_can_share_a_batch_by_length(name: str) -> None:
    def spread(by_length: bool) -> float:
        data = load_task(config_of(name, data={"by_length": by_length}))
        return float(np.mean([np.ptp(data.batch(step, 8).input_mask.sum(axis=1)) for step in range(2 * POOLED)]))

    assert config_of(name).data.by_length is None, "only pairs have it by default"
    assert spread(True) < spread(False) / 2


def test_the_time_of_sentences_is_told_by_their_batches() -> None:
    config = resolve(build_config({"data": {"task": "sentences"}})).config
    mixed = config.model_copy(update={"data": config.data.model_copy(update={"by_length": False})})
    assert _costs(config, 1500)[1] < 0.6 * _costs(mixed, 1500)[1] < 0.4 * operations_per_step(config)
    assert operations_at(config, 40) == operations_per_step(config)


def test_what_has_no_texts_of_its_own_length_refuses_the_field() -> None:
    with pytest.raises(ConfigError, match=r"data\.by_length must only be given for inputs of different lengths"):
        resolve(build_config({"data": {"task": "hops", "by_length": True}}))


def test_the_mean_longest_of_a_batch_is_that_of_drawn_ones() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 300)
    drawn = np.random.default_rng(1).choice(lengths, (4000, 8)).max(axis=1)
    rounded = np.minimum(-(-drawn // 4) * 4, 50)
    assert padded_length(lengths, 8, 4, 50, sorted_=False) == pytest.approx(rounded.mean(), rel=0.01)
    assert padded_length([7], 8, 4, 50, sorted_=True) == padded_length([7], 8, 4, 50, sorted_=False) == 8
