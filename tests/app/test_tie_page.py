"""The view that proves a tie, for two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from page_reading import sentences, tables
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.moves_numbers import tie_numbers
from app.attention.tie import tie_sentences
from app.attention.tie_figure import shares_figure
from app.look.presenting import enlarged
from clps_core.look import Look
from clps_core.samples import install, ready_named
from clps_core.store import Store
from clps_core.tie import tie_of_run

HOPS = "3 1 7 0 2 6 4 5"


def test_two_runs_tell_what_their_weights_at_one_place_are(open_page: Callable[..., AppTest], store: Store) -> None:
    install(store, [ready_named("hops")])
    ids = ["sample-hops-3-all-0", "sample-hops-3-none-0"]
    test = open_page("attention", view="tie", run=ids[0], beside=ids[1], text=HOPS, weight="decoder.2.v")
    assert not test.exception
    assert sentences(test) == []
    said = [one.value for one in test.markdown]
    for run_id, letter in zip(ids, "AC", strict=True):
        found = tie_of_run(Look(store.run_folder(run_id), HOPS), site="decoder.2.v")
        assert set(tie_sentences(found, letter)) <= set(said)
    shown = tables(test)
    assert shown.count("Sum of all") == 2
    assert [f"layer {layer}, V, loop {layer + 1}" in shown for layer in range(3)] == [True] * 3
    assert any("Its" in one or "It is used once in this pass" in one for one in said)

    test.selectbox(key="attention.weight.row").set_value(3)
    test.number_input(key="attention.loops").set_value(5).run()
    assert (test.query_params["weight"], test.query_params["loops"]) == ("decoder.2.o", "5")
    assert "layer 4, O, loop 5" in tables(test)

    assert [row[1:5] for row in tie_numbers(found).rows] == [("decoder", 2, "v", 0)]
    assert len(enlarged(shares_figure(found.uses, "#1b72c5")).data) == 1, "also for a room"
    broken = replace(found, uses=tuple(replace(found.uses[0], tensor=number) for number in range(2)))
    assert "read 2 different tensors: the weight is not shared." in tie_sentences(broken, "A")[0]


def test_a_place_that_no_run_has_and_a_weight_that_one_run_reads_elsewhere_are_told(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    install(store, [ready_named("hops")])
    ids = ["sample-hops-3-none-0", "sample-hops-1-all-0"]
    test = open_page("attention", view="tie", run=ids[0], beside=ids[1], text=HOPS, weight="decoder.2.q")
    assert [one.value for one in test.info] == ["This run has no layer 2. Choose an earlier one."]
    assert sentences(test) == []
    loosened = stored_run(store, small_config("digits", "all,lora=2"))
    test = open_page("attention", view="tie", run=loosened.id, weight="<b>")
    assert len(sentences(test)) == 1
    assert "such as encoder.0.q" in sentences(test)[0]
    assert any("What LoRA adds to this weight" in one.value for one in test.caption)
    assert "layer 3, Q" in tables(test)
