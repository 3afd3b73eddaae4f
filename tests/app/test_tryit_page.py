"""The Try it page as a person walks through it, without a browser."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_reading import sentences
from PIL import Image
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.source import Question
from app.look.picture import as_csv
from app.navigation import page
from app.tryit.choosing import Settings
from app.tryit.pictures import answer_numbers
from app.tryit.source import Growing
from clps_core.data.spans import Marked
from clps_core.model.generate import Sampling
from clps_core.pictures import grey_digits, ink_in_box
from clps_core.predicting import Prediction, held_out_examples, predict
from clps_core.store import Run, Store
from clps_core.tasks.mnist.data import Mnist
from clps_core.training.checkpoint import checkpoint_path
from clps_core.work.answers import Guess, Piece

OpenPage = Callable[..., AppTest]
TEXT = "Friday, May 29, 1953"


@pytest.fixture
def dates(store: Store) -> Run:
    return stored_run(store, small_config("dates"))


def cards(test: AppTest) -> list[dict[str, Any]]:
    """What each answer's card was given."""
    found = [one.proto for one in test.get("bidi_component")]
    return [json.loads(one.json) for one in found if one.component_name == "clps.tryit_answer"]


def address(test: AppTest, name: str) -> str | None:
    if name not in test.query_params:
        return None
    value = test.query_params[name]
    return value if isinstance(value, str) else ",".join(value)


def said(test: AppTest) -> str:
    return " ".join(text.value for text in [*test.markdown, *test.caption])


def test_without_any_run_the_page_says_what_it_needs(open_page: OpenPage, home: Path) -> None:
    assert page("tryit").title == "Try it"
    test = open_page("tryit")
    assert "no trained run" in said(test)
    assert cards(test) == []


def test_runs_answer_one_text_as_the_engine_does(open_page: OpenPage, store: Store, dates: Run) -> None:
    other = stored_run(store, small_config("dates", "none"))
    test = open_page("tryit", runs=f"{dates.id},{other.id}", text=TEXT, language="fr")
    assert not test.exception
    assert sentences(test) == []
    found = cards(test)
    for run, card in zip((dates, other), found, strict=True):
        expected = predict(store.run_folder(run.id), [TEXT], options={"language": "fr"})[0]
        assert [label for label, *_rest in card["pieces"]] == [piece.label for piece in expected.pieces]
        # Read in pieces: the last digit of a probability may differ.
        close = pytest.approx([piece.probability for piece in expected.pieces], abs=2e-4)
        assert [probability for _label, probability, _likeliest in card["pieces"]] == close
        assert card["pieces"][0][2][0] == [
            expected.pieces[0].likeliest[0].label, round(expected.pieces[0].likeliest[0].probability, 4)
        ]  # fmt: skip
        assert (card["said"], card["is_right"]) == (expected.answer, False)
        assert card["verdict"] == "✗ wrong"
    assert "Correct answer: **vendredi 29 mai 1953**" in said(test).replace("\\", "")


def test_a_continuation_is_drawn_as_the_address_says(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, small_config("python-docs"))
    given = {"temperature": "1.5", "top_k": "40", "top_p": "0.9", "draw": "7", "tokens": "20", "loops": "3"}
    test = open_page("tryit", runs=run.id, text="Return the", **given)
    assert sentences(test) == []
    expected = predict(
        store.run_folder(run.id), ["Return the"], sampling=Sampling(1.5, 40, 0.9, 7), max_tokens=20, loops=3
    )[0]
    card = cards(test)[0]
    assert [label for label, *_rest in card["pieces"]] == [piece.label for piece in expected.pieces]
    assert card["given"] == "Return the"
    assert expected.ended or "stopped after 20 tokens" in card["facts"]
    test.number_input(key="tryit.draw").set_value(8).run()
    assert address(test, "draw") == "8"
    assert [label for label, *_rest in cards(test)[0]["pieces"]] != [piece.label for piece in expected.pieces]
    test.slider(key="tryit.temperature").set_value(0.0).run()
    assert address(test, "temperature") is None
    greedy = predict(store.run_folder(run.id), ["Return the"], max_tokens=20, loops=3)[0]
    assert [label for label, *_rest in cards(test)[0]["pieces"]] == [piece.label for piece in greedy.pieces]


def test_a_classifier_gives_the_probabilities_of_its_classes(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, small_config("digits", "none"))
    test = open_page("tryit", runs=run.id, text="3")
    assert sentences(test) == []
    card, expected = cards(test)[0], predict(store.run_folder(run.id), ["3"])[0]
    assert card["pieces"] == []
    assert card["guesses"] == [[one.label, round(one.probability, 4)] for one in expected.guesses]
    assert len(card["image"]) == 8
    assert not test.slider  # nothing is drawn, and no core repeats
    assert [one.key for one in test.number_input] == ["attention.text.digits"]


def test_an_own_image_is_uploaded_answered_and_left_again(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, small_config("mnist", "none"))
    image = Mnist(seed=0).pixels("test")[3]
    test = open_page("tryit", runs=run.id, text="3")
    assert [one.key for one in test.number_input] == ["attention.text.mnist"]
    (way,) = [one for one in test.button_group if one.key == "attention.image.way.mnist"]
    way.set_value("own").run()
    assert sentences(test) == []
    assert cards(test) == [], "the answer to a test image is none to a sheet that is empty"
    assert ["Draw a digit on the sheet" in one.value for one in test.info] == [True]
    upload = test.file_uploader(key="attention.image.file.mnist.0")
    file = io.BytesIO()
    Image.fromarray(255 - image).save(file, "PNG")
    upload.upload("seven.png", file.getvalue(), "image/png").run()
    drawn = address(test, "text") or ""
    assert drawn == grey_digits(ink_in_box(255 - image, 28, 20))
    (card,), (expected,) = cards(test), predict(store.run_folder(run.id), [drawn])
    assert card["image_name"] == "Your image"
    assert card["verdict"] == "", "nobody knows what a person has drawn"
    assert card["guesses"] == [[one.label, round(one.probability, 4)] for one in expected.guesses]
    found = [one.proto for one in test.get("bidi_component")]
    (sheet,) = [json.loads(one.json) for one in found if one.component_name == "clps.drawing"]
    assert (sheet["image"], sheet["drawn"]) == (drawn, False)
    upload = test.file_uploader(key="attention.image.file.mnist.0")
    upload.upload("page.png", b"<script>alert(1)</script>", "image/png").run()
    assert any("PNG, JPEG, WebP or GIF. This one cannot be read" in one for one in sentences(test))
    assert address(test, "text") == drawn, "what was there is kept"
    test.button_group(key="attention.image.way.mnist").set_value("number").run()
    assert address(test, "text") is None
    assert cards(test)[0]["image_name"] == "The image 0"
    again = open_page("tryit", runs=run.id, text=drawn)
    assert again.button_group(key="attention.image.way.mnist").value == "own"
    assert cards(again) == [card]


def test_masks_are_filled_in_their_text_and_a_word_is_masked_by_dice(open_page: OpenPage, store: Store) -> None:
    runs = [stored_run(store, small_config("masked-docs", strategy)) for strategy in ("none", "all")]
    text = "for i in [MASK]: [MASK]"
    test = open_page("tryit", runs=",".join(run.id for run in runs), text=text)
    assert sentences(test) == []
    for run, card in zip(runs, cards(test), strict=True):
        expected = predict(store.run_folder(run.id), [text])[0]
        assert (card["given"], card["said"]) == ("", expected.answer)
        assert card["kept"] == ["for i in", ":", ""]
        assert [piece[0] for piece in card["pieces"]] == [piece.label for piece in expected.pieces]
    assert not test.slider, "nothing has been drawn"
    test.text_area(key="attention.text.masked-docs").set_value("one word").run()
    assert ["no gap to fill" in one.value for one in test.info] == [True]
    assert cards(test) == []
    (dice,) = [one for one in test.button if one.label == "Mask a word"]
    dice.click().run()
    assert address(test, "text") in ("[MASK] word", "one [MASK]")
    assert sentences(test) == []
    example = held_out_examples(store.run_folder(runs[0].id), 1)[0]
    test.selectbox(key="tryit.example").set_value(0).run()
    assert address(test, "text") == example.text
    assert f"Correct answer: **{example.target_text}**" in said(test).replace("\\", "")


def test_held_out_examples_are_taken_from_a_list_and_by_dice(open_page: OpenPage, store: Store, dates: Run) -> None:
    examples = held_out_examples(store.run_folder(dates.id), 50)
    test = open_page("tryit", runs=dates.id)
    test.selectbox(key="tryit.example").set_value(2).run()
    assert address(test, "text") == examples[2].text
    assert address(test, "language") == examples[2].options["language"]
    assert examples[2].target_text is not None
    assert examples[2].target_text in said(test).replace("\\", "")
    test.button[0].click().run()
    assert address(test, "text") in {one.text for one in examples}
    assert sentences(test) == []


def test_the_first_visit_shows_one_run_of_each_design_of_one_task(open_page: OpenPage, store: Store) -> None:
    stored_run(store, small_config("digits", "none"))
    dates = stored_run(store, small_config("dates", "all"))
    test = open_page("tryit")
    assert address(test, "runs") == dates.id
    test.selectbox(key="tryit.task").set_value("digits").run()
    assert sentences(test) == []
    assert cards(test)[0]["image"] is not None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"text": "May " * 60}, "must have at most"),
        ({"text": "   ", "language": "xx"}, "language must be one of"),
        ({"loops": "99999"}, ""),
        ({"temperature": "nan", "top_k": "-1", "top_p": "7", "draw": "x", "tokens": "0"}, ""),
    ],
)
def test_an_address_that_cannot_be_is_a_sentence_or_left_out(
    open_page: OpenPage, dates: Run, given: dict[str, str], sentence: str
) -> None:
    test = open_page("tryit", runs=dates.id, **given)
    assert not test.exception
    found = " ".join(sentences(test))
    assert "went wrong in CLPS Lab" not in found
    assert sentence in found
    assert bool(sentence) == bool(found)


def test_of_two_runs_one_that_cannot_be_read_does_not_silence_the_other(
    open_page: OpenPage, store: Store, dates: Run
) -> None:
    broken = stored_run(store, small_config("dates", "none"))
    for name in ("best", "last"):
        checkpoint_path(store.run_folder(broken.id), name).write_bytes(b"no weights")
    test = open_page("tryit", runs=f"{dates.id},{broken.id}", text=TEXT)
    assert len(sentences(test)) == 1
    assert len(cards(test)) == 1


def test_runs_without_weights_and_of_another_task_are_counted(open_page: OpenPage, store: Store, dates: Run) -> None:
    waiting = store.create_comparison("waits", [small_config("dates", "none"), small_config("dates", "all")])
    digits = stored_run(store, small_config("digits", "none"))
    ids = [dates.id, digits.id, *(run.id for run in store.runs(comparison=waiting))]
    test = open_page("tryit", runs=",".join(ids))
    assert [one.value.partition(".")[0] for one in test.info] == [
        "2 runs in the address have no weights yet",
        "1 run in the address is not shown: at most 4 runs of one task are shown",
    ]
    assert len(cards(test)) == 1


def test_an_answer_is_of_one_state_of_the_weights(dates: Run) -> None:
    """A run in training writes new ones while its answer is asked for, some tokens at a time."""

    def part(step: int) -> Prediction:
        return Prediction("a", {}, "b", step, pieces=(Piece(7, "b", 0.5, ()),), ended=False, room=9)

    growing = Growing(dates, Question("a"), Settings(8))
    for step in (6, 6, 12, 12, 12):
        growing.add(part(step))
    assert growing.steps == (12, 12)
    assert len(growing.parts) == 2
    for step in range(13, 30):
        growing.add(part(step))
    assert growing.steps[0] < growing.steps[1], "it does not begin anew for ever, and says so"


def test_what_others_wrote_stays_text(open_page: OpenPage, dates: Run) -> None:
    text = "<img src=x onerror=alert(1)>\u202e**b**"
    test = open_page("tryit", runs=dates.id, text=text)
    assert not test.exception
    assert all("\u202e" not in json.dumps(card, ensure_ascii=False) for card in cards(test))


def test_the_candidates_are_written_with_what_stands_in_the_answer() -> None:
    likeliest = (Guess("a", 0.5), Guess("=b", 1 / 3))
    pieces = (Piece(1, "=b", 1 / 3, likeliest), Piece(2, "rare", 0.001, likeliest))
    written = Prediction("x", {}, "=b rare", 3, pieces=pieces)
    assert as_csv(answer_numbers(written)).decode().splitlines() == [
        "place,rank,token,probability,chosen",
        "1,1,a,0.5,0",
        f"1,2,'=b,{1 / 3},1",
        "2,1,a,0.5,0",
        f"2,2,'=b,{1 / 3},0",
        "2,,rare,0.001,1",
    ]
    classes = Prediction("3", {}, "a", 3, guesses=likeliest)
    assert list(answer_numbers(classes).rows) == [(1, "a", 0.5), (2, "=b", 1 / 3)]
    spans = Prediction("q", {}, "to", 3, context="up to here", marked=(Marked(3, 5, 0.75),))
    assert list(answer_numbers(spans).rows) == [(1, "to", 3, 5, 0.75)]
