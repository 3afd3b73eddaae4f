"""The sharing map is painted with mouse and keyboard and stands beside another; schemes are added, papers load."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser


def cell(page: Page | Locator, component: str, layer: int, stack: str = "encoder"):
    return page.locator(f'.cell[data-stack={stack}][data-component={component}][data-layer="{layer}"]')


def test_a_map_is_looked_at_painted_linked_and_handed_to_train(
    lasting_dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    url = lasting_dashboard(tmp_path / "home", "--no-ready")
    page.goto(url)
    page.get_by_role("link", name="Design").first.click()
    expect(cell(page, "q", 1, "decoder")).to_have_text("A")  # at first a language model

    page.goto(f"{url}/design?{urlencode({'spec': '1;task=dates'})}")
    cell(page, "q", 1).hover()
    expect(page.locator(".cell.same")).to_have_count(4)
    expect(page.locator(".aside")).to_contain_text("Used by layers 0, 1, 2, 3")

    cell(page, "q", 1).click()
    page.get_by_role("button", name="this cell").click()
    page.get_by_role("button", name="Use a new slot").click()
    page.wait_for_url(re.compile("strategy=all%2Cencoder.q%3D0-1-0-0"))
    expect(cell(page, "q", 1)).to_have_text("B")
    expect(cell(page, "k", 1)).to_have_text("A")
    expect(page.locator(".card.chosen")).to_contain_text("Custom map, from All layers")

    page.keyboard.press("Control+z")
    expect(page.locator(".card")).to_have_count(3)
    page.keyboard.press("Control+y")
    expect(cell(page, "q", 1)).to_have_text("B")
    page.go_back()
    expect(page.locator(".card")).to_have_count(3)
    page.go_forward()
    expect(cell(page, "q", 1)).to_have_text("B")

    page.get_by_role("button", name="Compare side by side").click()
    page.get_by_role("button", name="Show side by side").click()
    page.wait_for_url(re.compile("beside=.*opened=2"))
    here, there = page.locator(".half").first, page.locator(".half").last
    expect(there.locator("h3").first).to_contain_text("No sharing")
    expect(here.locator(".cell.sharing")).to_have_count(83)
    expect(cell(here, "q", 1)).not_to_have_class(re.compile("sharing"))
    cell(here, "q", 2).hover()
    expect(here.locator(".cell.same")).to_have_count(3)
    expect(there.locator(".cell.same")).to_have_count(1)
    expect(page.locator(".told")).to_contain_text("with Q of layers 0, 3")
    expect(page.locator(".told")).to_contain_text("No sharing: separate weights")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator(".half")).to_have_count(0)

    cell(page, "q", 3).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(cell(page, "k", 2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".aside")).to_contain_text("Encoder · K · layer 2")

    page.get_by_role("button", name="Train this comparison").click()
    page.wait_for_url(re.compile("/train.*encoder.q%3D0-1-0-0"))
    page.get_by_role("link", name="Design").first.click()
    expect(cell(page, "q", 1)).to_have_text("B")


@pytest.mark.slow
def test_ties_and_reading_layers_are_drawn_as_they_are_and_a_cell_without_weights_says_why(
    lasting_dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    query = urlencode({"spec": "1;task=python-docs;model.num_layers=4", "strategy": "v=@o,kv_source=every:2"})
    page.goto(f"{lasting_dashboard(tmp_path / 'home', '--no-ready')}/design?{query}")
    page.locator(".pick", has_text="V = O").click()

    expect(cell(page, "k", 3, "decoder")).to_have_text("←2")
    expect(page.locator(".lane circle")).to_have_count(2)
    expect(page.locator(".side b", has_text="= V")).to_have_count(1)
    cell(page, "k", 3, "decoder").click()
    expect(page.locator(".aside")).to_contain_text("reads the keys and values of layer 2")
    expect(page.locator(".aside button")).to_have_count(0)
    cell(page, "v", 2, "decoder").hover()
    expect(cell(page, "o", 2, "decoder")).to_have_class(re.compile("same"))
    expect(page.locator(".cell.same")).to_have_count(2)


@pytest.mark.slow
def test_a_scheme_is_chosen_painted_and_added_and_a_papers_design_is_loaded(
    lasting_dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.goto(f"{lasting_dashboard(tmp_path / 'home', '--no-ready')}/design?{urlencode({'spec': '1;task=dates'})}")
    page.get_by_role("button", name="Add a design").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("sandwich")
    dialog.get_by_role("button", name=re.compile("Sandwich")).click()
    text = dialog.get_by_role("textbox", name="The design as text")
    expect(text).to_have_value("sandwich,norms=own")
    dialog.locator('.cell[data-stack=decoder][data-component=q][data-layer="1"]').click()
    dialog.get_by_role("button", name="this cell").click()
    dialog.get_by_role("button", name="Use slot A, as layer 0").click()
    expect(text).to_have_value("sandwich,decoder.q=grouped:3,norms=own")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".card.chosen .name")).to_contain_text("Sandwich")

    page.get_by_role("button", name="Papers").click()
    page.get_by_role("dialog").get_by_role("searchbox").fill("mobilellm-ls-125m")
    page.locator(".preset:visible").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".stack h3", has_text="60 layers run, 30 distinct")).to_have_count(1)
    last = cell(page, "q", 59, "decoder")
    last.scroll_into_view_if_needed()
    expect(last).to_have_text("AD")
    expect(page.locator(".side").first).to_be_in_viewport()
