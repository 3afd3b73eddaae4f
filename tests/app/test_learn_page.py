"""Learn: a chapter asks before it shows, its figures come from the counter and the shipped runs, progress is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from page_reading import sentences, tables

from app.learn import parts
from app.learn.chapter import Choice, Estimate
from app.learn.chapters import CHAPTERS
from app.learn.inputs_seen import LOOKED
from app.learn.kv_counts import Chosen, cache_of
from app.learn.strips import number as read_number
from app.learn.terms import terms_of
from app.learn.the_map import PAINTED, TARGET, _partition
from clps_core.glossary import term
from clps_core.inspection import inspect_run
from clps_core.layer_maps import maps_of_layers
from clps_core.learning import Progress, keep_progress, read_progress
from clps_core.look import Look
from clps_core.moves import moves_of_run
from clps_core.samples import install, ready_named
from clps_core.samples.shipped import sample_folder

KEYS = [one.key for one in CHAPTERS]
ROOT = Path(__file__).resolve().parents[2]


def predicted(test, chapter):
    """The chapter after its question was answered as the reader should."""
    question = chapter.predict
    if isinstance(question, Choice):
        test.radio(key=f"learn.{chapter.key}.predict").set_value(question.right()).run()
    else:
        assert next(one for one in test.button if one.label == "Show the answer").disabled, "nothing was moved yet"
        test.slider(key=f"learn.{chapter.key}.predict").set_value(30).run()
    next(one for one in test.button if one.label == "Show the answer").click().run()
    return test


def told(test):
    return " ".join(one.value for one in test.markdown).replace("\\", "")


def test_the_contents_list_every_chapter_with_how_far_the_reader_is(open_page):
    test = open_page("learn")
    assert sentences(test) == []
    headings = [one.value.replace("\\", "") for one in test.header]
    assert headings == [*(f"{n}. {one.title()}" for n, one in enumerate(CHAPTERS, 1)), "Lessons"]
    assert [one.value.split(" · ")[0] for one in test.caption] == ["Not begun"] * len(CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=KEYS)
def test_a_chapter_asks_first_then_shows_and_keeps_what_was_answered(open_page, store, chapter):
    test = open_page("learn", chapter=chapter.key)
    assert sentences(test) == []
    assert chapter.begins() in told(test)
    assert chapter.claim() not in told(test), "what it teaches waits for the prediction"
    assert chapter.seen() not in told(test)
    predicted(test, chapter)
    assert sentences(test) == []
    said = told(test)
    for text in (chapter.claim(), chapter.seen(), chapter.open(), chapter.predict.why()):
        assert text in said
    wrong = chapter.checks[0]
    answer = next(one for one in wrong.options() if one != wrong.right())
    test.radio(key=f"learn.{chapter.key}.check.0").set_value(answer).run()
    assert "Not quite." in told(test)
    for number, question in enumerate(chapter.checks):
        test.radio(key=f"learn.{chapter.key}.check.{number}").set_value(question.right()).run()
    assert told(test).count("Right.") == len(chapter.checks)
    assert all(one.text.replace("\\", "") in told(test) for one in terms_of(chapter))
    kept = read_progress(store.home, "local")
    assert set(kept.predicted) == {chapter.key}
    assert kept.checked[chapter.key] == {n: one.right() for n, one in enumerate(chapter.checks)}
    again = open_page("learn")
    assert [one.value.split(" · ")[0] for one in again.caption].count("Done: all questions right") == 1
    reset = open_page("learn", chapter=chapter.key)
    next(one for one in reset.button if one.label == "Start this chapter again").click().run()
    assert sentences(reset) == []
    assert read_progress(store.home, "local") == Progress()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=KEYS)
def test_questions_have_one_right_answer_of_several_and_sources_are_links(chapter):
    for question in (chapter.predict, *chapter.checks):
        if isinstance(question, Estimate):
            assert 0 <= question.right() <= 1
            assert question.is_right(str(round(100 * question.right())))
            assert not question.is_right("-3")
        else:
            assert question.right() in question.options()
            assert 2 <= len(set(question.options().values())) == len(question.options())
        assert question.why().endswith(".")
    assert len(chapter.checks) == 3
    assert all(one.link.startswith("https://") for one in chapter.sources)


def test_a_painted_sandwich_is_recognised_and_the_way_there_is_counted(open_page):
    chapter = next(one for one in CHAPTERS if one.key == "map")
    test = predicted(open_page("learn", chapter="map"), chapter)
    rows = len(_partition(TARGET))
    assert f"0 of {rows} rows are as they should be." in [one.value for one in test.caption]
    test.session_state[PAINTED] = "0-1-1-1-1-2"
    test.run()
    assert any("That is the sandwich" in one.value for one in test.success)


def test_a_layer_is_followed_with_the_numbers_of_the_model_for_what_one_types(open_page, store):
    chapter = next(one for one in CHAPTERS if one.key == "layer")
    test = predicted(open_page("learn", chapter="layer"), chapter)
    assert any('press "Import the ready comparisons"' in one.value for one in test.caption)
    text = "3 1 7 0 2 6 4 5"
    test.text_input(key="learn.layer.numbers.text").set_value(text)
    test.button_group(key="learn.layer.numbers.layer").set_value(1)
    test.button_group(key="learn.layer.numbers.head").set_value(3).run()
    found = inspect_run(Look(sample_folder("sample-hops-3-none-0"), text))
    weights = found.attention["decoder"][1, 3, -1]
    top = int(weights.argmax())
    assert f"= {weights[top]:.3f}" in told(test)
    rows = [f"{place}: {label}" for place, label in enumerate(found.source_labels)]
    shown = tables(test)
    for row, weight in zip(rows, weights, strict=True):
        assert row in shown
        assert f"{weight:.3f}" in shown
    assert "Layer 2 begins with exactly these numbers." in told(test)
    assert "all 3 layers use literally the same ones" in told(test)
    place = next(one for one in test.selectbox if one.label == "Position")
    place.set_value(0).run()
    assert "Weight: e^(" in told(test)
    assert "15 later positions are masked" in told(test)
    assert "Together the weights are 1.000." in told(test)

    install(store, [ready_named("hops")])
    test.text_input(key="learn.layer.numbers.text").set_value("1 2 9 <b>").run()
    assert len(sentences(test)) == 1
    assert chapter.seen() in told(test), "the rest of the chapter stays"
    test.text_input(key="learn.layer.numbers.text").set_value(text)
    test.button_group(key="learn.layer.kind").set_value("text").run()
    assert sentences(test) == []
    assert "rotary positions" in told(test)


@pytest.mark.parametrize(("value", "read"), [(-0.004, "0.00"), (-1.5, "−1.50"), (np.float32(2), "2.00")])
def test_numbers_are_read_with_a_true_minus_and_no_minus_before_zero(value, read):
    assert read_number(float(value)) == read


def test_what_is_shared_is_counted_for_the_width_and_the_map_that_one_makes(open_page):
    chapter = next(one for one in CHAPTERS if one.key == "parts")
    test = predicted(open_page("learn", chapter="parts"), chapter)
    assert "Your map" not in tables(test)
    test.button_group(key=parts.FFN).set_value(512).run()
    assert "0.50× as much" in told(test)
    test.session_state[parts.PAINTED] = "attention=all,ffn=cycle:2"
    test.run()
    assert sentences(test) == []
    assert "Your map" in tables(test)
    test.button_group(key=parts.SHARED).set_value("ffn=all").run()
    assert test.session_state[parts.PAINTED] == "ffn=all"
    assert "Your map" not in tables(test)


def test_two_uses_of_one_weight_are_read_by_the_model_and_a_bad_input_costs_nothing_else(open_page):
    chapter = next(one for one in CHAPTERS if one.key == "inputs")
    test = predicted(open_page("learn", chapter="inputs"), chapter)
    looked = LOOKED[0]
    look = Look(sample_folder(looked.id), looked.facts.example_inputs[0])
    alike = maps_of_layers(look, "decoder", (0, 2)).similarities[1]
    moved = moves_of_run(look, stack="decoder").movement
    said = told(test)
    assert f"Similarity of layers 0 and 2: **{alike.mean():.2f}** on average over the heads; {alike.min():.2f}" in said
    assert (
        f"Layer 0 adds an update of length {moved.distance[0]:.2f} and turns the state by {moved.degrees[0]:.1f}"
        in said
    )
    assert "In memory, its 3 uses in this pass read one and the same tensor." in said
    assert "import the ready comparisons" in " ".join(one.value for one in test.caption), "this home has no runs"
    test.button_group(key="learn.inputs.pair.3").set_value("0-1").run()
    assert "Similarity of layers 0 and 1" in told(test)
    test.text_input(key="learn.inputs.text.hops").set_value("no numbers").run()
    assert len(sentences(test)) == 1
    assert chapter.seen() not in told(test), "there is nothing to see"
    assert chapter.open() in told(test)
    assert len(test.radio) == len(chapter.checks)
    assert test.text_input(key="learn.inputs.text.hops").value == "no numbers"
    test.button(key="learn.inputs.another").click().run()
    assert sentences(test) == []
    for other in LOOKED[1:]:
        test.selectbox(key="learn.inputs.run").set_value(other.id).run()
        assert sentences(test) == []
        assert "read one and the same tensor" in told(test)


def test_a_cache_is_counted_for_what_is_chosen_and_by_hand_it_is_the_same(open_page):
    chapter = next(one for one in CHAPTERS if one.key == "kv")
    test = predicted(open_page("learn", chapter="kv"), chapter)
    for key, value in (("layers", 32), ("tokens", 131_072), ("group", 8), ("heads", 2)):
        test.button_group(key=f"learn.kv.{key}").set_value(value).run()
    sizes = Chosen(32, 131_072, 8, 2)
    for strategy in sizes.strategies:
        test.button_group(key="learn.kv.scheme.8").set_value(strategy).run()
        assert sentences(test) == []
        total = f"{cache_of(sizes, strategy):,}"
        assert f"= {total} bytes" in told(test)
        assert f"The counter says {total} bytes." in told(test)
        assert f"{total} bytes" in tables(test)
    assert cache_of(sizes, "all") == cache_of(sizes, "none") == 8 * cache_of(sizes, sizes.read)


@pytest.mark.parametrize("chapter", ["nothing", "<script>", "9" * 5000])
def test_a_chapter_that_is_none_is_a_sentence_and_the_contents_follow(open_page, chapter):
    test = open_page("learn", chapter=chapter)
    assert len(sentences(test)) == 1
    assert len(test.header) == len(CHAPTERS) + 1


def test_progress_is_read_back_and_nobody_reads_that_of_another(tmp_path):
    found = Progress({"stored": "same"}, {"stored": {0: "file"}})
    assert keep_progress(tmp_path, "guest-1", found)
    assert read_progress(tmp_path, "guest-1") == found
    assert read_progress(tmp_path, "guest-2") == Progress()
    assert read_progress(tmp_path, "../../guest-1") == Progress()


def test_where_too_many_people_came_the_oldest_file_goes(tmp_path, monkeypatch):
    monkeypatch.setattr("clps_core.learning.MOST_PEOPLE", 2)
    for number in range(3):
        keep_progress(tmp_path, f"guest-{number}", Progress({"map": str(number)}))
        for path in (tmp_path / "learn").iterdir():
            os.utime(path, (path.stat().st_mtime - 10,) * 2)
    assert [read_progress(tmp_path, f"guest-{number}") != Progress() for number in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"predicted": 7, "checked": {}}', '{"predicted": {"A B": "x"}, "checked": {}}',
     '{"predicted": {}, "checked": {"map": {"99": "x"}}}', json.dumps({"predicted": {"map": "x" * 99}, "checked": {}}),
     '{"predicted": {"map": 1}, "checked": {}}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_none_is_no_progress(tmp_path, content):
    keep_progress(tmp_path, "local", Progress({"map": "4"}))
    (file,) = (tmp_path / "learn").iterdir()
    file.write_text(content)
    assert read_progress(tmp_path, "local") == Progress()


def test_a_home_that_cannot_be_written_loses_nothing_else(tmp_path):
    (tmp_path / "learn").write_text("in the way")
    assert not keep_progress(tmp_path, "local", Progress({"map": "4"}))
    assert read_progress(tmp_path, "local") == Progress()


def test_a_chapter_lists_the_terms_that_it_teaches_and_then_those_that_its_text_uses():
    for chapter in CHAPTERS:
        found = terms_of(chapter)
        assert len(found) == len({one.key for one in found}) >= 4
        assert all(one.chapter == chapter.key for one in found[: -len(chapter.uses)])
        text = (ROOT / "app" / "learn").joinpath(chapter_file(chapter)).read_text(encoding="utf-8").lower()
        for one in map(term, chapter.uses):
            assert any(name.lower().rstrip("s") in text for name in one.names), f"{chapter.key} does not use {one.key}"
    stored = [one.key for one in terms_of(next(one for one in CHAPTERS if one.key == "stored"))]
    assert stored.index("relative-size") < stored.index("kv-cache"), "what it teaches comes first"


def chapter_file(chapter):
    """The file that the chapter's texts are in."""
    return Path(chapter.begins.__code__.co_filename).name
