"""Advice on sharing: every answer leads to designs that build and have what is said of them."""

from __future__ import annotations

from itertools import chain

import pytest

from clps_core.advice import CLAIMS, LIMITS, Answers, advise, design_of, every_answer, with_strategy
from clps_core.config import resolve
from clps_core.errors import ConfigError
from clps_core.model.transformer import build_model
from clps_core.samples.ready import READY
from clps_core.spec import from_spec, to_spec

EVERY = list(every_answer())


def designs(answers):
    return [(one, advise(answers)) for one in advise(answers).designs]


def test_there_is_advice_for_every_answer_with_one_or_two_designs_that_differ():
    assert len(EVERY) == len(set(EVERY)) == 5 * 3 * len(LIMITS)
    for answers in EVERY:
        found = advise(answers).designs
        assert 1 <= len(found) == len({one.config for one in found}) <= 2, answers


def test_the_counter_confirms_every_claim_of_every_design():
    claimed = set()
    for answers in EVERY:
        for one, advice in designs(answers):
            wrong = [
                name
                for name in one.claims
                if not CLAIMS[name](design_of(one.config), design_of(advice.plain), answers.most)
            ]
            assert one.claims
            assert wrong == [], (answers, one.reason)
            claimed |= set(one.claims)
    for name in claimed:
        holds = {
            CLAIMS[name](design_of(one.config), design_of(advice.plain), answers.most // 2)
            for answers in EVERY
            for one, advice in designs(answers)
        }
        assert holds == {True, False}, f"{name} says nothing"


def test_who_is_told_not_to_share_gets_a_design_that_shares_nothing_first():
    for answers in EVERY:
        advice = advise(answers)
        first = design_of(advice.designs[0].config)
        assert first.unshared == (advice.verdict == "keep"), answers
        assert design_of(advice.plain).unshared


def test_sharing_all_layers_saves_neither_computation_nor_cache_nor_activations():
    for most in LIMITS:
        plain = advise(Answers("weights", "steps", most)).plain
        before, after = design_of(plain), design_of(with_strategy(plain, "all"))
        assert (after.flops, after.cache, after.activations) == (before.flops, before.cache, before.activations)
        assert after.stored < before.stored
        assert after.state < before.state


def test_every_design_is_read_back_from_its_address():
    for one in {one.config for answers in EVERY for one, _advice in designs(answers)}:
        assert resolve(from_spec(to_spec(one))) == resolve(one)


def test_the_smallest_design_of_each_kind_builds_and_stores_what_was_counted():
    kinds = {}
    for one, _advice in chain.from_iterable(designs(answers) for answers in EVERY if answers.most == LIMITS[0]):
        kinds.setdefault(one.reason, one.config)
    assert len(kinds) > 10
    for reason, config in kinds.items():
        built = build_model(resolve(config))
        assert sum(one.numel() for one in built.parameters()) == design_of(config).stored, reason


def test_advice_points_to_comparisons_that_ship():
    keys = {advise(answers).evidence for answers in EVERY}
    assert keys - {None} <= {one.key for one in READY}
    assert None in keys


@pytest.mark.parametrize("bad", [("all", "facts", LIMITS[0]), ("cache", "x", LIMITS[0]), ("cache", "facts", 7)])
def test_an_answer_that_is_none_is_refused(bad):
    with pytest.raises((ValueError, ConfigError)):
        Answers(*bad)
