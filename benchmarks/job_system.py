"""What it costs to train in the background: waits, kills and an idle supervisor, each next to a plain process.

Every pair is measured in turns within one call, so that other work on the machine hits both alike.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from clps_core.config import RunConfig, build_config
from clps_core.jobs import processes, service
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Store, open_store
from clps_core.store.queue import Attempt, Queue
from report import write_table

T = TypeVar("T")
ROUNDS = 5
IDLE_SECONDS = 30.0
STEPS = 100_000

PLAIN_TRAINING = """
import sys
from pathlib import Path
from typing import TypeVar
from clps_core.config import RunConfig
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink

class Telling(RecordingSink):
    def progress(self, step, tokens_per_second):
        print(step, flush=True)

train(RunConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Telling())
"""
IDLE_PEER = "import sqlalchemy, time; time.sleep(600)"


def config(seed: int) -> RunConfig:
    return build_config({"train": {"steps": STEPS, "log_every": 5, "device": "cpu", "threads": 1}, "seed": seed})


def until(look: Callable[[], T | bool | None]) -> T:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := look():
            return found  # type: ignore[return-value]
        time.sleep(0.002)
    raise TimeoutError


@contextmanager
def plain_training(seed: int, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that trains in the foreground and says each step it logs."""
    command = [sys.executable, "-c", PLAIN_TRAINING, config(seed).model_dump_json(), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def at_work(store: Store, run_id: str) -> Attempt:
    """The run's attempt once its first step is in the store."""
    queue = Queue(store)
    until(lambda: store.run(run_id).step >= 1)
    return next(attempt for attempt in queue.open_attempts() if attempt.run_id == run_id)


def end(store: Store, run_id: str) -> None:
    service.cancel(store, run_id)
    service.wait(store, [run_id])
    until(lambda: not Queue(store).open_attempts())


def to_first_step(store: Store, folder: Path, number: int) -> tuple[float, float]:
    began = time.perf_counter()
    (run,) = service.submit(store, [config(number)])
    until(lambda: store.run(run.id).step >= 1)
    ours = time.perf_counter() - began
    end(store, run.id)
    began = time.perf_counter()
    with plain_training(number, folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        theirs = time.perf_counter() - began
    return ours, theirs


def to_stopped(store: Store, folder: Path, number: int) -> tuple[float, float]:
    """Ours writes a checkpoint first; a plain process just ends."""
    (run,) = service.submit(store, [config(number)])
    attempt = at_work(store, run.id)
    began = time.perf_counter()
    service.cancel(store, run.id)
    until(lambda: store.run(run.id).status == "cancelled" and not processes.is_alive(attempt.pid, attempt.created))
    ours = time.perf_counter() - began
    return ours, _plain_end(folder, number, signal.SIGTERM)


def to_seen(store: Store, folder: Path, number: int) -> tuple[float, float]:
    """From SIGKILL to the store's knowing it; a parent that waits is told by the system."""
    (run,) = service.submit(store, [config(number)])
    attempt = at_work(store, run.id)
    assert attempt.pid is not None
    began = time.perf_counter()
    os.kill(attempt.pid, signal.SIGKILL)
    until(lambda: store.run(run.id).reason)
    ours = time.perf_counter() - began
    service.cancel(store, run.id)
    return ours, _plain_end(folder, number, signal.SIGKILL)


def _plain_end(folder: Path, number: int, kind: signal.Signals) -> float:
    with plain_training(number, folder) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.perf_counter()
        process.send_signal(kind)
        process.wait()
        return time.perf_counter() - began


def idle(store: Store) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """(MB of its own, MB resident, percent of a core): an idle supervisor, and a process that imported SQLAlchemy."""
    peer = subprocess.Popen([sys.executable, "-c", IDLE_PEER])
    facts = until(lambda: SupervisorLock(store.home).holder())
    both = psutil.Process(facts["pid"]), psutil.Process(peer.pid)
    time.sleep(5)  # both have started and the supervisor has nothing to do
    before = [sum(one.cpu_times()[:2]) for one in both]
    time.sleep(IDLE_SECONDS)
    figures = []
    for one, spent in zip(both, before, strict=True):
        memory = one.memory_full_info()
        busy = (sum(one.cpu_times()[:2]) - spent) / IDLE_SECONDS * 100
        figures.append((memory.uss / 1e6, memory.rss / 1e6, busy))
    peer.kill()
    peer.wait()
    return figures[0], figures[1]


def main() -> None:
    os.environ |= {"CLPS_SLOTS": "1", "CLPS_THREADS": "1", "OMP_NUM_THREADS": "1", "CLPS_RETRY_PAUSE": "60"}
    loads = [os.getloadavg()[0]]
    rows = []
    waits = {
        "submit to first step": (to_first_step, "`train(...)` in the foreground"),
        "cancel to cancelled, checkpoint written, process gone": (to_stopped, "SIGTERM to it, nothing saved"),
        "SIGKILL to written down with its reason": (to_seen, "its parent's `wait`"),
    }
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "home")
        for number, (what, (measure, peer)) in enumerate(waits.items()):
            pairs = [measure(store, Path(folder) / f"{number}-{turn}", turn) for turn in range(ROUNDS)]
            ours, theirs = (statistics.median(values) for values in zip(*pairs, strict=True))
            rows.append([what, f"{ours:.3f} s", peer, f"{theirs:.3f} s", f"{ours / theirs:.2f}"])
            loads.append(os.getloadavg()[0])
            print(rows[-1], flush=True)
        supervisor, other = idle(store)
        names = ("idle supervisor, memory of its own", "idle supervisor, resident")
        for name, ours, theirs in zip(names, supervisor, other, strict=False):
            sizes = (f"{ours:.1f} MB", "`import sqlalchemy` and sleep", f"{theirs:.1f} MB", f"{ours / theirs:.2f}")
            rows.append([name, *sizes])
        rows.append(["idle supervisor, CPU", f"{supervisor[2]:.2f} %", "the same", f"{other[2]:.2f} %", "–"])
        loads.append(os.getloadavg()[0])
        psutil.Process(until(lambda: SupervisorLock(store.home).holder())["pid"]).terminate()
        store.close()
    write_table(
        "job_system",
        "Jobs: waits and idleness",
        ["", "CLPS Lab", "next to", "it takes", "ratio"],
        rows,
        f"Medians of {ROUNDS} alternating rounds of the default `dates` model, one slot, one thread; the first submit "
        f"finds no supervisor. CPU: percent of one core over {IDLE_SECONDS:.0f} s. Load average meanwhile: "
        f"{min(loads):.1f}-{max(loads):.1f} on {os.cpu_count()} cores; runs give way to others (nice 5), the plain "
        "process does not.",
    )


if __name__ == "__main__":
    main()
