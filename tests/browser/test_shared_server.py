"""Two real browsers on one shared server: each is somebody, and only one of them owns the runs."""

import pytest
from job_room import PATIENCE, let_others_first
from playwright.sync_api import expect

from clps_core.owners import COOKIE, Signer
from clps_core.store import open_store

pytestmark = pytest.mark.browser


SMALL = (
    "1;task=dates;model.num_layers=2;model.d_model=16;model.d_ff=32;model.num_heads=2;"
    "train.steps=100000;train.batch_size=4"
)


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
    expect(other.get_by_text("This run is somebody else's.")).to_be_visible()
    expect(other.get_by_role("button", name="Cancel")).to_have_count(0)
    other.context.close()

    browser_page.reload()
    browser_page.locator("[class*=st-key-actions-] [data-testid=stPopoverButton]").first.click()
    browser_page.get_by_role("button", name="Cancel").click()
    expect(browser_page.get_by_text("cancelled").first).to_be_visible()
    store.close()
