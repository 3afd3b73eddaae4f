"""The pages that look into runs, with the tasks whose texts ship: nothing on them names a task."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from test_tryit_page import cards, said
from untrained_runs import small_config, stored_run

from clps_core.predicting import held_out_examples, predict
from clps_core.store import Store

OpenPage = Callable[..., AppTest]


@pytest.mark.parametrize("task", ["sounds", "languages", "libraries"])
def test_a_held_out_text_is_answered_drawn_and_run_deeper(open_page: OpenPage, store: Store, task: str) -> None:
    run = stored_run(store, small_config(task))
    example = held_out_examples(store.run_folder(run.id), 1)[0]
    test = open_page("tryit", runs=run.id, text=example.text)
    assert sentences(test) == []
    expected = predict(store.run_folder(run.id), [example.text])[0]
    card = cards(test)[0]
    if task == "sounds":
        assert [label for label, *_rest in card["pieces"]] == [piece.label for piece in expected.pieces]
        assert f"Expected: **{example.target_text}**" in said(test)
    else:
        assert [label for label, _probability in card["guesses"]] == [one.label for one in expected.guesses]
    for name, given in (("attention", {"run": run.id}), ("depth", {"depths": "1,2"})):
        page = open_page(name, **given)
        assert not page.exception
        assert sentences(page) == []
