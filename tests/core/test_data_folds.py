"""Cross-validation: what is not for tests is cut into parts, each of which is validation once."""

from __future__ import annotations

from itertools import product
from typing import Any, cast

import numpy as np
import pytest

from clps_core.config import build_config, resolve
from clps_core.data.base import Fold, TaskData, digest
from clps_core.data.classified import ClassifiedTexts
from clps_core.data.drawn import Drawn
from clps_core.data.images import LabelledImages
from clps_core.data.masked_text import MaskedText
from clps_core.data.registry import load_task
from clps_core.data.running_text import BOS, RunningText
from clps_core.errors import ConfigError
from clps_core.sweeps import expand, sweep_from_plain
from clps_core.tasks import TASKS
from clps_core.tasks.dates.data import Dates
from clps_core.tasks.hops.data import Hops
from clps_core.tasks.objects.data import Objects
from clps_core.tasks.sentences.data import Sentences
from clps_core.tasks.sounds.data import Sounds
from clps_core.tasks.spoken_digits.data import SpokenDigits

FOLDS = 3
HELD_OUT = [name for name in TASKS if name != "pairs"]
"""Tasks that hold examples out: pairs measure memory, and refuse folds."""


def loaded(task: str, **data: Any) -> TaskData:
    return load_task(resolve(build_config({"data": {"task": task, **data}})).config)


def folded(task: str) -> list[TaskData]:
    return [loaded(task, folds=FOLDS, fold=fold) for fold in range(FOLDS)]


def examples(data: TaskData, split: str) -> list[bytes]:
    """What the split holds, one hashable per example: a date, an image, a document."""
    if isinstance(data, Dates):
        return [ordinal.tobytes() for ordinal in data.dates(split)]
    if isinstance(data, LabelledImages | Objects):
        return [image.tobytes() for image in data.images(split)]
    if isinstance(data, Hops):
        return [number.tobytes() for number in data.permutations(split)]
    if isinstance(data, Drawn):
        return [number.tobytes() for number in data.beginnings(split)]
    if isinstance(data, Sounds):
        return [word.encode() for word in data.words(split)]
    if isinstance(data, SpokenDigits):  # too many to list: those of up to three digits
        strings = [one for count in (1, 2, 3) for one in product(range(10), repeat=count)]
        return [bytes(one) for one in strings if data.split_of(one) == split]
    if isinstance(data, ClassifiedTexts):
        return [text.encode() for text, *_rest in data.sentences(split)]
    if isinstance(data, MaskedText):
        data = cast("RunningText", data.source)
    if isinstance(data, Sentences):
        return [english.encode() for english, _german in data.pairs(split)]
    assert isinstance(data, RunningText)
    tokens = data.tokens(split)
    return [part.tobytes() for part in np.split(tokens, np.flatnonzero(tokens == BOS)[1:])]


def seen(data: TaskData) -> list[str]:
    """What a run sees: batches, and both evaluations."""
    batches = [data.batch(step, 6) for step in (0, 41)]
    batches += [batch for split in ("validation", "test") for batch in data.evaluation(split, 20, 8)]
    return [digest(batch.inputs.tobytes(), batch.labels.tobytes()) for batch in batches]


@pytest.mark.parametrize("task", HELD_OUT)
def test_each_example_is_validation_in_exactly_one_fold_and_training_in_the_others(task: str) -> None:
    usual = loaded(task)
    everything = sorted(examples(usual, "train") + examples(usual, "validation"))
    parts = folded(task)
    assert sorted(one for data in parts for one in examples(data, "validation")) == everything
    for data in parts:
        assert sorted(examples(data, "train") + examples(data, "validation")) == everything
        assert len(examples(data, "validation")) > len(everything) / FOLDS / 2


@pytest.mark.parametrize("task", HELD_OUT)
def test_what_a_fold_holds_and_gives_at_a_step_depends_on_no_other_field_of_a_sweep(task: str) -> None:
    """Runs of a sweep are matched: a design, a rate or a seed changes neither who is held out nor any batch."""
    fields = {
        "sharing.strategy": ["none", "all"],
        "optim.learning_rate": [0.1, 0.001],
        "model.d_model": [32, 64],
        "model.dropout": [0, 0.5],
        "train.steps": [100, 200],
    }
    sweep = {"method": "random", "runs": 3, "fields": fields}
    found = expand(sweep_from_plain({"base": {"data": {"task": task}}, "sweep": sweep, "seeds": [0, 7], "folds": 3}))
    configs = [one.config for one in found]
    different = {config.model_copy(update={"data": configs[0].data}).model_dump_json() for config in configs}
    assert len(different) == 6
    for fold in range(FOLDS):
        parts = [load_task(config) for config in configs if config.data.fold == fold]
        first = examples(parts[0], "validation")
        assert all(examples(part, "validation") == first for part in parts[1:])
        assert len({tuple(seen(part)) for part in parts}) == 1
    other_order = loaded(task, folds=FOLDS, fold=0, seed=9)
    assert sorted(examples(other_order, "validation")) == sorted(examples(load_task(configs[0]), "validation"))
    assert seen(other_order)[:2] != seen(load_task(configs[0]))[:2], "a data seed is what orders the batches"


@pytest.mark.parametrize("task", HELD_OUT)
def test_no_fold_touches_the_test_split(task: str) -> None:
    usual = loaded(task)
    expected = [batch.inputs.tobytes() for batch in usual.evaluation("test", 40, 8)]
    for data in folded(task):
        assert examples(data, "test") == examples(usual, "test")
        assert [batch.inputs.tobytes() for batch in data.evaluation("test", 40, 8)] == expected


@pytest.mark.parametrize("task", HELD_OUT)
def test_the_fingerprint_names_the_folds_and_the_fold(task: str) -> None:
    choices: list[dict[str, int]] = [{}, *({"folds": k, "fold": f} for k in (2, 3) for f in (0, 1))]
    assert len({loaded(task, **data).fingerprint for data in choices}) == len(choices)


@pytest.mark.parametrize("task", HELD_OUT)
def test_a_batch_of_a_fold_depends_on_its_step_alone(task: str) -> None:
    first, again = (loaded(task, folds=FOLDS, fold=1, seed=5) for _time in range(2))
    first.batch(0, 4)
    assert seen(first) == seen(again)


@pytest.mark.parametrize("task", ["digits", "python-docs"])
def test_a_fold_has_its_own_baselines(task: str) -> None:
    usual, found = loaded(task).baselines(), loaded(task, folds=FOLDS, fold=1).baselines()
    assert found.keys() == usual.keys()
    assert found != usual


def test_all_languages_of_a_held_out_date_are_held_out() -> None:
    data = Dates(0, Fold(1, FOLDS))
    training = set(data.dates("train").tolist())
    assert not any(ordinal in training for ordinal, _language in data.pairs("validation", 10**6))


def test_without_folds_the_digits_are_those_of_before_bit_for_bit() -> None:
    """Recorded before there were folds; the images are fixed, so this holds on every machine."""
    data = loaded("digits", seed=3)
    assert data.fingerprint == "de2478611cfc2fa929d81bde2a4c16a84d4123033d99977133794f7309d7adc8"
    batch = data.batch(41, 6)
    found = digest(batch.inputs.tobytes(), batch.labels.tobytes())
    assert found == "bfac5eb90bed367aaf1fb56bb6fe28512f763f49c8c46e0dba6574d8a12ab883"


def test_without_folds_the_split_of_the_dates_is_that_of_before() -> None:
    """Only the split: texts, and with them the fingerprint, belong to the version of Babel."""
    splits = [digest(Dates(0).dates(split).tobytes())[:16] for split in ("train", "validation", "test")]
    assert splits == ["3b20f1b0fe98cd4a", "49aecd250ab90a1e", "8456af6d4dcf2b17"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"folds": 5}, "must be given together"),
        ({"fold": 0}, "must be given together"),
        ({"folds": 5, "fold": 5}, "must be less than data.folds"),
        ({"folds": 1, "fold": 0}, "data.folds must be at least 2"),
        ({"folds": 51, "fold": 0}, "data.folds must be at most 50"),
        ({"folds": 2, "fold": -1}, "data.fold must be at least 0"),
    ],
)
def test_folds_that_cannot_be_are_refused(data: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_config({"data": data})
