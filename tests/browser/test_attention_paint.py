"""What the browser paints without a server: attention payloads, held against numpy, and a snapshot."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.attention.grid import grid_payload
from app.look.assets import asset
from clps_core.analysis.thumbnails import THUMBNAIL_SIDE, max_pooled
from clps_core.samples import sample_folders
from clps_core.snapshot import snapshot
from clps_core.store import Store, schema
from clps_core.store.archive import import_run

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from test_attention_payload import HOSTILE, unpacked, view_of

pytestmark = pytest.mark.browser

NAMES = "unpack, fill, asWeight, ramp, paintBytes, causalEdge, shortLabel"
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
    browser_page.evaluate(f"() => {{ {asset('attention/paint.js')}; Object.assign(window, {{ {NAMES} }}); }}")
    return browser_page


@pytest.mark.parametrize(("side", "labels"), [(8, HOSTILE), (THUMBNAIL_SIDE + 70, None)])
def test_the_browser_reads_what_was_packed(paint: Page, side: int, labels: list[str] | None) -> None:
    payload = grid_payload(view_of(2, 3, side, side, labels), (1, 2))
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


def test_a_snapshot_draws_itself_without_a_server_and_runs_no_script_of_others(
    browser_page: Page, store: Store, tmp_path: Path
) -> None:
    page, planted = browser_page, "<img src=x onerror='window.ran=1'><script>window.ran=1</script>"
    for folder in sample_folders():
        if folder.name.startswith("sample-dates"):
            import_run(store, folder, comparison=planted)
    with store.writing() as connection:
        connection.execute(schema.run.update().values(notes=f"**Seen** {planted}\n\n[x](https://a.b/)"))
    file = tmp_path / "snapshot.html"
    file.write_bytes(snapshot(store, store.runs(), verdicts=[planted]))
    page.context.set_offline(True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 800, "height": 900})
    page.goto(file.as_uri())

    expect(page.locator("svg.chart path.curve")).to_have_count(3)
    expect(page.locator("table", has_text="342k")).to_be_visible()
    expect(page.locator(".map td.slot").first).to_have_text("A")
    expect(page.locator(".heads canvas")).to_have_count(16)
    expect(page.locator(".note strong").first).to_have_text("Seen")
    full = "() => document.querySelector('.full canvas').toDataURL()"
    first = page.evaluate(full)
    page.get_by_role("button", name="layer 4, head 4").click()
    assert page.evaluate(full) != first
    ticks = page.locator("svg.chart text")
    assert "1,200" in ticks.all_text_contents()
    page.locator("svg.chart").scroll_into_view_if_needed()
    box = page.locator("svg.chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 100)
    page.mouse.up()
    assert "1,200" not in ticks.all_text_contents()
    page.get_by_role("button", name="All of it").click()
    assert "1,200" in ticks.all_text_contents()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 800
    assert page.evaluate("() => window.ran") is None
    assert [url for url in asked if url != file.as_uri()] == []
