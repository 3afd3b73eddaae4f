"""The job system on one card: killed and resumed, several runs at once, and a card that runs full."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
import torch
from job_room import JobRoom, eventually, tiny

from clps_core.analysis.memory import GIB
from clps_core.config import RunConfig, build_config, resolve
from clps_core.errors import ConfigError
from clps_core.jobs import processes, service
from clps_core.jobs.launcher import LocalLauncher
from clps_core.jobs.machine import gpu_memory, largest_gpu
from clps_core.jobs.slots import choose_slots, visible_gpus
from clps_core.store import Run
from clps_core.training.checkpoint import checkpoint_path

pytestmark = pytest.mark.usefixtures("one_gpu")

MIB = 2**20
LONG = 600
"""Steps of a run that is still at work when it is looked at."""


def on(device: str, strategy: str = "all", seed: int = 0, **train: object) -> RunConfig:
    return tiny(strategy, seed, device=device, precision="fp32", steps=LONG, eval_every=LONG, **train)


# Kill and resume


def killed_once(room: JobRoom, config: RunConfig) -> Run:
    """The run, whose process was killed after its first checkpoint; the supervisor has it go on."""
    (run_id,) = room.submit(config)
    room.reach(run_id, 1)
    last = checkpoint_path(room.store.run_folder(run_id), "last")
    eventually(last.exists, "a checkpoint", every=0.01)
    attempt = room.attempt(run_id)
    assert attempt is not None
    assert attempt.pid is not None
    os.kill(attempt.pid, signal.SIGKILL)
    return room.wait(run_id)[0]


def assert_went_on(room: JobRoom, killed: Run, twin: Run) -> None:
    """It made no step twice, its rates are its twin's, and its losses near them: CUDA adds in no fixed order.

    Two runs in fp32 differ by 1e-7 in their first step, and drift apart with every further one.
    """
    assert [run.status for run in (killed, twin)] == ["finished", "finished"]
    assert (killed.attempts, twin.attempts) == (2, 1)
    assert "Resumed from step" in service.log_text(room.store, killed.id)
    found, expected = room.curves(killed.id), room.curves(twin.id)
    assert found.keys() == expected.keys()
    rates = [key for key in expected if key[1] == "learning_rate"]
    assert [found[key] for key in rates] == [expected[key] for key in rates]
    early = [key for key in expected if key[:2] == ("train", "loss") and key[2] <= 100]
    assert [found[key] for key in early] == pytest.approx([expected[key] for key in early], rel=1e-2)
    end = ("validation", "loss", LONG)
    assert found[end] == pytest.approx(expected[end], rel=0.1)
    assert found[end] < 0.7 * found["validation", "loss", 0]


def test_a_killed_run_goes_on_from_its_checkpoint(room: JobRoom, cuda: str) -> None:
    config = on(cuda)
    (twin,) = room.wait(*room.submit(config))
    killed = killed_once(room, config)
    assert_went_on(room, killed, twin)
    assert (killed.device, killed.precision) == ("cuda", "fp32")


# Several at once


def all_at_work(room: JobRoom, configs: list[RunConfig]) -> list[Run]:
    """The runs, each of which was held in the middle of its training until all of them were there."""
    ids = room.submit(*configs)
    pids = []
    for run_id in ids:
        pids.append(room.reach(run_id, 1))
        os.kill(pids[-1], signal.SIGSTOP)
    assert len(set(pids)) == len(ids)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    return room.wait(*ids)


def test_three_runs_share_one_card(room: JobRoom, cuda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLPS_SLOTS")
    monkeypatch.setenv("CLPS_RUNS_PER_GPU", "3")
    slots = choose_slots()
    assert (slots.count, len(slots.gpus)) == (3, 1)
    runs = all_at_work(room, [on(cuda, "none"), on(cuda, "all"), on(cuda, "cycle:2")])
    assert [(run.status, run.device) for run in runs] == [("finished", "cuda")] * 3
    assert {run.attempts for run in runs} == {1}


def test_a_queue_of_three_finishes_one_after_the_other(
    room: JobRoom, cuda: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run per GPU is what there is without settings."""
    monkeypatch.delenv("CLPS_SLOTS")
    assert choose_slots().count == 1
    runs = room.wait(*room.submit(*(tiny(device=cuda, seed=seed) for seed in range(3))))
    assert [run.status for run in runs] == ["finished"] * 3
    begins, ends = sorted(run.started_at or 0.0 for run in runs), sorted(run.finished_at or 0.0 for run in runs)
    assert all(begin >= end for begin, end in zip(begins[1:], ends, strict=False))


# A card that runs full


def attempt_alone(room: JobRoom, config: RunConfig) -> Run:
    """What became of the run when its first attempt was started at once: nobody asked whether it fits."""
    store, boot = room.store, LocalLauncher(room.home, room.queue).boot
    comparison = store.create_comparison("full", [resolve(config)])
    run_id = store.runs(comparison=comparison)[0].id
    assert room.queue.start_next(0, processes.host_name(), boot) is not None
    arguments = ("--home", str(room.home), "--run", run_id, "--attempt", "1")
    done = subprocess.run(
        processes.python_module("clps_core.jobs.runner", *arguments), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return store.run(run_id)


@contextlib.contextmanager
def card_but_for(leave: int) -> Iterator[None]:
    """All of the card's memory but ``leave`` bytes is taken inside."""
    gc.collect()
    torch.cuda.empty_cache()
    taken, piece = [], GIB
    while piece >= MIB and (free := torch.cuda.mem_get_info(0)[0]) > leave + MIB:
        try:  # the last of it lies in pieces
            taken.append(torch.empty(min(piece, free - leave), dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            piece //= 2
    try:
        yield
    finally:
        taken.clear()
        torch.cuda.empty_cache()


def huge_step(device: str) -> RunConfig:
    """A small model whose one step takes about 18 GiB for its activations."""
    return build_config(
        {
            "data": {"task": "digits"},
            "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4},
            "train": {"device": device, "precision": "fp32", "steps": 2, "batch_size": 65536, "eval_examples": 10},
        }
    )


def assert_a_sentence(run: Run) -> None:
    assert run.status == "failed"
    assert run.reason is not None
    assert "ran out" in run.reason
    assert "batch_size" in run.reason
    assert "unexpected error" not in run.reason
    assert "\n" not in run.reason


def test_a_step_that_does_not_fit_ends_the_run_with_a_sentence(room: JobRoom, cuda: str) -> None:
    with card_but_for(3 * GIB):
        run = attempt_alone(room, huge_step(cuda))
    assert_a_sentence(run)
    assert "the free memory of the GPU" in str(run.reason)
    assert "Lower batch_size (65536), d_model (64) or num_layers (4)." in str(run.reason)


def test_a_card_that_is_full_before_the_run_begins_ends_it_with_a_sentence(room: JobRoom, cuda: str) -> None:
    """There is no room for a CUDA context: the first call fails outside of torch's allocator."""
    with card_but_for(64 * MIB):
        run = attempt_alone(room, tiny(device=cuda))
    assert_a_sentence(run)


def test_a_run_waits_while_others_fill_the_card_and_then_finishes(room: JobRoom, cuda: str) -> None:
    if gpu_memory(visible_gpus()[0]) is None:
        pytest.skip("nvidia-smi does not tell this GPU's memory, so nothing waits for it")
    with card_but_for(64 * MIB):
        (run_id,) = room.submit(tiny(device=cuda))
        waiting = eventually(lambda: (room.store.run(run_id).reason or "").startswith("Waiting for memory"), "waiting")
        assert waiting
        assert room.store.run(run_id).status == "queued"
    assert room.wait(run_id)[0].status == "finished"


def test_what_no_card_here_could_hold_is_refused_before_it_is_queued(room: JobRoom, cuda: str) -> None:
    if largest_gpu(visible_gpus()) is None:
        pytest.skip("nvidia-smi does not tell this GPU's memory, so only the run can tell")
    giant = build_config(
        {"model": {"d_model": 16384, "num_heads": 128, "d_ff": 65536, "num_layers": 64}, "train": {"device": cuda}}
    )
    with pytest.raises(ConfigError, match="the run does not fit into GPU memory"):
        room.submit(giant)
    assert room.store.runs() == []
