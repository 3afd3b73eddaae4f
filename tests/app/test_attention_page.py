"""The attention page as a person walks through it, without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.looks import Looks, keep_looks, looks_of
from clps_core.data.registry import load_task
from clps_core.store import Run, Store
from clps_core.training.loading import load_model
from clps_core.training.probes import probe_inputs, write_probe

OpenPage = Callable[..., AppTest]


@pytest.fixture
def dates(store: Store) -> Run:
    return stored_run(store, small_config("dates"), step=40)


def captions(test: AppTest) -> str:
    return " ".join(caption.value for caption in test.caption)


def address(test: AppTest, name: str) -> str:
    """One query parameter; AppTest hands it back as it was given, or as the page wrote it."""
    value = test.query_params[name]
    return value if isinstance(value, str) else value[0]


def choice(test: AppTest, key: str) -> list[str]:
    """What a segmented choice offers."""
    return list(test.button_group(key=key).options)


def test_without_any_run_the_page_says_what_it_needs(open_page: OpenPage, home: Path) -> None:
    test = open_page("attention")
    assert "no trained run" in " ".join(text.value for text in test.markdown)
    assert not test.selectbox


def test_a_queued_run_without_weights_is_waited_for(open_page: OpenPage, store: Store) -> None:
    store.create_comparison("waits", [small_config()])
    test = open_page("attention")
    assert "No run has weights yet" in " ".join(text.value for text in test.markdown)


def test_the_page_opens_with_a_run_an_input_and_cross_attention(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention")
    assert not test.exception
    assert sentences(test) == []
    assert test.selectbox(key="attention.run").value == dates.id
    assert test.text_input(key="attention.text.dates").value
    assert choice(test, "attention.kind") == ["Encoder", "Decoder", "Cross"]
    assert "the answer (rows) looks at the input (columns)" in captions(test)
    assert "A: 0, 2; B: 1, 3" in captions(test)
    assert "It does not explain" in captions(test)
    assert address(test, "layer") == "0"


def test_the_address_decides_what_is_shown(open_page: OpenPage, dates: Run, store: Store) -> None:
    stored_run(store, small_config("digits"))
    test = open_page("attention", run=dates.id, text="May 3", language="fr", kind="encoder", layer="3", head="1")
    assert test.selectbox(key="attention.run").value == dates.id
    assert test.selectbox(key="attention.option.language").value == "fr"
    assert test.text_input(key="attention.text.dates").value == "May 3"
    assert "the input (rows) looks at the whole input" in captions(test)
    assert (address(test, "layer"), address(test, "head")) == ("3", "1")


def test_what_is_typed_goes_into_the_address(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention")
    test.text_input(key="attention.text.dates").set_value("May 4 <script>alert(1)</script>").run()
    test.text_input(key="attention.target").set_value("4. Mai").run()
    test.button_group(key="attention.kind").set_value("decoder").run()
    assert not test.exception
    assert sentences(test) == []
    assert address(test, "text") == "May 4 <script>alert(1)</script>"
    assert address(test, "target") == "4. Mai"
    assert address(test, "kind") == "decoder"


def test_a_run_that_is_not_there_is_one_sentence_and_nothing_else_is_lost(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention", run="nosuchrun", text="May 3")
    assert len(sentences(test)) == 1
    assert "There is no run nosuchrun" in sentences(test)[0].replace("\\", "")
    assert test.selectbox(key="attention.run").value is None, "another run is never shown in its place"
    test.selectbox(key="attention.run").set_value(dates.id).run()
    assert sentences(test) == []
    assert test.text_input(key="attention.text.dates").value == "May 3"


def test_unknown_choices_in_the_address_are_named_and_left_out(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention", run=dates.id, kind="<b>", view="x", language="xx", layer="999", head="-1")
    assert not test.exception
    assert len(sentences(test)) == 3
    assert (address(test, "layer"), address(test, "head")) == ("0", "0")


def test_a_text_that_is_too_long_is_refused_in_a_sentence(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention", run=dates.id, text="May " * 300)
    assert not test.exception
    assert len(sentences(test)) == 1
    assert "Shorten it" in sentences(test)[0]
    assert test.text_input(key="attention.text.dates").value.startswith("May")


def test_layers_of_one_slot_are_compared(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention", run=dates.id, view="layers")
    assert choice(test, "attention.slot") == ["Slot A: layers 0, 2", "Slot B: layers 1, 3", "All layers"]
    assert "Jensen-Shannon" in captions(test)
    assert not test.info


def test_a_run_that_shares_nothing_says_so_and_shows_all_layers(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, small_config("dates", "none"))
    test = open_page("attention", run=run.id, view="layers")
    assert "No two layers of the decoder have the same cross-attention" in test.info[0].value
    assert "No weights of this model are shared" in test.info[0].value
    assert choice(test, "attention.slot") == ["All layers"]


@pytest.mark.parametrize(
    ("task", "kind"), [("digits", "Encoder"), pytest.param("python-docs", "Decoder", marks=pytest.mark.slow)]
)
def test_the_other_families_show_the_attention_they_have(
    open_page: OpenPage, store: Store, task: str, kind: str
) -> None:
    run = stored_run(store, small_config(task))
    test = open_page("attention", run=run.id)
    assert not test.exception
    assert sentences(test) == []
    assert choice(test, "attention.kind") == [kind]


def test_two_runs_stand_side_by_side_under_one_input(open_page: OpenPage, store: Store, dates: Run) -> None:
    other = stored_run(store, small_config("dates", "none"))
    stored_run(store, small_config("digits"))
    test = open_page("attention", run=dates.id, text="May 3")
    assert len(test.selectbox(key="attention.beside").options) == 1, "only runs that read the same input"
    test.selectbox(key="attention.beside").set_value(other.id).run()
    assert not test.exception
    assert sentences(test) == []
    assert "A: 0, 2; B: 1, 3" in captions(test)
    assert "No two layers of the decoder have the same cross-attention query and key weights" in captions(test)
    assert address(test, "beside") == other.id


@pytest.mark.parametrize("view", ["grid", "layers"])
def test_a_tie_with_the_other_stack_is_said(open_page: OpenPage, store: Store, view: str) -> None:
    run = stored_run(store, small_config("dates", "none,decoder=@encoder"))
    test = open_page("attention", run=run.id, view=view, kind="decoder")
    assert "query and key weights are also the encoder Q, K weights of the layer with the same number" in captions(test)
    assert "No weights of this model are shared" not in captions(test)
    if view == "layers":
        assert choice(test, "attention.slot")[0] == "Slot A: layers 0; encoder 0"
        assert len(components(test, "attention_layers")) == 2, "the decoder's layer, and below it the encoder's"
        assert "The encoder uses these query and key weights, too: in layers 0." in captions(test)


def keep_probes(store: Store, run: Run, *steps: int) -> None:
    """What a run keeps of its attention while it learns, at these steps."""
    for step in steps:
        model, config, _step = load_model(store.run_folder(run.id))
        write_probe(store.run_folder(run.id), step, model, probe_inputs(load_task(config)))


def components(test: AppTest, name: str) -> list[bytes]:
    """The data of every drawn component of our own called so."""
    found = [one.proto for one in test.get("bidi_component")]
    return [one.bytes or one.json.encode() for one in found if one.component_name == f"clps.{name}"]


def test_the_answer_says_how_long_its_pass_took(open_page: OpenPage, dates: Run) -> None:
    (data,) = components(open_page("attention", run=dates.id, text="May 3"), "attention_answer")
    found = re.search(r"The forward pass shown here took ([0-9.]+) ms on one CPU thread", data.decode())
    assert found
    assert float(found[1]) > 0


def test_both_runs_are_shown_while_they_learned_without_an_answer_to_another_input(
    open_page: OpenPage, store: Store, dates: Run
) -> None:
    other = stored_run(store, small_config("dates", "none"))
    keep_probes(store, dates, 0, 7)
    keep_probes(store, other, 0, 5)
    query = {"run": dates.id, "beside": other.id, "view": "training", "step": "7", "text": "May 3", "loops": "3"}
    test = open_page("attention", **query)
    assert not test.exception
    assert sentences(test) == []
    assert len(components(test, "attention_grid")) == 2
    assert "This view shows the run as trained, without changes and with its own number of loops." in captions(test)
    assert "At step 7, reading " in captions(test)
    assert "At step 5, reading " in captions(test), "the newest that the second run kept until then"
    assert components(test, "attention_answer") == []
    assert not test.text_input


@pytest.mark.filterwarnings("ignore:.*(head|model)_view.js:pytest.PytestUnraisableExceptionWarning")
def test_bertviz_shows_both_runs_at_the_layer_and_kind_of_the_address(
    open_page: OpenPage, store: Store, dates: Run
) -> None:
    other = stored_run(store, small_config("dates", "none", num_layers=2))
    test = open_page("attention", run=dates.id, beside=other.id, view="bertviz", kind="decoder", layer="3")
    assert not test.exception
    assert sentences(test) == []
    first, second = (json.loads(one) for one in components(test, "bertviz_frame"))
    assert dates.id in first["title"]
    assert other.id in second["title"]
    assert [re.search(r'"layer":([0-9]+)', one["document"])[1] for one in (first, second)] == ["3", "1"]
    labels = r'"left_text":["\u003cbos\u003e"'
    assert all(
        labels in one["document"] and labels.replace("left", "right") in one["document"] for one in (first, second)
    )
    assert address(test, "layer") == "3"

    test.button_group(key="attention.bertviz").set_value("model").run()
    assert sentences(test) == []
    pages = [json.loads(one) for one in components(test, "bertviz_frame")]
    assert ["BertViz model view" in one["title"] for one in pages] == [True, True]
    shown = [one["document"] for one in pages]
    assert [re.search(r'"include_layers":(\[[0-9,]+\])', one)[1] for one in shown] == ["[0,1,2,3]", "[0,1]"]


def test_attention_kept_while_learning_is_shown_step_by_step(open_page: OpenPage, store: Store) -> None:
    for task in ("dates", "digits"):
        run = stored_run(store, small_config(task))
        keep_probes(store, run, 0, 7, 40)
        test = open_page("attention", run=run.id, view="training", step="8")
        assert not test.exception
        assert sentences(test) == []
        assert test.select_slider(key="attention.step").value == 7
        assert "A fixed example" in captions(test)


def test_a_run_that_kept_nothing_says_so(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention", run=dates.id, view="training")
    assert "No attention was saved" in test.info[0].value


def test_another_task_forgets_what_only_the_old_one_could_read(open_page: OpenPage, store: Store, dates: Run) -> None:
    digits = stored_run(store, small_config("digits"))
    test = open_page("attention", run=dates.id, text="May 3", language="fr", kind="cross", head="1")
    test.selectbox(key="attention.run").set_value(digits.id).run()
    assert not test.exception
    assert sentences(test) == []
    assert address(test, "run") == digits.id
    assert "text" not in test.query_params


@pytest.mark.filterwarnings("ignore:.*(head|model)_view.js:pytest.PytestUnraisableExceptionWarning")
def test_bertviz_is_imported_when_its_view_is_opened(open_page: OpenPage, dates: Run) -> None:
    test = open_page("attention", run=dates.id, view="bertviz")
    assert not test.exception
    assert sentences(test) == []
    assert "BertViz" in captions(test)


def test_a_run_in_progress_is_followed_by_its_latest_checkpoint(open_page: OpenPage, store: Store) -> None:
    run = stored_run(store, small_config(), status="running")
    test = open_page("attention", run=run.id)
    assert test.toggle(key="attention.follow").value
    assert run.id in test.selectbox(key="attention.run").options[0]


@pytest.mark.parametrize(
    ("asked", "lift", "kept"),
    [
        ({}, True, None),
        ({"lift": "0", "cell": "1-0"}, False, [1, 0]),
        ({"lift": "no", "cell": "1"}, True, None),
        ({"lift": "0" * 900, "cell": "99999999-1"}, True, None),
        ({"cell": "<script>-1"}, True, None),
    ],
)
def test_the_address_says_whether_faint_weights_are_lifted_and_which_cell_is_kept(asked, lift, kept, monkeypatch):
    import streamlit as st

    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", Parameters(asked))
    began, now = looks_of("grid", "one")
    assert began == now
    assert (began.lift, began.header(led=False)["kept"]) == (lift, kept)


class Parameters(dict):
    """Query parameters without a browser."""

    def get_all(self, name):
        return [self[name]] if name in self else []


def test_what_a_browser_tells_of_its_looks_is_checked_and_written_to_the_address(monkeypatch):
    import streamlit as st

    session = {}
    monkeypatch.setattr(st, "session_state", session)
    monkeypatch.setattr(st, "query_params", Parameters({"lift": "0"}))
    began, _now = looks_of("grid", "one")
    session["grid"] = {"looks": {"view": "one", "lift": True, "kept": [3, 5]}}
    again, now = looks_of("grid", "one")
    assert again == began, "the maps are not sent again"
    assert keep_looks(now) == {"lift": "", "cell": "3-5", "lines": ""}
    assert keep_looks(looks_of("grid", "another")[1]) == {"lift": "", "cell": "", "lines": ""}, (
        "another input has other cells"
    )
    for bad in ({"kept": [True, 1]}, {"kept": [-1, 2]}, {"kept": "ab"}, {"kept": [1]}, {}, {"kept": [10**9, 1]}):
        session["grid"] = {"looks": {"view": "one", **bad}}
        assert looks_of("grid", "one")[1] == Looks(True, None)
