"""What a sweep says of its first place is never more than its runs show."""

from __future__ import annotations

import json
import re
import statistics
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from clps_core.sweeps.results import MARGIN, Spread, SweepState, _ranked, configurations
from clps_core.sweeps.worth import worth_of_first

Table = dict[str, list[float]]


RATE = "optim.learning_rate"
RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""What the configurations of a table differ in, in their order."""


def state_of(table: Table, *, metric: str = "accuracy", early: frozenset[tuple[str, int]] = frozenset()) -> SweepState:
    """Of finished runs: name -> best of each seed; ``early``: the (name, seed) that a rule ended."""
    runs: list[Any] = []
    bests: dict[str, float] = {}
    for place, (name, values) in enumerate(table.items()):
        for seed, value in enumerate(values):
            step = 50 if (name, seed) in early else 100
            text = json.dumps({"seed": seed, "data": {"seed": 0}, "optim": {"learning_rate": RATES[place]}})
            run = SimpleNamespace(
                id=f"{name}{seed}", config_text=text, seed=seed, status="finished", step=step, steps=100, seconds=1.0,
                active=False, strategy="none", start_from=None,
            )  # fmt: skip
            runs.append(run)
            bests[run.id] = value
    higher = metric != "perplexity"
    found = _ranked(configurations(runs, bests, [RATE]), 1.0 if higher else -1.0)
    comparison: Any = SimpleNamespace(id="x", name="x")
    return SweepState(comparison, tuple(runs), metric, higher, tuple(found), bests, {}, None, 0.0)


def said(table: Table, **more: Any) -> str:
    names = dict(zip(RATES, table, strict=False))
    return worth_of_first(state_of(table, **more), lambda one: names[one.values[RATE]]) or ""


def named(text: str, opening: str) -> list[str]:
    found = re.search(rf"{opening}[^:]*: ([^.]*)\.", text)
    return found[1].split("; ") if found else []


def test_two_seeds_apart_by_a_mile_are_too_few_to_tell_and_not_as_good() -> None:
    text = said({"a": [0.86, 0.86], "b": [0.78, 0.58]})
    assert text == (
        "Too few runs to tell these apart from the best (2 pairs with the same seed and fold): b. "
        "At least 3 seeds or folds are needed."
    )
    assert "As good" not in said({"a": [0.78, 0.78], "b": [0.1, 0.3]})


def test_one_run_each_tells_nothing() -> None:
    assert said({"a": [0.9], "b": [0.1]}) == ("One run per configuration is too few to test the order: add seeds.")


def test_two_differences_that_happen_to_be_alike_prove_nothing() -> None:
    assert said({"a": [0.9, 0.9], "b": [0.8, 0.8]}).startswith("Too few runs to tell")
    assert said({"a": [0.9, 0.9], "b": [0.9, 0.9]}).startswith("Too few runs to tell")


def test_as_good_is_said_within_a_margin_that_is_named() -> None:
    close = {"a": [0.900, 0.902, 0.898, 0.901], "b": [0.899, 0.901, 0.899, 0.900]}
    assert said(close) == "As good as the best, within 1 percentage point (95 %): b."
    # Two one-sided tests of 5 % each: the 90 % interval lies within the margin, the 95 % one does not.
    assert said({"a": [0.901, 0.906, 0.896], "b": [0.9, 0.9, 0.9]}).startswith("As good as the best")
    doubled = {"a": [20.0, 20.1, 19.9, 20.0], "b": [20.05, 20.1, 20.0, 20.05]}
    assert said(doubled, metric="perplexity") == "As good as the best, within 1 % (95 %): b."


def test_the_first_is_better_where_each_other_lags_beyond_chance() -> None:
    table = {"a": [0.9, 0.8, 0.85], "b": [0.8, 0.71, 0.75], "c": [0.7, 0.6, 0.64]}
    assert said(table) == "The best configuration is significantly better than all others (95 %, by pairs of runs)."
    text = said(table | {"d": [0.95, 0.5, 0.9]})
    assert named(text, "better than these") == ["b", "c"]
    assert named(text, "Too few runs to tell") == ["d"]


def test_runs_that_ended_early_are_not_compared() -> None:
    table = {"a": [0.9, 0.8, 0.85], "b": [0.8, 0.71, 0.75], "c": [0.7, 0.6, 0.64]}
    text = said(table, early=frozenset({("b", 2)}))
    assert named(text, "Not compared with the best, since runs are missing or ended early") == ["b"]
    assert named(text, "better than these") == ["c"]
    assert "failed or ended early" in said(table, early=frozenset({("a", 0)}))


shares = st.floats(0, 1).map(lambda value: round(value, 3))
perplexities = st.floats(2, 400).map(lambda value: round(value, 2))


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float]) -> Table:
    seeds = draw(st.integers(1, 6))
    # Some lie close to each other, as good designs do; the others lie anywhere.
    centre = draw(values)
    near = st.floats(-0.004, 0.004).map(lambda part: centre * (1 + part))
    rows = st.lists(values, min_size=seeds, max_size=seeds) | st.lists(near, min_size=seeds, max_size=seeds)
    return {name: draw(rows) for name in "abcd"[: draw(st.integers(2, 4))]}


@pytest.mark.parametrize(("metric", "values"), [("accuracy", shares), ("perplexity", perplexities)])
@given(data=st.data())
def test_no_sentence_says_more_than_a_paired_test_of_the_table(metric: str, values: Any, data: st.DataObject) -> None:
    table = data.draw(tables(values))
    text = said(table, metric=metric)
    sign = 1.0 if metric == "accuracy" else -1.0
    first = max(table, key=lambda name: sign * statistics.fmean(table[name]))
    means = {name: statistics.fmean(row) for name, row in table.items()}
    assume(sum(mean == means[first] for mean in means.values()) == 1)
    margin = MARGIN if metric == "accuracy" else MARGIN * means[first]
    others = [name for name in table if name != first]
    gaps = {name: [sign * (a - b) for a, b in zip(table[first], table[name], strict=True)] for name in others}
    as_good = named(text, "As good as the best")
    better = others if "all others" in text else named(text, "better than these")
    unclear = named(text, "Too few runs to tell") or (others if text.startswith("One run per configuration") else [])
    assert sorted([*as_good, *better, *unclear]) == sorted(others), "each is named once"
    for name in as_good:
        assert abs(statistics.fmean(gaps[name])) < margin
    for name in others:
        if len(gaps[name]) < 3:
            assert name in unclear
        elif max(gaps[name]) - min(gaps[name]) > 1e-9:
            different = stats.ttest_1samp(gaps[name], 0.0).pvalue < 0.05
            inside = max(
                stats.ttest_1samp(gaps[name], -margin, alternative="greater").pvalue,
                stats.ttest_1samp(gaps[name], margin, alternative="less").pvalue,
            )
            assert (name in as_good) == (inside < 0.05)
            assert (name in better) == (different and inside >= 0.05)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=12))
def test_an_interval_is_that_of_students_t(values: list[float]) -> None:
    assume(statistics.stdev(values) > 1e-9)
    spread = Spread.of(values)
    assert spread is not None
    wanted = stats.t.interval(0.95, len(values) - 1, loc=statistics.fmean(values), scale=stats.sem(values))
    assert spread.interval(0.95) == pytest.approx(wanted)
