"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from job_room import JobRoom


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRoom]:
    """An empty store with two slots of one thread; every process of it is ended afterwards."""
    monkeypatch.setenv("CLPS_SLOTS", "2")
    monkeypatch.setenv("CLPS_THREADS", "1")
    room = JobRoom(tmp_path / "home")
    yield room
    room.close()
