"""A room for storms: on a small disk where one may be mounted, with a witness beside every process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from faults import small_disk
from job_room import JobRoom, Twin
from storm import KINDS, Storm
from watched import Dashboard


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Twin]]:
    """What undisturbed runs leave."""
    room = JobRoom(tmp_path_factory.mktemp("twin") / "home")
    runs = room.wait(*room.submit(*KINDS))
    assert [run.status for run in runs] == ["finished"] * len(KINDS)
    yield [Twin(room, run.id) for run in runs]
    room.close()


@pytest.fixture
def weather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twins: list[Twin]) -> Callable[..., Storm]:
    """``weather(seed, runs=..., faults=...)``: one storm from its beginning to the look at what it left."""
    for name, value in (("CLPS_SLOTS", "2"), ("CLPS_THREADS", "1"), ("CLPS_RETRY_PAUSE", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLPS_DISK_FLOOR", "1M")
    path = [str(Path(__file__).parent / "witness"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))

    def one(seed: int, *, dashboard: bool = False, **given: Any) -> Storm:
        witness = tmp_path / f"witness-{seed}"
        monkeypatch.setenv("CLPS_WITNESS", str(witness))
        with ExitStack() as stack:
            disk = stack.enter_context(small_disk(tmp_path / f"disk-{seed}"))
            if disk is None:
                print("the disk is never full in this storm: a file system of our own may not be mounted here")
            room = JobRoom(tmp_path / f"disk-{seed}" / "home")
            stack.callback(room.close)
            watched = Dashboard(room.home) if dashboard else None
            if watched is not None:
                stack.callback(watched.close)
            storm = Storm(room, twins, seed, witness=witness, disk=disk, dashboard=watched, **given)
            storm.weather()
            return storm

    return one
