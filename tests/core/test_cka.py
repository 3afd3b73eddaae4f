"""CKA without bias, held against its formulas, and between the layers of runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from untrained_runs import SIZES, small_config, untrained_run

from clps_core.analysis.cka import Cka
from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError
from clps_core.likeness import likeness_of_runs
from clps_core.look import Look
from clps_core.patching import Patching

SAMPLES = Path(__file__).parents[2] / "clps_core" / "samples" / "runs"
HOPS = "3 1 7 0 2 6 4 5"
DRAW = np.random.default_rng(0)


def cka(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    sums = Cka()
    sums.add(one, other)
    return sums.value()


def hsic_1(one: np.ndarray, other: np.ndarray) -> float:
    """Song et al. 2012, as printed: K and L are Gram matrices without their diagonal."""
    n = len(one)
    k, j = (x @ x.T * (1 - np.eye(n)) for x in (one, other))
    ones = np.ones(n)
    total = np.trace(k @ j) + (ones @ k @ ones) * (ones @ j @ ones) / ((n - 1) * (n - 2))
    return float((total - 2 / (n - 2) * ones @ k @ j @ ones) / (n * (n - 3)))


def centred_cka(one: np.ndarray, other: np.ndarray) -> float:
    """Kornblith et al. 2019: centred Gram matrices, with their bias."""
    centre = np.eye(len(one)) - 1 / len(one)
    k, j = (centre @ x @ x.T @ centre for x in (one, other))
    return float((k * j).sum() / np.sqrt((k * k).sum() * (j * j).sum()))


def test_it_is_the_unbiased_formula_and_with_many_vectors_that_of_centred_gram_matrices() -> None:
    one = DRAW.normal(size=(2, 500, 5)) + 3
    other = one[:, :, :3] @ DRAW.normal(size=(3, 7)) + DRAW.normal(size=(2, 500, 7))
    found = cka(one, other)
    for left in range(2):
        for right in range(2):
            x, y = one[left], other[right]
            wanted = hsic_1(x, y) / np.sqrt(hsic_1(x, x) * hsic_1(y, y))
            assert found[left, right] == pytest.approx(wanted, abs=1e-9)
            assert found[left, right] == pytest.approx(centred_cka(x, y), abs=0.02)


def test_few_vectors_of_unrelated_layers_do_not_look_alike() -> None:
    one, other = DRAW.normal(size=(8, 20, 64)), DRAW.normal(size=(8, 20, 64))
    assert centred_cka(one[0], other[0]) > 0.6, "the usual estimate"
    assert abs(cka(one, other).mean()) < 0.1


def test_a_rotated_moved_and_scaled_copy_is_the_same_and_widths_may_differ() -> None:
    one = DRAW.normal(size=(1, 30, 6))
    turn = np.linalg.qr(DRAW.normal(size=(6, 6)))[0]
    wide = np.concatenate([one @ turn * 1e3 + 5, np.zeros((1, 30, 3))], -1)
    assert cka(one, wide)[0, 0] == pytest.approx(1)
    assert cka(one.astype(np.float32), wide.astype(np.float32))[0, 0] == pytest.approx(1, abs=1e-4)
    assert cka(one, one)[0, 0] == pytest.approx(1)


def test_batches_are_averaged_before_the_division() -> None:
    one, other = DRAW.normal(size=(1, 40, 5)), DRAW.normal(size=(1, 40, 4))
    other[..., :2] += one[..., :2]
    sums, parts = Cka(), [(one[:, :25], other[:, :25]), (one[:, 25:], other[:, 25:])]
    for x, y in parts:
        x, y = x / np.abs(x - x.mean(1)).max(), y / np.abs(y - y.mean(1)).max()
        sums.add(x, y)
    whole = sums.value()[0, 0]
    assert -1 <= whole <= 1
    assert min(cka(*part)[0, 0] for part in parts) <= whole <= max(cka(*part)[0, 0] for part in parts)


def test_a_layer_that_says_the_same_of_every_token_is_like_nothing() -> None:
    one = np.stack([np.full((10, 3), 0.1), DRAW.normal(size=(10, 3))]).astype(np.float32)
    found = cka(one, one)
    assert np.isnan(found[0]).all()
    assert found[1, 1] == pytest.approx(1)


# Runs


def test_a_run_is_compared_with_itself_and_with_another_of_other_width(tmp_path: Path) -> None:
    one = Look(untrained_run(tmp_path / "one", small_config("dates", "cycle:2")))
    other = Look(untrained_run(tmp_path / "other", small_config("dates", "all", d_model=24, num_layers=2)), loops=3)
    itself = likeness_of_runs(one, None, "cka", stack="encoder")
    assert itself.values.shape == (5, 5)
    np.testing.assert_allclose(np.diag(itself.values), 1, atol=1e-5)
    np.testing.assert_allclose(itself.values, itself.values.T, atol=1e-5)
    for stack in ("encoder", "decoder"):
        between = likeness_of_runs(one, other, "cka", stack=stack)
        assert between.values.shape == (5, 4)
        assert between.columns.loops == (1, 2, 3)
        assert between.examples == 64
        assert 500 < between.vectors <= 64 * 32
    one, other = (replace(look, text="July 20, 1969") for look in (one, other))
    with pytest.raises(ConfigError, match=r"widths 16 and 24\. Compare by CKA"):
        likeness_of_runs(one, other, "cosine", stack="encoder")
    with pytest.raises(ConfigError, match="decoders read different answers"):
        likeness_of_runs(one, other, "cosine", stack="decoder")


def test_a_cosine_is_of_the_one_input_and_its_diagonal_is_1() -> None:
    one, other = Look(SAMPLES / "sample-hops-3-all-0", HOPS), Look(SAMPLES / "sample-hops-3-none-0", HOPS)
    itself = likeness_of_runs(one, None, "cosine", stack="decoder")
    np.testing.assert_allclose(np.diag(itself.values), 1, atol=1e-6)
    assert (itself.vectors, itself.examples) == (16, 1)
    assert likeness_of_runs(one, other, "cosine", stack="decoder").values.shape == (4, 4)
    without = Look(one.folder, HOPS, left_out=("decoder.0",))
    same = likeness_of_runs(without, None, "cosine", stack="decoder").values
    assert same[0, 1] == pytest.approx(1), "a layer that is left out hands its input on"
    patched = Look(one.folder, HOPS, patching=Patching(("decoder.0=decoder.2",)))
    changed = likeness_of_runs(patched, one, "cosine", stack="decoder").values
    assert changed[1, 3] == pytest.approx(1), "the state that was put in is that of the last layer"
    with pytest.raises(ConfigError, match="Remove the patches"):
        likeness_of_runs(patched, None, "cka", stack="decoder")


def test_runs_that_read_other_tokens_are_not_compared(tmp_path: Path) -> None:
    looks = []
    for difficulty in (3, 4):
        given = {"data": {"task": "sums", "difficulty": difficulty}, "model": SIZES}
        looks.append(Look(untrained_run(tmp_path / str(difficulty), resolve(build_config(given)).config)))
    with pytest.raises(ConfigError, match="These two were trained on different data"):
        likeness_of_runs(*looks, "cka", stack="decoder")
