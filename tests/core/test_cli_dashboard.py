"""``clps dashboard`` starts from any folder, on this machine only, with every safety option given as a flag."""

import contextlib
import http.client
import os
import pwd
import re
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from itertools import pairwise

import psutil
import pytest
from job_room import PATIENCE, eventually
from typer.testing import CliRunner

from clps_core.addresses import Names
from clps_core.cli import app
from clps_core.cli.dashboard import arguments, bundle, other_people
from clps_core.cli.doctor import _machine

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


def connects(port, host, *origin, cookie=""):
    """Whether who asks for ``host`` from a page of ``origin`` gets a session, over a bare connection."""
    lines = ["GET /_stcore/stream HTTP/1.1", f"Host: {host}", *(f"Origin: {one}" for one in origin)]
    lines += ["Upgrade: websocket", "Connection: Upgrade", f"Cookie: {cookie}"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return b"101 Switching" in connection.recv(100)


def status(address, **headers):
    """The answer's status, redirects not followed."""
    parts = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", f"{parts.path or '/'}?{parts.query}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers


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
    assert f"error: port {port} is not available" in result.stderr
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


def test_streamlit_is_told_the_names_too(tmp_path):
    def hosts(text=""):
        command = arguments(tmp_path, 9000, names=Names.of(text))
        return [value for name, value in pairwise(command) if name == "--server.allowedHosts"]

    assert hosts() == ["127.0.0.1", "localhost"]
    assert hosts("https://lab.example:8443, *.school.example, localhost:9000") == [
        "127.0.0.1",
        "localhost",
        "lab.example",
        "*.school.example",
    ]


def dashboard_says(tmp_path, monkeypatch, port, *options, policy="mode: local", **environment):
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "policy.yaml").write_text(policy)
    for name, value in {"CLPS_HOME": str(home), **environment}.items():
        monkeypatch.setenv(name, value)
    started = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    result = CliRunner().invoke(app, ["dashboard", "--port", str(port), "--no-ready", *options])
    return result, (started[0] if started else None)


@pytest.mark.parametrize("hosts", ["", " , "])
def test_a_shared_server_without_a_name_says_what_to_set(tmp_path, monkeypatch, free_port, hosts):
    result, started = dashboard_says(tmp_path, monkeypatch, free_port, policy="mode: shared", CLPS_HOSTS=hosts)
    assert (result.exit_code, started) == (2, None)
    assert result.stderr.startswith("error: a shared server must know the names that browsers use for it.")
    assert "CLPS_HOSTS=lab.school.example" in result.stderr.replace("\n", " ")


def test_hosts_that_are_none_start_no_server(tmp_path, monkeypatch, free_port):
    result, started = dashboard_says(tmp_path, monkeypatch, free_port, CLPS_HOSTS="*")
    assert (result.exit_code, started) == (2, None)
    assert "error: CLPS_HOSTS must list the names that browsers use for this server" in result.stderr


def test_a_token_is_printed_once_and_stands_in_no_argument(tmp_path, monkeypatch, free_port):
    result, (_program, command, environment) = dashboard_says(tmp_path, monkeypatch, free_port, "--token")
    token = environment["CLPS_TOKEN"]
    assert len(token) >= 32
    assert f"http://127.0.0.1:{free_port}/?token={token} " in result.stderr
    assert token not in "".join(command)
    assert not any(token in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    _result, (_program, _command, again) = dashboard_says(tmp_path, monkeypatch, free_port, "--token")
    assert again["CLPS_TOKEN"] != token


def test_a_token_of_ones_own_is_taken_and_not_repeated(tmp_path, monkeypatch, free_port):
    mine = "class-of-2026_room-12"
    result, (_program, command, environment) = dashboard_says(tmp_path, monkeypatch, free_port, CLPS_TOKEN=mine)
    assert environment["CLPS_TOKEN"] == mine
    assert mine not in result.stderr + "".join(command)
    assert "/?token=(yours) " in result.stderr


@pytest.mark.parametrize("token", ["short", "x" * 201, "with a space in the middle", "and/a/slash?and&more"])
def test_a_token_that_is_none_is_refused_and_not_repeated(tmp_path, monkeypatch, free_port, token):
    result, started = dashboard_says(tmp_path, monkeypatch, free_port, CLPS_TOKEN=token)
    assert (result.exit_code, started) == (2, None)
    assert "error: CLPS_TOKEN must have at least 16 characters" in result.stderr
    assert token not in result.stderr


def test_without_a_token_the_address_is_plain_and_the_server_has_none(tmp_path, monkeypatch, free_port):
    monkeypatch.delenv("CLPS_TOKEN", raising=False)
    result, (_program, _command, environment) = dashboard_says(tmp_path, monkeypatch, free_port)
    assert f"CLPS Lab: http://127.0.0.1:{free_port} (" in result.stderr
    assert "CLPS_TOKEN" not in environment


def test_a_browser_that_would_open_without_the_token_is_refused(tmp_path, monkeypatch, free_port):
    result, started = dashboard_says(tmp_path, monkeypatch, free_port, "--token", "--browser")
    assert (result.exit_code, started) == (2, None)
    assert "open the printed address" in result.stderr


def account(name, uid, shell="/bin/bash"):
    return pwd.struct_passwd((name, "x", uid, uid, "", f"/home/{name}", shell))


def test_other_people_on_the_machine_are_named_with_what_to_do(tmp_path, monkeypatch, free_port):
    people = [account("ada", 1000), account("bob", 1001), account("root", 0), account("postgres", 101)]
    people += [account("nobody", 65534), account("backup", 1002, "/usr/sbin/nologin")]
    monkeypatch.setattr(pwd, "getpwall", lambda: people)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    result, _started = dashboard_says(tmp_path, monkeypatch, free_port)
    assert "Other people can log in on this machine (bob)" in result.stderr
    assert "clps dashboard --token" in result.stderr
    result, _started = dashboard_says(tmp_path, monkeypatch, free_port, "--token")
    assert "Other people" not in result.stderr
    assert other_people() == ["bob"]
    assert _machine()["other_accounts"] == "bob"
    monkeypatch.setattr(os, "getuid", lambda: 1001)
    monkeypatch.setattr(pwd, "getpwall", lambda: people[1:])
    result, _started = dashboard_says(tmp_path, monkeypatch, free_port)
    assert "Other people" not in result.stderr


@pytest.mark.parametrize("port", ["0", "65536", "web", "-1"])
def test_a_port_that_is_none_is_refused(port):
    result = CliRunner().invoke(app, ["dashboard", "--port", port])
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr


@contextlib.contextmanager
def served(tmp_path, port, mode, *options, **more):
    """``clps dashboard`` from an empty folder; gives the process and a list that later holds what it said."""
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "policy.yaml").write_text(f"mode: {mode}")
    environment = os.environ | {
        "CLPS_HOME": str(tmp_path / "home"),
        "HOME": str(empty),
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        **more,
    }
    start = [sys.executable, "-c", "from clps_core.cli import main; main()", "dashboard"]
    command = [*start, "--port", str(port), "--no-ready", *options]
    server = subprocess.Popen(
        command, cwd=empty, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    def is_up():
        assert server.poll() is None, server.communicate()[0]
        with contextlib.suppress(OSError, http.client.HTTPException):
            return status(f"http://127.0.0.1:{port}/_stcore/health")[0] == 200

    said = []
    try:
        eventually(is_up, "the server")
        yield server, said
        assert list(empty.glob("*")) == []
    finally:
        server.terminate()
        said.append(server.communicate(timeout=PATIENCE)[0])


@pytest.mark.parametrize("mode", [pytest.param("local", marks=pytest.mark.slow), "shared"])
def test_the_server_starts_from_an_empty_folder_on_this_machine_only(tmp_path, free_port, mode):
    hosts = {"CLPS_HOSTS": "lab.example"} if mode == "shared" else {}
    url = f"http://127.0.0.1:{free_port}"
    with served(tmp_path, free_port, mode, **hosts) as (server, said):
        assert "<title>" in urllib.request.urlopen(url, timeout=PATIENCE).read().decode()
        listening = {
            connection.laddr
            for connection in psutil.Process(server.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {("127.0.0.1", free_port)}
        here = f"localhost:{free_port}"
        assert connects(free_port, f"127.0.0.1:{free_port}", url)
        assert connects(free_port, here, f"http://{here}")
        assert not connects(free_port, here, "http://localhost:9999"), "another port of this machine"
        assert not connects(free_port, here), "no browser"
        assert not connects(free_port, "evil.example", "http://evil.example"), "DNS rebinding"
        assert connects(free_port, "lab.example", "https://lab.example") is (mode == "shared")
        assert status(url, Host="evil.example")[0] == 403
        assert status(f"{url}/_stcore/metrics")[0] == 404
        answer, headers = status(f"{url}/_stcore/host-config")
        cookies = [value.partition("=")[0] for value in headers.get_all("Set-Cookie", [])]
        assert (answer, cookies) == (200, ["clps_owner"] if mode == "shared" else [])
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert f"http://127.0.0.1:{free_port}" in said[0]
    assert "Traceback" not in said[0]


def test_with_a_token_only_who_has_it_gets_in(tmp_path, free_port):
    url, token = f"http://127.0.0.1:{free_port}", "only-for-those-who-know-it"
    with served(tmp_path, free_port, "local", CLPS_TOKEN=token) as (server, said):
        closed = ("", "/_stcore/host-config", "/_clps/scripts/0.js")
        assert [status(url + path)[0] for path in closed] == [403, 403, 403]
        assert not connects(free_port, f"127.0.0.1:{free_port}", url)
        answer, headers = status(f"{url}/?token={token}")
        assert (answer, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert status(url, Cookie=cookie)[0] == 200
        assert status(f"{url}/_clps/scripts/0.js", Cookie=cookie)[0] == 404
        assert connects(free_port, f"127.0.0.1:{free_port}", url, cookie=cookie)
        assert not any(token in part for part in psutil.Process(server.pid).cmdline())
    assert token not in said[0]
