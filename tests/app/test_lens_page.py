"""The view that reads a prediction after each layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from page_reading import sentences
from streamlit.testing.v1 import AppTest

from app.attention.lens import lens_payload
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.samples import install, ready_named
from clps_core.store import Store

HOPS = "3 1 7 0 2 6 4 5"


def components(test: AppTest) -> list[dict[str, Any]]:
    """The data of each component on the page, in order."""
    found = [one.proto for one in test.get("bidi_component")]
    return [json.loads(one.json) for one in found if one.json]


def lenses(test: AppTest) -> list[dict[str, Any]]:
    return [one for one in components(test) if "wanted" in one]


def test_two_runs_stand_side_by_side_as_the_engine_reads_them(open_page: Callable[..., AppTest], store: Store) -> None:
    install(store, [ready_named("hops")])
    ids = ["sample-hops-3-all-0", "sample-hops-3-none-0"]
    test = open_page("attention", view="lens", run=ids[0], beside=ids[1], text=HOPS)
    assert not test.exception
    assert sentences(test) == []
    for run_id, shown in zip(ids, lenses(test), strict=True):
        expected = lens_payload(lens_of_run(Look(store.run_folder(run_id), HOPS)), shown["view"])
        assert shown == json.loads(json.dumps(expected))
        assert [row.get("letter", "") for row in shown["rows"]] == ["", *("AAA" if "all" in run_id else "ABC")]

    files = [one for one in components(test) if "caption" in one]
    assert [one["name"] for one in files] == [f"clps-lens-{run_id}" for run_id in ids], "each run has its files"
    assert all(run_id in one["caption"] and HOPS in one["caption"] for run_id, one in zip(ids, files, strict=True))

    test.number_input(key="attention.loops").set_value(5).run()
    assert sentences(test) == []
    looped, other = lenses(test)
    assert len(looped["rows"]) == 6, "the input, and five loops"
    assert looped["rows"][5]["loop"] == "loop 5"
    assert len(other["rows"]) == 4, "no repeating core"
    said = [one["said"] for one in components(test) if "correctness" in one]
    best = [" ".join(shown["names"][cell[0]] for cell in shown["top"][-1]) for shown in (looped, other)]
    assert said == best, "the answer above is the last row, also with other loops"


def test_an_unreadable_text_is_one_sentence(open_page: Callable[..., AppTest], store: Store) -> None:
    install(store, [ready_named("hops")])
    test = open_page("attention", view="lens", run="sample-hops-3-all-0", text="1 2 3")
    assert not test.exception
    assert len(sentences(test)) == 1
    assert lenses(test) == []


def test_what_is_left_out_changes_answer_and_lens_and_the_whole_models_answer_stands_beside(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    install(store, [ready_named("hops")])
    ids = ["sample-hops-3-all-0", "sample-hops-1-all-0"]
    given = {"view": "lens", "run": ids[0], "beside": ids[1], "text": HOPS}
    test = open_page("attention", without=["decoder.1", "decoder.2", "<b>", "decoder.9"], **given)
    assert not test.exception
    assert len(sentences(test)) == 1, "the first part that no run has is told"
    assert test.multiselect(key="attention.without").value == ["decoder.1", "decoder.2"]
    folder = store.run_folder(ids[0])
    changed = lens_of_run(Look(folder, HOPS, left_out=["decoder.1", "decoder.2"]))
    shown, other = lenses(test)
    assert shown["top"] == lens_payload(changed, "")["top"]
    assert other["top"] == lens_payload(lens_of_run(Look(store.run_folder(ids[1]), HOPS)), "")["top"], (
        "it has one layer"
    )
    said = next(one.value for one in test.markdown if "Without" in one.value)
    whole = lens_of_run(Look(folder, HOPS)).prediction
    assert said.startswith(f"Without Layer 1; Layer 2. The whole model answers **{whole}**. Its 8 tokens together")
    assert changed.prediction != whole

    test.multiselect(key="attention.without").set_value([]).run()
    assert sentences(test) == []
    assert "without" not in test.query_params
    assert not any("Without" in one.value for one in test.markdown)
