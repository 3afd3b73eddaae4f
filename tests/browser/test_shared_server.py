"""Two real browsers on one shared server: each is somebody, and only one of them owns the runs."""

import pytest
from job_room import PATIENCE, let_others_first
from playwright.sync_api import Page, expect

from clps_core.owners import COOKIE, Signer
from clps_core.store import Run, Store, open_store, shelf

pytestmark = pytest.mark.browser


SMALL = (
    "1;task=dates;model.num_layers=2;model.d_model=16;model.d_ff=32;model.num_heads=2;"
    "train.steps=100000;train.batch_size=4"
)


NOTE = """**Mine** <script>window.ran = 1</script> <img src=x onerror="window.ran = 2">
![p](http://127.0.0.1:9/pixel.png) [link](javascript:window.ran=3) [paper](https://arxiv.org/abs/1909.11942)"""


def a_note_can_do_nothing(page: Page, store: Store, run: Run) -> None:
    """Somebody else's note is read; it runs nothing and loads nothing."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    shelf.note_comparison(store, str(run.comparison_id), NOTE)
    page.reload()
    note = page.get_by_test_id("stExpanderDetails").first
    expect(note.locator("strong")).to_have_text("Mine")
    expect(note).to_contain_text("<script>window.ran = 1</script>")
    assert note.locator("img, script").count() == 0
    assert [one.get_attribute("href") for one in note.locator("a").all()] == [
        "http://127.0.0.1:9/pixel.png",
        "https://arxiv.org/abs/1909.11942",
    ]
    assert all("noopener" in (one.get_attribute("rel") or "") for one in note.locator("a").all())
    assert page.evaluate("window.ran") is None
    assert not [one for one in asked if "pixel" in one or "127.0.0.1:9/" in one]


def a_search_finds_and_is_refused(page: Page, url: str) -> None:
    page.goto(f"{url}/runs?view=all&where=strategy:none")
    expect(page.get_by_text("No run outside the archive matches")).to_be_visible()
    field = page.get_by_label("Search", exact=True)
    field.fill("strategy:all d_modle>3")
    field.press("Enter")
    expect(page.get_by_test_id("stAlert")).to_contain_text("Did you mean d_model?")
    field.fill("strategy:all d_model>3")
    field.press("Enter")
    expect(page.get_by_text("1 run", exact=True)).to_be_visible()
    page.wait_for_url("**/runs?**d_model%3E3**")


def test_a_run_belongs_to_the_browser_that_started_it(dashboard, chromium, browser_page, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "policy.yaml").write_text("mode: shared\nquotas: {running: 1, steps: null, evaluations: null}\n")
    url = dashboard(home, "--no-ready")
    browser_page.goto(f"{url}/train?spec={SMALL}&strategy=all")
    browser_page.get_by_role("button", name="Train 1 run").click()
    browser_page.wait_for_url("**/runs?**")
    expect(browser_page.get_by_test_id("stMain").get_by_text("yours").last).to_be_visible()

    store = open_store(home)
    (run,) = store.runs()
    (cookie,) = [one for one in browser_page.context.cookies() if one["name"] == COOKIE]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert COOKIE not in browser_page.evaluate("document.cookie")
    assert Signer.of_home(home).owner_of_cookie(cookie["value"]) == run.owner

    other = chromium.new_context().new_page()
    other.set_default_timeout(1000 * PATIENCE)
    other.goto(browser_page.url)
    expect(other.get_by_text("All layers").first).to_be_visible()
    let_others_first(home)
    expect(other.get_by_test_id("stMain").get_by_text("yours")).to_have_count(0)
    other.locator("[class*=st-key-actions-] [data-testid=stPopoverButton]").first.click()
    expect(other.get_by_text("This run belongs to somebody else.")).to_be_visible()
    expect(other.get_by_role("button", name="Cancel")).to_have_count(0)
    a_note_can_do_nothing(other, store, run)
    a_search_finds_and_is_refused(other, url)
    other.context.close()

    browser_page.reload()
    browser_page.locator("[class*=st-key-actions-] [data-testid=stPopoverButton]").first.click()
    browser_page.get_by_role("button", name="Cancel").click()
    expect(browser_page.get_by_text("cancelled").first).to_be_visible()
    store.close()
