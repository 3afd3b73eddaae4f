"""A person's own file on the Data page: uploaded, trained on, looked into; and the other kinds of files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from job_room import PATIENCE
from own_data_files import notes, pairs, reviews
from playwright.sync_api import Page, expect

from clps_core.jobs import service
from clps_core.own_data import record
from clps_core.store import open_store

pytestmark = pytest.mark.browser

SMALL = ";".join(
    [
        "1;task=data:reviews",
        "model.num_layers=2",
        "model.d_model=16",
        "model.d_ff=24",
        "model.num_heads=2",
        "train.steps=20",
        "train.eval_every=20",
        "train.batch_size=8",
    ]
)


def added(page: Page, home: Path, file: Path, kind: str) -> None:
    """Upload ``file`` on the Data page and add it as what it is taken for."""
    expect(page.locator("input[type=file]")).to_have_count(1)  # the form before has gone
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value(file.stem)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile(f"set={file.stem}"))
    page.get_by_text(f"{kind} · ").first.wait_for()
    assert record.read(home, file.stem).rows > 0


def test_a_csv_is_uploaded_trained_on_and_looked_into(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    home, page = tmp_path / "home", browser_page
    url = dashboard(home, "--no-ready")
    page.goto(f"{url}/data")
    added(page, home, reviews(tmp_path / "reviews.csv"), "Text classification")
    page.goto(f"{url}/train?spec={SMALL}&strategy=all")
    page.get_by_role("button", name=re.compile("Train 1 run")).click()
    page.locator(".clps-live-chart").first.wait_for()
    store = open_store(home)
    (run,) = service.wait(store, [run.id for run in store.runs()], timeout=2 * PATIENCE)
    assert (run.status, run.facts.title) == ("finished", "reviews")
    page.goto(f"{url}/attention?run={run.id}&text=the film was very good")
    page.locator("[data-painted]").first.wait_for()
    page.get_by_text("neg", exact=True).first.wait_for()
    store.close()


@pytest.mark.slow
def test_pairs_and_a_running_text_are_uploaded_one_after_another(
    dashboard: Callable[..., str], browser_page: Page, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    browser_page.goto(f"{dashboard(home, '--no-ready')}/data")
    added(browser_page, home, pairs(tmp_path / "pairs.jsonl"), "Text to text")
    added(browser_page, home, notes(tmp_path / "notes.txt"), "Text generation")
