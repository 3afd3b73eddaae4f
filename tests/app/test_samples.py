"""What an empty home starts with."""

from __future__ import annotations

from job_room import JobRoom

from app.runs.timing import Pace
from clps_core import samples
from clps_core.config import resolve
from clps_core.data.registry import load_task
from clps_core.inspection import inspect_run
from clps_core.jobs import service


def test_the_sample_runs_come_in_once_with_curves_and_weights(room: JobRoom) -> None:
    first, second = samples.install(room.store), samples.install(room.store)
    assert [run.id for run in first] == [run.id for run in second]
    assert [run.strategy for run in first] == list(samples.READY_STRATEGIES)
    for run in first:
        assert run.status == "finished"
        curve = room.store.curve(run.id, "validation", "exact_match")
        assert curve[-1].step == run.steps
        assert max(point.value for point in curve) > 0.9
        score = room.store.final_scores([run.id])[run.id]
        assert (score.step, score.examples) == (room.store.artefacts(run.id, "best")[0].step, 2000)
        assert score.values["exact_match"] > 0.99


def test_the_sample_speaks_the_vocabulary_of_todays_task(room: JobRoom) -> None:
    run = samples.install(room.store)[1]
    assert resolve(run.config).config == run.config
    data = load_task(run.config)
    assert (room.store.run_folder(run.id) / "tokenizer.json").read_text() == data.tokenizer_json()


def test_the_sample_can_be_looked_into_and_translates_a_date(room: JobRoom) -> None:
    run = samples.install(room.store)[1]
    seen = inspect_run(room.store.run_folder(run.id), "Friday, May 29, 1953", options={"language": "de"})
    assert seen.prediction == "Freitag, 29. Mai 1953"
    assert set(seen.attention) == {"encoder", "decoder", "cross"}


def test_an_empty_home_gets_samples_and_a_comparison_in_training_and_a_used_one_is_left_alone(room: JobRoom) -> None:
    assert samples.prepare(room.store)
    started = [run for run in room.store.runs() if run.active]
    assert {run.strategy for run in started} == set(samples.READY_STRATEGIES)
    assert len({run.config.data.seed for run in started}) == 1
    for run in started:
        service.cancel(room.store, run.id)
    room.wait(*[run.id for run in started])
    assert not samples.prepare(room.store)


def test_the_speed_of_the_sample_is_not_taken_for_that_of_this_machine(room: JobRoom) -> None:
    assert all(run.imported for run in samples.install(room.store))
    assert Pace.of(room.store, "dates").runs == 0
