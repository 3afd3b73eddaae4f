"""Questions whose answers stand in a context, on the pages: added, tried, looked into, run deeper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from own_data_files import questions
from page_reading import sentences, tables
from streamlit.testing.v1 import AppTest
from test_tryit_page import address, cards, said
from untrained_runs import SIZES, stored_run

from app.tryit.answer import marked_parts
from clps_core.config import build_config, resolve
from clps_core.data.spans import Marked
from clps_core.own_data import record
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.predicting import Prediction, held_out_examples, predict
from clps_core.store import Run, Store

OpenPage = Callable[..., AppTest]


@pytest.fixture
def run(home: Path, store: Store, tmp_path: Path) -> Run:
    add("houses", Source(path=questions(tmp_path / "houses.jsonl", 60)), home)
    given = {"data": {"task": "data:houses"}, "model": SIZES, "sharing": {"strategy": "cycle:2"}}
    return stored_run(store, resolve(build_config({**given, "train": {"steps": 40}}), home=home).config)


def test_a_question_and_its_context_are_tried_looked_into_and_run_deeper(
    open_page: OpenPage, store: Store, run: Run
) -> None:
    folder = store.run_folder(run.id)
    test = open_page("tryit", runs=run.id)
    assert sentences(test) == []
    assert [one.label for one in test.text_input] == ["Question"]
    assert [one.label for one in test.text_area] == ["Context"]
    one = held_out_examples(folder, 3)[2]
    test.selectbox(key="tryit.example").set_value(2).run()
    assert (address(test, "text"), address(test, "context")) == (one.text, one.options["context"])
    card, expected = cards(test)[0], predict(folder, [one.text], options=one.options)[0]
    assert "".join(text for text, _share in card["context"]) == one.options["context"]
    best = max(card["context"], key=lambda part: part[1])
    assert (best[0], best[1]) == (expected.answer, round(expected.marked[0].probability, 4))
    assert card["guesses"] == [[guess.label, round(guess.probability, 4)] for guess in expected.guesses]
    assert f"Correct answer: **{one.target_text}**" in said(test)
    test.text_area(key="attention.option.data:houses.context").set_value("The door is red.").run()
    assert "".join(text for text, _share in cards(test)[0]["context"]) == "The door is red."
    test.text_area(key="attention.option.data:houses.context").set_value("").run()
    assert sentences(test) == []
    for name, given in (("attention", {"run": run.id}), ("depth", {"depths": "1,2"})):
        page = open_page(name, **given, text=one.text, context=one.options["context"])
        assert not page.exception
        assert sentences(page) == []


def test_the_data_page_offers_the_columns_of_marked_answers(open_page: OpenPage, home: Path, tmp_path: Path) -> None:
    file = questions(tmp_path / "houses.jsonl", 60)
    test = open_page("data").file_uploader(key="data.file.0").upload(file.name, file.read_bytes(), "x/y").run()
    assert sentences(test) == []
    chosen = {one.label: one.value for one in test.selectbox if (one.key or "").count(".span.")}
    assert chosen == {
        "Context": "context",
        "Question": "question",
        "Answer": "answers.text",
        "Where the answer begins": "answers.answer_start",
    }
    next(one for one in test.button if (one.key or "").startswith("data.add.")).click().run()
    assert sentences(test) == []
    assert record.read(home, "houses").kind == "span"
    assert "which removes" in tables(test)


def test_of_spans_that_overlap_the_more_probable_one_is_marked() -> None:
    spans = (Marked(4, 7, 0.6), Marked(4, 11, 0.2), Marked(12, 16, 0.1), Marked(0, 0, 0.05))
    answer = Prediction("q", {}, "red", 1, context="The red one here.", marked=spans)
    assert marked_parts(answer) == [("The ", 0.0), ("red", 0.6), (" one ", 0.0), ("here", 0.1), (".", 0.0)]
