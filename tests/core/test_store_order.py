"""Whose run starts next: priority, then fair between owners, then age."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError
from clps_core.jobs import service
from clps_core.store import Store
from clps_core.store.order import Waiting, fair_order
from clps_core.store.queue import Exit, Queue

CONFIG = resolve(build_config()).config


def add(store: Store, owner: str, count: int = 1, priority: int = 0) -> list[str]:
    comparison = store.create_comparison("x", [CONFIG] * count, owner=owner, priority=priority)
    return [run.id for run in store.runs(comparison=comparison)]


def start(queue: Queue) -> str:
    attempt = queue.start_next(0, "here", "boot")
    assert attempt is not None
    return attempt.run_id


def end(queue: Queue, run_id: str) -> None:
    number = queue.store.run(run_id).attempts
    queue.finish(run_id, number, "finished", None)
    queue.settle(run_id, number, Exit(code=0))


def test_a_sweep_of_fifty_does_not_starve_another_owners_single_run(store: Store, queue: Queue) -> None:
    sweep = add(store, "ada", 50)
    working = [start(queue), start(queue)]
    (single,) = add(store, "grace")
    assert store.run(single).queue_position == 1, "and the page says so"
    end(queue, working[0])
    assert start(queue) == single, "the next free slot is grace's"
    end(queue, working[1])
    assert start(queue) == sweep[2], "then the sweep goes on, in its order"


def test_of_two_sweeps_each_gets_every_other_slot(store: Store, queue: Queue) -> None:
    first, second = add(store, "ada", 10), add(store, "grace", 10)
    working = [start(queue), start(queue)]
    assert working == [first[0], second[0]]
    done = []
    for _turn in range(8):
        done.append(working.pop(0))
        end(queue, done[-1])
        working.append(start(queue))
    assert Counter(run_id in first for run_id in done) == {True: 4, False: 4}


def test_of_owners_with_equally_many_running_runs_the_longest_wait_comes_first(store: Store, queue: Queue) -> None:
    early, late = add(store, "ada"), add(store, "grace")
    assert [start(queue), start(queue)] == [*early, *late]


def test_priority_comes_before_fairness(store: Store, queue: Queue) -> None:
    add(store, "grace")
    urgent = add(store, "ada", 3, priority=1)
    assert [start(queue) for _run in range(3)] == urgent


def test_a_run_that_waits_out_a_pause_is_not_started_and_holds_nobody_up(store: Store, queue: Queue) -> None:
    (paused,) = add(store, "ada", priority=9)
    assert start(queue) == paused
    assert queue.settle(paused, 1, Exit(signal=9), pause=3600.0) == "queued"
    (other,) = add(store, "grace")
    assert [run.queue_position for run in store.some_runs([paused, other])] == [2, 1]
    assert start(queue) == other
    assert queue.start_next(0, "here", "boot") is None


def test_positions_in_the_queue_are_the_order_of_starts(store: Store, queue: Queue) -> None:
    add(store, "ada", 4)
    add(store, "grace", 2)
    add(store, "ada", 1, priority=2)
    told = sorted(store.runs(status="queued"), key=lambda run: run.queue_position or 0)
    assert [run.queue_position for run in told] == list(range(1, 8))
    assert [start(queue) for _run in told] == [run.id for run in told]


runs = st.builds(
    Waiting,
    id=st.uuids().map(str),
    owner=st.sampled_from("abc"),
    priority=st.integers(-1, 1),
    queued_at=st.integers(0, 9).map(float),
    position=st.integers(0, 3),
    paused=st.booleans(),
)


@given(
    st.lists(runs, max_size=30, unique_by=lambda run: run.id),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)),
)
def test_each_place_goes_to_who_deserves_it_most(waiting: list[Waiting], running: dict[str, int]) -> None:
    order = fair_order(waiting, running)
    left = {run.id: run for run in waiting}
    assert sorted(order) == sorted(left)
    busy = Counter(running)
    for run_id in order:
        chosen = left.pop(run_id)
        busy_then = busy[chosen.owner]
        for other in left.values():
            assert (chosen.paused, -chosen.priority) <= (other.paused, -other.priority)
            if (other.paused, other.priority) == (chosen.paused, chosen.priority):
                assert busy_then <= busy[other.owner], "the owner with the fewest"
                if other.owner == chosen.owner or busy_then == busy[other.owner]:
                    assert chosen.age <= other.age, "then the oldest"
        busy[chosen.owner] += 1


@pytest.mark.parametrize("priority", [-101, 101, 10**9])
def test_a_priority_out_of_range_is_refused_before_anything_is_queued(store: Store, priority: int) -> None:
    with pytest.raises(ConfigError, match=rf"from -100 to 100 .* Got {priority}\."):
        service.submit(store, [build_config()], priority=priority)
    assert store.runs() == []
