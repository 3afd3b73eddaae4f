"""The digits task: patches, splits, typed images."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core.config import build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.registry import load_task
from clps_core.errors import DataError
from clps_core.tasks import get_task
from clps_core.tasks.digits.data import Digits, patches


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(seed=0)


def test_declared_facts_are_those_of_the_data(digits: Digits) -> None:
    facts = get_task("digits")
    batch = digits.batch(0, 8)
    assert batch.inputs.shape == (8, facts.max_source_len, facts.patch_dim)
    assert set(digits.classes("train").tolist()) == set(range(facts.num_classes or 0))
    for text in facts.example_inputs:
        assert digits.encode_source(text).shape == (1, 16, 4)


def test_the_splits_hold_every_image_once(digits: Digits) -> None:
    from sklearn.datasets import load_digits

    images = load_digits().images
    assert sum(len(digits.classes(split)) for split in SPLITS) == len(images)
    mine = sorted(row.tobytes() for split in SPLITS for row in digits.images(split))
    assert mine == sorted(row.tobytes() for row in patches(images))
    assert len(set(mine)) == len(mine), "an image that is there twice could be in two splits"


def test_patches_are_two_by_two_pixels_in_reading_order() -> None:
    image = np.arange(64).reshape(1, 8, 8) / 4
    cut = patches(image) * 16 * 4
    assert cut.dtype == np.float32
    assert cut[0, 0].tolist() == [0, 1, 8, 9]
    assert cut[0, 1].tolist() == [2, 3, 10, 11]
    assert cut[0, 15].tolist() == [54, 55, 62, 63]


def test_a_batch_has_the_promised_shapes_and_types(digits: Digits) -> None:
    batch = digits.batch(3, 32)
    assert batch.inputs.dtype == np.float32
    assert 0.0 <= batch.inputs.min() < batch.inputs.max() <= 1.0
    assert batch.labels.dtype == np.int64
    assert batch.labels.shape == (32,)
    assert batch.input_mask is None
    assert batch.decoder_inputs is None


def test_batches_depend_on_step_and_seed_alone(digits: Digits) -> None:
    np.testing.assert_array_equal(digits.batch(4, 8).inputs, Digits(seed=0).batch(4, 8).inputs)
    assert not np.array_equal(digits.batch(4, 8).inputs, digits.batch(5, 8).inputs)
    assert not np.array_equal(digits.batch(4, 8).inputs, Digits(seed=1).batch(4, 8).inputs)
    assert digits.fingerprint == Digits(seed=1).fingerprint


def test_evaluation_stops_at_the_limit_and_at_the_end(digits: Digits) -> None:
    assert [len(batch.labels) for batch in digits.evaluation("validation", 50, 32)] == [32, 18]
    whole = np.concatenate([batch.labels for batch in digits.evaluation("test", 10**6, 64)])
    np.testing.assert_array_equal(whole, digits.classes("test"))


def test_an_image_is_typed_by_number_or_by_its_values(digits: Digits) -> None:
    np.testing.assert_array_equal(digits.encode_source(" 17 ")[0], digits.images("test")[17])
    rows = [", ".join(str((row * column) % 17) for column in range(8)) for row in range(8)]
    wanted = patches(np.array([[(row * column) % 17 for column in range(8)] for row in range(8)])[None])
    np.testing.assert_array_equal(digits.encode_source("\n".join(rows)), wanted)
    np.testing.assert_array_equal(digits.encode_source(str([[0.5] * 8] * 8)), np.full((1, 16, 4), 0.5 / 16, np.float32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "-1",
        "180",
        "99999999999",
        "1 2 3",
        "😀",
        "<script>",
        "١٧",
        "x" * 10_000,
        "17 " * 64,
        "nan " * 64,
        "1e9 " * 64,
    ],
)
def test_what_is_not_an_image_is_refused_in_words(digits: Digits, text: str) -> None:
    with pytest.raises(DataError, match="must"):
        digits.encode_source(text)


@settings(max_examples=examples(200), deadline=None)
@given(st.text())
def test_any_text_is_encoded_or_refused(text: str) -> None:
    with contextlib.suppress(DataError):
        assert Digits(seed=0).encode_source(text).shape == (1, 16, 4)


def test_examples_lead_back_to_their_digit(digits: Digits) -> None:
    for example in digits.examples(5):
        assert digits.encode_source(example.text, options=example.options).shape == (1, 16, 4)
        assert example.target_text == digits.decode(digits.classes("test")[int(example.text)])
    with pytest.raises(DataError):
        digits.encode_target("7")


def test_labels_say_where_a_patch_lies(digits: Digits) -> None:
    labels = digits.token_labels(digits.encode_source("0"))
    assert len(labels) == len(set(labels)) == 16
    assert labels[0] == "row 1, column 1"
    assert digits.token_labels([3, 7]) == ["3", "7"]


def test_the_registry_gives_this_task() -> None:
    assert isinstance(load_task(resolve(build_config({"data": {"task": "digits"}})).config), Digits)
