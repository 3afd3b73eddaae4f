"""Tasks that answer at several places of an input: what Try it says of a story, and of how much is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from test_tryit_page import cards
from untrained_runs import small_config, stored_run

from app.depth.graded import grade_name
from app.tryit.answer import verdict
from clps_core.predicting import Prediction, predict
from clps_core.store import Store
from clps_core.tasks import TASKS
from clps_core.work.answers import Piece

OpenPage = Callable[..., AppTest]
STORY = "Anna went to the attic. Ben took the ball. Where is Anna? Ball?"


def test_a_story_is_answered_at_each_question(store: Store) -> None:
    folder = store.run_folder(stored_run(store, small_config("stories")).id)
    (answer,) = predict(folder, [STORY.replace("took the ball", "went to the cellar").replace("Ball?", "Ben?")])
    assert [piece.label.split(":")[0] for piece in answer.pieces] == ["Anna", "Ben"]
    assert answer.right_answer == "attic cellar"


@pytest.mark.slow
def test_a_story_is_answered_on_the_page_and_a_mistyped_one_is_kept_with_a_sentence(
    open_page: OpenPage, store: Store
) -> None:
    run = stored_run(store, small_config("stories"))
    test = open_page("tryit", runs=run.id, text=STORY)
    assert sentences(test) == []
    assert [label.split(":")[0] for label, *_rest in cards(test)[0]["pieces"]] == ["Anna", "ball"]
    mistyped = STORY.replace("attic", "atic")
    (field,) = test.text_area
    field.set_value(mistyped).run()
    assert any("Got 'atic'. Did you mean attic?" in text for text in sentences(test))
    assert test.text_area[0].value == mistyped


@pytest.mark.parametrize(
    ("task", "said", "right", "expected"),
    [
        ("stories", "attic garden attic", "attic garden cellar", "✗ 2 of 3 correct"),
        ("stories", "attic garden", "attic garden", "✓ correct"),
        ("stories", "attic", "garden", "✗ wrong"),
        ("stories", "attic", None, ""),
        ("sums", "441", "451", "✗ wrong"),
        ("sounds", "B AE1 D", "B AE1 T", "✗ wrong"),
    ],
)
def test_of_several_answers_it_is_told_how_many_are_right(
    task: str, said: str, right: str | None, expected: str
) -> None:
    pieces = tuple(Piece(0, one, 1.0, ()) for one in said.split())
    answer = Prediction("x", {}, said, 1, right_answer=right, pieces=pieces)
    assert verdict(answer, TASKS.usual(task)) == expected


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("cups", "Swaps"),
        ("stories", "Sentences needed"),
        ("sums", "Digits earlier"),
        ("brackets", "Levels closed in between"),
    ],
)
def test_the_heat_map_names_what_its_rows_count(task: str, name: str) -> None:
    assert grade_name(TASKS.usual(task)) == name
