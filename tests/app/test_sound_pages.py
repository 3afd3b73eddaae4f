"""A sound on the pages: tried by its number, uploaded, refused in a sentence, and looked into."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from test_tryit_page import address, cards, said
from untrained_runs import small_config, stored_run

from app.sound.rows import MOST_ROWS, rows_of
from app.sound.spectrogram import most_read, read_from, spectrogram_html
from clps_core.data import kept_inputs
from clps_core.data.alignment import Aligned
from clps_core.data.log_mel import RATE
from clps_core.data.wav import wav_bytes
from clps_core.predicting import held_out_examples, predict
from clps_core.store import Run, Store

OpenPage = Callable[..., AppTest]


@pytest.fixture
def run(store: Store) -> Run:
    return stored_run(store, small_config("spoken-digits", "cycle:2"))


def pictures(test: AppTest) -> list[str]:
    """The HTML of the spectrograms on the page."""
    return [one.proto.body for one in test.get("html") if "clps-sound" in one.proto.body]


def test_a_sound_is_tried_by_its_number_uploaded_and_refused(
    open_page: OpenPage, store: Store, home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.run_folder(run.id)
    test = open_page("tryit", runs=run.id, text="17")
    assert sentences(test) == []
    (expected,), example = predict(folder, ["17"]), held_out_examples(folder, 18)[17]
    card = cards(test)[0]
    assert card["said"] == expected.answer
    assert [piece[0] for piece in card["pieces"]] == [one.label for one in expected.aligned]
    assert f"Correct answer: **{example.target_text}**" in said(test)
    (picture,) = pictures(test)
    assert picture.count('class="part"') == len(expected.aligned)
    assert "a dash is CTC's blank" in said(test)
    assert len(test.get("audio")) == 1
    assert not [one for one in test.selectbox if one.key == "tryit.example"], "a number chooses it"

    sound = expected.sound
    assert sound is not None
    test.file_uploader(key="sound.file.0").upload("three.wav", wav_bytes(sound), "audio/wav").run()
    assert sentences(test) == []
    assert address(test, "text").startswith("sound:")
    whose, _dash, digest = address(test, "text").removeprefix("sound:").partition("-")
    assert (home / "inputs" / whose / f"{digest}.wav").is_file()
    assert "Correct answer" not in said(test)
    assert len(pictures(test)) == 1

    kept = address(test, "text")
    test.file_uploader(key="sound.file.1").upload("empty.wav", wav_bytes(np.zeros(RATE)), "audio/wav").run()
    assert "must not be silent" in " ".join(sentences(test))
    assert address(test, "text") == kept, "what was there stays"
    monkeypatch.setattr(kept_inputs, "MOST_KEPT", 1)
    test.file_uploader(key="sound.file.2").upload("half.wav", wav_bytes(sound[:RATE]), "audio/wav").run()
    assert [one.value for one in test.info] == [
        "All your places for sounds and pictures are taken: your oldest one was removed."
    ]
    assert len(list((home / "inputs").glob("*/*"))) == 1
    test.button(key="attention.text.spoken-digits.back").click().run()
    assert (sentences(test), address(test, "text")) == ([], "0")
    gone = open_page("tryit", runs=run.id, text=f"sound:{'0' * 12}-{'0' * 32}")
    assert "no longer kept" in " ".join(sentences(gone))


def test_attention_stands_below_the_spectrogram_with_a_strip_for_each_layer(
    open_page: OpenPage, store: Store, run: Run
) -> None:
    test = open_page("attention", run=run.id, text="3")
    assert sentences(test) == []
    (picture,) = pictures(test)
    assert picture.count('class="row read') == run.config.model.num_layers
    for view in ("heads", "lens", "moves"):
        other = open_page("attention", run=run.id, text="3", view=view)
        assert not other.exception
        assert sentences(other) == []
        assert pictures(other)[0].count('class="row read') == 0
    deeper = open_page("depth", text="3", depths="1,2")
    assert not deeper.exception
    assert sentences(deeper) == []
    assert deeper.number_input(key="attention.text.spoken-digits").value == 3


def test_of_an_answer_that_a_decoder_writes_each_token_has_a_row_over_the_sound(
    open_page: OpenPage, store: Store
) -> None:
    run = stored_run(store, small_config("spoken-digits-seq2seq", "cycle:2", num_layers=2, num_decoder_layers=3))
    tried = open_page("tryit", runs=run.id, text="17")
    assert sentences(tried) == []
    (expected,) = predict(store.run_folder(run.id), ["17"])
    assert cards(tried)[0]["said"] == (expected.answer or "(nothing)")
    assert [piece[0] for piece in cards(tried)[0]["pieces"]] == [one.label for one in expected.pieces]
    (picture,) = pictures(tried)
    assert "Written" not in picture, "nothing says where in the sound"
    assert 'class="part"' not in picture
    assert len(tried.get("audio")) == 1
    assert tried.slider(key="tryit.temperature").value == 0.0

    test = open_page("attention", run=run.id, text="3", target="3 1 4")
    assert sentences(test) == []
    (picture,) = pictures(test)
    assert picture.count('class="row read named"') == 3, "one of each layer of the decoder"
    assert picture.count('class="part"') == 3
    assert picture.count("<i>3</i><i>1</i><i>4</i>") == 3
    for view in ("heads", "lens", "moves", "tie", "layers", "matters", "training"):
        other = open_page("attention", run=run.id, text="3", target="3 1 4", view=view)
        assert not other.exception
        assert sentences(other) == []


def test_a_strip_is_the_mean_of_the_heads_and_of_the_positions_that_write_a_part() -> None:
    attention = np.random.default_rng(0).dirichlet(np.ones(6), size=(2, 3, 6))
    parts = (Aligned("<b>", 1, 3, 0.5), Aligned("4", 4, 5, 0.9))
    found = read_from(attention, parts)
    np.testing.assert_allclose(found[1, 0], attention[1, :, 1:3].mean(axis=(0, 1)))
    np.testing.assert_allclose(found.sum(-1), 1)
    drawn = spectrogram_html(np.zeros((40, 24), np.float32), parts, found)
    assert "<b>" not in drawn.replace("<b style", "")
    assert drawn.count('class="row read named"') == 2
    assert drawn.count("<i>&lt;b&gt;</i><i>4</i>") == 2, "each row is named"
    assert "Written" in spectrogram_html(np.zeros((40, 24), np.float32), ())


def test_no_name_above_a_sound_stands_on_another() -> None:
    generator = np.random.default_rng(0)
    for count in (0, 1, 9, 60):
        names = generator.choice(["a", "␣", "seven", "七"], count).tolist()
        middles = (generator.integers(0, 25, count) / 25).tolist()
        rows = rows_of(names, middles, 400)
        for row in range(MOST_ROWS):
            spots = sorted((middles[at] * 400, len(names[at])) for at in range(count) if rows[at] == row)
            for (one, length), (other, more) in itertools.pairwise(spots):
                assert other - one > 5 * (length + more)
    assert rows_of(["t", "h", "e"], [0.5, 0.5, 0.5], 400) == [2, 1, 0], "they are read from above"
    assert rows_of(["t"] * 5, [0.5] * 5, 400).count(None) == 1
    drawn = spectrogram_html(np.zeros((40, 24), np.float32), [Aligned('"', at, at + 1, 1.0) for at in range(6)])
    assert drawn.count('title="&quot;"') == 6, "what has no room is told when it is pointed at"


def test_what_a_decoder_wrote_stands_where_it_is_read_from_most() -> None:
    attention = np.zeros((2, 2, 6))
    attention[0, 0, 1], attention[1, 0, 1], attention[0, 1, 2], attention[1, 1, 4] = 0.4, 0.2, 0.5, 0.8
    found = most_read(attention, ["<i>", "2"])
    assert [(one.begin, one.end) for one in found] == [(1, 2), (4, 5)]
    assert [one.probability for one in found] == pytest.approx([0.3, 0.4])
    drawn = spectrogram_html(np.zeros((40, 24), np.float32), (), attention, ["<i>", "2"])
    assert "<i>&lt;i&gt;</i><i>2</i>" in drawn
    long = np.full((2, 300, 6), 1 / 6)
    assert "height:240px" in spectrogram_html(np.zeros((40, 24), np.float32), (), long, ["a"] * 300)
