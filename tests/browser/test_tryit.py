"""The Try it page in a real Chromium: an example is taken, a token is looked at by hand and by key."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from own_data_files import notes
from playwright.sync_api import Page, expect
from untrained_runs import small_config, stored_run

from clps_core.data.log_mel import RATE
from clps_core.data.wav import wav_bytes
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.predicting import Prediction, predict
from clps_core.store import open_store

pytestmark = pytest.mark.browser

GAPS = "the [MASK] was very [MASK]."
HOSTILE = "<img src=x onerror=alert(2)>🦆"


def test_a_text_is_answered_and_its_tokens_are_looked_at(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("CLPS_HOME", str(home))
    add("notes", Source(path=notes(tmp_path / "notes.txt")), home, tokenizer="words:50")
    store = open_store(home)
    runs = [stored_run(store, small_config("dates", strategy)) for strategy in ("none", "all")]
    masked = stored_run(store, small_config("data:notes:masked", "none"))
    heard = stored_run(store, small_config("spoken-digits", "none"))
    (written,) = predict(store.run_folder(heard.id), ["17"])
    folder = store.run_folder(runs[0].id)
    fillings = predict(store.run_folder(masked.id), [GAPS])[0].pieces
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
    expect(page.get_by_text("Expected:")).to_be_visible()

    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_function("() => document.scrollingElement.scrollWidth <= window.innerWidth")
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

    _write_down_a_sound(page, f"{address}/tryit?runs={heard.id}&text=17", written, tmp_path / "mine.wav")


def _write_down_a_sound(page: Page, address: str, expected: Prediction, file: Path) -> None:
    """A test utterance is drawn and can be played; its own samples, uploaded as a WAV, are written down."""
    page.goto(address)
    said = page.locator(".answer .said")
    expect(said).to_have_text(expected.answer)
    expect(page.locator(".clps-sound .part")).to_have_count(len(expected.aligned))
    expect(page.locator("audio")).to_have_count(1)
    assert page.locator(".clps-sound .loud img").evaluate("one => one.naturalWidth") == 4 * 53
    assert expected.sound is not None
    file.write_bytes(wav_bytes(expected.sound[:RATE]))
    page.get_by_role("button", name="Upload or record").click()
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_url(re.compile("text=sound%3A[0-9a-f]{32}"))
    expect(page.get_by_text("Your sound")).to_be_visible()
    expect(page.locator(".clps-sound .times")).to_contain_text("0.96 s")
    expect(said).not_to_have_text(expected.answer)
    file.write_bytes(b"RIFF no sound")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("the sound must be a WAV file")).to_be_visible()
    expect(page.locator(".clps-sound .times")).to_contain_text("0.96 s")
