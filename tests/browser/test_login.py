"""Logging in through a real provider: who starts a run there owns it, and a teacher is known by their address."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from job_room import PATIENCE
from playwright.sync_api import Locator, Page, expect

from clps_core.owners import Signer
from clps_core.store import open_store

pytestmark = pytest.mark.browser

STUDENT, TEACHER = "Bob@school.example", "ada@school.example"
SMALL = (
    "1;task=dates;model.num_layers=2;model.d_model=16;model.d_ff=32;model.num_heads=2;train.steps=50;train.batch_size=4"
)


@pytest.fixture
def provider(tmp_path):
    """The address of an OpenID provider that knows two people."""
    people = {"student": STUDENT, "teacher": TEACHER}
    claims = [json.dumps({"sub": name, "email": one, "email_verified": True}) for name, one in people.items()]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [part for claim in claims for part in ("--user-claims", claim)]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *options]
    with (tmp_path / "provider.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


def write_secrets(folder: Path, provider: str, cookie_secret: str = "0123456789abcdef" * 4) -> None:
    facts = {
        "redirect_uri": "http://127.0.0.1:{port}/oauth2callback",
        "cookie_secret": cookie_secret,
        "client_id": "clps",
        "client_secret": "not looked at",
        "server_metadata_url": f"{provider}/.well-known/openid-configuration",
    }
    (folder / ".streamlit").mkdir()
    lines = [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
    (folder / ".streamlit" / "secrets.toml").write_text("\n".join(["[auth]", *lines]))


def shown(what: Locator) -> None:
    expect(what).to_be_visible()


def log_in(page: Page, name: str, address: str) -> None:
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name=name, exact=True).click()
    shown(page.get_by_test_id("stSidebar").get_by_text(address))


@pytest.mark.slow
def test_a_run_belongs_to_the_login_and_a_teacher_known_by_address_may_cancel_it(
    dashboard, chromium, browser_page, provider, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "policy.yaml").write_text(f"mode: shared\nlogin: true\nteachers: [{TEACHER}]\n")
    write_secrets(tmp_path, provider)
    monkeypatch.setenv("CLPS_DISK_FLOOR", "999999G")  # nothing starts: this is about who may do what
    url = dashboard(home, "--no-ready")

    browser_page.goto(f"{url}/runs")
    log_in(browser_page, "student", STUDENT)
    browser_page.goto(f"{url}/train?spec={SMALL}&strategy=all")
    browser_page.get_by_role("button", name="Train 1 run").click()
    browser_page.wait_for_url("**/runs?**")
    shown(browser_page.get_by_test_id("stMain").get_by_text("yours").last)
    store = open_store(home)
    (run,) = store.runs()
    assert run.owner == Signer.of_home(home).owner_of_address(STUDENT)

    context = chromium.new_context()
    teacher = context.new_page()
    teacher.set_default_timeout(1000 * PATIENCE)
    teacher.goto(browser_page.url)
    shown(teacher.get_by_text("You can look at everything. Log in to train."))
    log_in(teacher, "teacher", TEACHER)
    teacher.goto(browser_page.url)
    shown(teacher.get_by_test_id("stSidebar").get_by_text("a teacher"))
    teacher.locator("[class*=st-key-actions-] [data-testid=stPopoverButton]").first.click()
    teacher.get_by_role("button", name="Cancel").click()
    shown(teacher.get_by_text("cancelled").first)
    assert store.run(run.id).status == "cancelled"
    store.close()

    teacher.get_by_role("button", name="Log out").click()
    teacher.get_by_role("button", name="End session").click()  # the provider asks, too
    shown(teacher.get_by_role("button", name="Log in"))
    assert not [one for one in context.cookies() if one["name"].startswith("_streamlit_user")]
    context.close()
