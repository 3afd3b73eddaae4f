"""Importance and interaction say what was planted, and nothing where nothing can be said."""

from __future__ import annotations

import json
import math
import random
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sweep_tables import planted

from clps_core import api
from clps_core.cli.sweep_importance import print_importance
from clps_core.errors import NotFoundError
from clps_core.store import Point, metrics, open_store, schema
from clps_core.sweeps import expand, sweep_from_plain, sweep_state
from clps_core.sweeps.fields import varied
from clps_core.sweeps.importance import importance
from clps_core.sweeps.importance_words import said as said_importance
from clps_core.sweeps.interaction import interaction, interaction_fields, said
from clps_core.sweeps.variance import Grid, grid_of, holm

RATE, STRATEGY, DROPOUT, NORM = "optim.learning_rate", "sharing.strategy", "model.dropout", "model.norm"
Table = dict[str, Any]


def grid(**values: list[Any]) -> list[Table]:
    names = {"rate": RATE, "strategy": STRATEGY, "dropout": DROPOUT, "norm": NORM}
    return [dict(zip([names[name] for name in values], one, strict=True)) for one in product(*values.values())]


GRID = grid(rate=[1e-4, 1e-3, 1e-2], strategy=["none", "all"], dropout=[0.0, 0.1])


def drawn(count: int) -> list[Table]:
    source = random.Random(3)
    return [
        {
            RATE: 10 ** source.uniform(-4, -2),
            STRATEGY: source.choice(["none", "all"]),
            DROPOUT: source.uniform(0, 0.5),
            NORM: source.choice(["layernorm", "rmsnorm"]),
        }
        for _one in range(count)
    ]


def noise(seed: int) -> random.Random:
    return random.Random(seed)


def test_a_grid_divides_the_variance_exactly() -> None:
    """Effects -1, 0, 1 of the rate, -2 and 2 of the strategy, and both together +-1: variances 2/3, 4 and 1."""

    def quality(one: Table, _seed: int) -> float:
        rate, strategy = math.log10(one[RATE]) + 3, 2 if one[STRATEGY] == "none" else -2
        together = {-1: 1, 0: -2, 1: 1}[round(rate)] * strategy / 2 / math.sqrt(2)
        return 50 + rate + strategy + together

    found = importance(planted(GRID, quality))
    total = 2 / 3 + 4 + 1
    assert (found.method, found.used, found.problem) == ("grid", 12, None)
    assert {one.fields: one.share for one in found.fields} == pytest.approx(
        {(STRATEGY,): 4 / total, (RATE,): 2 / 3 / total, (DROPOUT,): 0}, abs=1e-9
    )
    assert found.order()[:2] == [STRATEGY, RATE]
    assert {one.fields: one.share for one in found.pairs} == pytest.approx(
        {(RATE, STRATEGY): 1 / total, (RATE, DROPOUT): 0, (STRATEGY, DROPOUT): 0}, abs=1e-9
    )
    assert found.rest == pytest.approx(0)
    assert {one.p for one in (*found.fields, *found.pairs)} == {None}
    assert "it is not known how much of this is random variation" in " ".join(said_importance(found))


def test_an_effect_of_three_fields_together_is_the_rest() -> None:
    tables = grid(norm=["layernorm", "rmsnorm"], strategy=["none", "all"], dropout=[0.0, 0.1])

    def quality(one: Table, _seed: int) -> float:
        return float((one[NORM] == "rmsnorm") ^ (one[STRATEGY] == "all") ^ (one[DROPOUT] > 0))

    assert importance(planted(tables, quality)).rest == pytest.approx(1)


def test_seeds_tell_an_effect_from_chance_and_what_a_seed_does_to_all_is_no_chance() -> None:
    source = noise(0)

    def quality(one: Table, seed: int) -> float:
        return 0.3 * (one[STRATEGY] == "none") + 5.0 * seed + source.gauss(0, 0.05)

    found = importance(planted(GRID, quality, seeds=3))
    strategy, *others = found.fields
    assert (strategy.fields, strategy.may_be_chance) == ((STRATEGY,), False)
    assert all(one.may_be_chance for one in others)
    assert strategy.spread is not None
    assert (found.replicates, strategy.spread.count) == (3, 3)
    assert 0 < (found.chance or 0) < 0.2


def test_the_f_test_is_that_of_a_paired_t_test_for_two_values() -> None:
    source = noise(1)
    values = {(name, seed): source.gauss(0, 1) for name in ("none", "all") for seed in range(6)}
    tables = grid(strategy=["none", "all"], dropout=[0.0, 0.1])
    shown = planted(tables, lambda one, seed: values[one[STRATEGY], seed] + 0 * one[DROPOUT], seeds=6)
    (pair,) = importance(shown).pairs
    assert pair.p == 1.0, "no interaction at all"
    halves = [one for one in shown if one.values[DROPOUT] == 0.0]
    alone = grid_of(halves, varied(halves))
    assert alone is not None
    expected = stats.ttest_rel([values["none", seed] for seed in range(6)], [values["all", seed] for seed in range(6)])
    assert alone.p_value([0]) == pytest.approx(float(expected.pvalue))


def test_pure_chance_is_called_an_effect_as_often_as_promised() -> None:
    """5 % of grids, over all fields of a grid together (Holm): 200 grids, so up to 10 + 3 standard errors."""
    source = noise(2)
    tables = grid(strategy=["none", "all"], dropout=[0.0, 0.1], norm=["layernorm", "rmsnorm"])
    runs = planted(tables, lambda _one, _seed: 0.0, seeds=3)
    fields, wrong = varied(runs), 0
    for _round in range(200):
        cells = np.array([[source.gauss(0, 1) for _seed in range(3)] for _one in range(8)]).reshape(2, 2, 2, 3)
        one = Grid(tuple(fields), cells.mean(-1), cells)
        wrong += min(holm([one.p_value([at]) or 0.0 for at in range(3)])) < 0.05
    assert 1 <= wrong <= 19


def test_draws_at_random_are_told_by_a_forest_with_its_spread() -> None:
    """The rate has a variance of 0.04 * 4 / 12 and the strategy of 0.01: 57 % and 43 %."""
    source = noise(4)

    def quality(one: Table, _seed: int) -> float:
        return 0.2 * math.log10(one[RATE]) + 0.2 * (one[STRATEGY] == "none") + source.gauss(0, 0.01)

    found = importance(planted(drawn(60), quality))
    assert (found.method, found.used, found.problem) == ("forest", 60, None)
    assert found.order()[:2] == [RATE, STRATEGY]
    shares = {one.fields[0]: one.share for one in found.fields}
    assert shares == pytest.approx({RATE: 0.57, STRATEGY: 0.43, DROPOUT: 0.0, NORM: 0.0}, abs=0.13)
    assert all(one.spread is not None and one.spread.count > 1 and one.p is None for one in found.fields)
    assert (found.explained or 0) > 0.8
    assert "had not seen" in said_importance(found)[0]


def test_a_forest_says_nothing_of_chance() -> None:
    source = noise(5)
    found = importance(planted(drawn(24), lambda _one, _seed: source.gauss(0, 1)))
    assert (found.fields, found.method) == ((), "none")
    assert "predicts too little" in (found.problem or "")


@pytest.mark.parametrize(
    ("tables", "slope", "words"),
    [
        (GRID[:1], 1, "at least two configurations"),
        (grid(rate=[1e-3, 1e-2], strategy=["none"]), 1, "Only optim.learning_rate differs"),
        (GRID[:7], 1, "7 complete configurations are too few"),
        (GRID, 0, "equally good"),
    ],
)
def test_what_cannot_be_said_is_one_sentence(tables: list[Table], slope: float, words: str) -> None:
    found = importance(planted(tables, lambda one, _seed: 0.5 + slope * one[RATE]))
    assert (found.fields, found.pairs, found.method) == ((), (), "none")
    assert words in (found.problem or "")
    assert importance([]).problem is not None


def test_what_failed_ended_early_or_goes_on_is_left_out_and_said() -> None:
    endings: dict[int, dict[str, Any]] = {
        0: {"status": "failed"},
        1: {"step": 50},
        2: {"status": "running", "active": True},
    }
    shown = planted(
        GRID, lambda one, _seed: one[RATE], seeds=2, ended=lambda place, seed: endings.get(place, {}) if seed else {}
    )
    found = importance(shown)
    assert (found.used, found.total, found.left_out) == (9, 12, 3)
    assert "3 configurations are left out" in " ".join(said_importance(found))


def test_fields_that_change_together_count_once() -> None:
    tables = [one | {NORM: "rmsnorm" if one[STRATEGY] == "all" else "layernorm"} for one in GRID]
    found = importance(planted(tables, lambda one, _seed: float(one[STRATEGY] == "all")))
    assert found.method == "grid"
    assert found.together == ((STRATEGY, NORM),)
    assert "strategy = norm" in " ".join(said_importance(found))
    alone = varied(planted(drawn(20), lambda _one, _seed: 0.0))
    assert [one.field for one in alone] == [RATE, STRATEGY, DROPOUT, NORM], "draws never repeat, which ties nothing"


def crossed(one: Table, seed: int, source: random.Random) -> float:
    best = 1e-2 if one[STRATEGY] == "none" else 1e-4
    return 0.8 - 0.1 * abs(math.log10(one[RATE] / best)) + 0.01 * seed + source.gauss(0, 0.004)


def test_lines_that_cross_by_more_than_chance_are_told() -> None:
    source = noise(6)
    shown = planted(GRID, lambda one, seed: crossed(one, seed, source), seeds=3)
    assert interaction_fields(shown) == [RATE, DROPOUT]
    found = interaction(shown, RATE, 1.0)
    assert found is not None
    assert (found.crossing, found.larger_than_chance) == ((("none", "all"),), True)
    assert (found.best[0], found.best[2]) == (("all",), ("none",))
    assert [point.count for line in found.lines for point in line.points if point] == [6] * 6
    text = " ".join(said(found))
    assert "depends on learning_rate (significant interaction" in text
    assert "These lines cross: none / all" in text
    assert "also a mean over dropout" in text
    other = interaction(shown, DROPOUT, 1.0)
    assert other is not None
    assert other.larger_than_chance is False
    assert "do not show" in " ".join(said(other))
    worse = interaction(shown, RATE, -1.0)
    assert worse is not None
    assert worse.best[0] == ("none",)


@pytest.mark.parametrize(("tables", "seeds", "words"), [(GRID, 1, "two seeds"), (GRID[:11], 3, "complete grid")])
def test_without_seeds_or_a_grid_nothing_is_told_of_chance(tables: list[Table], seeds: int, words: str) -> None:
    source = noise(7)
    found = interaction(planted(tables, lambda one, seed: crossed(one, seed, source), seeds=seeds), RATE, 1.0)
    assert found is not None
    assert found.larger_than_chance is None
    assert words in (found.problem or "")
    assert interaction(planted(tables[:1], lambda _one, _seed: 0.5), RATE, 1.0) is None


def test_scripts_and_the_command_line_get_the_same_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of stored runs whose quality is planted: the strategy is worth 0.3, the rate nothing."""
    fields = {RATE: [1e-3, 1e-2], STRATEGY: ["none", "all"]}
    plain = sweep_from_plain({"base": {"data": {"task": "digits"}}, "sweep": {"fields": fields}, "seeds": [0, 1]})
    with closing(open_store(tmp_path)) as store:
        made = store.create_comparison("Rates", expand(plain), sweep=plain.plain())
        with store.writing() as connection:
            for run in store.runs(comparison=made):
                quality = 0.5 + 0.3 * (run.strategy == "all") + 0.01 * run.seed
                metrics.append(connection, run.id, [Point(run.id, "validation", "accuracy", 10, quality, 1.0)])
                ended = schema.run.update().where(schema.run.c.id == run.id)
                connection.execute(ended.values(status="finished", step=run.steps, seconds=1.0))
        state = sweep_state(store, next(one for one in store.comparisons() if one.id == made), 1)
    found = api.importance(made, home=tmp_path)
    assert [one.fields for one in found.fields] == [(STRATEGY,), (RATE,)]
    assert [one.share for one in found.fields] == pytest.approx([1, 0])
    print_importance(state, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["importance"]["fields"][0]["share"] == found.fields[0].share
    (line,) = told["interactions"]
    assert (line["field"], line["crossing"], line["larger_than_chance"]) == (RATE, [], False)
    print_importance(state)
    printed = capsys.readouterr()
    assert "100.0%" in printed.out
    assert "all has the best mean at every value of learning_rate" in printed.err
    with pytest.raises(NotFoundError, match="no sweep"):
        api.importance("none\x1b[31m", home=tmp_path)
