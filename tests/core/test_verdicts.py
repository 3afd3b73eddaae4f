"""A verdict is given for matched designs over paired seeds, at the promised level, and says when it cannot say."""

from __future__ import annotations

import dataclasses
import math
import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from scipy import stats
from simulated_runs import Room, contender, simulated_run

from clps_core.errors import NotFoundError
from clps_core.sweeps.results import Spread
from clps_core.verdicts import BEST, Contender, Verdict, as_plain, basis, sentence, verdicts
from clps_core.verdicts.evidence import MOST_SEEDS, holm, more_seeds

SEEDS = range(5)


def design(scheme: str, bests: Sequence[float], tests: Sequence[float] = (), **values: Any) -> Contender:
    return contender([simulated_run(seed, scheme, **values) for seed in range(len(bests))], bests, tests)


def told(*designs: Contender, reference: str | None = None) -> tuple[Verdict, str]:
    """The first verdict, and its sentence."""
    found = verdicts(designs, reference)
    return found.found[0], sentence(found.found[0], found, {one.key: one.run.strategy for one in designs})


NONE = design("none", [0.60, 0.66, 0.63, 0.70, 0.58])


def test_the_figures_are_those_of_scipys_paired_t_test() -> None:
    mine, theirs = [0.65, 0.70, 0.69, 0.73, 0.64], list(NONE.bests.values())
    one, said = told(NONE, design("all", mine))
    expected = stats.ttest_rel(mine, theirs)
    assert one.kind == "better"
    assert one.gap is not None
    assert one.p == pytest.approx(expected.pvalue)
    assert one.gap.interval(0.95) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    low, high = (100 * end for end in expected.confidence_interval(0.95))
    assert f"all is better than none by {100 * one.gap.mean:.1f} points (95 % interval {low:.1f} to {high:.1f}" in said
    assert "5 pairs" in said
    assert "Matched in stored parameters, training FLOPs and CPU seconds." in said


def test_worse_has_the_sign_of_its_words_and_lower_may_be_better() -> None:
    one, said = told(NONE, design("all", [0.55, 0.60, 0.59, 0.63, 0.54]))
    assert one.kind == "worse"
    assert re.search(r"all is worse than none by [\d.]+ points \(95 % interval [\d.]+ to [\d.]+, 5 pairs", said)
    changed = {"data": {"task": "python-docs"}}
    loss = [contender([simulated_run(seed, scheme, changed=changed) for seed in SEEDS], values)
            for scheme, values in (("none", [30, 31, 32, 30, 31]), ("all", [25, 26.5, 27, 25, 26]))]  # fmt: skip
    one, said = told(*loss)
    assert one.kind == "better"
    assert re.search(r"all is better than none by 4\.\d+ ppl", said)


def test_as_good_takes_two_one_sided_tests_and_never_follows_from_a_large_p() -> None:
    close = design(
        "all", [value + step for value, step in zip(NONE.bests.values(), (2e-3, -1e-3, 0, 1e-3, 0), strict=True)]
    )
    one, said = told(NONE, close)
    assert one.kind == "as_good"
    assert "all is as good as none within 1 percentage point" in said
    wide = design(
        "all", [value + step for value, step in zip(NONE.bests.values(), (0.05, -0.06, 0.01, 0.04, -0.03), strict=True)]
    )
    one, said = told(NONE, wide)
    assert (one.kind, one.needed is not None) == ("cannot_tell", True)
    assert "Cannot tell all and none apart" in said
    assert re.search(r"About \d+ more seeds would show", said)


def test_holm_is_that_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_so_many_more_seeds_have_the_power_they_promise() -> None:
    """By drawing experiments of that size."""
    gap = Spread(0.01, 0.012, 5)
    needed = more_seeds(gap, 0.001)
    assert needed is not None
    assert needed.shows == "difference"
    rng, count = random.Random(3), gap.count + needed.seeds
    drawn = [Spread.of([rng.gauss(0.01, 0.012) for _seed in range(count)]) for _time in range(600)]
    power = sum(one is not None and not one.may_be_chance for one in drawn) / len(drawn)
    assert 0.76 < power < 0.88
    same = more_seeds(Spread(0.001, 0.012, 5), 0.01)
    assert same is not None
    assert same.shows == "as_good"
    drawn = [Spread.of([rng.gauss(0.001, 0.012) for _seed in range(5 + same.seeds)]) for _time in range(600)]
    assert sum(one is not None and one.within(0.01) for one in drawn) / len(drawn) > 0.76
    assert more_seeds(Spread(1e-6, 1.0, 5), 1e-9) is None
    one, said = told(NONE, design("all", [0.05, 0.99, 0.10, 0.95, 0.98]))
    assert one.needed is None
    assert f"More than {MOST_SEEDS:,} additional seeds" in said


def test_designs_without_an_effect_are_seldom_called_better_however_many_there_are() -> None:
    """Fails without Holm: then one of 5 pairs is called different in about 20 of 100 families."""
    room, times = Room(6, 5, random.Random(11)), 150
    wrong = sum(
        any(one.kind in ("better", "worse") for one in verdicts(room.drawn([0.0] * 6, 0.02, 0.0)).found)
        for _time in range(times)
    )
    assert wrong / times <= 0.08


def test_against_the_best_by_result_holm_goes_over_all_pairs() -> None:
    room, times = Room(5, 5, random.Random(12)), 80
    found = [verdicts(room.drawn([0.0] * 5, 0.02, 0.0), BEST) for _time in range(times)]
    assert {one.family for one in found} == {10}
    assert sum(any(one.kind in ("better", "worse") for one in each.found) for each in found) / times <= 0.08
    assert "chosen by its result" in basis(found[0])


def test_pairing_sees_through_what_seeds_do_to_all_designs() -> None:
    """Fails without pairing: the spread over seeds is five times the effect."""
    room, times = Room(2, 5, random.Random(13)), 100
    seen = sum(verdicts(room.drawn([0.0, 0.04], 0.01, 0.2)).found[0].kind == "better" for _time in range(times))
    assert seen / times > 0.85


def changed_runs(one: Contender, **values: Any) -> Contender:
    return dataclasses.replace(one, runs=(dataclasses.replace(one.runs[0], **values), *one.runs[1:]))


ALL = design("all", [0.65, 0.70, 0.69, 0.73, 0.64])
HALF = {"train": {"steps": 50}}
ALWAYS_ONE_BETTER = design("all", [value + 0.01 for value in NONE.bests.values()])
FORKS = contender([dataclasses.replace(run, start_from="best", parent_id="other") for run in ALL.runs], [0.7] * 5)
SHORT = design("all", [0.7] * 5, parameters=300, changed=HALF, cpu_seconds=5.0, seconds=5.05)


@pytest.mark.parametrize(
    ("other", "why", "words"),
    [
        (design("all", [0.7]), "few_pairs", "1 pair of runs with the same seed"),
        (design("all", [0.7, 0.8]), "few_pairs", "at least 3, and often more"),
        (changed_runs(ALL, status="failed"), "failed", "a run of all failed"),
        (changed_runs(ALL, status="running"), "unfinished", "not all runs of all have finished"),
        (changed_runs(ALL, step=50), "early", "ended before its last step"),
        (dataclasses.replace(ALL, bests={}), "unscored", "has no evaluation"),
        (design("all", [0.7] * 5, changed={"train": {"steps": 100, "eval_examples": 64}}), "data", "eval_examples"),
        (dataclasses.replace(ALL, prints=frozenset({"other"})), "data", "fingerprints differ"),
        (contender([simulated_run(seed + 10, "all") for seed in SEEDS], [0.7] * 5), "unpaired", "no seed"),
        (ALWAYS_ONE_BETTER, "no_spread", "every pair has the same difference"),
        (FORKS, "fork", "different weights"),
        (SHORT, "unmatched", "0.30× the stored parameters, 0.50× the training FLOPs"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)  # fmt: skip
def test_it_says_when_it_cannot_say(other: Contender, why: str, words: str) -> None:
    reference = dataclasses.replace(NONE, prints=frozenset({"one"})) if "fingerprints" in words else NONE
    one, said = told(reference, other)
    assert (one.kind, one.why) == ("none", why)
    assert words in said


def test_a_metric_that_all_have_at_its_best_tells_nothing() -> None:
    one, said = told(design("none", [1.0] * 5), design("all", [1.0] * 5))
    assert one.why == "saturated"
    assert "A harder task" in said


@pytest.mark.parametrize(
    ("values", "matched"),
    [
        ({"parameters": 1005}, ("parameters", "flops", "seconds")),
        ({"parameters": 500}, ("flops", "seconds")),
        ({"parameters": 500, "cpu_seconds": 9.0, "seconds": 9.1}, ("flops",)),
        ({"parameters": 1005, "changed": HALF, "cpu_seconds": 5.0, "seconds": 5.05}, ("parameters",)),
        ({"parameters": 500, "changed": HALF}, ("seconds",)),
    ],
)
def test_designs_are_matched_in_parameters_flops_or_seconds(values: dict[str, Any], matched: tuple[str, ...]) -> None:
    one, _said = told(NONE, design("all", [0.65, 0.70, 0.69, 0.73, 0.64], **values))
    assert one.kind == "better"
    assert one.budgets is not None
    assert one.budgets.matched == matched


def test_the_middle_of_a_longer_run_is_no_match() -> None:
    """At half of its steps it had as many FLOPs; its schedule ends later."""
    longer = design("all", [0.7] * 5, parameters=300, changed={"train": {"steps": 200}}, cpu_seconds=20.0, seconds=20.2)
    one, said = told(NONE, longer)
    assert one.why == "unmatched"
    assert "2.00× the training FLOPs" in said or "2× the training FLOPs" in said


@pytest.mark.parametrize(
    ("values", "why", "words"),
    [
        ({"cpu_seconds": None}, "not_recorded", "was not recorded"),
        ({"seconds": 20.0}, "load", "busier for one of the two"),
        ({"threads": 2}, "device", "numbers of threads"),
        ({"comparison_id": "imported-x"}, "elsewhere", "trained elsewhere"),
    ],
)
def test_seconds_that_do_not_compare_are_not_compared(values: dict[str, Any], why: str, words: str) -> None:
    one, said = told(NONE, design("all", [0.7] * 5, parameters=500, changed=HALF, **values))
    assert one.budgets is not None
    assert (one.budgets.time, one.why) == (why, "unmatched")
    assert words in said


def test_on_a_gpu_wall_seconds_count() -> None:
    gpu = {"device": "cuda:0", "cpu_seconds": None}
    one, said = told(
        design("none", list(NONE.bests.values()), **gpu),
        design("all", [0.65, 0.70, 0.69, 0.73, 0.64], parameters=5, changed=HALF, **gpu),
    )
    assert one.kind == "better"
    assert "Matched in seconds." in said


def test_test_scores_of_the_same_pairs_are_told_where_all_have_one() -> None:
    scores = [0.6, 0.61, 0.64, 0.7, 0.59]
    reference = design("none", list(NONE.bests.values()), scores)
    mine = [value + gap for value, gap in zip(scores, (0.04, 0.05, 0.06, 0.05, 0.05), strict=True)]
    _one, said = told(reference, design("all", [0.65, 0.70, 0.69, 0.73, 0.64], mine))
    assert "On the test split the difference is 5.00 points" in said
    _one, said = told(reference, design("all", [0.65, 0.70, 0.69, 0.73, 0.64], mine[:4]))
    assert "test split" not in said


def test_the_reference_is_the_first_the_named_or_the_best() -> None:
    cycle = design("cycle", [0.2, 0.21, 0.24, 0.22, 0.23])
    designs = [cycle, NONE, ALL]
    assert verdicts(designs).reference is cycle
    assert verdicts(designs, NONE.key).reference is NONE
    assert verdicts(designs, BEST).reference is ALL
    with pytest.raises(NotFoundError, match="must be best or one of these designs"):
        verdicts(designs, "nobody")


def test_as_data_it_has_every_figure_and_the_sentence() -> None:
    found = verdicts([NONE, ALL, design("cycle", [0.5])])
    plain = as_plain(found, {NONE.key: "none"})
    better, none = plain["verdicts"]
    assert plain["reference"] == {"key": NONE.key, "name": "none"}
    assert better["verdict"] == "better"
    assert better["difference"]["pairs"] == 5
    assert better["matched"] == ["parameters", "flops", "seconds"]
    assert better["sentence"].startswith(ALL.key)
    assert (none["verdict"], none["reason"]) == ("none", "few_pairs")
    assert not math.isfinite(none["difference"]["interval"][0])
