"""A run of learned queries, looked into in every way: what it found, its attention, lens, states, ties, patches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from untrained_runs import small_config, sure_of_boxes, untrained_run

from clps_core.ablation import ablate
from clps_core.errors import DataError
from clps_core.heads import heads_of_run
from clps_core.inspection import inspect_run
from clps_core.layer_maps import maps_of_layers
from clps_core.lens import lens_of_run
from clps_core.likeness import likeness_of_runs
from clps_core.look import Look
from clps_core.maps import apart_in_layers, maps_of_run
from clps_core.moves import moves_of_run
from clps_core.patching import Patching
from clps_core.predicting import Prediction, predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import count_classes
from clps_core.serving.packing import packed, unpacked
from clps_core.tie import tie_of_run
from clps_core.tracing import trace_of_run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = small_config("objects", "cycle:2", num_layers=2, dropout=0.0)
    config = config.model_copy(
        update={"train": config.train.model_copy(update={"eval_examples": 8, "test_examples": 8})}
    )
    return untrained_run(tmp_path_factory.mktemp("home") / "run", config, plant=sure_of_boxes)


@pytest.fixture(scope="module")
def look(folder: Path) -> Look:
    return Look(folder, "17")


def test_an_answer_is_its_boxes_and_goes_through_the_frame_of_another_process(folder: Path) -> None:
    (said,) = predict(folder, ["17"])
    assert said.found
    assert said.answer == " ".join(sorted(one.label for one in said.found))
    chances = [one.probability for one in said.found]
    assert chances == sorted(chances, reverse=True)
    assert said.right_answer == " ".join(sorted(one.label for one in said.wanted))
    assert all(one.query is None for one in said.wanted)
    assert len({one.query for one in said.found}) == len(said.found) <= 8
    assert said.image is not None
    assert said.image.shape == (32, 32)
    again = unpacked(Prediction, packed(said))
    assert (again.found, again.wanted) == (said.found, said.wanted)
    with pytest.raises(DataError, match="the number of a test picture must be from 0 to 999"):
        predict(folder, ["a picture"])
    rows = list(predict_split(folder, "validation", 3))
    assert [row.number for row in rows] == [0, 1, 2]
    assert all(row.reference for row in rows)
    with pytest.raises(DataError):
        count_classes(folder)


def test_attention_has_queries_on_one_side_and_patches_on_the_other(look: Look) -> None:
    seen = inspect_run(look)
    assert (seen.target, len(seen.target_labels)) == ("queries", 8)
    sides = {kind: tuple(len(side) for side in seen.labels(kind)) for kind in seen.kinds}
    assert sides == {"encoder": (64, 64), "decoder": (8, 8), "cross": (8, 64)}
    assert [seen.patches(kind) is not None for kind in ("encoder", "decoder", "cross")] == [True, False, True]
    assert not any(seen.is_causal(kind) for kind in sides)
    for kind, (queries, keys) in sides.items():
        assert maps_of_run(look, kind).full.shape[-2:] == (queries, keys)
        assert heads_of_run(look, kind).counted == queries
    assert apart_in_layers(look, "decoder", [0, 1]).full.shape[-2:] == (8, 8)
    assert maps_of_layers(look, "decoder", [0, 1]).similarities.shape[0] == 2


def test_lens_states_and_traces_read_queries(look: Look) -> None:
    lens = lens_of_run(look)
    assert (lens.positions, lens.wanted_is) == (inspect_run(look).target_labels, "own")
    assert set(lens.names) <= {*map(str, range(10)), "no object"}
    assert len(moves_of_run(look, stack="decoder").positions) == 8
    trace = trace_of_run(look, stack="decoder", layer=0, head=0, position=0)
    assert trace.seen.sum() == 8
    np.testing.assert_allclose(trace.weights.sum(), 1, atol=1e-5)
    assert likeness_of_runs(look, None, "cka", stack="decoder").values.shape == (3, 3)


def test_a_tie_adds_up_and_changes_have_their_effect(look: Look, folder: Path) -> None:
    proof = tie_of_run(look, site="decoder.0.q")
    assert proof.aim == "right"
    assert proof.difference <= 1e-9 * max(1.0, proof.largest)
    assert proof.labels == len(inspect_run(look).wanted)
    changed = inspect_run(Look(folder, "17", left_out=("decoder.0.attention",)))
    assert changed.effect is not None
    assert changed.effect.positions == 8
    patched = inspect_run(Look(folder, "17", patching=Patching(("decoder.1[3:2]=decoder.1",), text="18")))
    assert patched.effect is not None
    found = ablate(folder, examples=4)
    assert found.whole["ap50"] >= 0
