"""The pages that look into runs, with the tasks whose texts ship: nothing on them names a task."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from page_reading import sentences
from recorded_runs import record, score
from streamlit.testing.v1 import AppTest
from test_tryit_page import cards, said
from untrained_runs import small_config, stored_run

from clps_core.predicting import held_out_examples, predict
from clps_core.store import Store

OpenPage = Callable[..., AppTest]


@pytest.mark.parametrize("task", ["sounds", "languages", "libraries", "sentences"])
def test_a_held_out_text_is_answered_drawn_and_run_deeper(open_page: OpenPage, store: Store, task: str) -> None:
    run = stored_run(store, small_config(task))
    example = held_out_examples(store.run_folder(run.id), 1)[0]
    test = open_page("tryit", runs=run.id, text=example.text)
    assert sentences(test) == []
    expected = predict(store.run_folder(run.id), [example.text])[0]
    card = cards(test)[0]
    if task != "languages":
        assert [label for label, *_rest in card["pieces"]] == [piece.label for piece in expected.pieces]
        assert f"Correct answer: **{example.target_text}**" in said(test)
    else:
        assert [label for label, _probability in card["guesses"]] == [one.label for one in expected.guesses]
    for name, given in (("attention", {"run": run.id}), ("depth", {"depths": "1,2"})):
        page = open_page(name, **given)
        assert not page.exception
        assert sentences(page) == []


def test_a_score_of_whole_answers_stands_beside_the_others_with_its_signature(
    open_page: OpenPage, store: Store
) -> None:
    runs = record(store, ["none", "all"], task="sentences")
    for run, value in zip(runs, (24.34, 20.5), strict=True):
        score(store, run, value, metric="bleu")
        folder = store.run_folder(run.id)
        folder.mkdir(parents=True, exist_ok=True)
        signed = {"bleu": "nrefs:1|tok:13a|version:2.6.0", "<b>": "x" * 9}
        (folder / "signatures.json").write_text(json.dumps(signed))
    test = open_page("compare", runs=",".join(run.id for run in runs))
    assert sentences(test) == []
    drawn = " ".join(one.proto.body for one in test.get("html"))
    assert "Test BLEU</th>" in drawn
    assert "24.3</td>" in drawn
    (signature,) = [one.value for one in test.caption if "sacrebleu" in one.value]
    assert signature.replace("\\", "") == "BLEU by sacrebleu: nrefs:1|tok:13a|version:2.6.0"
