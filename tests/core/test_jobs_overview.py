"""The facts of the System page and of ``clps doctor``: slots, queue, supervisor, disk, store."""

import os

import pytest
from job_room import tiny

from clps_core.config import resolve
from clps_core.jobs import overview as module
from clps_core.jobs.overview import overview, versions
from clps_core.jobs.processes import SupervisorLock, host_name
from clps_core.jobs.slots import Slots
from clps_core.jobs.supervisor import Supervisor
from clps_core.store import open_store, schema
from clps_core.store.queue import Queue


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("CLPS_SLOTS", "2")
    monkeypatch.setenv("CLPS_THREADS", "1")
    monkeypatch.setenv("CLPS_DISK_FLOOR", "1K")
    store = open_store(tmp_path / "home")
    yield store
    store.close()


def queued(store, count, **values):
    comparison = store.create_comparison("x", [resolve(tiny())] * count)
    if values:
        with store.writing() as connection:
            connection.execute(schema.run.update().where(schema.run.c.comparison_id == comparison).values(**values))
    return store.runs(comparison=comparison)


def test_an_empty_home_has_free_slots_and_nobody_at_work(store):
    found = overview(store)
    assert [(slot.number, slot.gpu, slot.threads, slot.run) for slot in found.slots] == [
        (0, None, 1, None),
        (1, None, 1, None),
    ]
    assert (found.busy, found.waiting, found.last_run) == (0, (), None)
    assert (found.supervisor.pid, found.supervisor.since, found.supervisor.starts) == (None, None, None)
    assert found.store.schema_version == schema.VERSION
    assert found.disk.free > found.disk.floor == 1024


@pytest.mark.sqlite
def test_of_a_database_in_a_file_the_kind_and_the_size_are_told(store):
    facts = overview(store).store
    assert facts.database == "sqlite"
    assert facts.size > 0


def test_a_busy_slot_names_its_run_and_the_others_say_why_they_wait(store):
    runs = queued(store, 4)
    for slot in (0, 1):
        Queue(store).start_next(slot, host_name(), "boot")
    Queue(store).put_off({runs[3].id: "Waiting for memory: it needs much."}, 100)
    found = overview(store)
    assert [slot.run.id for slot in found.slots] == [runs[0].id, runs[1].id]
    assert [(one.place, one.run.id, one.why) for one in found.waiting] == [
        (1, runs[2].id, "Waiting for a free slot."),
        (2, runs[3].id, "Waiting for memory: it needs much."),
    ]


def test_who_is_next_starts_in_a_moment(store):
    queued(store, 3)
    assert [one.why for one in overview(store).waiting] == ["Starting in a moment."] * 2 + ["Waiting for a free slot."]


def test_a_full_disk_is_why_everything_waits(store, monkeypatch):
    queued(store, 1)
    monkeypatch.setenv("CLPS_DISK_FLOOR", "900T")
    found = overview(store)
    assert "requires" in found.disk.problem
    assert found.waiting[0].why == found.disk.problem


def test_a_quota_is_why_a_run_waits(store):
    (store.home / "policy.yaml").write_text("mode: shared\nquotas: {running: 1}")
    comparison = store.create_comparison("x", [resolve(tiny())] * 2, "guest-ada")
    Queue(store).start_next(0, host_name(), "boot")
    assert "other runs of the same owner" in overview(store).waiting[0].why
    assert len(store.runs(comparison=comparison)) == 2


def test_runs_on_another_machine_have_slots_of_their_own(store):
    queued(store, 1)
    Queue(store).start_next(5, "elsewhere", "boot")
    slot = overview(store).slots[-1]
    assert (slot.host, slot.number, slot.run is not None) == ("elsewhere", 5, True)


def test_settings_that_cannot_be_are_the_supervisors_problem(store, monkeypatch):
    monkeypatch.setenv("CLPS_SLOTS", "many")
    found = overview(store)
    assert found.slots == ()
    assert "CLPS_SLOTS must be a number" in found.supervisor.problem


def introduced(store, slots):
    supervisor = Supervisor(store.home, slots)
    assert supervisor.lock.acquire()
    supervisor._introduce()
    return supervisor


def test_the_supervisor_says_since_when_it_is_up_and_how_often_one_started(store):
    first = introduced(store, Slots(3, 2, ("0", "1"), "because"))
    found = overview(store)
    assert (found.supervisor.pid, found.supervisor.starts) == (os.getpid(), 1)
    assert found.supervisor.since > 0
    assert [(slot.gpu, slot.threads) for slot in found.slots] == [("0", 2), ("1", 2), ("0", 2)]
    assert found.slots_reason == "because"
    first._introduce()
    assert overview(store).supervisor.starts == 1, "it only took up its work again"
    first.lock.release()
    first.store.close()
    assert (overview(store).supervisor.pid, overview(store).supervisor.starts) == (None, 1)


def test_another_supervisor_is_another_start(store):
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    lock.describe({"pid": 1, "created": 1.0, "starts": 6})
    lock.release()
    supervisor = introduced(store, Slots(1, 1, (), ""))
    assert overview(store).supervisor.starts == 7
    supervisor.lock.release()
    supervisor.store.close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"starts": "x"}'])
def test_a_lock_file_with_anything_in_it_stops_no_supervisor(store, content):
    SupervisorLock(store.home).path.write_text(content)
    supervisor = introduced(store, Slots(1, 1, (), ""))
    assert overview(store).supervisor.starts == 1
    supervisor.lock.release()
    supervisor.store.close()


def test_versions_name_what_is_there_and_what_is_not(monkeypatch):
    monkeypatch.setattr(module, "MORE_PACKAGES", ("no-such-package-here",))
    found = versions()
    assert found["python"]
    assert found["torch"]
    assert found["no-such-package-here"] is None
