"""What an empty home starts with: the ready comparisons, and one that trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from job_room import JobRoom

from app.runs.timing import Pace
from clps_core import samples
from clps_core.config import resolve
from clps_core.data.registry import load_task
from clps_core.depth import quality_at
from clps_core.inspection import inspect_run
from clps_core.jobs import service
from clps_core.look import Look
from clps_core.samples import READY, Ready, ready_named
from clps_core.samples.shipped import RUNS_FOLDER, figures_of, sample_folder
from clps_core.samples.stories import as_markdown, design_name, judge_of, stories, story_of, title_of
from clps_core.store import Store, open_store
from clps_core.store.designs import by_design
from clps_core.tasks import TASKS

LARGEST = 18 << 20
"""Bytes of all that ships."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with everything that ships; nothing in it is changed."""
    with closing(open_store(tmp_path_factory.mktemp("samples") / "home")) as store:
        samples.install(store)
        yield store


@pytest.mark.parametrize("ready", READY, ids=lambda one: one.key)
def test_the_shipped_runs_are_finished_runs_of_todays_tasks_with_curves_weights_and_scores(
    full: Store, ready: Ready
) -> None:
    runs = full.some_runs(ready.run_ids())
    assert tuple(run.id for run in runs) == ready.run_ids()
    assert [resolve(run.config).config for run in runs] == [run.config for run in runs]
    assert len(by_design(runs)) == len(ready.designs)
    for run, wanted in zip(runs, ready.configs(), strict=True):
        judge = run.facts.judged_by.name
        assert (run.status, run.step, run.imported) == ("finished", run.steps, True)
        assert run.config.model_copy(update={"train": wanted.config.train}) == wanted.config
        curve = full.curve(run.id, "validation", judge)
        assert curve[-1].step == run.steps
        assert run.facts.beats_baseline(run.facts.judged_by.best(point.value for point in curve))
        score = full.final_scores([run.id])[run.id]
        assert score.step == full.artefacts(run.id, "best")[0].step
        assert run.facts.judged_by.better(score.values[judge], run.facts.test_baseline)
        assert full.artefacts(run.id, "best")[0].path.is_file()
        assert bool(full.artefacts(run.id, "probe")) == (run.seed in ready.probed and run.config.train.probe_count > 0)
        if ready.key != "dates":  # trained before runs kept their facts
            now = TASKS.facts(run.config.data)
            assert replace(run.facts, words=now.words, own_metrics=now.own_metrics, defaults=now.defaults) == now
        assert not any(part in (full.run_folder(run.id) / "config.json").read_text() for part in ("/home", "/tmp"))


def test_bringing_them_in_again_changes_nothing(full: Store) -> None:
    before = full.runs(limit=1000)
    assert samples.install(full, [ready_named("hops")]) == full.some_runs(ready_named("hops").run_ids())
    assert full.runs(limit=1000) == before
    assert [comparison.name for comparison in full.comparisons()].count(title_of(READY[0])) == 1


def test_what_ships_is_small() -> None:
    assert sum(path.stat().st_size for path in RUNS_FOLDER.rglob("*") if path.is_file()) < LARGEST
    assert {path.name for path in RUNS_FOLDER.iterdir()} == {one for ready in READY for one in ready.run_ids()}


def values_of(full: Store, key: str, design: int, metric: str = "accuracy") -> list[float]:
    ready = ready_named(key)
    ids = [ready.run_id(ready.designs[design], seed) for seed in ready.seeds]
    scores = full.final_scores(ids)
    return [scores[one].values[metric] for one in ids]


def test_loops_win_on_every_seed(full: Store) -> None:
    once, looped, stored = (values_of(full, "hops", place) for place in range(3))
    assert len(once) == len(looped) == len(stored) == 3
    assert min(looped) > 0.95 > 0.6 > max(once)
    assert min(stored) > 0.95


def test_sharing_costs_on_every_seed(full: Store) -> None:
    four, two, one = (values_of(full, "pairs", place) for place in range(3))
    assert min(four) > max(two)
    assert min(two) > max(one)
    assert min(one) > TASKS.usual("pairs").test_baseline


def test_random_loops_go_further_on_every_seed() -> None:
    fixed, drawn = figures_of(ready_named("cups"))
    assert min(drawn.depth[8]["accuracy"]) > max(fixed.depth[8]["accuracy"])
    assert all(
        drawn.depth[24]["loss"][seed] > min(one["loss"][seed] for one in drawn.depth.values()) for seed in range(3)
    ), "it overthinks"


def test_the_depths_that_ship_are_those_of_the_shipped_weights(full: Store) -> None:
    run_id = "sample-cups-random-0"
    (_fixed, drawn) = figures_of(ready_named("cups"))
    found = quality_at(full.run_folder(run_id), 8).metrics
    assert found == pytest.approx({name: values[0] for name, values in drawn.depth[8].items()}, abs=2e-3)


def test_every_sentence_of_the_stories_holds_and_has_its_figures() -> None:
    told = stories()
    assert [one.holds for one in told] == [True] * len(READY)
    for story in told:
        assert story.shows.endswith(".")
        assert story.leaves_open.startswith("It does not show")
    assert f"{100 * sum(figures_of(READY[0])[1].test['accuracy']) / 3:.1f} %" in told[0].shows


@pytest.mark.parametrize("ready", READY, ids=lambda one: one.key)
def test_runs_that_do_not_bear_a_claim_out_are_told_without_it(ready: Ready) -> None:
    figures = list(figures_of(ready))
    metric = judge_of(ready)
    bad, good = sorted((0.0, 1.0 if metric.percent else 9.0), key=metric.worth)
    worst = {**figures[0].test, metric.name: tuple(bad for _seed in ready.seeds)}
    best = {**figures[-1].test, metric.name: tuple(good for _seed in ready.seeds)}
    changed = [replace(figures[0], test=best if ready.key == "hops" else worst), *figures[1:]]
    if ready.loops:
        changed = [replace(one, depth=other.depth) for one, other in zip(figures, reversed(figures), strict=True)]
    story = story_of(ready, changed)
    assert not story.holds
    assert story.shows.startswith(f"{judge_of(ready).title} on test data: {design_name(ready, figures[0])}: ")


def test_the_table_of_a_story_has_a_row_for_each_design() -> None:
    text = as_markdown()
    for ready in READY:
        for one in figures_of(ready):
            assert f"| {design_name(ready, one)} | {one.stored:,} |" in text


def test_the_sample_speaks_the_vocabulary_of_todays_task(full: Store) -> None:
    run = full.run("sample-dates-all")
    data = load_task(run.config)
    assert (full.run_folder(run.id) / "tokenizer.json").read_text() == data.tokenizer_json()


def test_the_sample_can_be_looked_into_and_translates_a_date(full: Store) -> None:
    seen = inspect_run(Look(full.run_folder("sample-dates-all"), "Friday, May 29, 1953", options={"language": "de"}))
    assert seen.prediction == "Freitag, 29. Mai 1953"
    assert set(seen.attention) == {"encoder", "decoder", "cross"}


@pytest.mark.parametrize("run_id", ["sample-hops-3-all-0", "sample-pairs-none-0", "sample-cups-random-0"])
def test_generated_samples_answer_their_examples_and_show_their_attention(full: Store, run_id: str) -> None:
    run = full.run(run_id)
    text = run.facts.example_inputs[0]
    seen = inspect_run(Look(full.run_folder(run_id), text))
    length = len(seen.source_labels)
    assert seen.attention["decoder"].shape[-2:] == (length, length)
    assert seen.target == "none"
    assert seen.guesses[0].probability > 0.3
    answers = list(zip(seen.prediction.split(), str(seen.right_answer).split(), strict=True))
    right = [said == wanted for said, wanted in answers]
    assert all(right) if run_id != "sample-cups-random-0" else all(right[:4])


def test_an_empty_home_gets_samples_and_a_comparison_in_training_and_a_used_one_is_left_alone(room: JobRoom) -> None:
    assert samples.prepare(room.store)
    first = READY[0]
    started = [run for run in room.store.runs(limit=100) if run.active]
    assert {(run.strategy, run.config.model.num_layers) for run in started} == {("all", 1), ("all", 3), ("none", 3)}
    assert {run.config.seed for run in started} == {0}
    wanted = [one.config for one in first.configs((0,))]
    assert sorted(run.config.as_yaml() for run in started) == sorted(one.as_yaml() for one in wanted)
    assert {sample_folder(one) for one in first.run_ids()} <= set(samples.sample_folders())
    for run in started:
        service.cancel(room.store, run.id)
    room.wait(*[run.id for run in started])
    assert not samples.prepare(room.store)


def test_the_speed_of_the_sample_is_not_taken_for_that_of_this_machine(full: Store) -> None:
    assert all(Pace.of(full, task).runs == 0 for task in ("dates", "hops", "cups", "pairs"))


def test_a_shipped_run_lies_where_its_id_says() -> None:
    assert all(
        (folder / "run.json").is_file() and folder.parent == Path(RUNS_FOLDER) for folder in samples.sample_folders()
    )
