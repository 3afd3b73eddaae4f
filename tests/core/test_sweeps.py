"""A sweep is expanded the same way everywhere, on matched data, and refused before anything is made."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clps_core.config import MAX_YAML_BYTES
from clps_core.errors import ConfigError
from clps_core.experiment import MAX_RUNS, read_experiment
from clps_core.sweeps import Sweep, expand, read_sweep, size, stored_sweep, sweep_from_plain
from clps_core.sweeps.expand import settings
from clps_core.sweeps.values import Range, drawn

GRID = """
name: Rates and sharing
data: {task: dates}
train: {steps: 300}
sweep:
  fields:
    optim.learning_rate: [1e-3, 3e-3]
    sharing.strategy: [none, all]
    model.d_model: [16, 32]
seeds: [0, 1]
folds: 3
"""
RANDOM = """
base: {data: {task: digits}, train: {steps: 40}}
sweep:
  method: random
  runs: 12
  seed: 4
  fields:
    optim.learning_rate: {log_uniform: [1e-4, 1e-2]}
    model.num_layers: {integers: [1, 4]}
    model.dropout: {uniform: [0, 0.3]}
    sharing.strategy: [none, all]
"""


def test_a_grid_is_every_combination_for_each_seed_and_fold():
    configs = [one.config for one in expand(read_sweep(GRID))]
    made = {
        (c.optim.learning_rate, c.sharing.strategy, c.model.d_model, c.seed, c.data.fold)
        for c in configs
    }  # fmt: skip
    assert len(made) == len(configs) == size(read_sweep(GRID)) == 2 * 2 * 2 * 2 * 3
    assert {rate for rate, *_rest in made} == {1e-3, 3e-3}
    assert {c.train.steps for c in configs} == {300}


def test_all_runs_of_one_fold_see_the_same_data():
    configs = [one.config for one in expand(read_sweep(GRID))]
    for fold in range(3):
        assert len({c.data for c in configs if c.data.fold == fold}) == 1
    assert {(c.data.seed, c.data.folds) for c in configs} == {(0, 3)}


def test_the_first_fold_and_seed_come_first_so_that_every_value_is_tried_early():
    configs = [one.config for one in expand(read_sweep(GRID))]
    assert {(c.data.fold, c.seed) for c in configs[:8]} == {(0, 0)}
    assert [c.data.fold for c in configs] == sorted(c.data.fold or 0 for c in configs)


def test_a_random_search_draws_from_its_ranges():
    configs = [one.config for one in expand(read_sweep(RANDOM))]
    assert len(configs) == 12
    rates = [c.optim.learning_rate for c in configs]
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert min(rates) < 1e-3 < max(rates)
    assert {c.model.num_layers for c in configs} <= {1, 2, 3, 4}
    assert {c.sharing.strategy for c in configs} == {"none", "all"}


def test_integers_may_be_drawn_in_steps():
    text = "sweep: {method: random, runs: 4, fields: {model.d_model: {integers: [16, 72, 16]}}}"
    assert {c.config.model.d_model for c in expand(read_sweep(text))} == {16, 32, 48, 64}
    assert sweep_from_plain(read_sweep(text).plain()) == read_sweep(text)


def test_a_random_search_is_the_same_whatever_else_is_random():
    random.seed(1)
    first = expand(read_sweep(RANDOM))
    random.seed(2)
    assert expand(read_sweep(RANDOM)) == first
    assert expand(read_sweep(RANDOM.replace("seed: 4", "seed: 5"))) != first


def test_more_runs_or_another_field_leave_the_draws_there_are_as_they_were():
    few = settings(read_sweep(RANDOM))
    assert settings(read_sweep(RANDOM.replace("runs: 12", "runs: 20")))[:12] == few
    wider = settings(read_sweep(RANDOM + "    optim.weight_decay: {uniform: [0, 1]}\n"))
    assert [{**one, "optim.weight_decay": None} for one in few] == [
        {**one, "optim.weight_decay": None} for one in wider
    ]


@given(st.sampled_from(["uniform", "log_uniform", "integers"]), st.integers(1, 50), st.integers(1, 50), st.integers())
def test_a_draw_never_leaves_its_range(kind: str, low: int, more: int, place: int):
    value = drawn(Range(kind, low, low + more), "field", place)
    assert low <= value <= low + more
    assert kind != "integers" or isinstance(value, int)


def test_a_log_uniform_draw_is_as_often_below_the_middle_magnitude_as_above():
    values = [drawn(Range("log_uniform", 1e-4, 1e-2), place) for place in range(400)]
    assert 160 < sum(value < 1e-3 for value in values) < 240
    assert len(set(values)) > 350


def test_the_sweep_that_the_store_keeps_means_the_same_runs():
    for text in (GRID, RANDOM):
        sweep = read_sweep(text)
        assert sweep_from_plain(sweep.plain()) == sweep
        assert expand(sweep_from_plain(sweep.plain())) == expand(sweep)
    assert stored_sweep(None) is None
    assert stored_sweep({"sweep": {"method": "of a later version"}}) is None


def test_strategies_and_seeds_may_stand_as_in_an_experiment_file():
    sweep = read_sweep("strategies: [none, 'cycle:2']\nseeds: [3]\nfolds: 2\ntrain: {steps: 10}")
    assert [(c.config.sharing.strategy, c.config.seed, c.config.data.fold) for c in expand(sweep)] == [
        ("none", 3, 0), ("cycle:2", 3, 0), ("none", 3, 1), ("cycle:2", 3, 1),
    ]  # fmt: skip


def test_without_seeds_a_sweep_has_the_base_seed_or_0_and_draws_with_seed_0():
    fields = "sweep: {method: random, runs: 3, fields: {optim.learning_rate: {log_uniform: [1e-4, 1e-2]}}}"
    usual, chosen = read_sweep(fields), read_sweep(f"{fields}\nseed: 5")
    assert (usual.seed, usual.seeds, chosen.seeds) == (0, (0,), (5,))
    assert {c.config.seed for c in expand(usual)} == {0}
    assert {c.config.seed for c in expand(chosen)} == {5}
    with_0 = read_sweep(fields.replace("runs: 3", "runs: 3, seed: 0"))
    assert expand(usual) == expand(with_0) == expand(Sweep(fields=usual.fields, method="random", runs=3))
    assert Sweep().seeds == (0,)


def test_patience_of_the_sweep_is_a_field_of_its_runs():
    sweep = read_sweep("stop: {rule: patience, evaluations: 3}\nsweep: {fields: {model.dropout: [0, 0.1]}}")
    assert {c.config.train.patience for c in expand(sweep)} == {3}


def test_a_rule_may_wait_for_as_many_others_as_there_are():
    assert len(expand(read_sweep("seeds: [0, 1, 2]\nfolds: 2\nstop: {rule: median, runs: 2}"))) == 6
    steps = "sweep: {fields: {train.steps: [50, 100]}}\nstop: {rule: threshold, value: 0.8, after: 60}"
    assert len(expand(read_sweep(steps))) == 2


def many(values: int, fields: int) -> dict[str, Any]:
    names = ["optim.learning_rate", "optim.weight_decay", "model.dropout"][:fields]
    return {"sweep": {"fields": {name: [(1 + n) / 1000 for n in range(values)] for name in names}}}


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (many(100, 3), "1,000,000: 100 optim.learning_rate x 100 optim.weight_decay x 100 model.dropout"),
        ({"sweep": {"method": "random", "runs": 10**6}}, "1,000,000: 1000000 draws"),
        ({"sweep": {"method": "random", "runs": 10**5000}}, "> 10\\^9"),
        ({**many(50, 1), "seeds": [0, 1, 2], "folds": 2}, "300: 50 optim.learning_rate x 3 seeds x 2 folds"),
    ],
)
def test_too_many_runs_are_refused_by_multiplication(plain, words):
    """No run of these could be made, so whoever made one would complain of its steps."""
    with pytest.raises(ConfigError, match=f"at most {MAX_RUNS} runs. Got {words}"):
        expand(sweep_from_plain({"base": {"train": {"steps": 0}}, **plain}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sweep: {fields: {optim.rate: [1]}}", "must be a field of a run.*optim.rate.*fields in optim: learning_rate"),
        ("sweep: {fields: {nonsense: [1]}}", "must be a field of a run.*nonsense.*model, sharing, data"),
        ("sweep: {fields: {optim: [1]}}", "must be a field of a run"),
        ("sweep: {fields: {seed: [1, 2]}}", "seeds: "),
        ("sweep: {fields: {data.fold: [0, 1]}}", "folds: 5"),
        ("sweep: {fields: {[1, 2]: [1]}}", "must be YAML"),
        ("sweep: {fields: {optim.learning_rate: []}}", "must have a list of values"),
        ("sweep: {fields: {optim.learning_rate: 0.1}}", "must have a list of values"),
        ("sweep: {fields: {optim.learning_rate: [[0.1]]}}", "must have a list of values"),
        ("sweep: {fields: {optim.learning_rate: {normal: [0, 1]}}}", "must have a list of values"),
        ("sweep: {fields: {optim.learning_rate: {uniform: [0.1, 0.2]}}}", "a grid must have lists of values"),
        ("sweep: {method: random, fields: {optim.learning_rate: {log_uniform: [0, 1]}}}", "numbers above 0"),
        ("sweep: {method: random, fields: {optim.learning_rate: {uniform: [2, 1]}}}", "smaller one first"),
        ("sweep: {method: random, fields: {optim.learning_rate: {uniform: [.nan, 1]}}}", "smaller one first"),
        ("sweep: {method: random, fields: {optim.learning_rate: {uniform: [1, .inf]}}}", "smaller one first"),
        ("sweep: {method: random, fields: {model.num_layers: {integers: [1, 2.5]}}}", "two whole numbers"),
        ("sweep: {method: random, fields: {model.d_model: {integers: [16, 64, 0]}}}", "may have a third, the step"),
        ("sweep: {method: random, fields: {model.d_model: {integers: [16, 64, 49]}}}", "may have a third, the step"),
        ("sweep: {method: random, fields: {model.dropout: {uniform: [0, 1, 0.1]}}}", "must have a list of values"),
        ("sweep: {fields: {train.eval_examples: [100, 200]}}", "evaluated on different examples cannot be ranked"),
        ("sweep: {method: bayes}", "sweep.method must be one of grid, random. Got 'bayes'"),
        ("sweep: {runs: 0}", "sweep.runs must be a whole number of at least 1"),
        ("sweep: {runs: 1.5}", "sweep.runs must be a whole number"),
        ("sweep: {method: random, runs: 5, fields: {model.dropout: [0, 0.1]}}", "as many different combinations"),
        ("sweep: [1]", "sweep must be a group of fields"),
        ("sweep: {speed: 9}", "sweep must have the fields method, runs, seed, fields"),
        ("folds: 1", "folds must be a whole number from 2 to 50"),
        ("folds: true", "folds must be a whole number from 2 to 50"),
        ("strategies: [all]\nsweep: {fields: {sharing.strategy: [none]}}", "strategies must be given once"),
        ("seed: x\nsweep: {}", "seed must be a whole number"),
        ("nonsense: 1", "nonsense is not a field"),
        ("base: [1]", "base must be a group of fields"),
        ("stop: median", "stop must be a group"),
        ("stop: {rule: luck}", "stop: rule must be one of"),
        ("stop: {rule: patience}", "Required: evaluations"),
        ("stop: {rule: threshold, evaluations: 3}", "Required: value; optional: after"),
        ("stop: {rule: median, value: 3}", "its own fields only. Required: none; optional: after, runs"),
        ("stop: {rule: median, after: 0}", "after must be at least 1"),
        ("seeds: [0, 1]\nstop: {rule: median}", r"than it waits for \(4\). Got 2"),
        ("seeds: [0, 1]\nfolds: 9\nstop: {rule: median, runs: 2}", r"than it waits for \(2\). Got 2"),
        ("stop: {rule: threshold, value: 80}", r"at most 1 \(0.8 for 80 %\): dates is judged by exact_match. Got 80"),
        ("data: {task: python-docs}\nstop: {rule: threshold, value: 0.8}", "at least 1: python-docs is judged by perp"),
        ("train: {steps: 50}\nstop: {rule: threshold, value: 1, after: 50}", r"less than the steps of a run \(50\)"),
        ("train: {steps: 300}\nstop: {rule: patience, evaluations: 6}", r"a run's evaluations \(6\). Got 6"),
        ("sweep: {fields: {model.dropout: [0.1, 0.1]}}", "must be given once"),
        ("sweep: {fields: {optim.learning_rate: [0.1, -3]}}", "with optim.learning_rate=-3: optim.learning_rate"),
        ("sweep: {fields: {model.num_heads: [4, 5]}}", "with model.num_heads=5: d_model must be divisible"),
        ("sweep: {fields: {sharing.strategy: [none, cycl]}}", "with sharing.strategy=cycl: "),
        ("sweep: {fields: {data.task: [dates, digits]}}", "must have one task"),
        ("data: {task: poems}\nsweep: {}", "task must be one of"),
        ("model: {d_model: !!binary NjQ=}\nsweep: {}", "the tag !!binary in line 1"),
        ("train: {steps: [1, 2]}\nsweep: {}", "'steps' must be a number"),
        ("model: 2024-01-01\nsweep: {}", "model must be a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(text, words):
    with pytest.raises(ConfigError, match=words):
        expand(read_sweep(text))


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "sweep: {fields: {? {a: 1} : [1]}}",
        "sweep: {runs: 0x" + "f" * 9000 + "}",
        "seed: 0x" + "f" * 9000,
        "sweep: {fields: {model.d_model: [0x" + "f" * 9000 + "]}}",
        "sweep: {seed: 0x" + "f" * 9000 + ", method: random, fields: {model.dropout: {uniform: [0, 2]}}}",
        "a: &a [x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nsweep: {fields: {model.d_model: [*b, *b, *b]}}",
        "sweep: &s {fields: *s}",
        "sweep: {fields: !!python/object/apply:os.system ['true']}",
        "a: &a [x, x, x]\nmodel: &b {d_model: [*a, *a], self: *b}",
        "1: 2\n2: 3",
        "base: {1: 2}",
        "base: {model: {1: 2}}",
        "- sweep",
        "sweep: {fields: {__class__: [1]}}",
        "sweep: {fields: {model.__init__: [1]}}",
        "x" * (MAX_YAML_BYTES + 1),
        "[" * 5000,
        "name: " + "n" * 500,
        "stop: {rule: threshold, value: .nan}",
    ],
)
def test_hostile_text_is_a_sentence_and_never_another_error(text):
    with pytest.raises(ConfigError) as caught:
        expand(read_sweep(text))
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 3\nseeds: [0, 1]\nfolds: 2", "must have either seed or seeds"),
        ("base: {seed: 3}\nseeds: [0, 1]", "must have either seed or seeds"),
        ("sharing: {strategy: all}\nstrategies: [none]\nfolds: 2", "either sharing.strategy or strategies"),
        (
            "optim: {learning_rate: 1}\nsweep: {fields: {optim.learning_rate: [0.1]}}",
            "optim.learning_rate and as sweep.fields",
        ),
        ("base: {model: {d_ff: 8}}\nsweep: {fields: {model.d_ff: [16]}}", "model.d_ff must be given once"),
        (
            "sharing: {strategy: all}\nsweep: {fields: {sharing.strategy: [none]}}",
            "sharing.strategy must be given once",
        ),
        ("train: {steps: 9}\nbase: {train: {steps: 8}}", "Got it as train.steps and as base.train.steps"),
        ("seed: 1\nbase: {seed: 2}", "Got it as seed and as base.seed"),
        ("data: {folds: 3, fold: 0}\nfolds: 2", "data.folds must be given once. Got it as data.folds and as folds"),
        ("train: {patience: 3}\nstop: {rule: patience, evaluations: 1}", "train.patience must be given once"),
        (
            "sweep: {fields: {train.patience: [1, 2]}}\nstop: {rule: patience, evaluations: 1}",
            "Got it as sweep.fields and as stop.evaluations",
        ),
    ],
)  # fmt: skip
def test_a_file_that_says_one_thing_in_two_places_is_refused(text, words):
    with pytest.raises(ConfigError, match=words):
        expand(read_sweep(text))


def test_a_comparison_given_to_sweep_is_sent_to_train():
    for text in ("strategies: [none, all]\nseeds: [0, 1]\nname: A", "data: {task: digits}"):
        with pytest.raises(ConfigError, match=r"Got a comparison\. Run it with 'clps train --config FILE'"):
            read_sweep(text)


def test_a_stored_sweep_that_names_a_field_twice_is_still_read():
    plain = {"base": {"optim": {"learning_rate": 1.0}}, "sweep": {"fields": {"optim.learning_rate": [0.1]}}}
    sweep = stored_sweep(plain)
    assert sweep is not None
    assert [one.config.optim.learning_rate for one in expand(sweep)] == [0.1]


def test_a_sweep_file_given_to_train_is_sent_to_sweep():
    with pytest.raises(ConfigError, match="clps sweep"):
        read_experiment(GRID)


def test_a_value_may_be_written_as_yaml_reads_it():
    """YAML takes 1e-3 for a text; people do not."""
    rates = {c.config.optim.learning_rate for c in expand(read_sweep(GRID))}
    assert all(math.isclose(rate, right) for rate, right in zip(sorted(rates), (1e-3, 3e-3), strict=True))
