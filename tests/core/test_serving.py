"""The model service: one process, one queue, limits of time and memory; whatever happens to it, it goes on."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from job_room import PATIENCE, eventually
from own_language import FAKE
from served_kinds import NOWHERE, STAMP, Break, Echo, Held, Said

from clps_core import words
from clps_core.errors import ClpsError, ConfigError, DataError, JobError
from clps_core.jobs import machine
from clps_core.serving import ModelService, Settings
from clps_core.serving import blame as blame_module
from clps_core.serving import settings as settings_module
from clps_core.serving.blame import Blame

TESTS = Path(__file__).resolve().parents[1]
MEMORY = 400 << 20
Serve = Callable[..., ModelService]


def echo(text: str = "", size: int = 1) -> Echo:
    return Echo(NOWHERE, STAMP, text, size)


def wrong(how: str, text: str = "", folder: Path = NOWHERE) -> Break:
    return Break(folder, STAMP, how, text)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """``serve(seconds=..., waiting=...)``: a service whose process knows the kinds of ``served_kinds``."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    made: list[ModelService] = []

    def one(memory: int = MEMORY, seconds: float = PATIENCE, idle: float = PATIENCE, **more: Any) -> ModelService:
        made.append(ModelService(Settings(memory, seconds, idle), kinds="served_kinds", **more))
        return made[-1]

    yield one
    for service in made:
        service.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(60) as found:
        yield found


def at_work(service: ModelService, others: int = 0) -> None:
    """Return when a question is being answered and ``others`` wait."""
    eventually(
        lambda: (f := service.facts()).state == "at work" and f.waiting == others and f.pid, "it works", every=0.01
    )


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_it_starts_with_the_first_question_and_one_process_answers_all(serve: Serve) -> None:
    service = serve()
    facts = service.facts()
    assert (facts.state, facts.pid, facts.memory, facts.answered) == ("off", None, 0, 0)
    first, second = service.ask(echo("one")), service.ask(echo("two"))
    assert (first.text, second.text, second.count) == ("one", "two", 2)
    assert first.pid == second.pid != os.getpid()
    facts = service.facts()
    assert (facts.state, facts.pid, facts.answered, facts.crashes) == ("ready", first.pid, 2, 0)
    assert 0 < facts.memory < facts.bound == MEMORY
    assert psutil.Process(first.pid).nice() > psutil.Process().nice()


@pytest.fixture
def foreign() -> Iterator[Callable[[], None]]:
    """``foreign()``: from now on whoever asks reads another language."""
    yield lambda: words.ask_language(lambda: FAKE)
    words.ask_language(None)


def test_answers_and_refusals_are_in_the_language_of_whoever_asks(serve: Serve, foreign: Callable[[], None]) -> None:
    service = serve()
    english = service.ask(wrong("words"))
    foreign()
    assert service.kept_answer(wrong("words")) is None, "what is kept was made for readers of English"
    other = service.ask(wrong("words"))
    assert (english.text, other.text) == ("an answer in words", "«an answer in words»")
    assert service.ask(wrong("words")) is other
    assert other.pid == english.pid
    with pytest.raises(DataError, match=r"^«the text must be <another>.»$"):
        service.ask(wrong("refuse"))
    words.ask_language(None)
    assert service.ask(wrong("words")) is english


def test_errors_come_back_as_they_were_raised_and_the_process_stays(serve: Serve) -> None:
    service = serve()
    pid = service.ask(echo()).pid
    with pytest.raises(DataError, match=r"^the text must be <another>.$"):
        service.ask(wrong("refuse"))
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a fault of ours") as fault:
        service.ask(wrong("fault"))
    assert not isinstance(fault.value, ClpsError)
    with pytest.raises(JobError, match=r"0.391 GiB of memory allowed here \(CLPS_MODEL_MEMORY\)"):
        service.ask(wrong("no memory"))
    with pytest.raises(JobError, match="larger than the 512 MiB allowed"):
        service.ask(echo(size=1 << 30))
    assert service.ask(wrong("chatter")).pid == pid, "what it prints holds nobody up"
    assert service.facts().crashes == 0


@pytest.mark.parametrize(
    ("how", "sentence", "reason"),
    [
        ("kill", "ended before it answered", "signal SIGKILL"),
        ("exit", "ended before it answered", "exit code 3"),
        ("nonsense", "ended before it answered", "its answer could not be read"),
        ("memory", r"0.391 GiB of memory allowed here \(CLPS_MODEL_MEMORY\)", "it used more than 0.391 GiB"),
    ],
)
def test_a_question_that_ends_the_process_is_one_sentence_and_the_next_is_answered_by_another(
    serve: Serve, caplog: pytest.LogCaptureFixture, how: str, sentence: str, reason: str
) -> None:
    service = serve()
    before = service.ask(echo()).pid
    with caplog.at_level(logging.WARNING), pytest.raises(JobError, match=sentence) as told:
        service.ask(wrong(how))
    assert "last words" not in str(told.value)
    assert ("its last words" in caplog.text) == (how == "exit")
    assert gone(before)
    facts = service.facts()
    assert (facts.state, facts.crashes) == ("off", 1)
    assert facts.last is not None
    assert reason in facts.last.words(service.settings)
    assert service.ask(echo("again")).pid != before


def test_a_question_that_takes_too_long_is_stopped_and_the_next_is_answered(serve: Serve) -> None:
    service = serve(seconds=0.3)
    with pytest.raises(JobError, match=r"than the 0.3 s allowed here \(CLPS_MODEL_SECONDS\)"):
        service.ask(wrong("hang"))
    facts = service.facts()
    assert (facts.crashes, facts.state) == (1, "off")
    assert facts.last is not None
    assert "took longer than 0.3 s" in facts.last.words(service.settings)
    service.settings = Settings(MEMORY)
    assert service.ask(echo()).count == 1


def test_who_ends_the_process_twice_is_refused_and_others_are_not(serve: Serve) -> None:
    service = serve()
    for _time in range(2):
        with pytest.raises(JobError, match="ended before it answered"):
            service.ask(wrong("exit"))
    with pytest.raises(JobError, match=r"^This question ended the model process 2 times.*blocked for 10 minutes"):
        service.ask(wrong("exit"))
    assert service.facts().crashes == 2
    assert service.ask(echo()).count == 1


def test_a_run_that_is_answered_is_not_to_blame_for_what_ended_the_process_before(serve: Serve) -> None:
    service = serve()
    for number in range(3):
        for text in "abc":
            service._blame.note(wrong("killed by somebody", text))
        assert service.ask(echo(str(number))).text == str(number)


def test_a_run_whose_questions_end_the_process_again_and_again_is_refused() -> None:
    blame = Blame()
    for text in "abcd":
        blame.check(wrong("exit", text, Path("/bad")))
        blame.note(wrong("exit", text, Path("/bad")))
    with pytest.raises(JobError, match=r"^Questions about this run ended the model process 4 times"):
        blame.check(wrong("exit", "e", Path("/bad")))
    blame.check(wrong("exit", "e", Path("/good")))
    blame.forgive(wrong("works", "f", Path("/bad")))
    blame.check(wrong("exit", "e", Path("/bad")))


def test_blame_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blame_module, "REFUSED_SECONDS", 0.0)
    blame = Blame()
    for _time in range(9):
        blame.note(wrong("exit"))
        blame.check(wrong("exit"))


def test_a_process_that_is_killed_while_nobody_asks_is_counted_and_nobody_notices(serve: Serve) -> None:
    service = serve()
    before = service.ask(echo()).pid
    os.kill(before, signal.SIGKILL)
    process = service._process
    assert process is not None
    eventually(lambda: not process.alive(), "it is gone with all its threads", every=0.01)
    assert service.ask(echo("next")).pid != before
    facts = service.facts()
    assert facts.crashes == 1
    assert facts.last is not None
    assert "SIGKILL" in facts.last.words(service.settings)


def test_after_a_while_without_questions_it_gives_its_memory_back(serve: Serve) -> None:
    service = serve(idle=0.05)
    before = service.ask(echo()).pid
    eventually(lambda: service.facts().state == "off", "it ends", every=0.01)
    eventually(lambda: gone(before), "its process is gone", every=0.01)
    assert service.ask(echo("next")).count == 1
    assert service.facts().crashes == 0, "that was no crash"


def test_a_process_that_grew_large_is_renewed_before_the_next_question(serve: Serve) -> None:
    service = serve()
    before = service.ask(echo())
    service.settings = Settings(int(service.facts().memory / 0.85))  # what it holds is most of what it may
    assert service.ask(echo("again")).pid == before.pid
    assert service.facts().pid is None
    assert gone(before.pid)
    assert service.facts().crashes == 0


def test_it_knows_no_password_of_the_store(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_DATABASE_URL", "postgresql://me:secret@host/name")
    monkeypatch.setenv("CLPS_HOME", "/nowhere")
    known = serve().ask(echo()).environment
    assert "CLPS_HOME" in known
    assert "CLPS_DATABASE_URL" not in known


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
def test_where_it_cannot_start_one_sentence_says_so_and_no_question_is_blamed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    service = serve()
    monkeypatch.setattr(sys, "executable", python)
    for _time in range(3):
        with pytest.raises(JobError, match=r"could not start. The dashboard's log says why"):
            service.ask(echo())
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    assert service.ask(echo()).count == 1


def test_a_process_that_is_killed_while_it_starts_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = serve()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    for _time in range(3):
        with pytest.raises(JobError, match="signal SIGKILL"):
            service.ask(echo())


# The queue


def test_browsers_that_ask_the_same_share_one_answer_and_none_is_made_twice(
    serve: Serve, pool: ThreadPoolExecutor, gate: Path
) -> None:
    service = serve()
    asked = [pool.submit(service.ask, Held(NOWHERE, STAMP, gate)) for _browser in range(30)]
    at_work(service)
    gate.write_text("open")
    answers = [one.result(PATIENCE) for one in asked]
    assert all(found is answers[0] for found in answers)
    assert service.kept_answer(Held(NOWHERE, STAMP, gate)) is answers[0]
    assert service.ask(Held(NOWHERE, STAMP, gate)) is answers[0], "a kept answer waits for nobody"
    assert service.facts().answered == 1


def test_a_flood_is_refused_in_a_sentence_and_those_who_wait_are_served_in_order(
    serve: Serve, pool: ThreadPoolExecutor, gate: Path
) -> None:
    service = serve()
    first = pool.submit(service.ask, Held(NOWHERE, STAMP, gate))
    at_work(service)
    others: list[Future[Said]] = []
    for number in range(40):
        others.append(pool.submit(service.ask, echo(str(number))))
        at_work(service, number + 1)
    with pytest.raises(JobError, match=r"^41 questions are ahead of yours. Try again in a moment.$"):
        service.ask(echo("one more"))
    assert service.kept_answer(echo("one more")) is None, "who only looks is not refused"
    gate.write_text("open")
    assert first.result(PATIENCE).text == "open"
    assert [one.result(PATIENCE).count for one in others] == list(range(2, 42)), "first come, first served"
    assert service.ask(echo("one more")).count == 42


def test_who_waits_too_long_is_told_so_and_leaves_the_queue(serve: Serve, pool: ThreadPoolExecutor, gate: Path) -> None:
    service = serve(patience=0.05)
    first = pool.submit(service.ask, Held(NOWHERE, STAMP, gate))
    at_work(service)
    with pytest.raises(JobError, match=r"^1 question is ahead of yours"):
        service.ask(echo())
    assert service.facts().waiting == 0
    gate.write_text("open")
    assert first.result(PATIENCE)


def test_who_waits_behind_one_that_kills_the_process_is_answered(
    serve: Serve, pool: ThreadPoolExecutor, gate: Path
) -> None:
    service = serve()
    first = pool.submit(service.ask, Held(NOWHERE, STAMP, gate))
    at_work(service)
    behind = pool.submit(service.ask, echo("behind"))
    at_work(service, 1)
    pid = service.facts().pid
    assert pid is not None
    with gate.open("wb"):  # it stands at the gate
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(JobError, match=r"ended before it answered \(signal SIGKILL\)"):
        first.result(PATIENCE)
    assert behind.result(PATIENCE).text == "behind"


def test_what_is_kept_is_bounded_in_number_and_bytes_and_failures_are_not_kept(serve: Serve) -> None:
    few = serve(kept=2, kept_bytes=8 * 100)
    for number in range(5):
        few.ask(echo(str(number)))
    assert [few.kept_answer(echo(str(number))) is not None for number in range(5)] == [False] * 3 + [True] * 2
    few.ask(echo("large", 99))
    assert few.kept_answer(echo("4")) is not None
    few.ask(echo("larger", 100))
    assert few.kept_answer(echo("4")) is few.kept_answer(echo("large", 99)) is None
    assert few.kept_answer(echo("larger", 100)) is not None, "the newest stays, whatever it weighs"
    with pytest.raises(DataError):
        few.ask(wrong("refuse"))
    assert few.kept_answer(wrong("refuse")) is None


def test_a_service_that_is_closed_lets_nobody_wait(serve: Serve, pool: ThreadPoolExecutor, gate: Path) -> None:
    service = serve()
    first = pool.submit(service.ask, Held(NOWHERE, STAMP, gate))
    at_work(service)
    behind = pool.submit(service.ask, echo())
    at_work(service, 1)
    pid = service.facts().pid
    service.close()
    assert pid is not None
    assert gone(pid)
    for one in (first, behind):
        with pytest.raises(JobError):
            one.result(PATIENCE)
    with pytest.raises(JobError):
        service.ask(echo("late"))
    assert service.facts().crashes == 0


# The dashboard's own end

DASHBOARD = """
import sys, threading
from pathlib import Path
from served_kinds import Echo, Held
from clps_core.serving import ModelService, Settings

service = ModelService(Settings(400 << 20), kinds="served_kinds")
print(service.ask(Echo(Path("/"), (0, 0))).pid, flush=True)
if sys.argv[1]:
    service.ask(Held(Path("/"), (0, 0), Path(sys.argv[1])))
threading.Event().wait()
"""


@pytest.mark.parametrize("busy", [False, True])
def test_when_the_dashboard_is_killed_the_process_ends_whatever_it_does(
    gate: Path, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    command = [sys.executable, "-c", DASHBOARD, str(gate) if busy else ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dashboard:
        assert dashboard.stdout is not None
        pid = int(dashboard.stdout.readline())
        if busy:  # the other end of the pipe is there once the question is being answered, and nothing is ever written
            with gate.open("wb"):
                dashboard.kill()
                dashboard.wait()
                eventually(lambda: gone(pid), "the model process ends")
        else:
            dashboard.kill()
            eventually(lambda: gone(pid), "the model process ends")


# Settings


def test_settings_have_defaults_that_follow_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    gib = 2**30
    for total, expected in ((2 * gib, gib), (24 * gib, 6 * gib), (512 * gib, 16 * gib)):
        monkeypatch.setattr(settings_module, "host_memory", lambda total=total: machine.Memory(total, total))
        assert Settings.of({}) == Settings(expected, 120.0, 600.0)
    given = {"CLPS_MODEL_MEMORY": "2G", "CLPS_MODEL_SECONDS": "7.5", "CLPS_MODEL_IDLE": "60"}
    assert Settings.of(given) == Settings(2 * gib, 7.5, 60.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("MEMORY", "much"), ("MEMORY", "100M"), ("MEMORY", "-1"), ("SECONDS", "soon"), ("SECONDS", "0"), ("IDLE", "1e9")],
)
def test_settings_that_cannot_be_are_one_sentence(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"CLPS_MODEL_{name} must be .*"):
        Settings.of({f"CLPS_MODEL_{name}": value})


def test_the_guard_of_its_state_is_never_held_while_a_question_is_answered(
    serve: Serve, pool: ThreadPoolExecutor, gate: Path
) -> None:
    service = serve()
    first = pool.submit(service.ask, Held(NOWHERE, STAMP, gate))
    at_work(service)
    looked = threading.Event()
    pool.submit(lambda: (service.facts(), service.kept_answer(echo()), looked.set()))
    assert looked.wait(PATIENCE)
    gate.write_text("open")
    assert first.result(PATIENCE)
