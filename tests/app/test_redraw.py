"""One redraw reads each design once: form, estimate, counter and queue hand on what resolve found."""

import sys
from collections import Counter

import pytest

from app.design import designs
from clps_core.config import Resolved
from clps_core.config.resolving import resolve
from clps_core.sharing import grammar
from clps_core.sharing.plan import build_plan

THREE = ["none", "all", "cycle:2"]
SPEC = "1;task=dates;model.d_model=48"
UNSHARED_AND_ALL = 2
"""Plans of the arithmetic beside the designs: "all" at these sizes, and "none" where it was never counted."""


@pytest.fixture
def calls(monkeypatch):
    """Counts the calls of ``resolve`` (with something to resolve) and ``build_plan`` from anywhere; all go through."""
    found = Counter()

    def counting(function):
        def counted(first, *arguments, **options):
            found[function.__name__] += not isinstance(first, Resolved)
            return function(first, *arguments, **options)

        return counted

    for function in (resolve, build_plan):
        wrapped = counting(function)
        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is function:
                    monkeypatch.setattr(module, name, wrapped)
    return found


def redrawn(test, calls):
    """What one more redraw calls, with no strategy read before."""
    calls.clear()
    grammar._strategy.cache_clear()
    test.run()
    assert not test.exception
    return Counter(calls, parse=grammar._strategy.cache_info().misses)


def test_a_redraw_of_train_resolves_plans_and_parses_each_design_once(open_page, calls):
    found = redrawn(open_page("train", spec=SPEC, strategy=THREE), calls)
    assert found == {"resolve": 3, "build_plan": 3, "parse": 3}


def test_a_redraw_of_design_plans_and_parses_each_design_once(open_page, calls):
    page = open_page("design", spec=SPEC, strategy=THREE)
    designs._counted.cache_clear()
    found = redrawn(page, calls)
    assert found["resolve"] == 0
    assert 3 <= found["build_plan"] <= 3 + UNSHARED_AND_ALL
    assert found["parse"] == 3
    assert redrawn(page, calls)["build_plan"] <= UNSHARED_AND_ALL, "what has not changed is not planned again"
