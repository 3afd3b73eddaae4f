"""A baseline is what the best answer that ignores its input gets on the very examples that are scored."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.base import IGNORED, Array, TaskData
from clps_core.data.classified import ClassifiedTexts
from clps_core.data.registry import load_task
from clps_core.tasks import TASKS, get_task

SPLITS = ("validation", "test")


def usual(task: str) -> tuple[RunConfig, TaskData]:
    config = resolve(build_config({"data": {"task": task}})).config
    return config, load_task(config)


def labels(data: TaskData, split: str, limit: int) -> Iterator[Array]:
    for batch in data.evaluation(split, limit, 64):
        yield from batch.labels


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", TASKS)
def test_the_declared_baselines_are_those_of_the_examples_that_are_scored(task: str, split: str) -> None:
    facts, (config, data) = get_task(task), usual(task)
    limit = config.train.eval_examples if split == "validation" else config.train.test_examples
    found = data.baselines(split, limit)[facts.metric]
    # The library's texts differ between Python versions, so those of python-docs are approximate.
    near = 0.15 if task in ("python-docs", "masked-docs") else 1e-12
    assert found == pytest.approx(facts.baseline if split == "validation" else facts.test_baseline, rel=near)
    if split == "test":
        assert sum(1 for _label in labels(data, "test", 10**6)) == pytest.approx(facts.test_size, rel=near)


@pytest.mark.parametrize("split", SPLITS)
def test_no_digit_is_right_more_often_than_the_baseline(split: str) -> None:
    _config, data = usual("digits")
    shown = np.array(list(labels(data, split, 10**6)))
    assert max(float((shown == digit).mean()) for digit in range(10)) == data.baselines(split)["accuracy"] > 0.1
    assert data.baselines(split)["loss"] <= math.log(10), "the shares beat guessing evenly"


@pytest.mark.parametrize("split", SPLITS)
def test_no_date_is_right_more_often_than_the_baseline(split: str) -> None:
    _config, data = usual("dates")
    answers = [data.decode(row[row != IGNORED]) for row in labels(data, split, 500)]
    most = max(answers.count(answer) for answer in set(answers))
    assert data.baselines(split, 500)["exact_match"] == most / 500


@pytest.mark.parametrize("split", SPLITS)
def test_no_fixed_distribution_has_less_perplexity_than_the_baseline(split: str) -> None:
    _config, data = usual("python-docs")
    shown = np.concatenate(list(labels(data, split, 10**6)))
    learnt = np.bincount(np.concatenate([data.batch(step, 16).labels.ravel() for step in range(40)]), minlength=1024)
    from_training = -np.log((learnt + 1) / (learnt + 1).sum())[shown].mean()
    assert data.baselines(split)["loss"] < from_training < math.log(1024)


def test_what_is_no_better_than_a_constant_answer_does_not_beat_the_baseline() -> None:
    digits, docs = get_task("digits"), get_task("python-docs")
    assert [digits.beats_baseline(right / 180) for right in (24, 25, 26)] == [False, False, True]
    assert [docs.beats_baseline(value) for value in (docs.baseline + 1, docs.baseline, docs.baseline - 1)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("task", TASKS)
def test_no_held_out_example_of_one_split_is_in_another(task: str) -> None:
    """Whatever the seeds: they order batches, and move no split."""
    _config, data = usual(task)
    if isinstance(data, ClassifiedTexts):  # two texts may read alike where words are unknown
        validation, test = ({text for _group, _name, text in data.sentences(split)} for split in SPLITS)
        assert not validation & test
        return
    kept: dict[str, set[bytes]] = {}
    for split in SPLITS:
        kept[split] = {
            digest_of(batch.inputs[place], batch.labels[place])
            for batch in data.evaluation(split, 10**6, 64)
            for place in range(len(batch.labels))
        }
    assert not kept["validation"] & kept["test"]
    other = load_task(resolve(build_config({"data": {"task": task, "seed": 7}, "seed": 3})).config)
    again = {
        digest_of(batch.inputs[place], batch.labels[place])
        for batch in other.evaluation("test", 10**6, 64)
        for place in range(len(batch.labels))
    }
    assert again == kept["test"]


def digest_of(inputs: Array, labels: Array) -> bytes:
    """Without the padding, which depends on the batch."""
    return inputs[inputs != 0].tobytes() + b"|" + labels[labels != IGNORED].tobytes()
