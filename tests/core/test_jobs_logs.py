"""The supervisor's log: one JSON object per line, whatever happens."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from clps_core.jobs import logs
from clps_core.jobs.logs import JsonLines, make_room, tell


@pytest.fixture
def formatted(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="clps.supervisor")
    caplog.handler.setFormatter(JsonLines())
    return caplog


def test_an_event_is_one_line_with_its_facts_as_fields(formatted: pytest.LogCaptureFixture) -> None:
    tell("started", "run 4k7c attempt 1 started:\nin slot 0, größer", run="4k7c", attempt=1, slot=0, path=Path("/x"))
    (line,) = formatted.text.splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "event": "started",
        "text": "run 4k7c attempt 1 started:\nin slot 0, größer",
        "run": "4k7c",
        "attempt": 1,
        "slot": 0,
        "path": "/x",
    }


def test_another_librarys_message_and_a_traceback_are_lines_too(formatted: pytest.LogCaptureFixture) -> None:
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        logging.getLogger("somebody").exception("it %s", "broke")
    (line,) = formatted.text.splitlines()
    found = json.loads(line)
    assert (found["event"], found["level"], found["text"]) == ("message", "error", "it broke")
    assert "ZeroDivisionError: by zero" in found["error"]


def test_the_error_that_ends_a_supervisor_is_its_last_line() -> None:
    script = "from clps_core.jobs.logs import log_to_stderr; log_to_stderr(); 1 / 0"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    last = json.loads(ended.stderr.splitlines()[-1])
    assert (last["event"], last["level"]) == ("crashed", "critical")
    assert "ZeroDivisionError" in last["error"]


def test_a_log_that_has_grown_large_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "supervisor.log"
    make_room(path)
    path.write_text("short")
    make_room(path)
    assert path.exists()
    monkeypatch.setattr(logs, "LARGEST_LOG", 4)
    make_room(path)
    assert (tmp_path / "supervisor.log.1").read_text() == "short"
    assert not path.exists()
