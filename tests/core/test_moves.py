"""How states move through layers and loops: planted states, planted models, and runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import batch_for, shaken, tiny
from untrained_runs import small_config, untrained_run

from clps_core.analysis.capture import capture
from clps_core.analysis.convergence import Convergence, convergence
from clps_core.analysis.movement import cosines, movement, on_a_plane, remaining, turns
from clps_core.errors import ConfigError
from clps_core.look import Look
from clps_core.moves import MOST_PATHS, moves_of_run
from clps_core.sharing import Execution

SAMPLES = Path(__file__).parents[2] / "clps_core" / "samples" / "runs"
HOPS = "3 1 7 0 2 6 4 5"


def line(*places: tuple[float, float]) -> np.ndarray:
    """States [R + 1, 1, 2] of one position."""
    return np.array(places)[:, None]


def read(*places: tuple[float, float]) -> Convergence:
    return convergence(line(*places))


# States


def test_updates_in_one_direction_have_cosine_1_and_back_again_minus_1() -> None:
    states = line((0, 0), (1, 0), (3, 0), (2, 0), (2, 0), (2, 4))
    assert turns(states[:-1], states[1:]) == pytest.approx((1.0, -1.0, None, None))


def test_what_remains_is_in_lengths_of_the_last_state() -> None:
    states = np.array([[[3.0, 4.0], [1.0, 1.0]], [[0.0, 4.0], [5.0, 0.0]], [[0.0, 2.0], [0.0, 0.0]]])
    assert remaining(states) == pytest.approx(((13**0.5 / 2 + 0) / 2, 0.5, 0.0))


def test_a_cosine_is_of_one_position_and_a_state_of_length_zero_has_none() -> None:
    one = np.array([[[1.0, 0.0], [0.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
    other = np.array([[[3.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]])
    found = cosines(one, other)
    np.testing.assert_allclose(found[0], [0.5, 0.5**0.5])
    assert np.isnan(found[1]).all()


def test_a_plane_keeps_the_distances_of_states_that_lie_on_one() -> None:
    draw = np.random.default_rng(0)
    flat, axes = draw.normal(size=(4, 3, 2)), np.linalg.qr(draw.normal(size=(9, 2)))[0]
    found = on_a_plane(flat @ axes.T + 7.0)
    assert sum(found.shares) == pytest.approx(1.0)
    assert found.shares[0] >= found.shares[1]
    points, wanted = found.points.reshape(-1, 2), flat.reshape(-1, 2)
    np.testing.assert_allclose(
        np.linalg.norm(points[:, None] - points, axis=-1), np.linalg.norm(wanted[:, None] - wanted, axis=-1), atol=1e-9
    )
    assert ((found.points[-1] - found.points[0]).sum(0) >= 0).all(), "a path ends to the right and above"


@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 1, 4), (2, 3, 1)])
def test_equal_or_narrow_states_have_a_plane_too(shape: tuple[int, ...]) -> None:
    found = on_a_plane(np.ones(shape))
    assert found.points.shape == (*shape[:2], 2)
    assert found.shares == (0.0, 0.0)
    assert not found.points.any()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_layer_that_adds_nothing_moves_nothing(norm: str) -> None:
    model = shaken(tiny("none", family="decoder", num_layers=3, norm_position=norm, final_norm=False))
    for component in ("o", "ffn_out"):
        slot = model.map.slot("decoder", 1, component)
        assert slot is not None
        with torch.no_grad():
            for parameter in model.bank[slot].parameters():
                parameter.zero_()
    batch = {name: tensor[:1] for name, tensor in batch_for(model).items() if name != "input_mask"}
    found = capture(model, **batch)
    moved = movement(found.hidden["decoder"][:-1], found.outputs["decoder"], (0, 1, 2))
    if norm == "pre":
        assert moved.distance[1] == 0.0
        assert turns(found.hidden["decoder"][:-1], found.outputs["decoder"]) == (None, None)
    assert moved.distance[0] > 0.1
    assert moved.distance[2] > 0.1


# Loops


def test_steps_that_halve_get_smaller() -> None:
    found = read((0, 0), (8, 0), (12, 0), (14, 0), (15, 0))
    assert found.reading == "shrinks"
    assert found.ratios == pytest.approx((0.5, 0.5, 0.5))
    assert found.rate == pytest.approx(0.5)
    assert found.turns == pytest.approx((1.0, 1.0, 1.0))
    assert found.relative == pytest.approx((1.0, 4 / 12, 2 / 14, 1 / 15))
    assert (found.smaller, found.positions, found.returns) == (1, 1, None)


def test_a_spiral_inwards_gets_smaller_although_it_turns() -> None:
    angle = np.exp(1j * np.arange(9) * np.pi / 2) * 0.7 ** np.arange(9)
    found = convergence(np.stack([angle.real, angle.imag], -1)[:, None])
    assert found.reading == "shrinks"
    assert found.turns == pytest.approx((0.0,) * 7, abs=1e-9)


@pytest.mark.parametrize("per_turn", [2, 3, 4, 7])
def test_a_state_that_circles_comes_back(per_turn: int) -> None:
    angles = np.arange(2 * per_turn + 1) * 2 * np.pi / per_turn
    found = convergence(np.stack([np.cos(angles), np.sin(angles)], -1)[:, None])
    assert found.reading == "circles"
    assert found.returns == (per_turn, 0)


def test_steps_that_double_get_larger_and_equal_ones_drift() -> None:
    assert read((0, 0), (1, 0), (3, 0), (7, 0)).reading == "grows"
    drift = read((1, 5), (2, 5), (3, 5), (4, 5))
    assert drift.reading == "drifts"
    assert drift.degrees[-1] == pytest.approx(np.degrees(np.arctan2(4, 5) - np.arctan2(3, 5)))
    assert read((0, 0), (1, 0), (1, 1), (2, 1)).reading == "unsteady", "equal steps, but another way each time"
    assert read((0, 0), (4, 0), (5, 0), (8, 0), (9, 0)).reading == "unsteady"


def test_one_loop_says_nothing_and_a_state_that_stands_still_is_told() -> None:
    assert read((0, 0), (1, 0)).reading == "alone"
    still = read((3, 4), (3, 4), (3, 4))
    assert (still.reading, still.ratios, still.turns, still.rate) == ("still", (None,), (None,), None)
    stops = read((0, 0), (4, 0), (5, 0), (5, 0), (5, 0))
    assert (stops.reading, stops.rate) == ("shrinks", None)
    assert read((5, 0), (5, 0), (9, 0)).reading == "unsteady", "it began to move late"


def test_executed_positions_know_their_loop() -> None:
    assert Execution(5, (1, 2, 0)).loop_numbers() == (0, 1, 1, 2, 2)
    assert Execution(5, (1, 1, 1)).loop_numbers(4) == (0, 1, 2, 3, 4, 0)
    assert Execution(3).loop_numbers() == (0, 0, 0)


# Runs


def test_a_looped_run_is_followed_through_more_loops_than_it_has_layers() -> None:
    found = moves_of_run(Look(SAMPLES / "sample-hops-3-all-0", HOPS, loops=8), stack="decoder", positions=[2, 2, 99, 0])
    assert found.ran.loops == tuple(range(1, 9))
    assert found.ran.groups == (0,) * 8
    assert found.drawn == (2, 0)
    assert found.points.shape == (9, 2, 2)
    assert (len(found.turns), len(found.remaining), found.remaining[-1]) == (7, 9, 0.0)
    assert found.loop is not None
    np.testing.assert_allclose(found.loop.steps, found.movement.distance, rtol=1e-5)


def test_both_stacks_can_be_followed_and_no_other(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", small_config("dates", "cycle:2"))
    for stack in ("encoder", "decoder"):
        found = moves_of_run(Look(folder, "July 20, 1969", target_text="Sonntag"), stack=stack)
        assert (found.ran.layers, found.ran.loops, found.ran.groups) == ((0, 1, 2, 3), (1, 1, 2, 2), (0, 1, 0, 1))
        assert found.loop is not None
        assert len(found.loop.steps) == 2, "two loops of two layers"
        assert len(found.drawn) == MOST_PATHS
    assert found.positions == ("<bos>", *"Sonntag")
    with pytest.raises(ConfigError, match=r"encoder, decoder\. Got middle"):
        moves_of_run(Look(folder, "July 20, 1969"), stack="middle")
    alone = moves_of_run(Look(SAMPLES / "sample-hops-3-none-0", HOPS), stack="decoder")
    assert alone.loop is None
