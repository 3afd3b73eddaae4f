"""A fork is derived in one place: what differs from its parent, and what was spent before it began."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from clps_core.analysis.steps import operations_per_step, tokens_per_step
from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError, JobError
from clps_core.jobs import service
from clps_core.jobs.ancestry import Ancestry, ancestry, ancestry_text, as_plain
from clps_core.jobs.desk import Desk
from clps_core.jobs.forks import change_lines, derive_fork
from clps_core.jobs.keeping import weights_file
from clps_core.jobs.processes import SupervisorLock
from clps_core.jobs.training_on import rate_sentence
from clps_core.policy import Policy
from clps_core.store import Point, Run, Store, metrics, open_store, schema

STORES = Path(__file__).parent.parent / "fixtures" / "stores"


@pytest.fixture(autouse=True)
def _nobody_works(store: Store) -> Any:
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield
    lock.release()


def trained(store: Store, run: Run | None = None, *, best: int = 150, last: int = 600, **given: Any) -> Run:
    """A finished run of 600 steps (or ``run``, made one), ten steps a second, with two kinds of weights."""
    if run is None:
        config = resolve(build_config({"data": {"task": "dates"}, "sharing": {"strategy": "all"}, **given})).config
        (run,) = store.runs(comparison=store.create_comparison("parent", [config]))
    points = [Point(run.id, "validation", "loss", step, 1.0, step / 10) for step in range(0, last + 1, 50)]
    with store.writing() as connection:
        metrics.append(connection, run.id, points)
        changed = {"status": "finished", "step": last, "seconds": last / 10}
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(changed))
        for which, step in {"best": best, "last": last}.items():
            note = {"run_id": run.id, "kind": which, "step": step, "path": f"checkpoints/{which}.safetensors"}
            connection.execute(schema.artefact.insert().values(note))
    for which in ("best", "last"):
        path = weights_file(store, run.id, which)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    return store.run(run.id)


def test_a_short_fork_warms_up_for_a_tenth_of_its_steps_and_says_so(store: Store) -> None:
    derived = derive_fork(store, trained(store).id, {"train": {"steps": 30}})
    assert [change[:3] for change in derived.changes] == [
        ("optim.warmup_steps", 60, 3),
        ("train.steps", 600, 30),
    ]
    assert change_lines(derived) == [
        "optim.warmup_steps: 60 → 3 (a tenth of the steps)",
        "train.steps: 600 → 30",
    ]


def test_the_desk_queues_the_fork_that_the_engine_derives(store: Store) -> None:
    parent, changes = trained(store), {"train": {"steps": 30}}
    desk = Desk(store, Policy(), None)
    derived = desk.derive_fork(parent.id, changes)
    fork = desk.fork(parent.id, changes, name="Short")
    assert fork.config == derived.config == service.fork(store, parent.id, changes).config
    assert (fork.config.train.steps, fork.config.optim.warmup_steps, fork.name) == (30, 3, "Short")


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        ({"seed": 0, "train": {"steps": 600}}, []),
        ({"train": {"steps": 1200}}, ["train.steps: 600 → 1200"]),
        (
            {"train": {"steps": 30}, "optim": {"warmup_steps": 5}},
            ["optim.warmup_steps: 60 → 5", "train.steps: 600 → 30"],
        ),
        ({"train": {"patience": 4}, "seed": 7}, ["train.patience: not set → 4", "seed: 0 → 7"]),
        ({"data": {"seed": 1}}, ["data.seed: 0 → 1"]),
    ],
)
def test_the_changes_are_all_that_differs(store: Store, changes: dict[str, Any], lines: list[str]) -> None:
    derived = derive_fork(store, trained(store).id, changes)
    assert change_lines(derived) == lines
    assert (derived.config == derived.parent.config) == (not lines)


def test_a_warm_up_that_was_asked_for_and_does_not_fit_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"warmup_steps must be at most steps \(30\)\. Got 40"):
        derive_fork(store, trained(store).id, {"train": {"steps": 30}, "optim": {"warmup_steps": 40}})


def test_names_of_forks_are_names(store: Store) -> None:
    parent = trained(store)
    with pytest.raises(ConfigError, match="name must be a text of 1 to 120 characters"):
        service.fork(store, parent.id, name="n" * 121)
    with store.writing() as connection:
        connection.execute(schema.run.update().values(name="n" * 120))
    service.fork(store, parent.id)
    assert {len(one.name) for one in store.comparisons()} <= set(range(1, 121))


# What was spent before


def parents(found: Ancestry) -> tuple[str, ...]:
    return tuple(one.run_id or "" for one in found.stages)


def test_a_fork_remembers_what_was_spent_on_the_weights_it_begins_with(store: Store) -> None:
    parent = trained(store)
    best, last = service.fork(store, parent.id), service.fork(store, parent.id, start_from="last")
    found = {run.id: ancestry(store, run) for run in (parent, best, last)}
    assert found[parent.id] == Ancestry((), True)
    assert (parents(found[best.id]), found[best.id].steps, found[best.id].seconds) == ((parent.id,), 150, 15.0)
    assert (found[last.id].steps, found[last.id].seconds, found[last.id].whole) == (600, 60.0, True)
    assert found[last.id].tokens == 600 * tokens_per_step(parent.config)
    assert found[last.id].flops == pytest.approx(600 * operations_per_step(parent.config))


def test_a_fork_of_a_fork_adds_up_also_when_its_ancestors_are_gone(store: Store) -> None:
    first = trained(store)
    second = trained(store, service.fork(store, first.id, {"train": {"batch_size": 16}}), best=50, last=100)
    third = service.fork(store, second.id)
    for run in (first, second):
        service.delete(store, run.id)
    found = ancestry(store, store.run(third.id))
    assert parents(found) == (second.id, first.id)
    assert (found.steps, found.seconds, found.whole) == (50 + 150, 5.0 + 15.0, True)
    assert found.tokens == 50 * tokens_per_step(second.config) + 150 * tokens_per_step(first.config)


def test_compare_reads_the_same_cost_of_a_fork_also_when_its_parent_is_gone(store: Store) -> None:
    parent = trained(store)
    child = service.fork(store, parent.id, start_from="last")
    for _before_and_after in range(2):
        told = ancestry(store, child)
        assert (told.steps, told.seconds, told.whole, told.stages[0].which) == (600, 60.0, True, "last")
        if store.has_jobs("finished"):
            service.delete(store, parent.id)
            child = store.run(child.id)


def test_of_a_fork_that_noted_nothing_the_parent_s_note_still_counts(store: Store) -> None:
    first = trained(store)
    second = trained(store, service.fork(store, first.id), best=50, last=100)
    third = service.fork(store, second.id)
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == third.id).values(ancestry=None))
    service.delete(store, first.id)
    found = ancestry(store, store.run(third.id))
    assert parents(found) == (second.id, first.id)
    assert (found.steps, found.seconds, found.whole) == (50 + 150, 5.0 + 15.0, True)
    assert [stage.which for stage in found.stages] == ["best", "best"]
    assert [stage.run is None for stage in found.stages] == [False, True]
    assert json.loads(ancestry_text(found)) == as_plain(found), "it would be noted so"


def test_a_parent_of_which_nothing_was_noted_stands_first_all_the_same(store: Store) -> None:
    first = trained(store)
    second = trained(store, service.fork(store, first.id), best=50, last=100)
    store.forget_artefacts(second.id, "best")
    found = ancestry(store, service.fork(store, second.id))
    assert parents(found) == (second.id, first.id)
    assert (found.stages[0].known, found.steps, found.whole) == (False, 150, False)


@pytest.mark.sqlite
def test_forks_of_a_store_that_noted_nothing_are_read_off_their_parents(tmp_path: Path) -> None:
    home = tmp_path / "old"
    home.mkdir()
    shutil.copyfile(STORES / "2.db", home / "store.sqlite3")
    store = open_store(home)
    forks = [run for run in store.runs() if run.start_from]
    (parent,) = store.runs(status="finished")
    assert len(forks) == 2
    for found in (ancestry(store, fork) for fork in forks):
        assert (parents(found), found.steps, found.seconds, found.whole) == ((parent.id,), 599, 60.0, True)
    store.forget_run(parent.id)
    for found in (ancestry(store, run) for run in store.runs() if run.start_from):
        assert ([stage.run for stage in found.stages], found.steps, found.whole) == ([None], 0, False)
    store.close()


# Training on


def test_training_on_goes_on_from_the_last_step_and_counts_what_was_before(store: Store) -> None:
    parent = trained(store)
    desk = Desk(store, Policy(), None)
    child = desk.fork(parent.id, {"train": {"steps": 30}}, keep_optimiser=True)
    train = child.config.train
    assert (child.start_from, train.begin_step, train.steps, train.end_step) == ("last", 600, 30, 630)
    assert child.config.optim == parent.config.optim, "no shorter warm-up: that is over"
    assert child.name == f"{parent.name} · to step 630"
    assert ancestry(store, child).steps == 600
    grandchild = derive_fork(store, trained(store, child, best=30, last=30).id, keep_optimiser=True)
    assert (grandchild.config.train.begin_step, grandchild.spent.steps) == (630, 630)
    assert "train.begin_step: 600 → 630" in change_lines(grandchild)
    afresh = derive_fork(store, child.id)
    assert afresh.config.train.begin_step == 0, "a plain fork begins afresh"


@pytest.mark.parametrize(
    ("optim", "sentence"),
    [
        (
            {"schedule": "constant"},
            "as if the run had been planned for 630 steps from the start: the next rate is 0.002.",
        ),
        ({}, r"jumps from 4e-05 to 5.25e-05: the schedule \(cosine\) is now planned for 630 steps."),
        ({"schedule": "wsd"}, r"jumps from 4e-05 to 0.000491: the schedule \(wsd\)"),
    ],
)
def test_it_says_what_the_learning_rate_does(store: Store, optim: Any, sentence: str) -> None:
    derived = derive_fork(store, trained(store, optim=optim).id, {"train": {"steps": 30}}, keep_optimiser=True)
    said = rate_sentence(derived.parent.config, derived.config)
    assert re.search(sentence, said), said


def test_a_run_that_was_stopped_before_its_decay_goes_on_as_if_it_had_been_longer(store: Store) -> None:
    parent = trained(store, last=400, optim={"schedule": "wsd"})
    derived = derive_fork(store, parent.id, {"train": {"steps": 600}}, keep_optimiser=True)
    assert "as if the run had been planned for 1,000 steps" in rate_sentence(parent.config, derived.config)


def test_what_cannot_train_on_is_refused_in_a_sentence(store: Store) -> None:
    parent = trained(store)
    for changes, problem in (
        ({"optim": {"name": "muon"}}, "must keep its parent's optimiser.*different optim.name"),
        ({"optim": {"ema_decay": 0.9}}, "different optim.ema_decay"),
    ):
        with pytest.raises(ConfigError, match=problem):
            derive_fork(store, parent.id, changes, keep_optimiser=True)
    for wrong in (lambda: derive_fork(store, parent.id, {"train": {"begin_step": 5}}), lambda: new_at_step(store, 5)):
        with pytest.raises(ConfigError, match=r"train\.begin_step must be 0 for a run that starts with new weights"):
            wrong()
    with store.writing() as connection:
        connection.execute(schema.artefact.delete())
    with pytest.raises(JobError, match="has no last checkpoint, so its training cannot continue"):
        derive_fork(store, parent.id, keep_optimiser=True)


def new_at_step(store: Store, step: int) -> list[Run]:
    return service.submit(store, [build_config({"train": {"begin_step": step}})])
