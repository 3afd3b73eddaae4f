"""The Try it page in a real Chromium: an example is taken, a token is looked at by hand and by key."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import pytest
from conftest import started_chromium
from own_data_files import notes
from playwright.sync_api import Browser, Locator, Page, expect
from untrained_runs import small_config, stored_run, sure_of_boxes, untrained_run

from clps_core.data.log_mel import POSITION_SECONDS, RATE, STACKED
from clps_core.data.wav import wav_bytes
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.predicting import Prediction, predict
from clps_core.samples import install, ready_named
from clps_core.store import open_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is written to this file is what Chromium hears, once for each recording."""
    return tmp_path_factory.mktemp("microphone") / "heard.wav"


@pytest.fixture(scope="module")
def chromium(microphone: Path) -> Iterator[Browser]:
    yield from started_chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    )


GAPS = "the [MASK] was very [MASK]."
HOSTILE = "<img src=x onerror=alert(2)>🦆"


def test_a_text_is_answered_and_its_tokens_are_looked_at(
    dashboard: Callable[..., str],
    browser_page: Page,
    microphone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("CLPS_HOME", str(home))
    add("notes", Source(path=notes(tmp_path / "notes.txt")), home, tokenizer="words:50")
    store = open_store(home)
    runs = [stored_run(store, small_config("dates", strategy)) for strategy in ("none", "all")]
    masked = stored_run(store, small_config("data:notes:masked", "none"))
    install(store, [ready_named("spoken")])
    heard = store.run("sample-spoken-none-0")
    (written,) = predict(store.run_folder(heard.id), ["36"])
    assert written.is_right
    heard_folder = store.run_folder(heard.id)
    images = stored_run(store, small_config("mnist", "none"))
    images_folder = store.run_folder(images.id)
    folder = store.run_folder(runs[0].id)
    fillings = predict(store.run_folder(masked.id), [GAPS])[0].pieces
    config = small_config("objects", "none", num_layers=1)
    finder = stored_run(store, config)
    untrained_run(store.run_folder(finder.id), config, 40, plant=sure_of_boxes)
    seen = predict(store.run_folder(finder.id), ["17"])[0]
    store.close()
    page = browser_page
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    ids = ",".join(run.id for run in runs)
    address = dashboard(home, "--no-ready")
    page.goto(f"{address}/tryit?runs={ids}&language=fr")

    cards = page.locator(".answer")
    expect(cards).to_have_count(2)
    expected = predict(folder, ["Wednesday, October 3, 1990"], options={"language": "fr"})[0]
    tokens = cards.first.get_by_role("option")
    expect(tokens).to_have_count(len(expected.pieces))
    tokens.nth(1).click()
    piece = expected.pieces[1]
    expect(cards.first.locator(".place")).to_have_text(f"Token 2 of {len(expected.pieces)}: {piece.label}")
    expect(cards.first.locator(".guesses li")).to_have_count(len(piece.likeliest))
    expect(cards.first.locator(".guess-label").first).to_have_text(piece.likeliest[0].label)
    tokens.nth(1).press("ArrowRight")
    expect(tokens.nth(2)).to_be_focused()
    expect(tokens.nth(2)).to_have_attribute("aria-selected", "true")

    with page.expect_download() as waiting:
        page.locator(".st-key-tryit-answer-0-picture button.svg").click()
    drawn = waiting.value.path().read_text()
    assert (piece.label in drawn, "<script" in drawn) == (True, False)
    assert {f">{one.label}<" in drawn for one in expected.pieces[2].likeliest if one.label.isalnum()} <= {True}
    with page.expect_download() as waiting:
        page.locator(".st-key-tryit-answer-0-csv button").first.click()
    rows = list(csv.DictReader(waiting.value.path().read_text().splitlines()))
    assert len({row["place"] for row in rows}) == len(expected.pieces)
    assert [float(row["probability"]) for row in rows if row["place"] == "2"] == pytest.approx(
        [one.probability for one in piece.likeliest], abs=2e-4
    )

    text = page.get_by_role("textbox", name="Your text")
    text.fill(HOSTILE)
    text.press("Enter")
    page.wait_for_url(re.compile("text=%3Cimg"))
    expect(cards.first).to_contain_text("The vocabulary has no token for")
    page.get_by_role("button", name="Random example").click()
    expect(page.get_by_text("Correct answer:")).to_be_visible()

    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_function("() => document.scrollingElement.scrollWidth <= window.innerWidth")
    narrow = cards.first.bounding_box()
    assert narrow is not None
    assert narrow["width"] > 250, "cards stand below each other where each would be too narrow"
    cards.first.get_by_role("option").first.scroll_into_view_if_needed()
    page.get_by_role("link", name="Attention for this input").first.click()
    page.locator(".attention[data-selected]").first.wait_for()

    page.goto(f"{address}/tryit?runs={masked.id}&text={quote(GAPS)}")
    filled = cards.first.locator(".said button")
    expect(filled).to_have_count(2)
    expect(cards.first.locator(".tokens button")).to_have_count(0)
    for place, one in enumerate(fillings):
        expect(filled.nth(place)).to_have_text(one.label.removeprefix("␣") or one.label)
        filled.nth(place).click()
        expect(filled.nth(place)).to_have_attribute("aria-pressed", "true")
        expect(cards.first.locator(".place")).to_have_text(f"Mask {place + 1} of 2: {one.label}")
        expect(cards.first.locator(".guess-label").first).to_have_text(one.likeliest[0].label)

    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{address}/tryit?runs={finder.id}&text=17")
    boxes_are_drawn(page, seen)
    page.goto(f"{address}/tryit?runs={images.id}")
    draw_and_look(page, images_folder)
    _write_down_a_sound(page, f"{address}/tryit?runs={heard.id}&text=36", written, tmp_path / "mine.wav")
    _write_down_a_recording(page, written, microphone, lambda name: predict(heard_folder, [name])[0])


def _write_down_a_sound(page: Page, address: str, expected: Prediction, file: Path) -> None:
    """A test utterance is drawn and can be played; its own samples, uploaded as a WAV, are written down."""
    assert expected.sound is not None
    assert expected.spectrogram is not None
    positions = expected.spectrogram.shape[1] // STACKED
    page.goto(address)
    said = page.locator(".answer .said")
    expect(said).to_have_text(expected.answer)
    expect(page.locator(".clps-sound .part")).to_have_count(len(expected.aligned))
    expect(page.locator("audio")).to_have_count(1)
    assert page.locator(".clps-sound .loud img").evaluate("one => one.naturalWidth") == STACKED * positions
    file.write_bytes(wav_bytes(expected.sound[:RATE]))
    page.get_by_role("button", name="Upload or record").click()
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_url(re.compile("text=sound%3A[0-9a-f]{12}-[0-9a-f]{32}"))
    expect(page.get_by_text("Your sound")).to_be_visible()
    expect(page.locator(".clps-sound .times")).to_contain_text("0.96 s")
    expect(said).not_to_have_text(expected.answer)
    file.write_bytes(b"RIFF no sound")
    page.get_by_role("button", name="Upload or record").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("the sound must be a WAV file")).to_be_visible()
    expect(page.locator(".clps-sound .times")).to_contain_text("0.96 s")


def _write_down_a_recording(
    page: Page, said_before: Prediction, microphone: Path, answer: Callable[[str], Prediction]
) -> None:
    """A test utterance comes in through the microphone, is kept as it was heard, and written down."""
    assert said_before.sound is not None
    length = len(said_before.sound) / RATE
    microphone.write_bytes(wav_bytes(np.concatenate([said_before.sound, np.zeros(RATE)])))
    before = page.url
    page.get_by_role("button", name="Upload or record").click()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_test_id("stAudioInput")).to_contain_text(re.compile(f"00:0[{int(length) + 1}-9]"))
    page.get_by_role("button", name="Stop recording").click()
    page.wait_for_url(lambda url: url != before and "text=sound%3A" in url)
    name = unquote(re.findall("text=([^&]*)", page.url)[0])
    expected = answer(name)
    assert expected.sound is not None
    assert len(expected.sound) / RATE == pytest.approx(length, abs=0.1), "its silent ends are cut off"
    likeness = np.correlate(expected.sound, said_before.sound, "full").max()
    assert likeness > 0.9 * np.linalg.norm(expected.sound) * np.linalg.norm(said_before.sound)
    assert expected.spectrogram is not None
    seconds = expected.spectrogram.shape[1] // STACKED * POSITION_SECONDS
    expect(page.locator(".clps-sound .times")).to_contain_text(f"{seconds:.2f} s")
    assert expected.answer == said_before.answer, "what was said into the microphone is written down"
    expect(page.locator(".answer .said")).to_have_text(expected.answer)


def boxes_are_drawn(page: Page, seen: Prediction) -> None:
    """What was found in a picture, beside what is there."""
    scenes = page.locator(".answer").first.locator(".scene")
    expect(scenes).to_have_count(2)
    boxes = scenes.nth(0).locator(".box")
    expect(boxes).to_have_count(len(seen.found))
    expect(boxes.first).to_have_text(f"{seen.found[0].label} {round(100 * seen.found[0].probability)} %")
    expect(scenes.nth(1).locator(".box")).to_have_text([one.label for one in seen.wanted])
    whole, part = scenes.nth(1).bounding_box(), scenes.nth(1).locator(".box").first.bounding_box()
    assert whole is not None
    assert part is not None
    x, y, wide, high = seen.wanted[0].box
    drawn_at = (part["x"] - whole["x"], part["y"] - whole["y"], part["width"], part["height"])
    assert [one / whole["width"] for one in drawn_at] == pytest.approx(
        [x - wide / 2, y - high / 2, wide, high], abs=0.01
    )
    with page.expect_download() as waiting:
        page.locator(".st-key-tryit-answer-0-picture button.svg").click()
    assert "stroke-dasharray" in waiting.value.path().read_text(), "the right boxes are in the file, too"


def draw_and_look(page: Page, folder: Path) -> None:
    """Draw a seven, read the answer, look at the attention over it."""
    page.get_by_role("radio", name="Draw or upload").click()
    sheet = page.get_by_role("img", name="A sheet to draw a digit on")
    clear = page.get_by_role("button", name="Clear", exact=True)
    expect(clear).to_be_disabled()
    expect(page.locator(".answer")).to_have_count(0)
    assert ink(sheet) == 0
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    for place, (right, down) in enumerate([(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)]):
        page.mouse.move(box["x"] + right * box["width"], box["y"] + down * box["height"], steps=5)
        if not place:
            page.mouse.down()
    page.mouse.up()
    page.wait_for_url(re.compile("text=[0-9a-f]{784}(&|$)"))
    text = re.findall("text=([0-9a-f]{784})", page.url)[0]
    assert text[:56] == "0" * 56, "what was drawn is fitted to the middle"
    expected = predict(folder, [text])[0]
    card = page.locator(".answer").first
    expect(card.get_by_role("img", name="Your image")).to_be_visible()
    expect(card.locator(".said")).to_have_text(expected.answer)
    expect(card.locator(".guess-label").first).to_have_text(expected.guesses[0].label)
    drawn = ink(sheet)
    assert drawn > 0
    clear.click()
    expect(clear).to_be_disabled()
    assert ink(sheet) == 0
    expect(page.get_by_text("Draw a digit on the sheet, or upload a picture.")).to_be_visible()
    expect(card).to_have_count(0)
    assert "text=" not in page.url
    page.go_back()
    expect(card.locator(".said")).to_have_text(expected.answer)

    page.get_by_role("link", name="Attention for this input").click()
    root = page.locator(".attention[data-selected]").first
    root.wait_for()
    assert ink(page.get_by_role("img", name="A sheet to draw a digit on")) > drawn / 4, "the image of the address"
    expect(root.locator(".strip-name")).to_have_text("Where all patches look, on average:")
    expect(root.locator(".strip canvas")).to_be_visible()
    root.locator("canvas.map").hover()
    expect(root.locator(".strip-name")).to_have_text(re.compile(r"^Where row \d, column \d \(position \d+\) looks:$"))


def ink(sheet: Locator) -> int:
    """How many pixels of a canvas are dark."""
    count: int = sheet.evaluate(
        "one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data"
        ".filter((value, at) => at % 4 === 0 && value < 128).length"
    )
    return count
