"""Boxes on the pages: Try it shows what was found beside what is there, Attention where each query looks."""

from __future__ import annotations

import json
from collections.abc import Callable

from page_reading import sentences
from streamlit.testing.v1 import AppTest
from test_tryit_page import address, cards, said
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run, sure_of_boxes, untrained_run

from app.look.scene import scenes
from app.tryit.pictures import answer_numbers
from clps_core.cli import app
from clps_core.data.detection import Found
from clps_core.predicting import predict
from clps_core.store import Store

OpenPage = Callable[..., AppTest]


def test_try_it_shows_the_boxes_that_were_found_and_those_that_are_there(open_page: OpenPage, store: Store) -> None:
    config = small_config("objects", "all", num_layers=1, dropout=0.0)
    run = stored_run(store, config)
    folder = untrained_run(store.run_folder(run.id), config, 40, plant=sure_of_boxes)
    test = open_page("tryit", runs=run.id, text="17")
    assert not test.exception
    assert sentences(test) == []
    (card,), (answer,) = cards(test), predict(folder, ["17"])
    found, right = card["scenes"]
    assert (found[0], right[0]) == ("Found", "Correct")
    assert [box[:2] for box in found[1]] == [[one.label, round(one.probability, 4)] for one in answer.found]
    assert [box[:2] for box in right[1]] == [[one.label, None] for one in answer.wanted]
    assert all(0 <= left < right <= 1 and 0 <= top < bottom <= 1 for *_name, left, top, right, bottom in right[1])
    assert card["guesses"] == [box[:2] for box in found[1]]
    assert f"Correct answer: **{answer.right_answer}**" in said(test)
    assert "Each box is that of one query" in said(test)
    table = answer_numbers(answer)
    assert [row[1] for row in table.rows] == [one.label for one in answer.found]
    told = CliRunner().invoke(app, ["predict", run.id, "--text", "17"])
    assert told.exit_code == 0, told.output
    assert [line.split()[:2] for line in told.stdout.splitlines()[1:]] == [
        [f"{one.probability:.2%}", one.label] for one in answer.found
    ]
    test.number_input(key="attention.text.objects").set_value(3).run()
    assert address(test, "text") == "3"
    for name, given in (("attention", {"run": run.id}), ("attention", {"run": run.id, "kind": "cross"})):
        page = open_page(name, **given, text="17")
        assert not page.exception
        assert sentences(page) == []
        (shown,) = [
            json.loads(one.proto.json)
            for one in page.get("bidi_component")
            if one.proto.component_name == "clps.attention_answer"
        ]
        assert [scene[0] for scene in shown["scenes"]] == ["Found", "Correct"]
        assert "Each finds one thing in the picture" in shown["facts"]


def test_boxes_stay_inside_of_the_picture_and_say_in_words_what_they_are() -> None:
    wide = Found("<b>", (0.9, 0.5, 0.4, 2.0), 0.753, 1)
    ((caption, boxes, words),) = scenes([wide], [])
    assert (caption, boxes) == ("Found", [["<b>", 0.753, 0.7, 0.0, 1.0, 1.0]])
    assert words == "Picture with boxes: <b> (75.3 %)"
    assert scenes([], [])[0][2] == "Picture without boxes"
