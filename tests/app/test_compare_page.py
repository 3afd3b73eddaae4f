"""The Compare page says which design is better, by how much, at what cost; and names what is not matched."""

import csv
import io
import math
import statistics
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_reading import sentences
from recorded_runs import extend, mark, record, score

from app.compare.summary import Summary, differences, group_names, grouped, quality_of_all, summary
from app.compare.take_away import file_now
from app.look.formatting import percent
from clps_core.store import Point, metrics
from clps_core.tasks import TASKS


def table(test) -> str:
    return "".join(block.proto.body for block in test.get("html"))


def value(pace: float, step: int = 200) -> float:
    return 1 - math.exp(-pace * step / 60)


def test_an_empty_store_says_what_to_do(open_page):
    test = open_page("compare")
    assert sentences(test) == []
    assert any("Nothing has been trained here yet" in one.value for one in test.markdown)


def test_best_and_final_are_those_of_the_curve(store):
    run = record(store, ["none"])[0]
    one = summary(store, run, quality=0.5)
    assert one.best == (200, pytest.approx(value(1)))
    assert one.final == one.best
    assert one.reached == (60, 6.0)  # the first evaluation at 0.5 or better: 1 - exp(-1) = 0.63


def test_a_quality_that_was_never_reached_has_no_time(store):
    assert summary(store, record(store, ["none"])[0], quality=0.9999).reached is None


def test_lower_is_better_where_the_task_says_so(store):
    run = record(store, ["none"], status="queued", task="python-docs")[0]
    values = [300.0, 40.0, 20.0, 30.0]
    with store.writing() as connection:
        points = [Point(run.id, "validation", "perplexity", 10 * i, one, float(i)) for i, one in enumerate(values)]
        metrics.append(connection, run.id, points)
    one = summary(store, run, quality=40.0)
    assert one.best == (20, 20.0)
    assert one.final == (30, 30.0)
    assert one.reached == (10, 1.0)
    assert quality_of_all([one]) == 20.0


def test_seeds_of_one_design_stand_together_with_mean_and_deviation(store):
    runs = record(store, ["none", "all"], [0, 1, 2])
    groups = grouped([summary(store, run) for run in runs])
    assert [len(group.summaries) for group in groups] == [3, 3]
    values = [value(1 / (1 + place)) for place in range(3)]
    assert groups[0].best.mean == pytest.approx(statistics.fmean(values))
    assert groups[0].best.deviation == pytest.approx(statistics.stdev(values))


def test_a_run_that_failed_does_not_speak_for_its_design(store):
    runs = record(store, ["none"], [0, 1, 2])
    mark(store, runs[2], status="failed", reason="It died.")
    (group,) = grouped([summary(store, run) for run in store.some_runs(run.id for run in runs)])
    assert (group.counted, len(group.summaries)) == (2, 3)
    assert group.best.mean == pytest.approx(statistics.fmean([value(1), value(1 / 2)]))


def test_designs_of_one_strategy_are_told_apart_by_what_differs(store):
    runs = record(store, ["all"]) + record(store, ["all"], batch_size=8)
    groups = grouped([summary(store, run) for run in runs])
    names = group_names(groups)
    assert len(set(names)) == 2
    assert "batch_size 8" in names[1]


def test_the_quality_offered_first_was_reached_by_every_run(store):
    summaries = [summary(store, run) for run in record(store, ["none", "all", "cycle"])]
    offered = quality_of_all(summaries)
    assert all(summary(store, one.run, offered).reached for one in summaries)


def test_a_run_that_has_only_begun_does_not_move_the_finishing_line(store):
    runs = record(store, ["none", "all"])
    (begun,) = record(store, ["cycle"], status="queued")
    with store.writing() as connection:
        metrics.append(connection, begun.id, [Point(begun.id, "validation", "accuracy", 0, 0.0, 0.0)])
    usual = quality_of_all([summary(store, run) for run in runs])
    assert quality_of_all([summary(store, run) for run in (*runs, begun)]) == usual
    assert quality_of_all([summary(store, begun)]) is None, "everybody starts behind that line"


def test_the_page_shows_the_table_of_the_runs_in_its_address(open_page, store):
    runs = record(store, ["none", "all"])
    record(store, ["cycle"])
    test = open_page("compare", runs=",".join(run.id for run in runs))
    assert sentences(test) == []
    assert "No sharing" in table(test)
    assert "Cycle" not in table(test)
    assert percent(value(1)) in table(test)


def test_another_quality_changes_the_time_to_it(open_page, store):
    record(store, ["none"])
    test = open_page("compare")
    test.number_input(key="quality").set_value(99.9).run()
    assert "not reached" in table(test)
    test.number_input(key="quality").set_value(60.0).run()
    assert ">6s</td>" in table(test)


def test_unequal_settings_are_named(open_page, store):
    runs = record(store, ["none"]) + record(store, ["all"], batch_size=8)
    assert set(differences(runs)) == {"sharing.strategy", "train.batch_size"}
    test = open_page("compare", runs=",".join(run.id for run in runs))
    assert any(
        "1 difference besides strategy and seed: batch_size" in one.label.replace("\\", "") for one in test.expander
    )
    test = open_page("compare", runs=",".join(run.id for run in record(store, ["none", "all"])))
    assert any("Matched" in one.label for one in test.expander)


def test_runs_of_two_tasks_are_never_in_one_table(open_page, store):
    runs = record(store, ["none"]) + record(store, ["none"], task="dates")
    test = open_page("compare", runs=",".join(run.id for run in runs))
    assert not test.exception
    assert sentences(test) == []
    assert {one.value for one in test.header} - {"Which classes are confused?"} == {
        "Translate dates",
        "Read handwritten digits",
    }
    assert [one.value for one in test.caption if "compare losses within one task" in one.value]


def test_runs_without_a_single_evaluation_do_no_harm(open_page, store):
    record(store, ["none"], status="queued")
    mark(store, store.runs()[0], status="cancelled")
    test = open_page("compare")
    assert not test.exception
    assert sentences(test) == []


def test_the_axis_in_the_address_is_called_as_in_the_code_and_not_as_it_reads(open_page, store):
    record(store, ["none"])
    test = open_page("compare", x="flops")
    assert sentences(test) == []
    assert test.button_group(key="compare.x").value == "flops"
    test.button_group(key="compare.x").set_value("tokens").run()
    assert test.query_params["x"] in ("tokens", ["tokens"])


def test_hostile_addresses_are_sentences(open_page, store):
    (run,) = record(store, ["none"])
    test = open_page("compare", runs=f"{run.id},<script>,../..,zzzzzzzz", x="<b>", quality="1e999999")
    assert not test.exception
    assert sentences(test)
    assert "wrong in CLPS Lab" not in "".join(sentences(test))
    assert "No sharing" in table(test)


def runs_file(store, runs):
    """The table of runs that the menu gives as CSV."""
    return file_now(store, [run.id for run in runs], "runs", "csv").decode()


def test_the_file_has_a_row_per_run_and_no_formulas(store):
    runs = record(store, ["none", "all"], name="=cmd()")
    mark(store, runs[0], name="=HYPERLINK(1)")
    extend(store, runs[0], [205])
    rows = list(csv.DictReader(io.StringIO(runs_file(store, store.runs()))))
    assert {row["id"] for row in rows} == {run.id for run in runs}
    assert "'=HYPERLINK(1)" in {row["name"] for row in rows}
    assert float(rows[0]["best"]) == pytest.approx(value(1))


def test_the_test_score_has_a_column_of_its_own(open_page, store):
    runs = record(store, ["none", "all"], [0, 1])
    assert "Test" not in table(open_page("compare"))
    for run, value in zip(runs, (0.8, 0.9, 0.7), strict=False):
        score(store, run, value)
    test = open_page("compare")
    assert "85.0 ± 7.1 %" in table(test)
    assert "70.0 % (1 of 2)" in table(test), "one of two runs has a score"
    assert any("nothing is chosen by it" in caption.value for caption in test.caption)
    rows = runs_file(store, runs[:1]).splitlines()
    assert dict(zip(rows[0].split(","), rows[1].split(","), strict=True))["test"] == "0.8"


def test_of_a_task_of_memory_the_test_score_is_said_to_be_of_trained_examples(open_page, store):
    score(store, *record(store, ["none"], task="pairs"), 0.8)
    test = open_page("compare")
    assert "Test, trained examples" in table(test)
    assert any("validation and test examples are trained, too" in caption.value for caption in test.caption)


def flat_curve(store, run, value):
    with store.writing() as connection:
        points = [Point(run.id, "validation", "accuracy", step, value, float(step)) for step in (0, 100, 200)]
        metrics.append(connection, run.id, points)
    mark(store, run, status="finished", step=200)


def test_a_diverged_run_is_no_better_than_a_constant_answer_and_moves_no_finishing_line(open_page, store):
    (good,) = record(store, ["none"])
    (diverged,) = record(store, ["all"], status="queued")
    flat_curve(store, diverged, 25 / 180)
    line = quality_of_all([summary(store, run) for run in (good, diverged)])
    assert line == quality_of_all([summary(store, good)])
    assert quality_of_all([summary(store, diverged)]) is None
    assert summary(store, store.run(diverged.id), line).reached is None, "untrained is not trained"
    test = open_page("compare", runs=f"{good.id},{diverged.id}")
    said = [caption.value for caption in test.caption]
    assert any("No better than the baseline" in text and "13.9 %): All layers" in text for text in said), said
    assert not any("No sharing" in text for text in said if "trivial answer" in text)


@pytest.mark.parametrize("task", TASKS)
@given(data=st.data())
def test_the_finishing_line_is_always_better_than_a_constant_answer(task, data):
    facts = TASKS.usual(task)
    possible = st.floats(0, 1) if facts.higher_is_better else st.floats(1, 1e4)
    values = data.draw(st.lists(possible, min_size=1, max_size=5))
    runs = [best_of(task, value) for value in values]
    line = quality_of_all(runs)
    above = [value for value in values if facts.beats_baseline(value)]
    if line is None:
        assert not above
    else:
        assert facts.beats_baseline(line)
        assert all(line <= value if facts.higher_is_better else line >= value for value in above)


def best_of(task, value):
    finished = SimpleNamespace(status="finished", task=task, facts=TASKS.usual(task))
    return Summary(finished, TASKS.usual(task).metric, TASKS.usual(task).higher_is_better, (10, value), (10, value))


def test_a_quality_that_a_constant_answer_has_is_said_to_take_no_learning(open_page, store):
    record(store, ["none"])
    test = open_page("compare")
    assert not any("needs no learning" in caption.value for caption in test.caption)
    test.number_input(key="quality").set_value(10.0).run()
    assert any("10.0 % needs no learning" in caption.value for caption in test.caption)


def test_a_menu_offers_a_snapshot_and_one_that_is_made_late_says_what_is_gone(open_page, store):
    runs = record(store)
    test = open_page("compare")
    assert sentences(test) == []
    assert "Download a snapshot" in [one.label for one in test.get("download_button")]
    test.selectbox(key="compare.take").set_value("designs").run()
    assert sentences(test) == []
    assert [one.label for one in test.get("download_button")][-1] == "Download"
    store.forget_run(runs[0].id)
    assert (
        "1 run was deleted before this file was made." in file_now(store, [run.id for run in runs], "snapshot").decode()
    )
