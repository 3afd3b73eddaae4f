"""The attention page in a real Chromium: values, hands and keys, hostile text, light and dark, narrow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from job_room import PATIENCE
from playwright.sync_api import Locator, Page, expect
from untrained_runs import small_config, stored_run

from clps_core.inspection import Inspection, inspect_run
from clps_core.lens import lens_of_run
from clps_core.store import Run, Store, open_store

pytestmark = pytest.mark.browser

TEXT = "Sunday, July 20, 1969"
HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(2)> \"quoted\" 'it' & 😀 שלום"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attention") / "home"


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[Store]:
    store = open_store(home)
    yield store
    store.close()


@pytest.fixture(scope="module")
def url(lasting_dashboard: Callable[..., str], home: Path) -> str:
    return lasting_dashboard(home, "--no-ready")


@pytest.fixture
def open_attention(url: str, browser_page: Page) -> Callable[..., Locator]:
    """``open_attention(run, view="layers", ...)``: the component's root once it is drawn."""

    def open_one(run: Run, **query: str) -> Locator:
        browser_page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        words = "&".join(f"{name}={value}" for name, value in query.items())
        browser_page.goto(f"{url}/attention?run={run.id}&{words}")
        root = browser_page.locator(".attention[data-selected]").first
        root.wait_for()
        return root

    return open_one


def shown_of(store: Store, run: Run, text: str = TEXT) -> Inspection:
    return inspect_run(store.run_folder(run.id), text, options={"language": "de"} if run.task == "dates" else None)


def hover(root: Locator, layer_head: tuple[int, int], weights: np.ndarray, cell: tuple[int, int]) -> None:
    """Put the pointer on one cell of the large map, by the place that the component says it has."""
    large = root.locator(".map").first
    large.scroll_into_view_if_needed()
    place = root.evaluate("root => JSON.parse(root.dataset.place)")
    assert root.get_attribute("data-selected") == f"{layer_head[0]},{layer_head[1]}"
    assert cell[0] < weights.shape[-2]
    assert cell[1] < weights.shape[-1]
    x = place["left"] + (cell[1] + 0.5) * place["cell"]
    y = place["top"] + (cell[0] + 0.5) * place["cell"]
    large.hover(position={"x": x, "y": y})


@pytest.mark.slow
def test_every_hovered_value_is_what_capture_gives(store: Store, open_attention: Callable[..., Locator]) -> None:
    run = stored_run(store, small_config())
    found = shown_of(store, run)
    root = open_attention(run, text=TEXT, language="de", kind="cross", layer="2", head="1")
    queries, keys = found.labels("cross")
    assert root.get_attribute("data-layers") == "4"
    assert root.get_attribute("data-heads") == "2"
    weights = found.attention["cross"]
    for cell in ((0, 0), (3, 5), (weights.shape[2] - 1, weights.shape[3] - 1)):
        hover(root, (2, 1), weights, cell)
        expect(root).to_have_attribute("data-hover-cell", f"{cell[0]},{cell[1]}")
        assert abs(float(root.get_attribute("data-hover-value") or "nan") - weights[2, 1, *cell]) <= 1 / 255
        assert root.get_attribute("data-hover-query") == queries[cell[0]]
        assert root.get_attribute("data-hover-key") == keys[cell[1]]


def test_heads_and_cells_are_chosen_by_hand_and_by_key(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    run = stored_run(store, small_config())
    root = open_attention(run, text=TEXT)
    root.locator(".cell[data-layer='1'][data-head='1']").click()
    expect(root).to_have_attribute("data-selected", "1,1")
    browser_page.keyboard.press("ArrowDown")
    browser_page.keyboard.press("ArrowLeft")
    expect(root).to_have_attribute("data-selected", "2,0")
    expect(root.locator(".cell[data-layer='2'][data-head='0']")).to_be_focused()
    browser_page.wait_for_url(re.compile(r"layer=2.*head=0"))

    root.locator(".large").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        browser_page.keyboard.press(key)
    expect(root).to_have_attribute("data-hover-cell", "1,1")
    browser_page.keyboard.press("Enter")
    expect(root).to_have_attribute("data-kept", "1,1")
    value = root.get_attribute("data-hover-value")
    root.locator(".title").hover()
    expect(root).to_have_attribute("data-hover-value", value or "")
    root.locator(".large").focus()
    browser_page.keyboard.press("Escape")
    expect(root).to_have_attribute("data-kept", "")


def test_another_kind_and_another_text_come_without_a_reload(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    root = open_attention(stored_run(store, small_config()), text=TEXT, layer="3", head="1")
    browser_page.evaluate("window.loadedOnce = true")
    before = root.get_attribute("data-view")
    browser_page.get_by_role("radio", name="Encoder").or_(
        browser_page.get_by_role("button", name="Encoder")
    ).first.click()
    expect(root).to_have_attribute("data-kind", "encoder")
    expect(root).to_have_attribute("data-selected", "3,1")
    field = browser_page.get_by_label("Your text")
    field.fill("Monday, May 4, 2020")
    field.press("Enter")
    expect(root).not_to_have_attribute("data-view", before or "")
    browser_page.wait_for_url(re.compile("May"))
    assert browser_page.evaluate("window.loadedOnce === true")


def test_markup_shows_as_text_everywhere(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    from urllib.parse import quote

    run = stored_run(store, small_config("python-docs"))
    root = open_attention(run, text=quote(HOSTILE))
    said = browser_page.locator(".given-text")
    expect(said).to_have_text(HOSTILE)
    labels = shown_of(store, run, HOSTILE).source_labels
    root.locator(".large").focus()
    for _step in range(3):
        browser_page.keyboard.press("ArrowDown")
    expect(root.locator(".strip .piece")).to_have_count(len(labels))
    assert root.locator(".strip .piece").all_text_contents() == list(labels)

    browser_page.get_by_text("BertViz", exact=True).first.click()
    frame = browser_page.frame_locator("iframe[title^='BertViz head view']")
    expect(frame.locator("#left text").first).to_be_visible()
    assert frame.locator("#left text").all_text_contents() == list(labels)[:48]
    assert browser_page.locator("iframe[title^='BertViz head view']").get_attribute("sandbox") == "allow-scripts"
    assert frame.locator("#attention line").count() > 0
    assert frame.locator("body").evaluate("() => document.querySelectorAll('img').length") == 0


def test_the_second_run_selects_what_the_first_does(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    run, other = stored_run(store, small_config()), stored_run(store, small_config("dates", "none"))
    first = open_attention(run, text=TEXT, beside=other.id)
    second = browser_page.locator(".attention[data-selected]").nth(1)
    second.locator(".cell[data-layer='3'][data-head='0']").click()
    expect(second).to_have_attribute("data-selected", "3,0")
    first.locator(".cell[data-layer='2'][data-head='1']").click()
    expect(second).to_have_attribute("data-selected", "2,1")
    expect(first).to_have_attribute("data-selected", "2,1")


def test_layers_of_one_slot_share_one_pointer(store: Store, open_attention: Callable[..., Locator]) -> None:
    run = stored_run(store, small_config())
    found = shown_of(store, run)
    root = open_attention(run, text=TEXT, language="de", view="layers", slot="B", head="1")
    assert root.get_attribute("data-layers") == "1,3"
    root.locator(".map").last.hover(position={"x": 120, "y": 120})
    expect(root).not_to_have_attribute("data-hover-values", "")
    values = [float(value) for value in (root.get_attribute("data-hover-values") or "").split(",")]
    query, key = (int(place) for place in (root.get_attribute("data-hover-cell") or "").split(","))
    np.testing.assert_allclose(values, found.attention["cross"][[1, 3], 1, query, key], atol=1 / 255)


@pytest.mark.slow
def test_the_layers_of_a_deep_model_with_long_texts_are_painted(
    store: Store, open_attention: Callable[..., Locator]
) -> None:
    config = small_config("python-docs", "all", num_layers=12, d_model=48, num_heads=12)
    run = stored_run(store, config)
    text = "the number of items in the list and the name of the file that was opened " * 4
    root = open_attention(run, text=text.strip())
    expect(root).to_have_attribute("data-painted", "144")
    for layer_head in ("11,11", "0,7"):
        layer, head = layer_head.split(",")
        root.locator(f".cell[data-layer='{layer}'][data-head='{head}']").click()
        expect(root).to_have_attribute("data-full", layer_head)


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_nothing_is_cut_off_at_800_pixels(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page, scheme: str
) -> None:
    browser_page.emulate_media(color_scheme=scheme)
    browser_page.set_viewport_size({"width": 800, "height": 900})
    root = open_attention(stored_run(store, small_config()), text=TEXT)
    wait_until(lambda: root.evaluate("root => root.scrollWidth <= root.clientWidth + 1"))
    box, map_box = root.bounding_box(), root.locator(".map").bounding_box()
    assert box is not None
    assert map_box is not None
    assert map_box["x"] + map_box["width"] <= box["x"] + box["width"] + 1
    assert box["x"] + box["width"] <= 800


def test_a_table_too_wide_for_the_page_says_so_and_can_be_moved_by_the_keyboard(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    browser_page.set_viewport_size({"width": 800, "height": 900})
    root = open_attention(stored_run(store, small_config("dates", "all", num_layers=14)), text=TEXT, view="layers")
    table = root.locator(".table")
    expect(table).to_have_class(re.compile("more-right"))
    table.focus()
    browser_page.keyboard.press("End")
    for _press in range(30):
        browser_page.keyboard.press("ArrowRight")
    expect(table).not_to_have_class(re.compile("more-right"))
    assert table.evaluate("table => table.scrollLeft > 0 && table.scrollWidth > table.clientWidth")


def wait_until(look: Callable[[], bool], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_lens_is_moved_through_by_key_and_shows_markup_as_text(url: str, store: Store, browser_page: Page) -> None:
    browser_page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    run = stored_run(store, small_config("dates"))
    browser_page.goto(f"{url}/attention?run={run.id}&view=lens&target={quote('<b>May</b>')}")
    lens = browser_page.locator(".lens")
    expect(lens).to_have_attribute("data-row", "4")
    found = lens_of_run(store.run_folder(run.id), run.facts.example_inputs[0], target_text="<b>May</b>")
    expect(lens.locator("thead tr").first.locator("th")).to_have_text(["reads", *found.positions])
    expect(lens.locator("tbody tr").last.locator("td")).to_have_text([found.names[one] for one in found.top[-1, :, 0]])

    lens.locator("td.is-chosen").focus()
    browser_page.keyboard.press("ArrowUp")
    expect(lens).to_have_attribute("data-row", "3")
    expect(lens.locator(".said b")).to_have_text("After layer 2:")
    column = int(lens.get_attribute("data-column") or 0)
    expect(lens.locator(".guess-label")).to_have_text([found.names[one] for one in found.top[3, column]])
    lens.locator(".depth").fill("0")
    expect(lens.locator(".said b")).to_have_text("Before the first layer:")


def test_two_runs_are_subtracted_and_a_head_is_drawn_as_lines(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    run, other = stored_run(store, small_config()), stored_run(store, small_config("dates", "none"))
    expected = shown_of(store, run).attention["encoder"] - shown_of(store, other).attention["encoder"]
    given = {"text": TEXT, "language": "de", "kind": "encoder", "layer": "2", "head": "1", "beside": other.id}
    root = open_attention(run, view="difference", **given)
    moved = (np.abs(expected).sum(-1).mean(-1) / 2).flatten()
    expect(root.locator(".cell-note")).to_have_text([f"{100 * value:.0f} %" for value in moved])
    hover(root, (2, 1), expected, (3, 5))
    expect(root).to_have_attribute("data-hover-cell", "3,5")
    shown = float((root.get_attribute("data-hover-value") or "nan").replace("−", "-").replace("±", ""))
    largest = float(np.abs(expected).max())
    assert shown == pytest.approx(float(expected[2, 1, 3, 5]), abs=largest / 250 + 5e-4)

    root.locator(".title").hover()
    expect(root).to_have_attribute("data-hover-cell", "")
    root.get_by_label("Lines").check()
    expect(root).to_have_attribute("data-drawn", re.compile("^[0-9]+ from [0-9]+$"))
    count, _from, least = (root.get_attribute("data-drawn") or "").split()
    strength = np.abs(np.rint(expected[2, 1] / largest * 127)) * 255 / 127
    assert 0 < int(count) <= 400
    assert int(count) == (np.rint(strength) >= int(least)).sum()
    expect(root.locator(".drawn")).to_contain_text("lines")

    browser_page.get_by_text("Heads in figures", exact=True).first.click()
    tables = browser_page.locator(".heads[data-selected]")
    expect(tables).to_have_count(2)
    tables.first.locator("td[data-layer='1'][data-head='0']").click()
    browser_page.keyboard.press("ArrowDown")
    expect(tables.last).to_have_attribute("data-selected", "2,0")
    expect(tables.last.locator(".detail-name")).to_contain_text("Layer 2, head 0")
    browser_page.wait_for_url(re.compile(r"layer=2.*head=0"))
