"""A supervisor that cannot start says why, and everybody who asks is told: pages, ``clps doctor``, ``clps runs``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from job_room import tiny
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.config import resolve
from clps_core.errors import ClpsError, JobError
from clps_core.jobs import service
from clps_core.jobs.logs import why_not_started
from clps_core.jobs.overview import overview
from clps_core.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """One run waits, and nobody is there to start it."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLPS_SLOTS", "1")
    store = open_store()
    store.create_comparison("x", [resolve(tiny())])
    yield store
    service._started.pop(store.home, None)
    store.close()


def refusal(store: Store) -> str:
    """What a second call is told, once the supervisor of the first one has ended."""
    service.ensure_supervisor(store)
    service._started[store.home].process.wait(60)
    with pytest.raises(JobError) as told:
        service.ensure_supervisor(store)
    return str(told.value)


def test_a_lock_that_is_no_file_is_named_to_everybody(store: Store) -> None:
    (store.home / "supervisor.lock").mkdir()
    words = f"it cannot read or write its files: {store.home}/supervisor.lock: Is a directory."
    assert f"so no run can start: {words}" in refusal(store)
    assert words in (overview(store).supervisor.problem or "")
    doctor = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert words in doctor["store"]["problem"]
    assert doctor["supervisor"]["state"] == "not running: it could not start"
    service._started.pop(store.home)  # as in another process
    listed = CliRunner().invoke(app, ["runs", "--json"])
    assert words in " ".join(listed.stderr.split())
    assert [run["status"] for run in json.loads(listed.stdout)] == ["queued"], "and the list is there all the same"
    service._started[store.home].process.wait(60)


def test_a_python_that_does_not_start_is_told_with_where_to_read_more(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert refusal(store).endswith(f"so no run can start: See {store.home}/supervisor.log.")


def test_settings_that_cannot_be_are_told_to_who_lists_runs_and_to_doctor(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLPS_SLOTS", "many")
    assert "so no run can start: CLPS_SLOTS must be a number from 1 to 1024. Got 'many'." in refusal(store)
    doctor = CliRunner().invoke(app, ["doctor"])
    assert doctor.exit_code == 0
    said = doctor.stdout.count("CLPS_SLOTS must be a number")
    assert said == 3, "with what a run gets, with the supervisor, and with the run that waits"


@pytest.mark.parametrize("text", ["", "Fatal Python error", "[]", '{"event": "started", "text": "x"}', "{"])
def test_only_a_refusal_that_came_last_is_a_reason(tmp_path: Path, text: str) -> None:
    log = tmp_path / "supervisor.log"
    log.write_text('{"event": "cannot_start", "text": "Why."}\n' + text)
    assert why_not_started(log) == ("Why." if not text else None)
    assert why_not_started(tmp_path / "nosuch") is None


# A database that cannot be: its address is a secret


def test_the_address_of_a_database_stands_in_no_log_no_argument_and_no_sentence(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "postgresql+nodriver://ada:hunter2@db.example/lab"
    monkeypatch.setenv("CLPS_DATABASE_URL", secret)
    told = refusal(store)
    arguments = service._started[store.home].process.args
    doctor = CliRunner().invoke(app, ["doctor"])
    assert doctor.exit_code == 2
    listed = CliRunner().invoke(app, ["runs"])
    with pytest.raises(ClpsError) as refused:
        open_store()
    log = (store.home / "supervisor.log").read_text()
    said = [told, str(arguments), doctor.output, listed.output, str(refused.value), log]
    assert all("CLPS_DATABASE_URL must be a database URL" in one for one in said if one != str(arguments))
    assert not any(part in one for one in said for part in ("hunter2", "db.example", "ada:"))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__, "a traceback would quote the address"
