"""How often pages draw themselves again, for one who watches and for many."""

import pytest
from recorded_runs import extend, mark, record

from app.look.ticking import LATEST_SECONDS, RECENT_SECONDS, SHARE, Drawn, Metronome, Part, due_parts


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def metronome(clock):
    return Metronome(lambda: clock[0])


def test_a_pulse_beats_for_what_happens_to_its_runs_only(store):
    one, other = record(store, ["none", "all"], status="queued")
    before = store.pulse([one.id])
    extend(store, other, [0])
    assert store.pulse([one.id]) == before
    extend(store, one, [0])
    grown = store.pulse([one.id])
    assert grown != before
    mark(store, one, status="running")
    assert store.pulse([one.id]) != grown
    store.forget_run(other.id)
    assert store.pulse([other.id]) == ()


def test_one_who_watches_ticks_as_usual(metronome):
    assert metronome.period(1.0) == 1.0, "nobody has ticked yet"
    metronome.ticked("ada", 0.03)
    assert metronome.period(1.0) == 1.0


def test_a_class_that_watches_takes_no_more_than_its_share_of_a_processor(metronome):
    for _round in range(3):
        for pupil in range(30):
            metronome.ticked(f"pupil {pupil}", 0.03)
    period = metronome.period(1.0)
    assert period == 3.0
    assert 30 * 0.03 / period <= SHARE
    assert metronome.period(5.0) == 5.0, "what ticks slowly anyway stays as it is"


def test_those_who_left_slow_nobody_down(metronome, clock):
    for pupil in range(30):
        metronome.ticked(f"pupil {pupil}", 0.03)
    clock[0] += RECENT_SECONDS
    metronome.ticked("ada", 0.03)
    assert metronome.period(1.0) == 1.0


def test_one_slow_tick_changes_little_and_a_slow_page_much(metronome):
    for _tick in range(20):
        metronome.ticked("ada", 0.03)
    metronome.ticked("ada", 1.0)
    assert metronome.period(1.0) == 1.0
    for _tick in range(50):
        metronome.ticked("ada", 1.0)
    assert metronome.period(1.0) == 4.0


def parts_of(asked, beat="now"):
    """Three parts; the first two have one pulse, which notes in ``asked`` that it was asked."""

    def pulse():
        asked.append(1)
        return beat

    return [Part("table", lambda: None, pulse), Part("curves", lambda: None, pulse), Part("costs", lambda: None, str)]


def named(parts):
    return [part.name for part in parts]


def test_without_news_nothing_is_drawn_until_it_is_old_and_a_pulse_is_asked_once():
    asked = []
    parts = parts_of(asked)
    last = [Drawn(100.0, "now", 0.001), Drawn(100.0, "now", 0.001), Drawn(100.0, "", 0.001)]
    assert due_parts(parts, last, 101.0) == []
    assert len(asked) == 1
    assert due_parts(parts, last, 100.0 + LATEST_SECONDS + 1) == parts
    assert due_parts(parts, [None, None, None], 0.0) == parts


def test_a_tick_draws_what_has_waited_longest_and_no_more_than_it_has_time_for():
    parts = parts_of([], beat="news")
    cheap = [Drawn(100.0, "old", 0.005), Drawn(99.0, "old", 0.005), Drawn(98.0, "", 0.005)]
    assert named(due_parts(parts, cheap, 101.0)) == ["curves", "table"]
    dear = [Drawn(100.0, "old", 0.018), Drawn(99.0, "old", 0.5), Drawn(98.0, "", 0.015)]
    assert named(due_parts(parts, dear, 101.0)) == ["curves"], "at least one, whatever it takes"
    dear[1] = Drawn(101.0, "old", 0.5)
    assert named(due_parts(parts, dear, 101.0)) == ["table"], "then the other one"
