"""Compare says which classes are confused: kept, counted on request, of two runs, with names of any kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.confusion.figures import difference_figure, matrix_figure, told
from clps_core.data.confusion import Confusion, keep_confusion
from clps_core.store import Store

OpenPage = Callable[..., AppTest]
HOSTILE = ("<b>bold</b>", "=1+1", "مرحبا", "*x* [y](z)", "long " * 30, "same " * 30 + "1", "same " * 30 + "2")


def matrix(classes: tuple[str, ...], seed: int = 1) -> Confusion:
    counts = np.random.default_rng(seed).integers(0, 20, (len(classes), len(classes)))
    counts[0] = 0
    return Confusion(40, classes, counts)


def captions(test: AppTest) -> str:
    return "\n".join(one.value for one in (*test.caption, *test.markdown))


def test_two_runs_are_shown_and_a_run_of_an_earlier_version_is_counted_by_a_button(
    open_page: OpenPage, store: Store
) -> None:
    first, second = (stored_run(store, small_config("digits", strategy)) for strategy in ("none", "all"))
    names = tuple("0123456789")
    keep_confusion(store.run_folder(first.id), matrix(names))
    test = open_page("compare", runs=f"{first.id},{second.id}")
    assert sentences(test) == []
    assert told(matrix(names)).partition(" test")[0] in captions(test)
    buttons = [one for one in test.button if one.label == "Compute on the test split"]
    assert len(buttons) == 1
    buttons[0].click().run()
    assert sentences(test) == []
    test = open_page("compare", runs=f"{first.id},{second.id}", confused=f"{second.id},{first.id}")
    assert not [one for one in test.button if one.label == "Compute on the test split"]
    assert test.selectbox(key="compare.confused").value == second.id
    test.segmented_control(key="compare.confused_shown").set_value("difference").run()
    assert sentences(test) == []
    assert "In percentage points" in captions(test)
    test.selectbox(key="compare.confused_other").set_value("").run()
    assert "In percentage points" not in captions(test)
    assert test.query_params["confused"] in (second.id, [second.id])


def test_a_task_without_classes_has_no_such_section(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, small_config("hops"))
    test = open_page("compare", runs=run.id)
    assert "Which classes are confused?" not in [one.value for one in test.header]


def test_names_of_any_kind_are_drawn_as_text() -> None:
    one, other = matrix(HOSTILE), matrix(HOSTILE, seed=2)
    for drawn in (matrix_figure(one, range(7)), difference_figure(one, other, range(7))):
        ticks = drawn.layout.yaxis.ticktext
        assert len(ticks) == 7
        assert ticks[0] == "&lt;b&gt;bold&lt;/b&gt;"
        assert all(len(tick) <= 40 for tick in ticks)
        assert len(set(ticks)) == 7
        assert "<" not in str([trace.customdata for trace in drawn.data if trace.type == "heatmap"])
    assert drawn.data[0].z[0][0] is None


def test_the_sentence_is_true_of_any_matrix() -> None:
    perfect = Confusion(0, ("a", "b"), np.diag([3, 4]))
    assert told(perfect) == "All 7 test examples were classified correctly."
    one = Confusion(0, ("a", "b", "c"), np.array([[2, 1, 0], [3, 0, 0], [0, 0, 0]]))
    pairs = "b predicted as a (3 of 3, 100 %); a predicted as b (1 of 3, 33 %)"
    assert told(one) == f"4 of 6 test examples were classified incorrectly. Most often: {pairs}."
    assert matrix_figure(perfect, [0, 1]).data
    assert difference_figure(perfect, perfect, [0, 1]).data
