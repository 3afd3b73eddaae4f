"""Maps as they are shown: put together and compared layer by layer, held against all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core import layer_maps as layers_module
from clps_core import maps as maps_module
from clps_core.analysis import maps as analysis_maps
from clps_core.analysis.capture import capture, maps_read_by
from clps_core.analysis.heads import Summariser
from clps_core.analysis.maps import MapsKept, rolled_out, total_variation
from clps_core.analysis.similarity import similarity_to_first
from clps_core.analysis.thumbnails import max_pooled, thumbnail_side
from clps_core.errors import ConfigError, DataError
from clps_core.heads import heads_of_run
from clps_core.inspection import inspect_run, quantised
from clps_core.layer_maps import maps_of_layers
from clps_core.look import Look
from clps_core.maps import RunMaps, apart_in_layers, apart_in_runs, maps_of_run
from clps_core.patching import Patching

TEXT, OPTIONS = "May 3", {"language": "de"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run"), small_config())


@pytest.fixture(scope="module")
def look(folder: Path) -> Look:
    return Look(folder, TEXT, OPTIONS)


@pytest.fixture(scope="module")
def attention(folder: Path) -> dict[str, np.ndarray]:
    return dict(inspect_run(Look(folder, TEXT, options=OPTIONS)).attention)


def shown(found: RunMaps) -> np.ndarray:
    """[row, column, query, key], of maps that are all in full."""
    assert found.full_at == tuple(range(found.rows * found.columns))
    return found.full.reshape(found.rows, found.columns, *found.full.shape[1:])


def differences(found: RunMaps) -> np.ndarray:
    return (shown(found).astype(float) - 128) / 127 * found.scale


def test_rollout_of_attention_to_oneself_is_the_identity_and_its_rows_sum_to_one() -> None:
    own = torch.eye(5).expand(2, 5, 5)
    np.testing.assert_array_equal(rolled_out(rolled_out(None, own), own), np.eye(5))
    maps = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(5), (3, 2, 5))).float()
    rolled, expected = None, np.eye(5)
    for layer in maps:
        rolled = rolled_out(rolled, layer)
        expected = (0.5 * layer.numpy().mean(0) + 0.5 * np.eye(5)) @ expected
    assert rolled is not None
    np.testing.assert_allclose(rolled, expected, rtol=1e-5)
    np.testing.assert_allclose(rolled.sum(-1), 1, rtol=1e-5)


PUT_TOGETHER: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "heads": lambda one: one,
    "mean_heads": lambda one: one.mean(1, keepdims=True),
    "max_heads": lambda one: one.max(1, keepdims=True),
    "mean_layers": lambda one: one.mean(0, keepdims=True),
    "max_layers": lambda one: one.max(0, keepdims=True),
}


@pytest.mark.parametrize("how", PUT_TOGETHER)
def test_maps_are_put_together_as_all_of_them_at_once_would_be(
    look: Look, attention: dict[str, np.ndarray], how: str
) -> None:
    found = maps_of_run(look, "cross", how)
    expected = PUT_TOGETHER[how](attention["cross"])
    assert shown(found).shape == expected.shape
    assert np.abs(shown(found).astype(int) - quantised(expected)).max() <= 1
    if not how.startswith("max"):
        np.testing.assert_allclose(shown(found).sum(-1) / 255, 1, atol=found.full.shape[-1] / 510)
    assert found.layers == (() if how.endswith("layers") else (0, 1, 2, 3))
    one = maps_of_run(look, "cross", how, at=(found.rows - 1, found.columns - 1))
    np.testing.assert_array_equal(one.full[0], shown(found)[-1, -1])
    assert one.full_at == (found.full_at[-1],)


CHANGED = ("encoder.0<>encoder.1", "decoder.0.attention.1")
PATCHING = Patching(("decoder.2.attention=decoder.1.attention", "encoder.2=encoder.1"))


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_maps_heads_and_differences_are_those_of_the_model_as_it_is_changed(look: Look, kind: str) -> None:
    look = replace(look, target_text="Montag")
    changed = replace(look, left_out=CHANGED, patching=PATCHING)
    whole, found = inspect_run(look), inspect_run(changed)
    expected = found.attention[kind]
    assert np.abs(expected - whole.attention[kind]).max() > 1e-3
    maps = maps_of_run(changed, kind)
    np.testing.assert_array_equal(shown(maps), quantised(expected))
    assert maps.groups == found.groups[kind]
    np.testing.assert_array_equal(shown(maps_of_run(changed, kind, exact=True)), expected)
    between = apart_in_runs(changed, look, kind, exact=True)
    np.testing.assert_array_equal(shown(between), expected - whole.attention[kind])
    sums = Summariser(causal=kind == "decoder", aligned=kind != "cross")
    for layer, weights in enumerate(torch.from_numpy(expected)):
        sums(layer, weights)
    np.testing.assert_allclose(heads_of_run(changed, kind).measures["entropy"], sums.measures["entropy"], rtol=1e-6)

    without_maps = inspect_run(changed, attention=False)
    assert (without_maps.attention, without_maps.effect, without_maps.groups) == ({}, found.effect, found.groups)


def test_very_many_weights_are_exact_for_the_chosen_map_alone(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_maps, "MOST_EXACT", 10)
    found = maps_of_run(look, "encoder", at=(2, 1), exact=True)
    expected = inspect_run(Look(look.folder, TEXT, options=OPTIONS)).attention["encoder"]
    assert found.full_at == (2 * found.columns + 1,)
    np.testing.assert_array_equal(found.full[0], expected[2, 1])


def test_rollout_goes_through_every_execution(look: Look, attention: dict[str, np.ndarray]) -> None:
    rolled = np.eye(attention["encoder"].shape[-1])
    found = shown(maps_of_run(look, "encoder", "rollout"))
    for layer, maps in enumerate(attention["encoder"]):
        rolled = (0.5 * maps.mean(0) + 0.5 * np.eye(len(rolled))) @ rolled
        assert np.abs(found[layer, 0].astype(int) - quantised(rolled)).max() <= 1
    with pytest.raises(ConfigError, match="self-attention"):
        maps_of_run(look, "cross", "rollout")


def test_two_layers_differ_by_what_one_has_more(look: Look, attention: dict[str, np.ndarray]) -> None:
    weights = attention["decoder"]
    for first, others in ((0, (2, 3)), (3, (1,))):
        found = apart_in_layers(look, "decoder", (first, *others))
        expected = weights[list(others)] - weights[[first]]
        assert found.layers == others
        assert found.scale == pytest.approx(np.abs(expected).max())
        np.testing.assert_allclose(differences(found), expected, atol=found.scale / 250)
        halved = np.abs(expected[:, :, 1:]).sum(-1).mean(-1) / 2
        np.testing.assert_allclose(found.values, halved, rtol=1e-5)
    with pytest.raises(ConfigError, match="two or more different ones"):
        apart_in_layers(look, "decoder", (1, 9))


@pytest.mark.parametrize("kept", [1, 100 << 20])
def test_two_runs_differ_layer_by_layer_however_few_are_kept_at_once(
    look: Look, attention: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(maps_module, "KEPT_BYTES", kept)
    folder = untrained_run(tmp_path, small_config(strategy="none"))
    found = apart_in_runs(look, Look(folder, TEXT, OPTIONS), "encoder")
    expected = attention["encoder"] - inspect_run(Look(folder, TEXT, options=OPTIONS)).attention["encoder"]
    np.testing.assert_allclose(differences(found), expected, atol=found.scale / 250 + 1e-3 * (kept == 1))
    same = apart_in_runs(look, look, "cross")
    assert (shown(same) == 128).all()
    assert not same.values.any()


def test_runs_that_cannot_be_laid_over_each_other_are_refused_in_a_sentence(look: Look, tmp_path: Path) -> None:
    flat = untrained_run(tmp_path / "flat", small_config(num_layers=2))
    with pytest.raises(ConfigError, match="the same number of layers"):
        apart_in_runs(look, Look(flat, TEXT, OPTIONS), "encoder")
    wide = untrained_run(tmp_path / "wide", small_config(num_heads=4))
    with pytest.raises(ConfigError, match="the same number of heads"):
        apart_in_runs(look, Look(wide, TEXT, OPTIONS), "encoder")
    with pytest.raises(DataError, match="read the same tokens"):
        apart_in_runs(look, Look(look.folder, "May 4", OPTIONS), "encoder")


def test_long_maps_come_small_and_one_of_them_in_full() -> None:
    maps = torch.rand(2, 100, 100)
    kept = MapsKept(40)
    for row in range(40):
        kept.put(row, maps)
    assert kept.full_at == ()
    np.testing.assert_array_equal(kept.small[3, 1], quantised(max_pooled(maps[1].numpy())))
    one = MapsKept(40, at=(7, 1))
    for row in range(40):
        one.put(row, maps * (row / 40))
    assert one.small.size == 0
    np.testing.assert_array_equal(one.full[0], quantised(maps[1].numpy() * (7 / 40)))


def test_an_overview_of_the_largest_model_and_one_head_stay_below_2_mb() -> None:
    for heads in (1, 16, 24 * 16):
        assert heads * thumbnail_side(heads) ** 2 + 1024**2 < 1.95e6


def test_a_thumbnail_of_differences_keeps_the_largest_of_either_sign() -> None:
    maps = np.zeros((1, 100, 100), np.float32)
    maps[0, 3, 3], maps[0, 3, 2], maps[0, 90, 90] = -0.5, 0.4, 0.3
    small = max_pooled(maps, 10, signed=True)
    assert (small[0, 0, 0], small[0, 9, 9]) == (np.float32(-0.5), np.float32(0.3))


def test_total_variation_of_disjoint_rows_is_one() -> None:
    one, other = torch.eye(4)[None], torch.eye(4).roll(1, 1)[None]
    assert total_variation(one - other, causal=False).tolist() == [1]
    assert total_variation(one - one, causal=True).tolist() == [0]


def test_a_capture_whose_maps_are_read_keeps_none_of_them() -> None:
    from tiny_models import batch_for, tiny

    model = tiny("cycle:2", family="encoder", num_layers=3)
    batch = {name: tensor[:1] for name, tensor in batch_for(model).items()}
    told: list[tuple[str, int, np.ndarray]] = []
    with maps_read_by(lambda kind, layer, maps: told.append((kind, layer, maps.numpy()))):
        found = capture(model, **batch)
    whole = capture(model, **batch)
    assert found.attention == {}
    assert [one[:2] for one in told] == [("encoder", 0), ("encoder", 1), ("encoder", 2)]
    np.testing.assert_array_equal(np.stack([one[2] for one in told]), whole.attention["encoder"])
    np.testing.assert_array_equal(found.logits, whole.logits)


@pytest.mark.parametrize("kind", ["cross", "decoder"])
def test_layers_beside_each_other_are_as_alike_as_all_maps_at_once_say(
    look: Look, attention: dict[str, np.ndarray], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = (1, 3)
    found = maps_of_layers(look, kind, layers)
    expected = similarity_to_first(attention[kind], layers, causal=kind == "decoder")
    np.testing.assert_allclose(found.similarities, expected, atol=1e-9)
    assert (found.similarities[0] == 1).all(), "the first is itself"
    assert found.heads == (0, 1)
    np.testing.assert_array_equal(found.weights, quantised(attention[kind][list(layers)]))
    one = maps_of_layers(look, kind, layers, head=1)
    assert (one.heads, one.similarities.shape) == ((1,), (0, 0))
    np.testing.assert_array_equal(one.weights, found.weights[:, 1:])
    exact = maps_of_layers(look, kind, layers, head=1, exact=True)
    assert exact.heads == (0, 1), "few enough for one file"
    np.testing.assert_array_equal(exact.weights, attention[kind][list(layers)])
    monkeypatch.setattr(layers_module, "FULL_LIMIT", 1)
    monkeypatch.setattr(layers_module, "MOST_EXACT", 1)
    long = maps_of_layers(look, kind, layers)
    assert long.heads == ()
    assert long.weights.size == 0
    np.testing.assert_array_equal(long.similarities, found.similarities)
    exact = maps_of_layers(look, kind, layers, head=1, exact=True)
    np.testing.assert_array_equal(exact.weights, attention[kind][list(layers), 1:])


@pytest.mark.parametrize(("layers", "head"), [((), None), ((0, 4), None), ((2, 1), None), ((1, 1), None), ((0,), 2)])
def test_layers_and_heads_that_there_are_not_are_refused(look: Look, layers: tuple[int, ...], head: int | None) -> None:
    with pytest.raises(ConfigError, match=r"must be .* Got"):
        maps_of_layers(look, "cross", layers, head=head)
