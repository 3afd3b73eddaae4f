"""The System page tells what the machine does, in one sentence where something is wrong. A run's end is told once."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import served_kinds
from job_room import eventually
from page_reading import sentences, tables
from recorded_runs import mark, record
from shared_server import shared  # noqa: F401  # a fixture

from app import services
from clps_core.errors import JobError
from clps_core.jobs import processes, service
from clps_core.jobs.processes import SupervisorLock
from clps_core.serving import ModelService, Settings
from clps_core.store import open_store, schema
from clps_core.store.queue import Queue


@pytest.fixture
def store(home, monkeypatch):
    monkeypatch.setenv("CLPS_SLOTS", "2")
    monkeypatch.setenv("CLPS_THREADS", "1")
    monkeypatch.setenv("CLPS_DISK_FLOOR", "1K")
    store = open_store(home)
    yield store
    store.close()


@pytest.fixture
def supervised(store):
    """Somebody holds the supervisor's lock, so that the page starts none."""
    lock = SupervisorLock(store.home)
    assert lock.acquire()
    facts = {"pid": 4711, "created": processes.started_at(1), "slots": 2, "threads": 1, "reason": "Because."}
    lock.describe({**facts, "starts": 3, "disk_floor": 1024})
    yield store
    lock.release()


def figures(test) -> dict[str, str]:
    return {one.label: one.value for one in test.metric}


def helps(test) -> str:
    return "\n".join(one.help for one in test.metric)


def test_an_idle_machine_says_what_is_free_and_that_nobody_is_needed(open_page, store):
    test = open_page("system")
    assert sentences(test) == []
    shown = figures(test)
    assert (shown["Busy slots"], shown["Waiting"], shown["Supervisor"]) == ("0 of 2", "0", "not needed")
    assert any(one.value == "Nothing is waiting." for one in test.caption)
    assert "CPU, 1\N{NO-BREAK SPACE}thread" in tables(test)
    assert "SQLite" in tables(test)
    assert str(store.home) in tables(test)
    assert f"version {schema.VERSION}" in tables(test)


def test_busy_slots_and_the_queue_name_their_runs_and_reasons(open_page, supervised):
    record(supervised, ["none", "all", "cycle"], status="queued", name="work")
    for slot in (0, 1):
        Queue(supervised).start_next(slot, processes.host_name(), "boot")
    test = open_page("system")
    shown = figures(test)
    assert (shown["Busy slots"], shown["Waiting"], shown["Supervisor"]) == ("2 of 2", "1", "running")
    assert "Process 4711" in helps(test)
    assert "started 3 times" in helps(test)
    text = tables(test)
    assert all(f"digits · {strategy} · seed 0" in text for strategy in ("none", "all", "cycle"))
    assert "Waiting for a free slot." in text
    assert test.get("page_link")


def test_a_full_disk_is_one_sentence_and_the_reason_of_all_that_wait(open_page, supervised):
    facts = {"pid": 4711, "slots": 2, "threads": 1, "reason": "", "disk_floor": 10**18}
    SupervisorLock(supervised.home).path.write_text(json.dumps(facts))
    record(supervised, ["none"], status="queued")
    test = open_page("system")
    assert len(sentences(test)) == 1
    assert "requires" in sentences(test)[0]
    assert "Free some space" in tables(test)


def test_where_runs_wait_and_no_supervisor_is_up_the_page_starts_one(open_page, room):
    record(room.store, ["none"], status="queued", device="cpu")
    test = open_page("system")
    assert sentences(test) == []
    assert room.supervisor_pid()


def test_settings_that_no_supervisor_could_work_with_are_one_sentence(open_page, store, monkeypatch):
    monkeypatch.setenv("CLPS_SLOTS", "many")
    test = open_page("system")
    assert len(sentences(test)) == 1
    assert "CLPS\\_SLOTS must be a number" in sentences(test)[0]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("no-such-database://x", "CLPS\\_DATABASE\\_URL must be"),
        ("postgresql+nodriver://a:secret@b/c", "must be a database URL"),
    ],
)
def test_a_wrong_database_url_is_one_sentence_without_the_url_and_versions_are_still_shown(
    open_page, home, monkeypatch, url, words
):
    monkeypatch.setenv("CLPS_DATABASE_URL", url)
    test = open_page("system")
    assert not test.exception
    assert len(sentences(test)) == 1
    assert words in sentences(test)[0]
    assert "secret" not in sentences(test)[0]
    assert "streamlit" in tables(test)


def test_a_home_that_cannot_be_is_one_sentence(open_page, home):
    home.write_text("a file where a folder should be")
    test = open_page("system")
    assert len(sentences(test)) == 1
    assert "CLPS\\_HOME must be a folder" in sentences(test)[0]


def test_why_the_supervisor_cannot_start_is_one_sentence_and_the_rest_of_the_page_is_there(open_page, store):
    (run,) = record(store, ["none"], status="queued")
    (store.home / "supervisor.lock").mkdir()
    test = open_page("system")
    service._started[store.home].process.wait(60)
    test.run()
    (sentence,) = sentences(test)
    assert "so no run can start" in sentence
    assert "supervisor.lock: Is a directory" in sentence.replace("\\", "")
    assert figures(test)["Supervisor"] == "not running"
    assert run.name in tables(test)
    service._started.pop(store.home)


def test_a_home_that_vanishes_under_an_open_page_is_one_sentence_until_it_is_back(open_page, store):
    record(store, ["none"])
    test = open_page("system")
    store.home.rename(store.home.with_name("elsewhere"))
    test.run()
    (sentence,) = sentences(test)
    assert "is gone" in sentence
    assert "streamlit" in tables(test), "what does not depend on it is still shown"
    store.home.with_name("elsewhere").rename(store.home)
    assert sentences(test.run()) == []
    assert "1 finished" in tables(test)


def test_a_store_of_a_newer_version_is_one_sentence(open_page, store):
    with store.writing() as connection:
        connection.execute(schema.schema_version.insert().values(version=99))
    test = open_page("system")
    (sentence,) = sentences(test)
    assert "a newer CLPS Lab wrote it" in sentence
    assert "streamlit" in tables(test)


@pytest.fixture
def read_only(home):
    """``read_only()`` makes the home a file system that nobody may write, root neither."""
    home.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(home)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here: how a read-only home is told is not tested")
    yield lambda: subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
    subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_home_that_nobody_may_write_is_one_sentence(read_only, open_page, store):
    store.close()
    read_only()
    test = open_page("system")
    assert len(sentences(test)) == 1
    assert r"CLPS\_HOME must be a folder that you can write to" in sentences(test)[0]
    assert "streamlit" in tables(test)


def test_a_policy_that_cannot_be_used_is_one_sentence_and_gives_nobody_anything(open_page, store):
    (store.home / "policy.yaml").write_text("mode: open")
    run = record(store)[0]
    assert "mode must be one of" in sentences(open_page("system"))[0]
    test = open_page("runs", runs=run.id)
    assert len(sentences(test)) == 1
    assert not any(run.id in (button.key or "") for button in test.button)


def test_names_are_text(open_page, supervised):
    run = record(supervised, ["none"], status="queued")[0]
    mark(supervised, run, name="<img src=x onerror=alert(1)>")
    (waiting,) = [table.value for table in open_page("system").table if "Reason for waiting" in table.value]
    assert list(waiting["Job"]) == [r"\<img src=x onerror=alert\(1\)\>"]


def test_on_a_shared_server_one_sees_ones_quotas_and_not_where_things_lie(open_page, store, shared):  # noqa: F811
    runs = record(store)
    mark(store, runs[0], owner=shared.visitor())
    test = open_page("system")
    assert "Your quotas" in [one.value for one in test.header]
    assert "1 of 6" in tables(test)
    assert "at most 100" in tables(test)
    assert "Waiting, all visitors" in tables(test)
    assert "0 of 300" in tables(test)
    assert str(store.home) not in tables(test)


def test_on_a_server_of_one_person_there_are_no_quotas(open_page, store):
    assert "Your quotas" not in [one.value for one in open_page("system").header]


# A notice when a run ends


def notices(test) -> list[str]:
    return [one.value for one in test.toast]


def test_the_end_of_a_run_is_told_once_on_whatever_page_one_is(open_page, supervised):
    run = record(supervised, ["all"], status="queued")[0]
    test = open_page("design")
    assert notices(test) == []
    mark(supervised, run, status="finished", step=200)
    test.run()
    (notice,) = notices(test)
    assert "All layers" in notice
    assert "finished" in notice
    assert f"runs={run.id}" in notice
    test.run()
    assert notices(test) == []
    test.switch_page("../pages/train.py").run()
    assert notices(test) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "failed", "reason": "The loss is <b>not</b> finite."}, "failed. The loss is \\<b\\>not"),
        (
            {"status": "finished", "step": 120, "reason": "It got no better."},
            "stopped early, at step 120. It got no better",
        ),
    ],
)
def test_a_notice_says_how_a_run_ended_and_why_as_text(open_page, supervised, values, words):
    run = record(supervised, ["all"], status="queued")[0]
    test = open_page("start")
    mark(supervised, run, **values)
    test.run()
    assert words in notices(test)[0]


def test_many_ends_are_one_notice(open_page, supervised):
    runs = record(supervised, ["all", "none"], range(3), status="queued")
    test = open_page("start")
    for place, run in enumerate(runs):
        mark(supervised, run, status="failed" if place == 0 else "finished", step=200)
    test.run()
    (notice,) = notices(test)
    assert "6 runs have ended" in notice
    assert "1 failed, 5 finished" in notice


def test_what_one_stopped_oneself_and_what_ended_before_one_came_is_no_news(open_page, supervised):
    run = record(supervised, ["all"], status="queued")[0]
    record(supervised, ["none"])
    test = open_page("start")
    mark(supervised, run, status="cancelled")
    test.run()
    assert notices(test) == []


def test_on_a_shared_server_only_ones_own_runs_are_news(open_page, supervised, shared):  # noqa: F811
    theirs, mine = record(supervised, ["none", "all"], status="queued")
    mark(supervised, mine, owner=shared.visitor())
    test = open_page("start")
    for run in (theirs, mine):
        mark(supervised, run, status="finished", step=200)
    test.run()
    (notice,) = notices(test)
    assert mine.id in notice
    assert theirs.id not in notice


# The model process


@pytest.fixture
def model_service(monkeypatch):
    """``model_service()``: the page shows a service of the test's own, with the questions of ``served_kinds``."""
    made = []
    monkeypatch.setenv("PYTHONPATH", str(Path(served_kinds.__file__).parent))

    def make():
        made.append(ModelService(Settings(400 << 20), kinds="served_kinds"))
        monkeypatch.setattr("app.system.model_process.models", lambda: made[-1])
        return made[-1]

    yield make
    for one in made:
        one.close()


def model_table(test) -> str:
    (shown,) = [table.value for table in test.table if table.proto.alt == "The model process"]
    text = " ".join(f"{name} {fact}" for name, fact in shown.itertuples()).replace("\\", "")
    return re.sub(r":gray\[([^]]*)\]", r"\1", text)


def test_the_model_process_is_shown_with_its_memory_questions_and_restarts(open_page, store, model_service):
    service = model_service()
    test = open_page("system")
    text = model_table(test)
    assert "State not running; it starts with the next question Memory 0 B of 419 MB" in text
    assert "0 waiting (at most 40) · 0 answered" in text
    assert "Restarts none" in text
    assert service.facts().pid is None, "who only looks starts nothing"
    pid = service.ask(served_kinds.Echo(served_kinds.NOWHERE, served_kinds.STAMP)).pid
    text = model_table(test.run())
    assert f"ready · process {pid}, started just now" in text
    assert re.search(r"Memory [0-9.]+ MB of 419 MB", text)
    assert "0 waiting (at most 40) · 1 answered" in text
    with pytest.raises(JobError):
        service.ask(served_kinds.Break(served_kinds.NOWHERE, served_kinds.STAMP, "kill"))
    text = model_table(test.run())
    assert "not running" in text
    assert "Restarts 1 time, just now: signal SIGKILL" in text
    assert "it ends after 600 s without a question" in " ".join(one.value for one in test.caption).lower()
    assert sentences(test) == []


def test_a_question_at_work_and_those_behind_it_are_shown(open_page, store, model_service, tmp_path):
    service, gate = model_service(), tmp_path / "gate"
    os.mkfifo(gate)
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(service.ask, served_kinds.Held(served_kinds.NOWHERE, served_kinds.STAMP, gate))
        with gate.open("w") as opened:  # it is being answered now
            behind = pool.submit(service.ask, served_kinds.Echo(served_kinds.NOWHERE, served_kinds.STAMP))
            eventually(lambda: service.facts().waiting == 1, "one waits")
            text = model_table(open_page("system"))
            opened.write("open")
        assert held.result(60).text == "open"
        assert behind.result(60)
    assert "answering · process" in text
    assert "1 waiting (at most 40)" in text


def test_a_setting_of_the_model_process_that_cannot_be_is_one_sentence_and_the_rest_is_there(
    open_page, store, monkeypatch
):
    services.models().close()
    services.models.clear()
    monkeypatch.setenv("CLPS_MODEL_MEMORY", "much")
    test = open_page("system")
    (sentence,) = sentences(test)
    assert "CLPS\\_MODEL\\_MEMORY must be a size such as 500M or 4G" in sentence
    assert "streamlit" in tables(test)
