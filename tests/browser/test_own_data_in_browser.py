"""A person's own file on the Data page: uploaded, trained on, looked into; and the other kinds of files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from job_room import PATIENCE
from own_data_files import hub_folder, notes, pairs, question_table, reviews
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
        "train.steps=4",
        "train.eval_every=4",
        "train.batch_size=8",
        "train.probe_count=0",
    ]
)


def uploaded(page: Page, home: Path, file: Path, kind: str) -> record.DataSet:
    """Upload ``file`` on the Data page and add it as what it is taken for."""
    expect(page.locator("input[type=file]")).to_have_count(1)  # the form before has gone
    page.locator("input[type=file]").set_input_files(file)
    return added(page, home, file.stem, kind)


def added(page: Page, home: Path, name: str, kind: str) -> record.DataSet:
    """Add what was read, and see it."""
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value(name)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile(f"set={name}"))
    page.get_by_text(f"{kind} · ").first.wait_for()
    return record.read(home, name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own") / "home"


@pytest.fixture(scope="module")
def url(lasting_dashboard: Callable[..., str], home: Path) -> str:
    return lasting_dashboard(home, "--no-ready")


def test_a_csv_is_uploaded_trained_on_tried_and_looked_into(
    url: str, home: Path, browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.goto(f"{url}/data")
    assert uploaded(page, home, reviews(tmp_path / "reviews.csv", 40), "Text classification").rows == 40
    page.goto(f"{url}/train?spec={SMALL}&strategy=all")
    page.get_by_role("button", name=re.compile("Train 1 run")).click()
    page.locator(".clps-live-chart").first.wait_for()
    store = open_store(home)
    page.goto("about:blank")  # a chart that nobody looks at need not be drawn
    (run,) = service.wait(store, [run.id for run in store.runs()], timeout=2 * PATIENCE)
    assert (run.status, run.facts.title) == ("finished", "reviews")
    store.close()
    page.goto(f"{url}/tryit?runs={run.id}&text=the film was very good")
    expect(page.locator(".answer .said")).to_have_text(re.compile("neg|pos"))
    page.get_by_role("link", name="Attention for this input").first.click()
    page.locator("[data-painted]").first.wait_for()
    page.get_by_text("neg", exact=True).first.wait_for()


@pytest.mark.slow  # tests/app/test_data_page.py and test_span_pages.py add files on the page without a browser
def test_files_of_the_other_kinds_and_a_folder_are_added_one_after_another(
    url: str, home: Path, browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.goto(f"{url}/data")
    uploaded(page, home, pairs(tmp_path / "pairs.jsonl"), "Text to text")
    uploaded(page, home, notes(tmp_path / "notes.txt"), "Text generation")
    found = uploaded(page, home, question_table(tmp_path / "houses.csv"), "Answers marked in a text")
    assert found.columns == {"context": "context", "question": "question", "answer": "answers"}
    page.get_by_text("What colour is the").first.wait_for()
    folder = hub_folder(tmp_path / "films")
    page.get_by_text("Local file or Hugging Face").click()
    where = page.get_by_role("textbox", name=re.compile("A file or folder on this machine"))
    where.fill(str(folder))
    where.press("Enter")
    found = added(page, home, "films", "Text classification")
    assert found.given_splits == ("test",)
    assert found.classes == ("blame", "praise")
