"""Curves: whoever follows them by a cursor, at whatever times, ends with exactly what the table holds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core.config import build_config, resolve
from clps_core.errors import NotFoundError
from clps_core.store import Point, Store, metrics, open_store

SERIES = [("train", "loss"), ("validation", "loss"), ("validation", "exact_match")]
Held = dict[tuple[str, str, str, int], float]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    store = open_store(tmp_path_factory.mktemp("store"))
    yield store
    store.close()


def new_run(store: Store, steps: int = 600) -> str:
    comparison = store.create_comparison("x", [resolve(build_config({"train": {"steps": steps}}))])
    return store.runs(comparison=comparison)[0].id


def log(store: Store, run_id: str, *points: tuple[str, str, int, float]) -> None:
    with store.writing() as connection:
        metrics.append(connection, run_id, [Point(run_id, *point, seconds=0.0) for point in points])


def go_back(store: Store, run_id: str, step: int) -> int:
    with store.writing() as connection:
        return metrics.discard(connection, run_id, step)


class Reader:
    """Polls when it likes."""

    def __init__(self, store: Store, run_ids: list[str], names: list[str] | None) -> None:
        self.store, self.run_ids, self.names = store, run_ids, names
        self.cursor = 0
        self.held: Held = {}

    def poll(self) -> None:
        points, self.cursor = self.store.metrics_after(self.run_ids, self.cursor, self.names)
        for point in points:
            if point.forgets:
                self.held = {key: v for key, v in self.held.items() if key[0] != point.run_id or key[3] <= point.step}
            else:
                self.held[point[:4]] = point.value

    def table(self) -> Held:
        everything = [point for run_id in self.run_ids for key in SERIES for point in self.store.curve(run_id, *key)]
        wanted = self.names
        return {
            point[:4]: point.value
            for point in everything
            if wanted is None or point.name in wanted or f"{point.split}.{point.name}" in wanted
        }


moves = st.one_of(
    st.tuples(
        st.just("log"),
        st.integers(0, 1),
        st.lists(st.tuples(st.sampled_from(SERIES), st.integers(0, 30), st.floats(-10, 10)), min_size=1, max_size=5),
    ),
    st.tuples(st.just("back"), st.integers(0, 1), st.integers(-1, 30)),
    st.tuples(st.just("poll"), st.integers(0, 3), st.none()),
)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(moves, max_size=25))
def test_a_reader_that_polls_at_any_times_ends_with_exactly_the_table(store: Store, plan: list) -> None:
    run_ids = [new_run(store), new_run(store)]
    readers = [
        Reader(store, run_ids, None),
        Reader(store, run_ids[:1], None),
        Reader(store, run_ids, ["exact_match"]),
        Reader(store, run_ids, ["validation.loss"]),
    ]
    for what, which, value in plan:
        if what == "log":
            log(store, run_ids[which], *[(*series, step, number) for series, step, number in value])
        elif what == "back":
            go_back(store, run_ids[which], value)
        else:
            readers[which].poll()
    for reader in readers:
        reader.poll()
        assert reader.held == reader.table()
        assert store.metrics_after(reader.run_ids, reader.cursor, reader.names) == ([], reader.cursor)
    latest = store.latest(run_ids)
    for run_id in run_ids:
        last = {}
        for split, name in SERIES:
            for point in store.curve(run_id, split, name):
                last[f"{split}.{name}"] = (point.step, point.value)
        assert latest[run_id] == last


def test_a_value_that_is_no_number_comes_back_as_one(store: Store) -> None:
    run_id = new_run(store)
    log(store, run_id, ("train", "loss", 1, math.nan), ("train", "loss", 2, math.inf))
    first, second = store.curve(run_id, "train", "loss")
    assert math.isnan(first.value)
    assert not first.forgets
    assert second.value == math.inf
    assert math.isnan(store.latest([run_id])[run_id]["train.loss"][1]) is False


def test_a_coarse_curve_holds_the_means_of_at_most_500_stretches(store: Store) -> None:
    run_id = new_run(store, steps=5_000)
    for start in range(0, 5_000, 1_250):
        steps = range(start + 5, start + 1_255, 5)
        log(store, run_id, *[("train", "loss", step, float(step)) for step in steps])
    coarse = store.curve(run_id, "train", "loss", coarse=True)
    assert len(coarse) <= metrics.COARSE_POINTS + 1
    assert [point.step for point in coarse[:3]] == [5, 15, 25]
    assert coarse[1].value == 12.5
    assert len(store.curve(run_id, "train", "loss")) == 1_000
    go_back(store, run_id, 2_500)
    shortened = store.curve(run_id, "train", "loss", coarse=True)
    assert shortened[-1].step == 2_500
    assert shortened[:250] == coarse[:250]


@pytest.mark.parametrize("steps", [500, 501, 750, 999, 1_000, 1_001, 4_999])
def test_a_coarse_curve_is_short_whatever_the_number_of_steps(store: Store, steps: int) -> None:
    run_id = new_run(store, steps=steps)
    log(store, run_id, *[("train", "loss", step, float(step)) for step in range(1, steps + 1)])
    coarse = store.curve(run_id, "train", "loss", coarse=True)
    assert metrics.COARSE_POINTS / 2 < len(coarse) <= metrics.COARSE_POINTS + 1
    assert coarse[-1].step == steps


def test_a_short_run_has_no_need_of_a_coarse_curve(store: Store) -> None:
    run_id = new_run(store, steps=500)
    log(store, run_id, ("train", "loss", 5, 1.0))
    assert store.curve(run_id, "train", "loss", coarse=True) == store.curve(run_id, "train", "loss")


def test_news_of_no_run_is_nothing(store: Store, tmp_path: Path) -> None:
    assert store.metrics_after([], 0)[0] == []
    assert store.latest([]) == {}
    assert store.curve("nosuch00", "train", "loss", coarse=True) == []


def test_a_curve_that_no_run_has_is_refused_with_those_there_are(store: Store) -> None:
    run_id = new_run(store)
    with pytest.raises(NotFoundError, match=r"split must be one of train, validation, test\. Got 'val'"):
        store.curve(run_id, "val", "loss")
    with pytest.raises(NotFoundError, match=r"validation must be one of loss, token_accuracy, exact_match\. Got 'perp"):
        store.curve(run_id, "validation", "perplexity")
    with pytest.raises(NotFoundError, match="train must be one of loss, gradient_norm"):
        store.curve(run_id, "train", "exact_match")
    for name in ("val.loss", "validation.los", "acuracy"):
        with pytest.raises(NotFoundError, match="must be one of"):
            store.metrics_after([run_id], 0, [name])


def test_a_known_curve_is_empty_before_its_first_point(store: Store) -> None:
    run_id = new_run(store)
    assert store.curve(run_id, "validation", "exact_match") == []
    assert store.curve(run_id, "validation", "loss", coarse=True) == []


def test_a_curve_that_a_run_has_is_read_whatever_it_is_called(store: Store) -> None:
    run_id = new_run(store)
    log(store, run_id, ("own", "bleu", 3, 0.5))
    assert [point.value for point in store.curve(run_id, "own", "bleu")] == [0.5]
    for name in ("bleu", "own.bleu"):
        assert [point.value for point in store.metrics_after([run_id], 0, [name])[0]] == [0.5]


def test_of_a_long_curve_a_part_is_read_and_of_a_short_one_all(store: Store) -> None:
    long, short = new_run(store), new_run(store)
    log(store, long, *(("train", "loss", step, float(step)) for step in range(5, 4000, 5)))
    log(store, short, *(("validation", "loss", step, math.nan) for step in (0, 50)))
    points = store.curves_so_far([long, short], ["train.loss", "validation.loss"], 300)
    read = [point.step for point in points if point.run_id == long]
    assert read[:-1] == list(range(5, 4000, 20))
    assert read[-1] == 3995, "the newest one is there"
    assert [point.step for point in points if point.run_id == short] == [0, 50]
    assert math.isnan(points[-1].value)
    assert store.curves_so_far([], ["train.loss"], 300) == []
    assert store.scored_curves([]) == {}
