"""What Compare says of runs that are not matched: forks, early ends, other versions, other seeds. And at what cost."""

import json
import os
import struct

import pytest
from page_reading import tables
from recorded_runs import mark, record
from safetensors.numpy import save_file

from app.compare.differences import found_differences
from clps_core.jobs import keeping
from clps_core.jobs.ancestry import ancestry
from clps_core.jobs.forks import forked_config
from clps_core.jobs.provenance import HEADER_KEY
from clps_core.store.designs import design_of
from clps_core.store.records import new_id


def weights(store, run, which, step, **facts):
    """A checkpoint of ``run`` whose header says ``facts``; what it holds does not matter here."""
    import numpy as np

    path = keeping.weights_file(store, run.id, which)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"facts": {"format": 1, "step": step, **facts}, "checksum": 0}
    save_file({"model.x": np.zeros(3, np.float32)}, path, metadata={HEADER_KEY: json.dumps(header)})


def fork(store, parent, which="last", **changes):
    """Queue a fork as ``service.fork`` does, and say that it has trained as long as its config asks."""
    new = new_id()
    keeping.bring_weights(store, parent, which, new)
    config = forked_config(parent, changes).config
    store.create_comparison("fork", [config], parent_id=parent.id, start_from=which, run_ids=[new])
    (run,) = store.some_runs([new])
    mark(store, run, status="finished", step=run.steps, seconds=20.0)
    return store.run(new)


@pytest.fixture
def parent(store):
    (run,) = record(store, ["all"])
    weights(store, run, "last", 120, seconds=12.0)
    weights(store, run, "best", 60)
    return run


def test_the_header_has_the_name_that_checkpoints_give_it():
    from clps_core.training import checkpoint

    assert checkpoint.HEADER_KEY == HEADER_KEY


def test_a_fork_is_not_matched_with_its_parent_and_what_differs_is_named(store, parent):
    child = fork(store, parent)
    found = found_differences(store, [parent, child])
    assert "Matched" not in found.label
    assert "initial weights" in found.label
    assert "earlier training" in found.label
    (sentence,) = found.sentences
    assert f"last weights of {parent.name} ({parent.id})".replace("(", r"\(").replace(")", r"\)") in sentence
    assert "at step 120." in sentence
    assert "Trained before: 120 steps in 12s" in sentence


def test_the_best_weights_were_trained_for_as_long_as_their_evaluation_says(store, parent):
    tree = ancestry(store, fork(store, parent, "best"))
    assert (tree.steps, tree.seconds, tree.whole) == (60, 6.0, True)


def test_a_fork_of_a_fork_costs_what_both_trained_before(store, parent):
    child = fork(store, parent)
    weights(store, child, "last", 200, seconds=20.0)
    tree = ancestry(store, fork(store, child))
    assert (tree.steps, tree.seconds, tree.whole) == (320, 32.0, True)
    assert [stage.run.id for stage in tree.stages] == [child.id, parent.id]


def test_the_table_s_costs_include_what_was_trained_before(open_page, store, parent):
    child = fork(store, parent)
    test = open_page("compare", runs=f"{parent.id},{child.id}")
    assert not test.exception
    assert ">320 (120 before)</td>" in tables(test)
    assert ">32s (12s before)</td>" in tables(test)
    assert not any("Matched" in one.label for one in test.expander)


def test_what_is_not_known_any_more_is_not_left_out_in_silence(open_page, store, parent):
    child = fork(store, parent)
    keeping.weights_file(store, child.id, keeping.START).unlink()
    tree = ancestry(store, child)
    assert (tree.steps, tree.whole) == (0, False)
    (sentence,) = found_differences(store, [parent, child]).sentences
    assert "The rest is no longer known" in sentence
    test = open_page("compare", runs=f"{parent.id},{child.id}")
    assert ">more than 200</td>" in tables(test)


def test_forks_of_deleted_parents_are_not_taken_for_seeds_of_one_design(store):
    children = []
    for _which in range(2):
        (run,) = record(store, ["all"])
        weights(store, run, "last", 120, seconds=12.0)
        children.append(fork(store, run))
        store.forget_run(run.id)
    one, other = store.some_runs(child.id for child in children)
    assert one.parent_id is None
    assert design_of(one) != design_of(other)
    assert ancestry(store, one).steps == 120


@pytest.mark.parametrize("kind", ["pipe", "link", "header", "nesting"])
def test_an_odd_file_in_the_place_of_the_weights_says_nothing(store, parent, kind, tmp_path):
    child = fork(store, parent)
    path = keeping.weights_file(store, child.id, keeping.START)
    path.rename(tmp_path / "elsewhere")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "header":
        path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    else:
        path.write_bytes(struct.pack("<Q", 200_000) + b"[" * 200_000)
    assert ancestry(store, child).whole is False


def test_runs_that_ended_early_are_named(store):
    runs = record(store, ["none", "all"])
    mark(store, runs[1], step=40)
    found = found_differences(store, store.some_runs(run.id for run in runs))
    assert found.label == "1 difference besides strategy and seed: end of training"
    assert found.table["end of training"] == ["completed", "ended early at step 40 of 200"]


def test_other_versions_data_and_devices_are_named(store):
    runs = record(store, ["none", "all"])
    for run, torch, device in zip(runs, ("2.12", "2.13"), ("cpu", "cuda"), strict=True):
        folder = store.run_folder(run.id)
        folder.mkdir(parents=True)
        (folder / "versions.json").write_text(json.dumps({"torch": torch, "data": "same", "clps": "1"}))
        (folder / "plan.json").write_text(json.dumps({"device": device, "precision": "fp32", "threads": 1}))
    assert found_differences(store, runs).others == ("version of torch", "device")


def test_designs_with_other_seeds_are_not_matched(store):
    runs = record(store, ["none"], [0, 1]) + record(store, ["all"], [0])
    assert "the seeds of each design" in found_differences(store, runs).others
    assert found_differences(store, record(store, ["none", "all"], [0, 1])).label == (
        "Matched: nothing differs except strategy and seed"
    )


def test_runs_that_differ_in_less_are_said_to(store):
    assert found_differences(store, record(store, ["none", "all"])).label == "Matched: nothing differs except strategy"
    assert found_differences(store, record(store, ["none"])).label == "Matched: all settings of the runs are equal"
