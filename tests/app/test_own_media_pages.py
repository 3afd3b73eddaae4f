"""Pictures and sounds of a person's own on the pages: previewed, added, looked at, chosen for training, tried."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import own_pictures
import pytest
from own_sound_files import spoken, with_table, zipped
from page_reading import sentences, tables
from PIL import Image
from streamlit.testing.v1 import AppTest
from test_data_page import keyed
from test_tryit_page import address, cards
from untrained_runs import small_config, stored_run

from app.data.thumbnails import Thumbnail, thumbnails_html
from app.look.pixels import pixel_rows
from clps_core.data.kept_pictures import kept_picture
from clps_core.own_data import record
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.pictures import grey_digits, ink_in_box
from clps_core.predicting import predict
from clps_core.store import Store

OpenPage = Callable[..., AppTest]


def uploaded(test: AppTest, path: Path) -> AppTest:
    return test.file_uploader(key="data.file.0").upload(path.name, path.read_bytes(), "application/zip").run()


def thumbnails_on(test: AppTest) -> str:
    return " ".join(one.proto.body for one in test.get("html") if "clps-thumbnails" in one.proto.body)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_zip_of_pictures_is_previewed_changed_added_and_shown(
    open_page: OpenPage, home: Path, tmp_path: Path
) -> None:
    files = own_pictures.coloured(each=5) | {"shapes/red <b>circle/broken.png": b"no picture"}
    test = uploaded(open_page("data"), own_pictures.packed(tmp_path / "shapes.zip", files))
    assert sentences(test) == []
    assert ["1 picture cannot be read" in one.value for one in test.info] == [True]
    assert thumbnails_on(test).count("<figure>") == 6
    assert "blue triangle" in tables(test)
    assert (keyed(test, "selectbox", "data.side.").value, keyed(test, "button_group", "data.colour.").value) == (
        32,
        True,
    )
    keyed(test, "text_input", "data.name.").set_value("mine").run()
    coloured = thumbnails_on(test)
    keyed(test, "button_group", "data.colour.").set_value(False).run()
    keyed(test, "selectbox", "data.side.").set_value(16).run()
    assert sentences(test) == []
    assert thumbnails_on(test) != coloured, "they are shown as they would be stored"
    keyed(test, "button", "data.add.").click().run()
    assert sentences(test) == []
    found = record.read(home, "mine")
    assert (found.kind, dict(found.stored)["side"], found.stored["channels"]) == ("images", 16, 1)
    assert address(test, "set") == "mine"
    assert thumbnails_on(test).count("<figure>") == 6
    assert "16x16 pixels in grey" in tables(test)
    train = open_page("train", spec="1;task=data:mine")
    assert sentences(train) == []
    assert train.button_group(key="train.data.augment").value == "shifts"
    assert train.button_group(key="train.data.patch_size").options == ["1", "2", "4", "8"]
    train.button_group(key="train.data.augment").set_value("none").run()
    assert "data.augment=none" in (address(train, "spec") or "")


def test_a_folder_of_pictures_on_this_machine_is_previewed(open_page: OpenPage, tmp_path: Path) -> None:
    folder = own_pictures.laid_out(
        tmp_path / "here", {f"train/{name}": one for name, one in own_pictures.grey(40).items()}
    )
    test = open_page("data")
    keyed(test, "button_group", "data.way.").set_value("elsewhere").run()
    keyed(test, "text_input", "data.where.").set_value(str(folder)).run()
    assert sentences(test) == []
    assert thumbnails_on(test).count("<figure>") == 10
    assert keyed(test, "button_group", "data.colour.").value is False
    assert not [one for one in test.selectbox if (one.key or "").startswith("data.encoding.")]


def test_a_picture_in_colour_is_brought_kept_and_answered(
    open_page: OpenPage, home: Path, store: Store, tmp_path: Path
) -> None:
    add("shapes", Source(path=own_pictures.packed(tmp_path / "shapes.zip", own_pictures.coloured(each=4))), home)
    run = stored_run(store, small_config("data:shapes", "none"))
    test = open_page("tryit", runs=run.id, text="1")
    assert sentences(test) == []
    (shown,) = cards(test)
    assert [len(row) for row in shown["image"]] == [32] * 32
    assert shown["image"][0][0].startswith("#")
    test.button_group(key="attention.image.way.data:shapes").set_value("own").run()
    assert cards(test) == []
    assert "Upload a picture." in test.info[0].value
    assert "32x32 pixels in colour" in " ".join(one.value for one in test.caption)
    picture = np.array(own_pictures.shape("square", (220, 40, 40), 7, 90))
    test.file_uploader(key="attention.image.file.data:shapes.0").upload("mine.png", png(picture), "image/png").run()
    assert sentences(test) == []
    name = address(test, "text") or ""
    assert np.array_equal(kept_picture(home, name), picture)
    (card,), (expected,) = cards(test), predict(store.run_folder(run.id), [name])
    assert (card["image_name"], card["verdict"]) == ("Your image", "")
    assert card["guesses"] == [[one.label, round(one.probability, 4)] for one in expected.guesses]
    test.file_uploader(key="attention.image.file.data:shapes.0").upload("x.png", b"<script>", "image/png").run()
    assert any("This one cannot be read" in one for one in sentences(test))
    assert address(test, "text") == name, "what was there is kept"
    for view in ("grid", "layers", "heads", "lens"):
        assert sentences(open_page("attention", run=run.id, text=name, view=view)) == []
    gone = open_page("tryit", runs=run.id, text=f"picture:{'0' * 12}-{'0' * 32}")
    assert "no longer kept" in " ".join(sentences(gone))


def test_a_small_grey_picture_can_be_drawn_and_is_shown_as_it_is(
    open_page: OpenPage, home: Path, store: Store, tmp_path: Path
) -> None:
    add("digits", Source(path=own_pictures.packed(tmp_path / "digits.zip", own_pictures.grey(60))), home)
    run = stored_run(store, small_config("data:digits", "none"))
    bright = np.zeros((40, 30), np.uint8)
    bright[10:30, 10:20] = 255
    drawn = grey_digits(ink_in_box(bright, 16, 16))
    test = open_page("tryit", runs=run.id, text=drawn)
    assert sentences(test) == []
    assert test.button_group(key="attention.image.way.data:digits").value == "own"
    (sheet,) = [one.proto for one in test.get("bidi_component") if one.proto.component_name == "clps.drawing"]
    assert f'"image": "{drawn}"' in sheet.json
    test.file_uploader(key="attention.image.file.data:digits.0").upload("bar.png", png(bright), "image/png").run()
    (card,) = cards(test)
    ink = np.array(card["image"])
    assert (ink[8, 8] < 0.1, ink[0, 0] > 0.9) == (True, True), (
        "bright is no ink, dark is: it is drawn as the picture is"
    )


def test_a_zip_of_sounds_is_previewed_played_added_and_answered(
    open_page: OpenPage, home: Path, store: Store, tmp_path: Path
) -> None:
    said = spoken(24)
    file = zipped(tmp_path / "voice.zip", with_table(said) | {"lost.wav": said[0][0]})
    test = uploaded(open_page("data"), file)
    assert sentences(test) == []
    assert "1 sound is left out" in test.info[0].value
    assert said[0][1] in tables(test)
    assert len(test.get("audio")) == 1
    keyed(test, "toggle", "data.lower.").set_value(False).run()
    keyed(test, "button", "data.add.").click().run()
    assert sentences(test) == []
    found = record.read(home, "voice")
    assert (found.kind, found.rows, found.statistics["lower"]) == ("speech", 24, False)
    assert len(test.get("audio")) == 3
    links = {one.proto.label: one.proto.query_string for one in test.get("page_link")}
    assert links["Train with a decoder"].endswith("data%3Avoice%3Aseq2seq")
    train = open_page("train", spec="1;task=data:voice")
    assert sentences(train) == []
    train.button_group(key="train.data.vary_sounds").set_value(False).run()
    assert "data.vary_sounds=false" in (address(train, "spec") or "")
    run = stored_run(store, small_config("data:voice", "none"))
    tried = open_page("tryit", runs=run.id)
    assert sentences(tried) == []
    tried.file_uploader(key="sound.file.0").upload("mine.wav", said[3][0], "audio/wav").run()
    assert sentences(tried) == []
    (card,), (expected,) = cards(tried), predict(store.run_folder(run.id), [address(tried, "text") or ""])
    assert card["said"] == (expected.answer or "(nothing)")
    assert sentences(open_page("attention", run=run.id, text=address(tried, "text"))) == []


def test_names_of_classes_are_no_markup_and_only_pictures_are_drawn() -> None:
    dot = "data:image/png;base64," + base64.b64encode(own_pictures.png(Image.new("RGB", (1, 1)))).decode()
    shown = thumbnails_html(
        "<b>", [Thumbnail('"><img src=x onerror=alert(1)>', dot), Thumbnail("x", "https://example.org/x.png")]
    )
    assert shown.count("<img") == 1
    assert "example.org" not in shown
    assert "<b>" not in shown
    in_turns = thumbnails_html("", [Thumbnail(name, dot) for name in ("cats", "dogs", "cats", "cats", "cats")])
    assert (in_turns.count("<figure>"), in_turns.count("<img")) == (2, 4), "three of a class, together"


@pytest.mark.parametrize(
    ("image", "rows"),
    [
        (np.array([[0.0, 0.50049]]), [[0.0, 0.5]]),
        (np.array([[[1.0, 0.5, 0.0], [2.0, -1.0, np.nan]]]), [["#ff8000", "#ff0000"]]),
        (None, None),
    ],
)
def test_a_picture_goes_to_the_browser_as_ink_or_as_colours(image: Any, rows: Any) -> None:
    assert pixel_rows(image) == rows
