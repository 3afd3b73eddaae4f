"""Compare says in sentences which design is better; the reference lives in the address."""

from __future__ import annotations

from page_reading import sentences
from recorded_runs import mark, record

from app.compare.verdicts import SIGNS
from clps_core.store.designs import design_of


def recorded(store, strategies=("none", "all"), seeds=range(4)):
    """The later a run is recorded, the slower it learns: the second design is worse for every seed."""
    runs = record(store, strategies, seeds)
    for run in runs:
        mark(store, run, cpu_seconds=19.0, device="cpu", threads=1)
    return runs


def lines(test):
    signs = tuple(f"{sign} " for sign in SIGNS.values())
    return [line for one in test.markdown for line in one.value.split("\n") if line.startswith(signs)]


def test_the_first_design_is_the_reference_and_another_is_chosen_in_the_address(open_page, store):
    runs = recorded(store)
    ids = ",".join(run.id for run in runs)
    test = open_page("compare", runs=ids)
    assert sentences(test) == []
    (said,) = lines(test)
    assert said.startswith("↓ All layers is worse than No sharing by")
    assert "4 pairs" in said
    other = design_of(runs[-1])
    test.selectbox(key="compare.reference").set_value(other).run()
    assert lines(test)[0].startswith("↑ No sharing is better than All layers by")
    assert test.query_params["reference"] in (other, [other])
    assert lines(open_page("compare", runs=ids, reference=other)) == lines(test)


def test_one_seed_is_too_few_and_a_strange_reference_is_a_sentence(open_page, store):
    runs = recorded(store, seeds=[0])
    test = open_page("compare", runs=",".join(run.id for run in runs), reference="<b>")
    assert any("reference must be one of" in one for one in sentences(test))
    assert "cannot tell from 1 pair of runs" in lines(test)[0]
    alone = open_page("compare", runs=runs[0].id)
    assert lines(alone) == []


def test_where_budgets_differ_the_page_offers_to_match_them(open_page, store):
    runs = recorded(store, ["none"], range(3)) + record(store, ["all"], range(3), steps=100)
    for run in runs[3:]:
        mark(store, run, step=100, unique_parameters=100)
    test = open_page("compare", runs=",".join(run.id for run in runs))
    (said,) = lines(test)
    assert "no verdict, because the budgets differ" in said
    assert "0.50× the training FLOPs" in said
    (offer,) = [one for one in test.button if one.label.startswith("Match All layers")]
    offer.click().run()
    assert sentences(test) == []
    assert test.toggle(key="compare.match.on").value
    assert test.selectbox(key="compare.match").value == design_of(runs[0])
    assert test.selectbox(key="compare.scheme").value == "all"
    assert test.segmented_control(key="compare.as").value == "flops"
