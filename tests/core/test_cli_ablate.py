"""``clps ablate`` and the job behind it: stopped, resumed, asked again, refused."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from clps_core import ablation, api
from clps_core.ablation import KIND, ablate, kept_ablations, keys_of
from clps_core.analysis.edits import Edit
from clps_core.cli import app
from clps_core.config import RunConfig
from clps_core.errors import CheckpointError, NotAllowedError, NotFoundError
from clps_core.jobs import processes, runner, service
from clps_core.jobs.desk import Desk
from clps_core.jobs.evaluations import await_evaluation, evaluate, evaluated
from clps_core.jobs.keeping import prune
from clps_core.jobs.processes import SupervisorLock
from clps_core.jobs.sink import StopSignal
from clps_core.policy import Person
from clps_core.sharing import SharingPlan
from clps_core.store import Evaluation, Run, Store, open_store, schema
from clps_core.store.deaths import Exit
from clps_core.store.queue import Queue
from clps_core.training.saved import checkpoint_path


def quick(strategy: str = "all") -> RunConfig:
    config = small_config("digits", strategy, num_layers=2)
    return config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 6})})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Nobody works on its queue: the supervisor's lock is taken. The runner may work in this process."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    monkeypatch.setattr(runner, "RUNS", 0)
    before = signal.getsignal(signal.SIGTERM)
    store = open_store()
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield store
    lock.release()
    store.close()
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(store: Store) -> Run:
    return stored_run(store, quick())


def work(store: Store, job_id: str, stop: StopSignal) -> Evaluation:
    """One attempt at the job, here; returns the job as it is then."""
    queue = Queue(store)
    attempt = queue.start_next(0, processes.host_name(), "boot", among=[job_id])
    assert attempt is not None
    queue.settle(job_id, attempt.number, Exit(code=runner.attempt(store, job_id, attempt.number, stop)))
    return store.evaluations(ids=[job_id])[0]


def clps(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_it_is_queued_once_waited_for_and_shown_in_every_form(store: Store, run: Run, tmp_path: Path) -> None:
    (queued,) = json.loads(clps("ablate", run.id, "--no-wait", "--json").stdout)
    assert (queued["kind"], queued["status"], queued["steps"]) == (KIND, "queued", 7)
    again = clps("ablate", run.id, "--no-wait")
    assert again.exit_code == 0, "what waits already is not refused"
    assert len(store.evaluations()) == 1
    assert work(store, queued["id"], StopSignal()).status == "finished"
    assert await_evaluation(store, queued["id"]).status == "finished"

    expected = ablate(store.run_folder(run.id))
    told = json.loads(clps("ablate", run.id, "--json").stdout)
    assert {one["part"]: one["changes"] for one in told["parts"]} == {one.part: one.changes for one in expected.effects}
    assert (told["examples"], told["split"], told["metric"]) == (6, "validation", "accuracy")
    assert told["whole"] == expected.whole
    assert told["parts"][0]["intervals_95"]["loss"] == list(expected.effects[0].interval("loss") or ())
    table = clps("ablate", run.id)
    assert table.exit_code == 0
    assert "encoder.1.ffn" in table.stdout
    assert "6 held-out examples" in table.stderr
    assert "other parts may compensate" in table.stderr
    file = tmp_path / "effects.csv"
    assert clps("ablate", run.id, "--csv", str(file)).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert {row["part"] for row in rows} == {one.part for one in expected.effects}
    assert api.ablate(run.id, examples=6).effects == expected.effects

    heads = evaluate(store, KIND, run.id, keys_of(run.config, heads=True))
    assert (heads.id, heads.step, heads.steps) == (queued["id"], 7, 11), "only the heads are new"


def test_a_stopped_job_keeps_its_rows_and_goes_on_in_the_midst(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = evaluate(store, KIND, run.id, keys_of(run.config))
    stop, seen, read = StopSignal(), list[str](), ablation.edits_of

    def watched(part: str, plan: SharingPlan, heads: int) -> tuple[Edit, ...]:
        seen.append(part)
        if seen == ["whole", "encoder.0", "encoder.0.attention"]:
            service.cancel(store, job.id)
            stop.received = True  # as the supervisor would have it
        return read(part, plan, heads)

    monkeypatch.setattr(ablation, "edits_of", watched)
    assert work(store, job.id, stop).status == "cancelled"
    assert [key.rpartition(":")[2] for key in store.results(job.id)] == ["whole", "encoder.0"], "not the third"
    (partial,) = kept_ablations(store.results(job.id))
    assert [effect.part for effect in partial.effects] == ["encoder.0"]
    said = clps("ablate", run.id, "--no-wait")
    assert said.exit_code == 0
    seen.clear()
    assert work(store, job.id, StopSignal()).status == "finished"
    rest = ["encoder.0.attention", "encoder.0.ffn", "encoder.1", "encoder.1.attention", "encoder.1.ffn"]
    assert seen == ["whole", *rest], "nothing is done again but the whole, which the others are compared with"
    assert kept_ablations(store.results(job.id))[0].effects == ablate(store.run_folder(run.id)).effects


def test_a_pruned_run_is_ablated_and_one_without_weights_is_refused(store: Store, run: Run) -> None:
    with store.writing() as connection:
        connection.execute(schema.run.update().values(finished_at=1.0))
    assert prune(store, 1.0)
    job = evaluate(store, KIND, run.id, keys_of(run.config)[:3])
    assert work(store, job.id, StopSignal()).status == "finished"
    assert evaluated(store, KIND, [run])[run.id].current

    bare = stored_run(store, quick())
    late = evaluate(store, KIND, bare.id, keys_of(bare.config)[:3])
    for which in ("best", "last"):
        checkpoint_path(store.run_folder(bare.id), which).unlink()
    failed = work(store, late.id, StopSignal())
    assert failed.status == "failed"
    assert "weights" in (failed.reason or "")
    with pytest.raises(CheckpointError, match="cannot be evaluated: it has no weights yet"):
        evaluate(store, KIND, bare.id, keys_of(bare.config))
    refused = clps("ablate", bare.id)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_run_that_is_deleted_takes_the_job_with_it_and_who_waits_is_told(store: Store, run: Run) -> None:
    job = evaluate(store, KIND, run.id, keys_of(run.config))
    service.delete(store, run.id)
    assert store.evaluations() == []
    with pytest.raises(NotFoundError, match="was deleted before it ended"):
        await_evaluation(store, job.id)


def test_on_a_shared_server_only_the_owner_of_a_run_has_it_ablated(store: Store, run: Run) -> None:
    (store.home / "policy.yaml").write_text("mode: shared\nquotas: {queued: 1, runs: 2}\n")
    ada, bob = Person("guest-ada"), Person("guest-bob")
    with store.writing() as connection:
        connection.execute(schema.run.update().values(owner=ada.owner))
    with pytest.raises(NotAllowedError, match="not evaluate this run"):
        Desk.of(store, bob).evaluate(KIND, run.id, keys_of(run.config))
    assert Desk.of(store, ada).evaluate(KIND, run.id, keys_of(run.config)).owner == ada.owner


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--split", "train"], "must be one of validation, test"),
        (["--examples", "10001"], "from 1 to 10000"),
        (["--no-wait", "--csv", "x.csv"], "Remove one of them"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(store: Store, run: Run, options: list[str], sentence: str) -> None:
    result = clps("ablate", run.id, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert store.evaluations() == []
