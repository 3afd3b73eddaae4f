"""A component's script travels once: messages hold a few lines that load it, from an address made of its content."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.look import assets as assets_folder
from app.look.assets import ADDRESS, asset, later, routes, script


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(assets_folder, "_served", None)
    return TestClient(Starlette(routes=routes()))


def address(loader):
    return "/" + re.search(rf'"({ADDRESS}/\w+\.js)', loader)[1]


def test_without_a_server_that_serves_scripts_a_message_holds_the_script(monkeypatch):
    monkeypatch.setattr(assets_folder, "_served", None)
    assert script("chart/held.js", "chart/feed.js") == asset("chart/held.js") + asset("chart/feed.js")


def test_a_message_names_the_script_and_the_server_has_it(client):
    loader = script("chart/held.js", "chart/draw.js")
    assert len(loader) < 1000
    answer = client.get(address(loader))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text == asset("chart/held.js") + asset("chart/draw.js")


def test_what_few_ask_for_is_loaded_when_they_do(client, monkeypatch):
    parts = ("look/picture_pen.js", "look/picture_walk.js", "look/picture_file.js")
    bar = later("look/picture_bar.js", *parts)
    assert len(bar) < 2000
    assert client.get(address(bar)).text == "".join(map(asset, parts))
    monkeypatch.setattr(assets_folder, "_served", None)
    assert "await Promise.resolve({ takePicture })" in later("look/picture_bar.js", *parts)


def test_an_address_stands_for_one_content_for_ever(client, monkeypatch):
    before = address(script("chart/feed.js"))
    assert address(script("chart/feed.js")) == before
    assert "immutable" in client.get(before).headers["cache-control"]
    monkeypatch.setattr(assets_folder, "asset", lambda name: f"// a later version of {name}")
    assert address(script("chart/feed.js")) != before


@pytest.mark.parametrize("name", ["0" * 32, "live_chart", "..%2F..%2Fmain.py", "%2Fetc%2Fpasswd"])
def test_no_other_file_is_served(client, name):
    script("chart/feed.js")
    assert client.get(f"/{ADDRESS}/{name}.js").status_code == 404


def test_the_dashboard_serves_scripts_under_the_path_it_lies_under(monkeypatch):
    monkeypatch.setattr(assets_folder, "_served", None)
    client = TestClient(Starlette(routes=routes("teaching/clps/")))
    assert client.get(f"/teaching/clps{address(script('chart/feed.js'))}").status_code == 200
