"""What the browser reads out of an attention payload and paints, held against numpy. In a real Chromium, no server."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.attention.grid import grid_payload, head_payload
from app.look.assets import asset
from clps_core.analysis.thumbnails import THUMBNAIL_SIDE, max_pooled

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from test_attention_payload import HOSTILE, unpacked, view_of

pytestmark = pytest.mark.browser

NAMES = "unpack, fill, asWeight, ramp, paintBytes, causalEdge, shortLabel, patchesOf, readBy, patchPicture"
PAINT = """([bytes, rows, columns, queries, causal]) => {
  const canvas = document.createElement("canvas");
  const table = Uint32Array.from({ length: 256 }, (_none, byte) => (255 << 24) | byte);
  paintBytes(canvas, Uint8Array.from(bytes), rows, columns, table, causalEdge(causal, rows, queries));
  const { data } = canvas.getContext("2d").getImageData(0, 0, columns, rows);
  return [...Array(rows * columns).keys()].map((at) => (data[4 * at + 3] ? data[4 * at] : -1));
}"""


@pytest.fixture
def paint(browser_page: Page) -> Page:
    """An empty page that knows the code."""
    browser_page.set_content("<p></p>")
    parts = ("attention/message", "attention/paint", "look/pixels", "attention/large")
    code = "".join(asset(f"{part}.js") for part in parts)
    browser_page.evaluate(f"() => {{ {code}; Object.assign(window, {{ {NAMES} }}); }}")
    return browser_page


@pytest.mark.parametrize(("side", "labels"), [(8, HOSTILE), (THUMBNAIL_SIDE + 70, None)])
def test_the_browser_reads_what_was_packed(paint: Page, side: int, labels: list[str] | None) -> None:
    payload = grid_payload(view_of(2, 3, side, side, labels), (1, 2), "grid")
    # Also where the bytes lie within a larger buffer, as a message's do.
    read = """bytes => {
      const around = new Uint8Array(bytes.length + 9);
      around.set(bytes, 5);
      const { body, ...header } = unpack(around.subarray(5, 5 + bytes.length));
      return [header, [...body]];
    }"""
    header, body = paint.evaluate(read, list(payload))
    wanted_header, wanted_body = unpacked(payload)
    assert header == wanted_header
    assert body == wanted_body.tolist()


def test_every_weight_is_one_pixel(paint: Page) -> None:
    weights = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)
    found = paint.evaluate(PAINT, [weights.ravel().tolist(), 5, 7, 5, False])
    assert np.array_equal(np.reshape(found, (5, 7)), weights)


@pytest.mark.parametrize("queries", [6, THUMBNAIL_SIDE, THUMBNAIL_SIDE + 1, 3 * THUMBNAIL_SIDE - 7])
def test_what_a_decoder_cannot_see_stays_clear_also_in_a_thumbnail(paint: Page, queries: int) -> None:
    seen = np.tril(np.full((queries, queries), 200, np.uint8))
    small = max_pooled(seen) if queries > THUMBNAIL_SIDE else seen
    rows = len(small)
    found = np.reshape(paint.evaluate(PAINT, [small.ravel().tolist(), rows, rows, queries, True]), (rows, rows))
    # No weight that is seen may be covered, and nothing beyond the last visible key may be painted.
    assert np.array_equal(found == 200, small == 200)
    assert set(np.unique(found)) <= {-1, 0, 200}
    assert (found[np.triu_indices(rows, 2)] == -1).all()


def test_a_stronger_weight_is_never_fainter(paint: Page) -> None:
    theme = "{ dark: false, empty: [245, 245, 245], text: [20, 20, 20] }"
    for boost in ("true", "false"):
        table = paint.evaluate(f"() => [...ramp([38, 118, 196], {theme}, {boost})]")
        light = [(colour & 255) + (colour >> 8 & 255) + (colour >> 16 & 255) for colour in table]
        assert len(light) == 256
        assert all(later <= earlier for earlier, later in pairwise(light))


def test_texts_are_filled_and_cut_by_characters(paint: Page) -> None:
    assert paint.evaluate("() => fill('{a} of {b}, {a}', { a: 1, b: '{a}' })") == "1 of {a}, 1"
    assert paint.evaluate("() => [asWeight(0), asWeight(51), asWeight(255)]") == ["0.000", "0.200", "1.000"]
    assert paint.evaluate("() => shortLabel('👩👩👩👩👩', 4)") == "👩👩👩…"


GRID = ("message", "held_head", "paint", "large", "lines", "grid")
DRAW = """async ([grid, head, html]) => {
  const load = code => import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const [{ default: draw }, { default: hand }] = [await load(grid), await load(head)];
  const parentElement = document.createElement("div");
  parentElement.innerHTML = html;
  document.body.replaceChildren(parentElement);
  window.told = [];
  const setStateValue = (...one) => told.push(one);
  window.draw = bytes => draw({ data: new Uint8Array(bytes), parentElement, setStateValue });
  window.hand = bytes => hand({ data: new Uint8Array(bytes) });
}"""


def test_a_head_that_comes_alone_is_drawn_in_the_grid_that_asked_for_it(browser_page: Page) -> None:
    def script(*names: str) -> str:
        return "".join(asset(f"attention/{name}.js") for name in names)

    browser_page.set_content("<p></p>")
    browser_page.evaluate(DRAW, [script(*GRID), script("message", "held_head", "head"), asset("attention/grid.html")])
    view = view_of(2, 3, THUMBNAIL_SIDE + 70, THUMBNAIL_SIDE + 70)
    view = replace(view, weights=replace(view.sent, full=view.sent.full[:0], full_at=()))
    browser_page.evaluate("bytes => { draw(bytes) }", list(grid_payload(view, (0, 0), "grid")))
    root = browser_page.locator(".attention")
    expect(root).to_have_attribute("data-full", "0,0")
    root.locator(".cell").last.click()
    expect(root).to_have_attribute("data-full", "")
    browser_page.wait_for_function("told.length === 1")
    assert browser_page.evaluate("told") == [["selected", [1, 2]]]
    other = replace(view, name="another input")
    for message in (head_payload(other, (1, 2), (0, 0), "grid"), head_payload(view, (1, 2), (0, 0), "another grid")):
        browser_page.evaluate("hand", list(message))
        assert root.get_attribute("data-full") == ""
    browser_page.evaluate("hand", list(head_payload(view, (1, 2), (0, 0), "grid")))
    assert (root.get_attribute("data-full"), root.get_attribute("data-selected")) == ("1,2", "1,2")
    browser_page.evaluate("hand", list(head_payload(view, (0, 1), (0, 0), "grid", led=True)))
    assert (root.get_attribute("data-full"), root.get_attribute("data-selected")) == ("0,1", "0,1")


@pytest.mark.parametrize("before", [0, 1])
def test_the_image_is_tinted_by_what_is_read_of_its_patches_and_a_class_token_is_none(paint: Page, before: int) -> None:
    positions = 9 + before
    weights = np.random.default_rng(1).integers(0, 256, (positions, positions), dtype=np.uint8)
    data = {"image": [[0.0] * 6] * 6, "keys": ["x"] * positions, "queries": ["x"] * positions}
    assert paint.evaluate("patchesOf", data) == {"across": 3, "before": before}
    flat = weights.ravel().tolist()
    found = paint.evaluate("([data, bytes]) => [...readBy(data, Uint8Array.from(bytes), 2)]", [data, flat])
    assert found == weights[2].tolist()
    mean = paint.evaluate("([data, bytes]) => [...readBy(data, Uint8Array.from(bytes), null)]", [data, flat])
    assert np.abs(np.array(mean) - weights.mean(0)).max() <= 0.5
    pixels = """([data, bytes]) => {
      const canvas = patchPicture(data, Uint8Array.from(bytes), null, null, [0, 0, 0], false);
      const scale = canvas.width / 6;
      const { data: found } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [...Array(9).keys()].map((at) => {
        const [x, y] = [(at % 3) * 2 + 1, Math.floor(at / 3) * 2 + 1].map((one) => Math.floor(one * scale));
        return found[4 * (y * canvas.width + x)];
      });
    }"""
    wanted = 255 * (1 - 0.85 * np.array(mean)[before:] / 255)
    assert np.abs(np.array(paint.evaluate(pixels, [data, flat])) - wanted).max() <= 2
    # An image in colours loses them where nobody looks: a tint would be one of them.
    coloured = data | {"image": [["#ff0000"] * 6] * 6}
    faded = 128 + (255 - 128) * (0.1 + 0.9 * np.array(mean)[before:] / 255)
    assert np.abs(np.array(paint.evaluate(pixels, [coloured, flat])) - faded).max() <= 2
