"""What one person may do with runs of a shared server, held where everything passes; and their share of the slots."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from job_room import tiny

from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError, NotAllowedError
from clps_core.jobs import service
from clps_core.jobs.desk import Desk, use_of
from clps_core.jobs.shares import Shares
from clps_core.jobs.slots import Slots
from clps_core.jobs.supervisor import Supervisor
from clps_core.matching import NO_LIMITS, match
from clps_core.owners import Signer
from clps_core.policy import LOCAL_POLICY, OPERATOR, Person, hash_code
from clps_core.store import open_store, schema
from clps_core.store.queue import Queue

POLICY = "mode: shared\nquotas: {queued: 3, running: 1, runs: 5, steps: 200, batch_size: 8, parameters: 100000}\n"
ADA, BOB = Person("guest-ada"), Person("guest-bob")


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "home")
    (store.home / "policy.yaml").write_text(POLICY)
    yield store
    store.close()


def queue_for(store, owner, count=1, **values):
    comparison = store.create_comparison("x", [resolve(tiny())] * count, owner)
    if values:
        with store.writing() as connection:
            connection.execute(schema.run.update().where(schema.run.c.comparison_id == comparison).values(**values))
    return store.runs(comparison=comparison)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 201}, "at most 200 on this server. Got 201"),
        ({"batch_size": 9}, "at most 8 on this server. Got 9"),
    ],
)
def test_a_run_that_is_too_large_is_refused_before_anything_is_queued(store, change, words):
    with pytest.raises(ConfigError, match=words):
        Desk.of(store, ADA).submit([tiny(), tiny(seed=1, **change)])
    assert store.runs() == []


def test_a_match_within_the_limits_is_taken(store):
    desk, config = Desk.of(store, ADA), tiny(steps=190)
    for measure, change in (("parameters", None), ("flops", ["steps"]), ("flops", ["width", "steps"])):
        found = match(config, "all,lora=4", measure, change, desk.match_limits(config))
        assert len(desk.checked([found.config])) == 1
    limits = desk.match_limits(tiny(steps=10, eval_every=1, checkpoint_every=5))
    assert (limits.steps, limits.executed) == (200, 100_000)
    few = desk.policy.quotas.model_copy(update={"evaluations": 30})
    desk = Desk(store, desk.policy.model_copy(update={"quotas": few}), ADA)
    assert desk.match_limits(tiny(steps=10, eval_every=1, checkpoint_every=5)).steps == 30
    assert Desk.of(store, OPERATOR).match_limits(config) == NO_LIMITS


def test_sharing_all_layers_is_no_way_around_the_limit_on_parameters(store):
    wide = {"d_model": 64, "d_ff": 128, "num_heads": 2, "num_layers": 12}
    config = build_config({**tiny().as_dict(), "model": {**tiny().as_dict()["model"], **wide}})
    with pytest.raises(ConfigError, match="executed parameters"):
        Desk.of(store, ADA).checked([config])


def test_more_runs_than_may_wait_are_refused_together(store):
    queue_for(store, ADA.owner, 2)
    with pytest.raises(NotAllowedError, match=r"at most 3 runs and evaluations per person .* 2 would be added to 2"):
        Desk.of(store, ADA).submit([tiny(), tiny(seed=1)])
    assert len(store.runs()) == 2
    assert len(Desk.of(store, BOB).checked([tiny(), tiny(seed=1)])) == 2, "other people's runs do not count"


def test_browsers_that_submit_at_once_get_no_more_than_the_quota(room, monkeypatch):
    monkeypatch.setenv("CLPS_DISK_FLOOR", "999999G")  # nothing starts
    store = room.store
    (store.home / "policy.yaml").write_text(POLICY)
    together = threading.Barrier(6)

    def submit(seed):
        together.wait()
        try:
            return len(Desk.of(store, ADA).submit([tiny(seed=seed)]))
        except NotAllowedError:
            return 0

    with ThreadPoolExecutor(6) as browsers:
        taken = sum(browsers.map(submit, range(6)))
    assert taken == len(store.runs()) == 3, "the quota is three that wait"


def test_a_run_that_comes_back_counts_as_one_that_waits(store):
    (old,) = queue_for(store, ADA.owner, status="cancelled")
    queue_for(store, ADA.owner, 3)
    with pytest.raises(NotAllowedError, match="can wait"):
        Desk.of(store, ADA).resume(old.id)
    assert store.run(old.id).status == "cancelled"


def test_nobody_can_make_their_runs_more_urgent_than_others(store):
    with pytest.raises(NotAllowedError, match="priority"):
        Desk.of(store, ADA).submit([tiny()], priority=1)
    assert store.runs() == []


def test_an_owner_may_let_others_go_first_and_take_that_back_but_go_before_nobody(store):
    (theirs,), (mine,) = queue_for(store, BOB.owner), queue_for(store, ADA.owner)
    desk = Desk.of(store, ADA)
    for wanted in (1, "front"):
        with pytest.raises(NotAllowedError, match=r"must be 0 or less here\. Got 1\. Ask a teacher"):
            desk.set_priority(mine.id, wanted)
    assert desk.set_priority(mine.id, "back") == -1
    assert desk.set_priority(mine.id, -50) == -50
    assert desk.set_priority(mine.id, "front") == 0
    assert [store.run(run.id).queue_position for run in (theirs, mine)] == [1, 2]


def test_a_teacher_moves_anybodys_run_and_an_owner_does_not_lose_that_by_a_click(store):
    _theirs, (mine,) = queue_for(store, BOB.owner), queue_for(store, ADA.owner)
    assert Desk.of(store, Person("guest-teacher", teacher=True)).set_priority(mine.id, "front") == 1
    assert store.run(mine.id).queue_position == 1
    with pytest.raises(NotAllowedError, match="must be 0 or less"):
        Desk.of(store, ADA).set_priority(mine.id, "front")
    assert store.run(mine.id).priority == 1


@pytest.mark.parametrize("person", [BOB, None])
def test_nobody_moves_somebody_elses_run(store, person):
    (run,) = queue_for(store, ADA.owner)
    with pytest.raises(NotAllowedError):
        Desk.of(store, person).set_priority(run.id, "back")
    assert store.run(run.id).priority == 0


@pytest.mark.parametrize("action", ["cancel", "pause", "resume", "retry", "delete", "fork", "log_text"])
@pytest.mark.parametrize("person", [BOB, None])
def test_others_are_refused_whatever_they_ask_for(store, action, person):
    (run,) = queue_for(store, ADA.owner, status="failed")
    with pytest.raises(NotAllowedError):
        getattr(Desk.of(store, person), action)(run.id)
    assert store.run(run.id).status == "failed"


def test_who_cannot_be_told_from_others_starts_nothing(store):
    with pytest.raises(NotAllowedError, match="cookie"):
        Desk.of(store, None).submit([tiny()])
    assert store.runs() == []


def test_an_owner_cancels_pauses_and_deletes_their_run(store):
    desk = Desk.of(store, ADA)
    (first,) = queue_for(store, ADA.owner)
    desk.cancel(first.id)
    (second,) = queue_for(store, ADA.owner)
    desk.pause(second.id)
    assert [store.run(run.id).status for run in (first, second)] == ["cancelled", "paused"]
    desk.delete(first.id)
    assert [run.id for run in store.runs()] == [second.id]


def test_with_one_person_the_desk_refuses_nothing_that_the_service_takes(store):
    desk = Desk(store, LOCAL_POLICY, OPERATOR)
    assert len(desk.checked([tiny(seed=seed, steps=10_000) for seed in range(50)])) == 50
    assert desk.marked_owner is None


def test_what_somebody_has_is_counted_by_state_and_by_their_files(store):
    running, _waiting = queue_for(store, ADA.owner)[0], queue_for(store, ADA.owner)
    folder = store.run_folder(running.id)
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * 1000)
    queue_for(store, BOB.owner)
    use = use_of(store, ADA.owner)
    assert (use.queued, use.running, use.runs, use.disk) == (2, 0, 2, 1000)


# Slots


class Notes:
    """A launcher that starts nothing and notes what it was given."""

    boot = "boot"

    def __init__(self):
        self.started = []

    def start(self, attempt, environment):
        self.started.append(attempt.run_id)

    def poll(self, attempt):
        return None

    def reap(self):
        pass


def round_of(store, slots=4):
    supervisor = Supervisor(store.home, Slots(slots, 1, (), ""))
    supervisor.launcher = Notes()
    supervisor.round()
    supervisor.store.close()
    return [store.run(run_id).owner for run_id in supervisor.launcher.started]


def test_the_supervisor_starts_one_run_of_each_owner_where_that_is_the_quota(store):
    queue_for(store, ADA.owner, 3)
    queue_for(store, BOB.owner, 1)
    assert sorted(round_of(store)) == [ADA.owner, BOB.owner]
    assert len(Queue(store).startable()) == 2, "the others keep their places"


def test_no_more_runs_of_an_owner_are_said_to_start_at_once_than_may(store, monkeypatch):
    monkeypatch.setenv("CLPS_SLOTS", "4")
    queue_for(store, ADA.owner, 3)
    queue_for(store, BOB.owner, 1)
    turns = service.queue_state(store).turns.values()
    assert sorted((turn.run.owner, turn.cause) for turn in turns) == [
        (ADA.owner, "now"),
        (ADA.owner, "share"),
        (ADA.owner, "share"),
        (BOB.owner, "now"),
    ]


def test_runs_of_the_server_and_of_teachers_have_no_share(store):
    code = hash_code("a teacher's code")
    (store.home / "policy.yaml").write_text(f"{POLICY}teacher_code: {code}\n")
    Signer.of_home(store.home).appoint("guest-teacher", code)
    queue_for(store, "local", 2)
    queue_for(store, "guest-teacher", 2)
    assert sorted(round_of(store)) == ["guest-teacher", "guest-teacher", "local", "local"]


def test_with_one_person_all_slots_are_used(store):
    (store.home / "policy.yaml").unlink()
    queue_for(store, "somebody", 3)
    assert round_of(store) == ["somebody"] * 3


def test_a_broken_policy_holds_people_to_one_run_each_and_does_not_stop_the_queue(store):
    (store.home / "policy.yaml").write_text("mode: [")
    queue_for(store, ADA.owner, 2)
    assert round_of(store) == [ADA.owner]


def test_why_a_run_waits_for_its_owners_others_is_a_sentence(store):
    first, second = queue_for(store, ADA.owner, 2)
    assert Shares.of(store).why_not(second) is None
    Queue(store).start_next(0, "here", "boot", among=[first.id])
    assert "at most 1 of them run at once" in Shares.of(store).why_not(second)
