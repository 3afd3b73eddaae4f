"""What training says reaches the store also where the store is out of reach for a while."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from job_room import tiny

from clps_core.config import resolve
from clps_core.errors import StoreError
from clps_core.jobs import processes
from clps_core.jobs import sink as sinks
from clps_core.jobs.sink import StopSignal, StoreSink
from clps_core.store import Run, Store, open_store
from clps_core.store.connection import DATABASE_FILE
from clps_core.store.queue import Queue

pytestmark = pytest.mark.sqlite  # what is busy, and synced, is its file


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("clps_core.store.connection.BUSY_SECONDS", 0.05)
    store = open_store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def run(store: Store) -> Run:
    """One that this process has claimed."""
    store.create_comparison("x", [resolve(tiny())])
    queue = Queue(store)
    attempt = queue.start_next(0, "here", "boot")
    assert attempt is not None
    assert queue.claim(attempt.run_id, 1, os.getpid(), processes.born(os.getpid()))
    return store.run(attempt.run_id)


@pytest.fixture
def sink(store: Store, run: Run) -> Iterator[StoreSink]:
    before = signal.getsignal(signal.SIGTERM)
    sink = StoreSink(Queue(store), run, 1, folder=store.run_folder(run.id), seconds=0.0, stop=StopSignal())
    yield sink
    sink.close()
    signal.signal(signal.SIGTERM, before)


@contextmanager
def locked(store: Store) -> Iterator[sqlite3.Connection]:
    """Another program holds the write lock."""
    other = sqlite3.connect(store.home / DATABASE_FILE, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


def test_a_flush_waits_until_a_busy_store_is_free(
    store: Store, run: Run, sink: StoreSink, caplog: pytest.LogCaptureFixture
) -> None:
    """Someone's back-up may hold the lock for longer than a write waits: a week of training must not end of it."""
    with locked(store) as other:
        append, asked = sink._queue.append, []

        def free_it_after_two(*given: object, **named: object) -> str | None:
            asked.append(given)
            if len(asked) > 2 and other.in_transaction:
                other.execute("ROLLBACK")
            return append(*given, **named)  # type: ignore[arg-type]

        sink._queue.append = free_it_after_two  # type: ignore[method-assign]
        sink.metrics(7, "train", {"loss": 1.0})
        sink.flush()
    assert store.latest([run.id])[run.id]["train.loss"] == (7, 1.0)
    assert "is busy" in caplog.text


def test_a_store_that_stays_busy_for_a_whole_lease_ends_the_flush(
    store: Store, sink: StoreSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "LEASE_SECONDS", 0.2)
    with locked(store), pytest.raises(StoreError, match="is busy"):
        sink.flush()


def test_what_was_flushed_is_on_the_disk_before_the_checkpoint_of_its_step(
    store: Store, sink: StoreSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may take what SQLite only handed to the system, and no resume would log it again."""
    log = (store.home / f"{DATABASE_FILE}-wal").stat().st_ino
    synced, fsync = [], os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    sink.metrics(7, "train", {"loss": 1.0})
    sink.flush()
    assert synced == [log]


def test_cpu_time_of_all_attempts_is_written_beside_the_wall_time(store: Store, run: Run) -> None:
    """A resumed run goes on counting; one whose first attempts did not count has none."""
    before = signal.getsignal(signal.SIGTERM)
    for kept in (7.0, None):
        Queue(store).begin(run.id, 1, step=3, seconds=9.0, cpu_seconds=kept, placement={})
        assert store.run(run.id).cpu_seconds == kept
        stop = StopSignal()
        sink = StoreSink(
            Queue(store), run, 1, folder=store.run_folder(run.id), seconds=9.0, cpu_seconds=kept, stop=stop
        )
        sink.start()
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        sink.progress(4, 100.0)
        sink.flush()
        sink.close()
        found = store.run(run.id)
        assert found.seconds > 9.0
        assert found.cpu_seconds is None if kept is None else found.cpu_seconds > 7.01
    signal.signal(signal.SIGTERM, before)
