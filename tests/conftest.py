"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from job_room import JobRoom

# A busy machine must not fail a test: no deadlines, and slow generation is no error.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRoom]:
    """An empty store with two slots of one thread; every process of it is ended afterwards."""
    monkeypatch.setenv("CLPS_SLOTS", "2")
    monkeypatch.setenv("CLPS_THREADS", "1")
    room = JobRoom(tmp_path / "home")
    yield room
    room.close()
