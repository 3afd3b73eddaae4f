"""The claim: killed with SIGKILL at any step and resumed, a run equals its undisturbed twin bit for bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from checkpoint_steps import latest_step

from clps_core.training.checkpoint import checkpoint_path, read

RUN = """
import json, os, sys
from pathlib import Path
import torch
from clps_core.config import build_config, resolve
from clps_core.training.device import Placement
from clps_core.training.loop import train

class FileSink:
    def __init__(self, path):
        self.file = path.open("a")
    def metrics(self, step, split, values):
        for name, value in values.items():
            if name != "tokens_per_second":
                print(json.dumps([step, split, name, value.hex()]), file=self.file, flush=True)
        print(step, flush=True)
    def progress(self, step, tokens_per_second): pass
    def artefact(self, kind, step, path): pass
    def stop_requested(self): return None
    def flush(self): os.fsync(self.file.fileno())

config, folder, metrics, threads = json.loads(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
train(resolve(build_config(config)), folder, FileSink(metrics), device=Placement("cpu", "fp32", threads, "test"))
"""

STEPS = 30
KILLS = 2 if os.environ.get("CLPS_THOROUGH") else 1
CONFIG: dict[str, Any] = {
    "data": {"task": "dates"},
    "sharing": {"strategy": "loop:1/1/0,inject=add,train_loops=1-3"},
    "model": {"num_layers": 3, "d_model": 32, "d_ff": 64, "num_heads": 2, "dropout": 0.2},
    "optim": {"warmup_steps": 5, "label_smoothing": 0.1},
    "train": {"steps": STEPS, "batch_size": 16, "log_every": 1, "eval_every": 8, "eval_examples": 30,
              "test_examples": 30, "checkpoint_every": 5, "probe_count": 4},
}  # fmt: skip
DEADLINE = 240.0

Row = tuple[int, str, str, str]


def start(folder: Path, metrics: Path, threads: int = 1, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, json.dumps(CONFIG), str(folder), str(metrics), str(threads)]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=stdout, text=True)


def rows(metrics: Path) -> list[Row]:
    """Whole lines only: a kill may cut the last one."""
    lines = metrics.read_text().split("\n")[:-1]
    return [tuple(json.loads(line)) for line in lines]


def start_and_kill(folder: Path, metrics: Path, step: int) -> None:
    """Kill it as soon as it says that it is at ``step``; it goes on meanwhile, so it may die anywhere."""
    process = start(folder, metrics, stdout=subprocess.PIPE)
    assert process.stdout is not None
    watchdog = threading.Timer(DEADLINE, process.kill)
    watchdog.start()
    with process.stdout as steps:
        assert any(int(line) >= step for line in steps), "the run ended before it could be killed"
        process.send_signal(signal.SIGKILL)
    watchdog.cancel()
    assert process.wait() == -signal.SIGKILL


def test_a_killed_and_resumed_run_equals_its_undisturbed_twin_bit_for_bit(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    kept: list[Row] = []
    kills = sorted(random.sample(range(3, STEPS - 12), KILLS))
    undisturbed = start(whole, tmp_path / "whole.txt")
    for attempt, step in enumerate(kills):
        metrics = tmp_path / f"part{attempt}.txt"
        start_and_kill(parts, metrics, step)
        resume_from = latest_step(parts)
        # What the store does: points beyond the checkpoint are void.
        kept += [row for row in rows(metrics) if resume_from is not None and row[0] <= resume_from]
    # Another number of threads is asked for; the run keeps the one it began with.
    assert start(parts, tmp_path / "rest.txt", threads=2).wait(timeout=DEADLINE) == 0
    kept += rows(tmp_path / "rest.txt")
    assert undisturbed.wait(timeout=DEADLINE) == 0

    assert kept == rows(tmp_path / "whole.txt"), f"killed at {kills}"
    for name in ("last", "best"):
        ours, theirs = (read(checkpoint_path(folder, name)) for folder in (parts, whole))
        assert ours.step == theirs.step
        assert ours.tensors.keys() == theirs.tensors.keys()
        for key, tensor in ours.tensors.items():
            assert tensor.numpy().tobytes() == theirs.tensors[key].numpy().tobytes(), (kills, key)
    ends = [read(checkpoint_path(folder, "last")).facts for folder in (parts, whole)]
    assert all(facts["cpu_seconds"] > 0 for facts in ends)
    best_files = [checkpoint_path(folder, "best").read_bytes() for folder in (parts, whole)]
    assert best_files[0] == best_files[1]
    probes = [{path.name: path.read_bytes() for path in (folder / "probes").iterdir()} for folder in (parts, whole)]
    assert probes[0].keys() == probes[1].keys()
