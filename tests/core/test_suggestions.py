"""The name that somebody probably meant."""

from __future__ import annotations

import pytest

from clps_core.sharing import NAMED_STRATEGIES
from clps_core.suggestions import nearest


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sandwhich", "sandwich"),
        ("cycel", "cycle"),
        ("ALL", "all"),
        ("midle_cycle", "middle_cycle"),
        ("sand", "sandwich"),
    ],
)
def test_a_mistyped_name_gets_the_one_that_was_meant(typed, meant):
    assert nearest(typed, NAMED_STRATEGIES) == meant


@pytest.mark.parametrize("typed", ["xyzzy", "", "a" * 100_000])
def test_a_text_that_is_like_no_name_gets_none(typed):
    assert nearest(typed, NAMED_STRATEGIES) is None
