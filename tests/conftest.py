"""What tests of several folders share."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Before torch is imported: the tests' tensors are small, and more threads than cores cost a multiple of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["CLPS_LANGUAGE"] = "en"  # what tests read, whatever their machine speaks; also in the processes they start
# Processes of all tests keep what is slow to build in one place.
if "CLPS_CACHE" not in os.environ:
    os.environ["CLPS_CACHE"] = tempfile.mkdtemp(prefix="clps-cache-")
    atexit.register(shutil.rmtree, os.environ["CLPS_CACHE"], ignore_errors=True)

import pytest
from database_server import database_for
from example_counts import examples
from hypothesis import HealthCheck, settings
from job_room import JobRoom, end_processes, was_worked_on

# A busy machine must not fail a test: no deadlines, and slow generation is no error.
settings.register_profile(
    "lab", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=examples(100)
)
settings.load_profile("lab")

WAITING = ("browser", "chaos", "test_jobs_processes.py", "test_cli_train.py", "test_cli_sweep.py")
"""Folders and files whose tests mostly wait for other processes."""
LONG = (
    "test_jobs_processes.py",
    "test_first_minute.py",
    "test_cli_sweep.py",
    "test_own_data_in_browser.py",
    "test_attention.py",
    "test_tryit.py",
    "test_cli_train.py",
)
"""Files that take longest: one that begins last is waited for by all others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait among those that compute, so that tests in parallel use all cores all the time."""
    waits = {item.path: any(part in WAITING for part in item.path.parts[-2:]) for item in items}
    place: dict[Path, float] = {}
    for kind in (True, False):
        paths = [path for path, waiting in waits.items() if waiting is kind]
        place |= {path: number / len(paths) for number, path in enumerate(paths)}
    place |= {path: LONG.index(path.name) - len(LONG) for path in place if path.name in LONG}
    items.sort(key=lambda item: (place[item.path], item.path))


@pytest.fixture(scope="module", autouse=True)
def _database_of_the_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """For stores that a whole module shares."""
    with database_for(request.node):
        yield


@pytest.fixture(autouse=True)
def _database_of_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test of store and jobs finds a new SQLite file, or an empty schema where ``CLPS_TEST_DATABASE_URL`` is set."""
    with database_for(request.node):
        yield


@pytest.fixture(autouse=True)
def _nothing_works_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page or a command starts a supervisor where runs wait; none of them trains on when its test has ended."""
    home = request.getfixturevalue("tmp_path") / "home" if "tmp_path" in request.fixturenames else None
    yield
    if home is not None and was_worked_on(home):
        end_processes(home)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRoom]:
    """An empty store with two slots of one thread; every process of it is ended afterwards."""
    monkeypatch.setenv("CLPS_SLOTS", "2")
    monkeypatch.setenv("CLPS_THREADS", "1")
    monkeypatch.setenv("CLPS_RETRY_PAUSE", "0")
    room = JobRoom(tmp_path / "home")
    yield room
    room.close()
