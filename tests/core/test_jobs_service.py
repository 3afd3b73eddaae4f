"""What is refused is refused before anything is queued; names and estimates are for people."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError, JobError, NotFoundError
from clps_core.jobs import service
from clps_core.jobs.runner import sentence
from clps_core.jobs.slots import Slots, choose_slots, visible_gpus
from clps_core.store import Store
from clps_core.store.queue import Queue


def test_matched_runs_differ_in_strategy_and_seed_and_see_the_same_data() -> None:
    found = service.matched({"data": {"seed": 7}, "train": {"steps": 9}}, ["none", "all"], [0, 1])
    configs = [one.config for one in found]
    assert [(config.seed, config.sharing.strategy) for config in configs] == [
        (0, "none"), (0, "all"), (1, "none"), (1, "all"),
    ]  # fmt: skip
    assert {(config.data, config.train, config.model, config.optim) for config in configs} == {
        (configs[0].data, configs[0].train, configs[0].model, configs[0].optim)
    }
    assert configs[0].data.seed == 7


def test_matched_refuses_nothing_twice_and_unknown() -> None:
    with pytest.raises(ConfigError, match="at least one strategy and one seed"):
        service.matched({}, [], [0])
    with pytest.raises(ConfigError, match="must be given once"):
        service.matched({}, ["all", "all"], [0])
    with pytest.raises(ConfigError, match="nosuch"):
        service.matched({}, ["nosuch"], [0])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model": {"d_model": 8192, "d_ff": 65536, "num_layers": 64, "num_heads": 64}}, "does not fit into memory"),
        ({"train": {"batch_size": 65536}, "model": {"d_model": 4096, "num_layers": 96}}, "does not fit into memory"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_queued(store: Store, config: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        service.submit(store, [build_config({"train": {"steps": 1}}), build_config(config)])
    assert store.runs() == []
    assert store.comparisons() == []


def test_submitting_nothing_or_too_much_is_refused(store: Store) -> None:
    for configs in ([], [build_config()] * 201):
        with pytest.raises(ConfigError, match="must have 1 to 200 runs"):
            service.submit(store, configs)


def test_settings_no_supervisor_could_work_with_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_SLOTS", "many")
    with pytest.raises(ConfigError, match=r"CLPS_SLOTS must be a number from 1 to 1024\. Got 'many'"):
        service.submit(store, [build_config()])
    assert service.supervisor_status(store).reason.startswith("CLPS_SLOTS must be")


def test_names_say_what_differs() -> None:
    configs = [
        resolve(build_config({"sharing": {"strategy": strategy}, "model": {"d_model": width, "d_ff": 64}})).config
        for strategy, width in (("none", 32), ("all", 64))
    ]
    assert service.run_names(configs) == ["dates · none · seed 0 · d_model 32", "dates · all · seed 0 · d_model 64"]
    assert service.comparison_name(configs) == "dates · none, all"
    seeds = [one.config for one in service.matched({}, ["all"], [0, 1])]
    assert service.comparison_name(seeds) == "dates · all · 2 seeds"


def test_the_supervisor_is_only_started_for_work(store: Store) -> None:
    service.ensure_supervisor(store)
    assert not (store.home / "supervisor.lock").exists()
    status = service.supervisor_status(store)
    assert (status.running, status.pid, status.busy) == (False, None, 0)
    assert status.slots >= 2


def test_a_supervisor_that_cannot_start_is_not_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create_comparison("x", [resolve(build_config())])
    monkeypatch.setenv("CLPS_SLOTS", "none")
    refusal = (
        r"the supervisor could not start, so no run can start: CLPS_SLOTS must be a number from 1 to 1024\. Got 'none'"
    )
    with pytest.raises(JobError, match=refusal):
        service.wait(store, [run.id for run in store.runs()], timeout=240)
    assert "CLPS_SLOTS must be a number" in (store.home / "supervisor.log").read_text()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConfigError("heads must fit."), "heads must fit."),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full. Free some space, then resume the run"),
        (MemoryError(), "Out of memory. A smaller batch_size"),
        (RuntimeError("CUDA error: out of memory"), "Out of memory. A smaller batch_size"),
        (
            ZeroDivisionError("by zero\nmore"),
            "an unexpected error (ZeroDivisionError: by zero). The log has the details.",
        ),
    ],
)
def test_an_error_becomes_a_sentence(error: Exception, words: str) -> None:
    assert words in sentence(error)


def test_the_log_of_a_run_that_never_started_is_empty_and_a_long_one_is_cut_at_a_line(store: Store) -> None:
    store.create_comparison("x", [resolve(build_config())])
    (run,) = store.runs()
    assert service.log_text(store, run.id) == ""
    store.run_folder(run.id).mkdir()
    (store.run_folder(run.id) / "log.txt").write_bytes(b"first\nsecond\nth\xffird\n")
    assert service.log_text(store, run.id) == "first\nsecond\nth\ufffdird\n"
    assert service.log_text(store, run.id, tail=11) == "th\ufffdird\n"
    with pytest.raises(NotFoundError):
        service.log_text(store, "../../etc/passwd")


def test_the_end_of_a_log_without_line_breaks_is_shown(store: Store) -> None:
    """A progress bar of some library writes over one line for hours."""
    store.create_comparison("x", [build_config()])
    (run,) = store.runs()
    folder = store.run_folder(run.id)
    folder.mkdir()
    (folder / "log.txt").write_text("12%\r" * 100)
    assert service.log_text(store, run.id, tail=40).endswith("12%\r12%\r")


def test_a_queued_run_is_expected_when_a_slot_gets_free(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_SLOTS", "1")
    config = resolve(build_config({"train": {"steps": 100}})).config
    comparison = store.create_comparison("x", [config] * 3)
    first, second, third = (run.id for run in store.runs(comparison=comparison))
    queue = Queue(store)
    assert [turn.starts_in for turn in service.queue_state(store).turns.values()] == [None, None, None]
    queue.start_next(0, "here", "boot")
    assert [turn.starts_in for turn in service.queue_state(store).turns.values()] == [None, None], "no speed yet"
    queue.append(first, 1, [], progress={"step": 25, "seconds": 10.0})
    turns = service.queue_state(store).turns
    assert {run_id: turn.starts_in for run_id, turn in turns.items()} == {
        second: pytest.approx(30.0),
        third: pytest.approx(70.0),
    }


def test_slots_follow_cores_gpus_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = choose_slots({"CUDA_VISIBLE_DEVICES": ""})
    assert slots.count >= 2, "at least two runs advance at the same time"
    assert slots.gpus == ()
    assert choose_slots({"CLPS_SLOTS": "3", "CLPS_THREADS": "5"}).count == 3
    assert choose_slots({"CLPS_SLOTS": "3", "CLPS_THREADS": "5"}).environment(2)["OMP_NUM_THREADS"] == "5"
    assert choose_slots({"CLPS_THREADS": "5"}).environment(0, threads=4)["OMP_NUM_THREADS"] == "4"
    two_gpus = Slots(2, 4, ("0", "GPU-abc"), "")
    assert two_gpus.environment(1)["CUDA_VISIBLE_DEVICES"] == "GPU-abc"
    monkeypatch.setattr("clps_core.jobs.slots._torch_is_for_cpu", lambda: False)
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "1, 3"}) == ("1", "3")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == ()


def test_service_and_supervisor_do_not_import_torch() -> None:
    script = "import sys, clps_core.jobs.service, clps_core.jobs.supervisor; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "False"


def test_the_waiter_needs_the_standard_library_only() -> None:
    script = (
        "import sys, clps_core.jobs.waiter;"
        "print({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'__main__'})"
    )
    command = [sys.executable, "-S", "-c", script]
    root = str(Path(service.__file__).parents[2])
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": root})
    assert answer.stdout.strip() == "{'clps_core'}"
