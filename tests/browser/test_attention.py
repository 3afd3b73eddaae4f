"""The attention page in a real Chromium: values, hands and keys, hostile text, light and dark, narrow."""

from __future__ import annotations

import csv
import io
import re
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from ablated_runs import ablated
from job_room import PATIENCE
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from untrained_runs import small_config, stored_run

from app.attention.matters_map import change_text
from app.look.colours import slot_colour, strategy_colours
from clps_core.ablation import kept_ablations
from clps_core.analysis.thumbnails import FULL_LIMIT
from clps_core.inspection import Inspection, inspect_run
from clps_core.jobs.processes import SupervisorLock
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.metrics import metric_named
from clps_core.patching import Patching
from clps_core.store import Run, Store, open_store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import record

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
    options = {"language": "de"} if run.task == "dates" else {}
    return inspect_run(Look(store.run_folder(run.id), text, options))


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
    built = root.element_handle()
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
    browser_page.wait_for_url(re.compile(r"cell=1-1"))
    root.locator("input.lines").check()
    browser_page.wait_for_url(re.compile(r"lines=1"))
    # An answer of the server leaves the map as it stands: built anew, it would forget what was chosen meanwhile.
    assert root.evaluate("(now, built) => now === built", built)
    browser_page.reload()
    expect(root.locator("input.lines")).to_be_checked()
    expect(root).to_have_attribute("data-kept", "1,1")
    expect(root).to_have_attribute("data-selected", "2,0")
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

    # Beside each other, too, one head comes at a time.
    found = shown_of(store, run, text.strip()).attention["decoder"]
    assert found.size > FULL_LIMIT
    root = open_attention(run, text=text.strip(), view="layers", head="3")
    for head in (3, 8):
        root.get_by_role("button", name=f"Head {head}", exact=True).click()
        expect(root).to_have_attribute("data-selected", str(head))
        expect(root.locator(".card")).to_have_count(12)
        root.locator(".map").last.hover(position={"x": 120, "y": 120})
        expect(root).to_have_attribute("data-hover-values", re.compile("^[0-9]"))
        query, key = (int(place) for place in (root.get_attribute("data-hover-cell") or "").split(","))
        values = [float(value) for value in (root.get_attribute("data-hover-values") or "").split(",")]
        np.testing.assert_allclose(values, found[:, head, query, key], atol=1 / 255)


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


@contextmanager
def nobody_working(store: Store) -> Iterator[None]:
    """No supervisor takes a job that the test does itself."""
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    yield
    lock.release()


def wait_until(look: Callable[[], bool], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_lens_is_moved_through_by_key_shows_markup_as_text_and_follows_a_patch(
    url: str, store: Store, browser_page: Page
) -> None:
    browser_page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    run = stored_run(store, small_config("dates"))
    browser_page.goto(f"{url}/attention?run={run.id}&view=lens&target={quote('<b>May</b>')}")
    lens = browser_page.locator(".lens")
    expect(lens).to_have_attribute("data-row", "4")
    found = lens_of_run(Look(store.run_folder(run.id), run.facts.example_inputs[0], target_text="<b>May</b>"))
    expect(lens.locator("thead tr").first.locator("th")).to_have_text(["input token", *found.positions])
    expect(lens.locator("tbody tr").last.locator("td")).to_have_text([found.names[one] for one in found.top[-1, :, 0]])

    lens.locator("td.is-chosen").focus()
    browser_page.keyboard.press("ArrowUp")
    expect(lens).to_have_attribute("data-row", "3")
    expect(lens.locator(".said b")).to_have_text("After layer 2:")
    column = int(lens.get_attribute("data-column") or 0)
    expect(lens.locator(".guess-label")).to_have_text([found.names[one] for one in found.top[3, column]])
    lens.locator(".depth").fill("0")
    expect(lens.locator(".said b")).to_have_text("Before the first layer:")

    browser_page.get_by_role("button", name="Scale, swap or patch").click()
    other = browser_page.get_by_role("combobox", name="Other input")
    other.fill("May 4, 2020")
    other.press("Enter")
    browser_page.wait_for_url(re.compile("patch_text="))
    browser_page.get_by_role("button", name="Add this patch").click()
    browser_page.wait_for_url(re.compile("patch=encoder.0"))
    expect(browser_page.get_by_text("Patched from the same run, with the input “May 4, 2020”")).to_be_visible()
    patched = lens_of_run(
        Look(
            store.run_folder(run.id),
            run.facts.example_inputs[0],
            target_text="<b>May</b>",
            patching=Patching(("encoder.0=encoder.0",), "May 4, 2020"),
        )
    )
    last = lens.locator("tbody tr").last.locator("td")
    expect(last).to_have_text([patched.names[one] for one in patched.top[-1, :, 0]])
    lens.locator("td").last.click()
    expect(lens.locator(".guess-label")).to_have_text([patched.names[one] for one in patched.top[-1, -1]])


def test_a_part_is_chosen_on_the_map_of_what_matters_and_the_lens_follows(
    url: str, store: Store, browser_page: Page
) -> None:
    config = small_config("digits", "loop:0/2/0")
    config = config.model_copy(update={"train": config.train.model_copy(update={"eval_examples": 4})})
    runs = [stored_run(store, config) for _copy in range(2)]
    with nobody_working(store):
        for run in runs:
            ablated(store, run)
    browser_page.goto(f"{url}/attention?run={runs[0].id}&beside={runs[1].id}&view=matters")
    drawn = browser_page.locator(".matters")
    expect(drawn.locator("section")).to_have_count(2)
    known = {
        one.part: one for one in kept_ablations(store.results(store.evaluations(about=[runs[1].id])[0].id))[0].effects
    }
    second = drawn.locator("section").nth(1)
    expect(second.locator(".cell")).to_have_count(len(known))
    metric = metric_named("accuracy")
    for part, effect in known.items():
        shown = second.locator(f".cell[data-part='{part}'] .change")
        expect(shown).to_have_text(change_text(metric, effect.changes["accuracy"], unit=False))

    second.locator(".cell[data-part='encoder.1.ffn']").click()
    expect(drawn).to_have_attribute("data-chosen", "encoder.1.ffn")
    browser_page.wait_for_url(re.compile(r"without=encoder\.1\.ffn"))
    expect(browser_page.get_by_text("Layer 1, FFN left out").first).to_be_visible()
    browser_page.keyboard.press("ArrowLeft")
    expect(drawn.locator(".said")).to_contain_text("Layer 0, FFN")
    browser_page.keyboard.press("Enter")
    expect(drawn).to_have_attribute("data-chosen", "encoder.0.ffn")
    with browser_page.expect_download() as download:
        browser_page.get_by_text("All values as CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 1 + 2 * 2 * len(known), "a row for each metric of each part of both runs"
    browser_page.get_by_text("Show the prediction without this part").click()
    expect(browser_page.locator(".lens")).to_have_count(2)
    browser_page.wait_for_url(re.compile(r"view=lens"))
    expect(browser_page.get_by_text("Without Layer 0, FFN").first).to_be_visible()


def taken(page: Page, key: str, kind: str) -> tuple[str, bytes]:
    """Name and content of the file that a button under the figure ``key`` gives."""
    place = key.replace(".", "-")
    button = page.locator(f".st-key-{place}-csv button, .st-key-{place}-picture button.{kind}").filter(
        has_text=kind.upper()
    )
    with page.expect_download() as waiting:
        button.first.click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def words_of(svg: bytes) -> tuple[list[str], ET.Element]:
    """The words of a picture as text, and its root; it is nothing but well-formed XML without a script."""
    root = ET.fromstring(svg)  # we made it
    names = {node.tag.rpartition("}")[2] for node in root.iter()}
    assert names & {"script", "foreignObject"} == set()
    assert not [name for node in root.iter() for name in node.attrib if name.lower().startswith("on")]
    return [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")], root


def pixels_of(png: bytes) -> tuple[np.ndarray, Image.Image]:
    image = Image.open(io.BytesIO(png))
    return np.asarray(image.convert("RGB")), image


def rgb_of(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def test_each_runs_maps_are_taken_home_as_picture_and_numbers(
    store: Store, open_attention: Callable[..., Locator], browser_page: Page
) -> None:
    browser_page.emulate_media(color_scheme="dark")
    browser_page.set_viewport_size({"width": 800, "height": 900})
    run, other = (stored_run(store, small_config("python-docs", strategy)) for strategy in ("cycle:2", "none"))
    open_attention(run, text=quote(HOSTILE), beside=other.id, layer="1", head="1")
    for place, one in enumerate((run, other)):
        key = f"attention.grid.{place}"
        name, svg = taken(browser_page, key, "svg")
        assert name == f"clps-attention-{one.id}-decoder-layer1-head1.svg"
        words, root = words_of(svg)
        letters = "ABAB" if one is run else "ABCD"
        assert [word for word in words if word in set("ABCD") - set(HOSTILE)][:4] == list(letters)
        assert "1 share of attention; each row adds up to 1" in " ".join(words)
        assert {"Layer 0", "Layer 3", "Head 0", "Layer 1, head 1"} <= set(words)
        title, about = (root.findtext(f"{{http://www.w3.org/2000/svg}}{tag}") or "" for tag in ("title", "desc"))
        assert one.id in title
        assert HOSTILE in about
        assert f"/attention?run={run.id}" in about
        assert " ".join(words).count(HOSTILE.split()[0]) == 1, "below the picture, as text"
        assert root.get("width") == "160mm"

    pixels, image = pixels_of(taken(browser_page, "attention.grid.0", "png")[1])
    assert image.width >= 1890
    assert image.info["dpi"][0] == pytest.approx(image.width / 16 * 2.54, rel=0.001)
    assert pixels[:3].min() == 255, "white, also from a dark page"
    for slot in (0, 1):
        assert (pixels == rgb_of(slot_colour(slot))).all(axis=2).sum() > 100, "the badge of the slot"
    assert (pixels.min(axis=2) < 60).sum() > 500, "dark words"

    found = shown_of(store, other, HOSTILE)
    rows = list(csv.DictReader(io.StringIO(taken(browser_page, "attention.grid.1", "csv")[1].decode())))
    assert len(rows) == 8 * len(found.source_labels) * (len(found.source_labels) + 1) // 2
    for row in rows[:: len(rows) // 50]:
        at = tuple(int(row[part]) for part in ("layer", "head", "query_position", "key_position"))
        assert float(row["weight"]) == pytest.approx(float(found.attention["decoder"][at]), abs=1e-6)
    assert (
        browser_page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor") == "rgb(21, 23, 28)"
    )


@pytest.mark.slow
def test_a_wide_lens_is_taken_whole(url: str, store: Store, browser_page: Page) -> None:
    browser_page.set_viewport_size({"width": 800, "height": 900})
    run = stored_run(store, small_config("dates"))
    browser_page.goto(f"{url}/attention?run={run.id}&view=lens")
    lens = browser_page.locator(".lens")
    expect(lens).to_have_attribute("data-row", "4")
    assert lens.locator(".scroll").evaluate("one => one.scrollWidth > one.clientWidth")
    found = lens_of_run(Look(store.run_folder(run.id), run.facts.example_inputs[0]))
    words, _root = words_of(taken(browser_page, "attention.lens.0", "svg")[1])
    at = next(at for at, word in enumerate(words) if word == "Input")
    assert words[at + 1 : at + 1 + len(found.positions)] == [found.names[one] for one in found.top[0, :, 0]]
    assert lens.locator(".scroll").evaluate("one => one.scrollWidth > one.clientWidth"), "the page is as before"


@pytest.mark.slow
def test_curves_and_plots_are_taken_home(url: str, store: Store, browser_page: Page) -> None:
    browser_page.emulate_media(color_scheme="dark")
    runs = record(store, ("none", "all"))
    browser_page.goto(f"{url}/compare?runs={','.join(run.id for run in runs)}")
    browser_page.locator(".clps-live-chart[data-points]").wait_for()
    words, _root = words_of(taken(browser_page, "compare.digits", "svg")[1])
    assert {"Accuracy on validation data", "step", "100 %", "No sharing", "All layers"} <= set(words)
    rows = list(csv.DictReader(io.StringIO(taken(browser_page, "compare.digits", "csv")[1].decode())))
    points = [point for run in runs for point in store.curve(run.id, "validation", "accuracy")]
    assert [float(row["value"]) for row in rows if row["metric"] == "validation.accuracy"] == [
        one.value for one in points
    ]

    browser_page.locator(".st-key-compare-scatter-digits .main-svg").first.wait_for()
    words, root = words_of(taken(browser_page, "compare.scatter.digits", "svg")[1])
    gap = "\u2002"  # between a name and the ring of its mark
    assert {"stored parameters", "Accuracy", "No sharing", "All layers"} <= {word.strip(gap) for word in words}
    inks = {node.get("fill") for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert all(ink is not None and max(rgb_of(ink)) < 150 for ink in inks), "dark words, also from a dark page"
    pixels, _image = pixels_of(taken(browser_page, "compare.scatter.digits", "png")[1])
    assert pixels[:3].min() == 255
    assert (pixels == rgb_of(strategy_colours(["none", "all"])["all"])).all(axis=2).sum() > 100, "the mark of a run"


def test_what_moves_and_the_tie_are_drawn_for_two_runs(url: str, store: Store, browser_page: Page) -> None:
    run, other = stored_run(store, small_config()), stored_run(store, small_config("dates", "none"))
    query = f"run={run.id}&beside={other.id}&text={quote(TEXT)}&language=de"
    browser_page.goto(f"{url}/attention?{query}&view=moves&stack=encoder&positions=0,2")
    charts = browser_page.locator("[data-testid='stPlotlyChart'] .js-plotly-plot")
    expect(charts).to_have_count(7, timeout=1000 * PATIENCE)
    letters = charts.first.locator(".textpoint text")
    expect(letters).to_have_text(["A", "B", "A", "B"] * 2 + ["B", "A", "B"] + ["A", "B", "A", "B"])
    assert letters.first.evaluate("text => getComputedStyle(text).fill") == "rgb(255, 255, 255)"
    assert charts.nth(6).locator(".textpoint text").count() == 25, "five states by five"

    browser_page.goto(f"{url}/attention?{query}&view=tie&weight=decoder.3.q")
    tables = browser_page.locator(".clps-figures")
    expect(tables).to_have_count(2, timeout=1000 * PATIENCE)
    expect(tables.first.locator("tbody tr th")).to_have_text(["layer 1, Q, loop 1", "layer 3, Q, loop 2", "Sum of all"])
    expect(tables.last.locator("tbody tr th")).to_have_text(["layer 3, Q", "Sum of all"])


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
    browser_page.wait_for_url(re.compile(r"lines=1"))
    rows = list(csv.DictReader(io.StringIO(taken(browser_page, "attention.difference.runs.1", "csv")[1].decode())))
    differences = np.array([float(row["difference"]) for row in rows]).reshape(expected.shape)
    np.testing.assert_allclose(differences, expected, atol=1e-6)

    browser_page.get_by_text("Head statistics", exact=True).first.click()
    tables = browser_page.locator(".heads[data-selected]")
    expect(tables).to_have_count(2)
    tables.first.locator("td[data-layer='1'][data-head='0']").click()
    browser_page.keyboard.press("ArrowDown")
    expect(tables.last).to_have_attribute("data-selected", "2,0")
    expect(tables.last.locator(".detail-name")).to_contain_text("Layer 2, head 0")
    browser_page.wait_for_url(re.compile(r"layer=2.*head=0"))
    words, _root = words_of(taken(browser_page, "attention.heads.1", "svg")[1])
    assert {"Layer 2, head 0", "Head 1", "Normalised entropy"} <= {word.partition(":")[0] for word in words}
    rows = list(csv.DictReader(io.StringIO(taken(browser_page, "attention.heads.1", "csv")[1].decode())))
    assert [(row["layer"], row["head"]) for row in rows][-1] == ("3", "1")
