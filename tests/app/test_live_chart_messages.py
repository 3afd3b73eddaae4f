"""Messages to the live chart hold what is new and nothing else, whatever happens to a run meanwhile."""

import json
import math

import pytest
from recorded_runs import extend, go_back, mark, record

from app.chart.messages import MAX_LINE_POINTS, MAX_PARTS, Memory, next_message
from app.chart.run_curves import LONGEST_LABEL, line_styles, panels_of
from clps_core.analysis.counts import count
from clps_core.store import Point, metrics
from clps_core.tasks import TASKS

NAMES = ["train.loss", "validation.accuracy"]


def tick(store, runs, memory=None, names=NAMES) -> Memory:
    return next_message(
        memory,
        [run.id for run in runs],
        names,
        lambda ids, cursor: store.metrics_after(ids, cursor, names),
        lambda ids, most: store.curves_so_far(ids, names, most),
    )


def steps_of(memory: Memory, name: str = "train.loss") -> list[int]:
    return [step for _run, line, steps, _values, _seconds in memory.parts[-1].lines if line == name for step in steps]


def test_the_first_message_has_every_point_and_the_second_only_new_ones(store):
    runs = record(store, ["none"])
    first = tick(store, runs)
    assert steps_of(first) == list(range(0, 201, 5))
    extend(store, runs[0], range(205, 216, 5))
    second = tick(store, runs, first)
    assert steps_of(second) == [205, 210, 215]
    assert second.serial == first.serial + 1
    assert second.epoch == first.epoch


def test_a_tick_without_news_repeats_at_most_the_last_small_parts(store):
    runs = record(store, ["none"])
    memory = tick(store, runs)
    for step in range(205, 240, 5):
        extend(store, runs[0], [step])
        memory = tick(store, runs, memory)
    quiet = tick(store, runs, memory)
    assert quiet.serial == memory.serial
    assert len(quiet.message["parts"]) == MAX_PARTS
    assert sum(part.points for part in quiet.parts) < 10


def test_a_large_part_is_sent_once(store):
    runs = record(store, ["none", "all", "cycle", "grouped", "sequence"])
    memory = tick(store, runs)
    assert sum(part.points for part in memory.parts) > 200
    assert tick(store, runs, memory).message["parts"] == []


def test_a_run_that_went_back_is_forgotten_beyond_its_checkpoint_before_new_points_come(store):
    runs = record(store, ["none", "all"])
    memory = tick(store, runs)
    go_back(store, runs[0], 100)
    extend(store, runs[0], [105])
    part = tick(store, runs, memory).parts[-1]
    assert part.forget == [(runs[0].id, 100)]
    assert [(line[0], line[2]) for line in part.lines] == [(runs[0].id, [105])]


def test_points_that_were_taken_back_between_two_ticks_are_never_sent(store):
    runs = record(store, ["none"])
    memory = tick(store, runs)
    extend(store, runs[0], range(205, 226, 5))
    go_back(store, runs[0], 210)
    extend(store, runs[0], [215])
    assert steps_of(tick(store, runs, memory)) == [205, 210, 215]


def test_a_run_that_is_added_comes_whole_and_one_that_is_removed_is_forgotten(store):
    runs = record(store, ["none", "all"])
    memory = tick(store, runs[:1])
    memory = tick(store, runs, memory)
    assert {line[0] for line in memory.parts[-1].lines} == {runs[1].id}
    memory = tick(store, runs[1:], memory)
    assert memory.parts[-1].forget == [(runs[0].id, -1)]
    memory = tick(store, runs, memory)
    assert {line[0] for line in memory.parts[-1].lines} == {runs[0].id}


def test_other_metrics_begin_another_epoch(store):
    runs = record(store, ["none"])
    first = tick(store, runs)
    other = tick(store, runs, first, names=["validation.loss"])
    assert other.serial == 0
    assert other.epoch != first.epoch


def test_values_that_are_no_numbers_become_gaps_and_the_message_stays_json(store):
    runs = record(store, ["none"], status="queued")
    values = [1.0, math.nan, math.inf, 0.5]
    with store.writing() as connection:
        points = [Point(runs[0].id, "train", "loss", step, value, 0.0) for step, value in enumerate(values)]
        metrics.append(connection, runs[0].id, points)
    memory = tick(store, runs)
    assert memory.parts[-1].lines[0][3] == [1.0, None, None, 0.5]
    json.dumps(memory.message, allow_nan=False)


def test_a_very_long_line_is_thinned_and_keeps_its_newest_point(store):
    runs = record(store, ["none"], status="queued")
    count = 3 * MAX_LINE_POINTS + 1
    with store.writing() as connection:
        points = [Point(runs[0].id, "train", "loss", step, 1.0, 0.0) for step in range(count)]
        metrics.append(connection, runs[0].id, points)
    steps = steps_of(tick(store, runs))
    assert len(steps) <= MAX_LINE_POINTS
    assert steps[-1] == count - 1


def test_long_lines_of_unequal_length_keep_points_at_the_same_steps(store):
    runs = record(store, ["none"], [0, 1], status="queued")
    counts = (MAX_LINE_POINTS + 2, 2 * MAX_LINE_POINTS + 2)
    with store.writing() as connection:
        for run, count in zip(runs, counts, strict=True):
            points = [Point(run.id, "train", "loss", step, 1.0, 0.0) for step in range(count)]
            metrics.append(connection, run.id, points)
    sent = {line[0]: set(line[2]) for line in tick(store, runs).parts[-1].lines}
    short, long = (sent[run.id] for run in runs)
    assert {step for step in long if step < counts[0]} <= short, "a mean over both finds no common steps"


def test_no_two_lines_of_a_chart_look_alike(store):
    runs = record(store, ["none", "all", "cycle:2"], [0, 1, 2])
    styles = line_styles(runs)
    assert len({(style.colour, style.dash) for style in styles}) == len(runs)
    assert len({(style.mark, style.dash) for style in styles}) == len(runs)
    assert len({style.name for style in styles}) == len(runs)


def test_a_long_name_is_cut_at_the_line_s_end_and_keeps_its_seed(store):
    runs = record(store, ["attention=all,ffn=cycle:2,norms=own", "all"], [0, 1])
    labels = [style.label for style in line_styles(runs)]
    assert labels == ["attention: All l…0", "attention: All l…1", "All layers, seed 0", "All layers, seed 1"]
    assert all(len(label) <= LONGEST_LABEL for label in labels)


def test_runs_of_one_design_differ_in_nothing_but_the_seed(store):
    runs = record(store, ["none", "all"], [0, 1]) + record(store, ["all"], [0, 1], batch_size=8)
    styles = line_styles(runs)
    designs = [style.design for style in styles]
    assert [designs.index(one) for one in designs] == [0, 0, 2, 2, 4, 4]
    assert [style.design_name for style in styles[::2]] == [
        "No sharing",
        "All layers · batch_size 64",
        "All layers · batch_size 8",
    ]
    assert [style.design_dash for style in styles[::2]] == [0, 0, 1]
    assert [style.design_label for style in styles[4:]] == ["All layers · 8"] * 2


def test_what_a_step_takes_is_what_the_counter_counts(store):
    run = record(store, ["cycle:2"], batch_size=8, task="dates")[0]
    counts = count(run.config.model, run.config.sharing)
    tokens = 8 * 2 * counts.context_length  # source and target
    rates = line_styles([run])[0].rates
    assert rates == {"examples": 8, "tokens": tokens, "flops": tokens * counts.train_flops_per_token}


def test_equal_tokens_are_fewer_flops_where_layers_read_the_keys_of_others(store):
    plain, reading = line_styles(record(store, ["none", "kv_source=every:2"], task="python-docs"))
    assert plain.rates["tokens"] == reading.rates["tokens"]
    assert plain.rates["flops"] > reading.rates["flops"]


@pytest.mark.parametrize("task", TASKS.usable().values(), ids=TASKS)
def test_every_task_has_its_metric_with_its_baseline(task):
    metric = panels_of(task)[1]
    assert metric.id == f"validation.{task.metric}"
    assert metric.baseline.value == task.baseline
    assert task.baseline_name in metric.baseline.label


def test_a_fork_is_another_design_than_its_parent(store):
    (parent,) = record(store, ["all"])
    (fork,) = record(store, ["all"])
    mark(store, fork, parent_id=parent.id, start_from="best")
    styles = line_styles(store.some_runs([parent.id, fork.id]))
    assert styles[0].design != styles[1].design
    assert [style.design_name for style in styles] == ["All layers", "All layers, fork"]


def test_of_many_long_lines_only_some_points_are_read_and_the_newest_is_among_them(store):
    run, other, short = record(store, ["none", "all", "cycle"], status="queued")
    for one in (run, other):
        log(store, one, range(5003))
    log(store, short, range(100))
    memory = next_message(None, [run.id, other.id, short.id], ["train.loss"], nothing, so_far(store, 300))
    lines = {line[0]: line for line in memory.parts[-1].lines}
    assert lines[run.id][2] == lines[other.id][2] == [*range(0, 5003, 32), 5002], "the same steps, so that means exist"
    assert lines[run.id][3][:2] == [0.0, 32.0], "exact values, no means of neighbours"
    assert lines[short.id][2] == list(range(100))


def test_a_long_line_with_an_uneven_beginning_is_thinned_all_the_same(store):
    (run,) = record(store, ["none"], status="queued")
    log(store, run, [0, 1, *range(50, 50_000, 10)])
    (line,) = next_message(None, [run.id], ["train.loss"], nothing, so_far(store, 300)).parts[-1].lines
    assert 150 <= len(line[2]) <= 302
    assert line[2][-1] == 49_990


def log(store, run, steps):
    with store.writing() as connection:
        metrics.append(connection, run.id, [Point(run.id, "train", "loss", step, float(step), 1.0) for step in steps])


def nothing(_ids, cursor):
    return [], cursor


def so_far(store, most):
    return lambda ids, _most: store.curves_so_far(ids, ["train.loss"], most)
