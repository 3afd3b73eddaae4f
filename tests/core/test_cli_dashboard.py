"""``clps dashboard`` starts from any folder, on this machine only, with every safety option given as a flag."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from itertools import pairwise

import psutil
import pytest
from job_room import PATIENCE, eventually
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.cli.dashboard import arguments, bundle

SAFETY = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.enableXsrfProtection": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
}


def flags_of(command):
    rest = command[command.index("run") + 2 :]
    return {name.removeprefix("--"): value for name, value in zip(rest[::2], rest[1::2], strict=True)}


def connects(port, host):
    """Whether a page of ``host`` that leads its own name to this machine gets a session here."""
    lines = ["GET /_stcore/stream HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return b"101 Switching" in connection.recv(100)


def flat(table, prefix=""):
    found = {}
    for name, value in table.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_safety_options_are_flags_whatever_the_config_file_says(tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        '[server]\naddress = "0.0.0.0"\nheadless = false\n[browser]\ngatherUsageStats = true\n'
        "[theme]\nheadingFontWeights = [600, 700]\nshowWidgetBorder = true\n"
        '[theme.dark.sidebar]\nbackgroundColor = "#111"\n'
    )
    flags = flags_of(arguments(tmp_path, 9000))
    assert flags.items() >= (SAFETY | {"server.port": "9000"}).items()
    assert flags["theme.dark.sidebar.backgroundColor"] == "#111"
    assert flags["theme.headingFontWeights"] == "[600, 700]"
    assert flags["theme.showWidgetBorder"] == "true"


def test_streamlit_takes_every_option_of_the_shipped_config_as_a_flag(tmp_path):
    """Asked from an empty folder and home, where Streamlit finds no config file."""
    flags = flags_of(arguments(bundle(), 9000))
    show = [sys.executable, "-m", "streamlit", "config", "show"]
    command = show + [part for name, value in flags.items() for part in (f"--{name}", value)]
    shown = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    # Sentences stand before the first section, and colours may stand anywhere.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.stdout)
    active = flat(tomllib.loads(plain[plain.index("\n[") :]))
    wanted = flat(tomllib.loads((bundle() / ".streamlit" / "config.toml").read_text()))
    for name, value in wanted.items():
        assert active[name] == (flags[name] if isinstance(value, list) else value), name
    assert active["server.port"] == 9000
    assert active["server.address"] == "127.0.0.1"


def test_a_port_in_use_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["dashboard", "--port", str(port)])
    assert result.exit_code == 2
    assert f"error: the port must be free. {port} is not" in result.stderr
    assert f"clps dashboard --port {port + 1}" in result.stderr
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_used_is_a_sentence(tmp_path, monkeypatch, free_port):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "file" / "home"))
    result = CliRunner().invoke(app, ["dashboard", "--port", str(free_port)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: CLPS_HOME must be")


def test_a_policy_that_cannot_be_used_starts_no_server(tmp_path, monkeypatch, free_port):
    (tmp_path / "policy.yaml").write_text("mode: everybody")
    monkeypatch.setenv("CLPS_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["dashboard", "--port", str(free_port)])
    assert result.exit_code == 2
    assert "mode must be one of" in result.stderr


def test_further_hosts_are_named_in_the_environment(tmp_path):
    def hosts(**options):
        command = arguments(tmp_path, 9000, **options)
        return [value for name, value in pairwise(command) if name == "--server.allowedHosts"]

    assert hosts() == ["127.0.0.1", "localhost"]
    assert hosts(more_hosts="lab.example, *.school.example") == [
        "127.0.0.1",
        "localhost",
        "lab.example",
        "*.school.example",
    ]
    assert hosts(shared=True) == [], "behind a proxy it has whatever name that has"
    assert hosts(shared=True, more_hosts="lab.example") == ["127.0.0.1", "localhost", "lab.example"]


@pytest.mark.parametrize("port", ["0", "65536", "web", "-1"])
def test_a_port_that_is_none_is_refused(port):
    result = CliRunner().invoke(app, ["dashboard", "--port", port])
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr


@pytest.mark.parametrize("mode", ["local", "shared"])
def test_the_server_starts_from_an_empty_folder_on_this_machine_only(tmp_path, free_port, mode):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "policy.yaml").write_text(f"mode: {mode}")
    environment = os.environ | {
        "CLPS_HOME": str(tmp_path / "home"),
        "HOME": str(empty),
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
    }
    command = [
        sys.executable,
        "-c",
        "from clps_core.cli import main; main()",
        "dashboard",
        "--port",
        str(free_port),
        "--no-ready",
    ]
    server = subprocess.Popen(
        command, cwd=empty, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:

        def page():
            assert server.poll() is None, server.communicate()[0]
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                return urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=5).read().decode()
            return None

        assert "<title>" in eventually(page, "the first page")
        listening = {
            connection.laddr
            for connection in psutil.Process(server.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {("127.0.0.1", free_port)}
        assert connects(free_port, f"127.0.0.1:{free_port}")
        assert connects(free_port, "localhost")
        assert connects(free_port, "evil.example") is (mode == "shared")
        answer = urllib.request.urlopen(f"http://127.0.0.1:{free_port}/_stcore/host-config", timeout=5)
        cookies = [value.partition("=")[0] for value in answer.headers.get_all("Set-Cookie", [])]
        assert cookies == (["clps_owner"] if mode == "shared" else [])
        assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
        assert list(empty.glob("*")) == []
    finally:
        server.terminate()
        said = server.communicate(timeout=PATIENCE)[0]
    assert f"http://127.0.0.1:{free_port}" in said
    assert "Traceback" not in said
