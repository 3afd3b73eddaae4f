"""The view of what moves: every run, both measures, and what the address says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from page_reading import sentences, tables
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.moves import convergence_sentence
from app.attention.moves_figures import course_figure, matrix_figure, paths_figure
from app.attention.moves_numbers import course_numbers, matrix_numbers, paths_numbers
from clps_core.analysis.convergence import Convergence, convergence
from clps_core.likeness import likeness_of_runs
from clps_core.look import Look
from clps_core.moves import moves_of_run
from clps_core.samples import install, ready_named
from clps_core.store import Store

HOPS = "3 1 7 0 2 6 4 5"


def charts(test: AppTest) -> list[str]:
    """What each chart on the page is called for those who do not see it."""
    return [one.proto.alt for one in test.get("plotly_chart")]


def test_two_runs_stand_side_by_side_with_a_matrix_each_and_one_between(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    install(store, [ready_named("hops")])
    ids = ["sample-hops-3-all-0", "sample-hops-3-none-0"]
    given = {"run": ids[0], "beside": ids[1], "text": HOPS, "loops": "5"}
    test = open_page("attention", view="moves", positions="2,0,77", **given)
    assert not test.exception
    assert sentences(test) == []
    shown = charts(test)
    assert [one.split(".")[0] for one in shown] == [
        *["How each executed layer moves the state"] * 2,
        *["States of these tokens on a plane, from the input to the last layer: f(2)=7, f(0)=3"] * 2,
        *["Similarity of layers, 6 by 6", "Similarity of layers, 4 by 4", "Similarity of layers, 6 by 4"],
    ]
    found = moves_of_run(Look(store.run_folder(ids[0]), HOPS, loops=5), stack="decoder")
    assert f"distance to the last state: {', '.join(f'{one:.2f}' for one in found.remaining[1:])}" in shown[0]
    assert found.loop is not None
    said = [one.value for one in test.markdown]
    assert convergence_sentence(found.loop) in said
    assert "No whole layers repeat here, so there are no loops to follow." in said
    assert tables(test).count("Loop 5") == 1
    captions = [one.value for one in test.caption]
    assert sum("**Not proved:**" in one for one in captions) == 4
    assert any("In runs that were trained separately" in one for one in captions)
    assert test.multiselect(key="attention.positions").value == [2, 0]

    test.multiselect(key="attention.positions").set_value([1])
    test.button_group(key="attention.measure").set_value("cka").run()
    assert (test.query_params["positions"], test.query_params["measure"]) == ("1", "cka")
    assert any("1024 token states from 64 held-out examples" in one.value for one in test.caption)
    between = likeness_of_runs(
        Look(store.run_folder(ids[0]), loops=5), Look(store.run_folder(ids[1])), "cka", stack="decoder"
    )
    assert f"{np.nanmin(between.values):.2f}." in charts(test)[-1]


def test_runs_that_cannot_be_compared_keep_their_own_matrices(open_page: Callable[..., AppTest], store: Store) -> None:
    one = stored_run(store, small_config("dates", "cycle:2"))
    other = stored_run(store, small_config("dates", "all", d_model=24))
    test = open_page("attention", view="moves", run=one.id, beside=other.id, stack="encoder", text="x", language="de")
    assert not test.exception
    assert [text.partition("Got widths")[2] for text in sentences(test)] == [" 16 and 24. Compare by CKA."]
    assert [text.split(".")[0] for text in charts(test)[4:]] == ["Similarity of layers, 5 by 5"] * 2
    test.query_params["measure"], test.query_params["patch"] = "cka", "encoder.0=encoder.1"
    (said,) = sentences(test.run())
    assert "Remove the patches, or compare by cosine" in said
    assert len(charts(test)) == 4, "the rest follows the patch"


def test_an_unreadable_text_is_one_sentence_and_markup_stays_text(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    run = stored_run(store, small_config("dates", "none", num_layers=1))
    long = open_page("attention", view="moves", run=run.id, text="1" * 190)
    assert len(sentences(long)) == 1
    assert charts(long) == []
    target = {"target_text": "<b>", "options": {"language": "de"}}
    figure = paths_figure(moves_of_run(Look(store.run_folder(run.id), "<a>", **target), stack="decoder"))
    assert not any("<" in note.text for note in figure.layout.annotations)


def test_one_token_and_a_picture_have_figures(store: Store) -> None:
    text, picture = stored_run(store, small_config("dates")), stored_run(store, small_config("digits"))
    for run, stack, typed in ((text, "encoder", "7"), (picture, "encoder", "17")):
        folder = store.run_folder(run.id)
        found = moves_of_run(Look(folder, typed), stack=stack)
        assert len(course_figure(found, [found]).data) == 4
        assert len(paths_figure(found).data) == len(found.drawn)
        alike = likeness_of_runs(Look(folder, typed), None, "cosine", stack=stack)
        assert len(matrix_figure(alike, "", "").data) == 2, "few layers: values stand in the cells"
        course, paths, matrix = course_numbers(found), paths_numbers(found), matrix_numbers(alike)
        states = len(found.ran.layers) + 1
        assert [len(list(one.rows)) for one in (course, paths, matrix)] == [
            states - 1,
            states * len(found.drawn),
            states**2,
        ]
        assert all(len(row) == len(table.columns) for table in (course, paths, matrix) for row in table.rows)
        assert [row[4] for row in matrix.rows] == alike.values.reshape(-1).tolist()
    nothing = replace(alike, values=np.full_like(alike.values, np.nan))
    assert len(matrix_figure(nothing, "", "").data) == 1


def test_the_sentence_about_loops_says_what_its_figures_say() -> None:
    def said(*places: float) -> str:
        found: Convergence = convergence(np.array(places)[:, None, None])
        return convergence_sentence(found)

    assert said(0, 8, 12, 14) == (
        "**The steps get smaller** from loop to loop, on average to 50 % of the step before. The last of 3 loops has "
        "25 % of the length of the first; it is shorter at 1 of 1 positions."
    )
    assert said(0, 1, 0, 1).endswith("After loop 2 it is closer than half a step to where it was after loop 0.")
    assert said(0, 1, 3, 7).endswith("on average to 200 % of the step before.")
    assert (
        said(0, 4, 5, 8)
        == "**The steps have no clear trend:** the last of 3 loops has 75 % of the length of the first."
    )
    assert said(1, 2, 3, 4).startswith("**The state drifts:**")
    assert said(3, 3, 3) == "**The state does not move** in 2 loops."
    assert said(0, 4, 5, 5).startswith(
        "**The steps get smaller** from loop to loop, until the state does not move any more"
    )
    assert said(0, 0, 5) == "**The steps have no clear trend** in 2 loops."
    assert said(0, 5).startswith("**One loop**")
