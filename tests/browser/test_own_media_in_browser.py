"""A person's own pictures and sounds in a browser: a ZIP is added and trained on, then drawn, uploaded and said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import own_pictures
import pytest
from job_room import PATIENCE
from own_sound_files import spoken, with_table, zipped
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect
from test_own_data_in_browser import SMALL, uploaded
from test_tryit import ink

from clps_core.jobs import service
from clps_core.predicting import predict
from clps_core.store import Run, Store, open_store

pytestmark = pytest.mark.browser


def trained(page: Page, url: str, store: Store, task: str) -> Run:
    """Follow "Train on this", with the smallest settings, and wait for the run."""
    page.goto(f"{url}/train?spec={SMALL.replace('data:reviews', task)}&strategy=all")
    page.get_by_role("button", name=re.compile("Train 1 run")).click()
    page.locator(".clps-live-chart").first.wait_for()
    page.goto("about:blank")  # a chart that nobody looks at need not be drawn
    (run,) = service.wait(store, [run.id for run in store.runs() if run.task == task], timeout=2 * PATIENCE)
    assert run.status == "finished"
    return run


def drawn_on(page: Page, sheet: Locator) -> None:
    """A stroke from the top to the bottom."""
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()


def test_pictures_and_sounds_are_added_trained_on_and_tried(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page, home = browser_page, tmp_path / "home"
    url = dashboard(home, "--no-ready")
    store = open_store(home)
    page.goto(f"{url}/data")
    pictures = own_pictures.packed(tmp_path / "digits.zip", own_pictures.grey(60))
    assert uploaded(page, home, pictures, "Pictures by class").rows == 60
    first = page.locator(".clps-thumbnails img").first
    expect(first).to_be_visible()
    assert first.evaluate("one => one.naturalWidth") == 16
    said = spoken(24)
    sounds = zipped(tmp_path / "voice.zip", with_table(said))
    assert uploaded(page, home, sounds, "Sounds with transcripts").rows == 24
    expect(page.locator("audio")).to_have_count(3)
    images, heard = (trained(page, url, store, task) for task in ("data:digits", "data:voice"))

    page.goto(f"{url}/tryit?runs={images.id}")
    page.get_by_role("radio", name="Draw or upload").click()
    expect(page.get_by_text("Draw on the sheet, or upload a picture.")).to_be_visible()
    sheet = page.get_by_role("img", name="A sheet to draw on")
    drawn_on(page, sheet)
    page.wait_for_url(re.compile("text=[0-9a-f]{256}(&|$)"))
    card = page.locator(".answer").first
    expect(card.locator(".said")).to_have_text(answer_of(store, images, page))
    expect(card.locator(".guess-label")).to_have_count(5)
    picture = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(picture).line((100, 20, 100, 80), fill="black", width=12)
    (tmp_path / "one.png").write_bytes(own_pictures.png(picture))
    page.locator("input[type=file]").set_input_files(tmp_path / "one.png")
    page.wait_for_url(re.compile("text=picture%3A"))
    expect(card.locator(".said")).to_have_text(answer_of(store, images, page))
    page.wait_for_function(
        "one => one.getContext('2d').getImageData(140, 140, 1, 1).data[0] === 255", arg=sheet.element_handle()
    )
    assert ink(sheet) == 0, "what was drawn before is not what is answered now"
    assert ink(card.get_by_role("img", name="Your image")) > 0
    page.get_by_role("link", name="Attention for this input").click()
    root = page.locator(".attention[data-selected]").first
    root.wait_for()
    expect(root.locator(".strip canvas")).to_be_visible()

    page.goto(f"{url}/tryit?runs={heard.id}")
    page.get_by_role("button", name="Upload or record").click()
    (tmp_path / "mine.wav").write_bytes(said[3][0])
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.wav")
    page.wait_for_url(re.compile("text=sound%3A"))
    expect(card.locator(".said")).to_have_text(answer_of(store, heard, page) or "(nothing)")
    expect(page.locator("audio")).to_have_count(1)
    store.close()


def answer_of(store: Store, run: Run, page: Page) -> str:
    """What the engine answers to the input of the address."""
    text = re.findall("text=([^&]*)", page.url)[0].replace("%3A", ":")
    return predict(store.run_folder(run.id), [text])[0].answer
