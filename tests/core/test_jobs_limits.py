"""What all visitors of a shared server may have together: dropping a cookie gives new quotas, but no new server."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from job_room import tiny

from clps_core.config import resolve
from clps_core.errors import NotAllowedError
from clps_core.jobs import guests, service
from clps_core.jobs.desk import Desk
from clps_core.jobs.guests import MEASURED_FOR, Guests, forget_disk
from clps_core.jobs.shares import Shares
from clps_core.owners import Signer
from clps_core.policy import OPERATOR, Person, Use, hash_code, read_policy
from clps_core.store import open_store, schema

CODE = hash_code("a teacher's code")
POLICY = f"mode: shared\nteacher_code: {CODE}\nquotas: {{queued: 3}}\nserver: {{queued: 5, disk: 1000}}\n"
ADA = Person("guest-ada")


@pytest.fixture
def store(tmp_path):
    forget_disk()
    store = open_store(tmp_path / "home")
    (store.home / "policy.yaml").write_text(POLICY)
    yield store
    store.close()
    forget_disk()


def queue_for(store, owner, count=1, **values):
    comparison = store.create_comparison("x", [resolve(tiny())] * count, owner)
    if values:
        with store.writing() as connection:
            connection.execute(schema.run.update().where(schema.run.c.comparison_id == comparison).values(**values))
    return store.runs(comparison=comparison)


def fill(store, run, size):
    folder = store.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_bytes(b"x" * size)


def test_three_fresh_browsers_together_queue_no_more_than_the_server_takes(room, monkeypatch):
    monkeypatch.setenv("CLPS_DISK_FLOOR", "999999G")  # nothing starts
    (room.store.home / "policy.yaml").write_text(POLICY)
    together, refused = threading.Barrier(3), []

    def browser(_number):
        signer = Signer.of_home(room.store.home)
        person = Person(signer.owner_of_cookie(signer.new_cookie()))
        together.wait()
        taken = 0
        for seed in range(4):
            try:
                taken += len(Desk.of(room.store, person).submit([tiny(seed=seed)]))
            except NotAllowedError as error:
                refused.append(str(error))
        return taken

    with ThreadPoolExecutor(3) as browsers:
        taken = list(browsers.map(browser, range(3)))
    assert sum(taken) == len(room.store.runs()) == 5, "nine by their quotas"
    assert max(taken) <= 3
    assert all("can wait" in sentence for sentence in refused)


def test_what_all_may_queue_is_said_with_what_waits_already(store):
    queue_for(store, "guest-x", 4)
    with pytest.raises(
        NotAllowedError,
        match=r"at most 5 runs and evaluations of all visitors together can wait\. 2 would be added to 4 that",
    ):
        Desk.of(store, ADA).checked([tiny(), tiny(seed=1)])
    assert len(Desk.of(store, ADA).checked([tiny()])) == 1


def test_visitors_who_fill_the_queue_lock_out_neither_a_teacher_nor_the_operator(store):
    queue_for(store, "guest-x", 5)
    Signer.of_home(store.home).appoint("guest-teacher", CODE)
    for person in (Person("guest-teacher", teacher=True), OPERATOR):
        assert len(Desk.of(store, person).checked([tiny(seed=seed) for seed in range(20)])) == 20


def test_runs_of_teachers_and_of_the_server_take_no_place_of_visitors(store):
    (store.home / "policy.yaml").write_text(f"teachers: [ada@school.example]\n{POLICY}")
    signer = Signer.of_home(store.home)
    signer.appoint("guest-teacher", CODE)
    for owner in ("guest-teacher", signer.owner_of_address("ada@school.example"), OPERATOR.owner):
        fill(store, queue_for(store, owner, 5)[0], 5000)
    queue_for(store, "guest-x", 2)
    assert Guests(store.home, read_policy(store.home)).use(store) == Use(queued=2, disk=0)
    assert len(Desk.of(store, ADA).checked([tiny(seed=seed) for seed in range(3)])) == 3


@pytest.mark.parametrize("action", ["resume", "retry", "fork"])
def test_no_way_into_the_queue_leads_around_the_limit(store, action):
    (old,) = queue_for(store, ADA.owner, status="failed" if action == "retry" else "cancelled")
    queue_for(store, "guest-x", 5)
    with pytest.raises(NotAllowedError, match="of all visitors together can wait"):
        getattr(Desk.of(store, ADA), action)(old.id)
    assert store.run(old.id).status != "queued"
    assert len(store.runs()) == 6


def test_the_files_of_all_visitors_have_a_limit(store):
    for owner in ("guest-x", "guest-y"):
        fill(store, queue_for(store, owner, status="finished")[0], 600)
    with pytest.raises(NotAllowedError, match="the files of all visitors' runs together can take up to"):
        Desk.of(store, ADA).submit([tiny()])
    assert len(store.runs()) == 2


def test_who_deletes_a_run_has_the_space_at_once(store):
    (run,) = queue_for(store, ADA.owner, status="finished")
    fill(store, run, 1000)
    desk = Desk.of(store, ADA)
    with pytest.raises(NotAllowedError, match="Delete some of your runs"):
        desk.checked([tiny()])
    desk.delete(run.id)
    assert len(desk.checked([tiny()])) == 1


def test_files_are_measured_anew_after_a_while_and_not_at_every_question(store):
    (run,) = queue_for(store, ADA.owner)
    fill(store, run, 10)
    all_of_them, now = Guests(store.home, read_policy(store.home)), 100.0
    assert all_of_them.disk(store, lambda: now) == 10
    fill(store, run, 20)
    assert all_of_them.disk(store, lambda: now + MEASURED_FOR - 1) == 10
    assert all_of_them.disk(store, lambda: now + MEASURED_FOR) == 20
    assert all_of_them.disk(store, lambda: now - 1) == 20, "a clock that went back is no reason to keep a figure"


def test_no_visitors_run_starts_while_their_files_take_all_they_may(store, monkeypatch):
    monkeypatch.setenv("CLPS_SLOTS", "4")
    (theirs,) = queue_for(store, ADA.owner)
    (ours,) = queue_for(store, OPERATOR.owner)
    fill(store, queue_for(store, "guest-x", status="finished")[0], 1000)
    shares = Shares.of(store)
    assert "files of all visitors' runs may take up to" in shares.why_not(theirs)
    assert shares.why_not(ours) is None
    turns = service.queue_state(store).turns
    assert {run_id: turn.cause for run_id, turn in turns.items()} == {theirs.id: "full", ours.id: "now"}


def test_limits_that_are_lifted_are_not_even_looked_at(store, monkeypatch):
    (store.home / "policy.yaml").write_text("mode: shared\nserver: {queued: null, disk: null}\n")
    monkeypatch.setattr(guests, "folder_bytes", lambda _folder: pytest.fail("nobody asks for the bytes"))
    queue_for(store, "guest-x", 3)
    assert Guests(store.home, read_policy(store.home)).use(store) == Use()
    assert Shares.of(store).full is None
