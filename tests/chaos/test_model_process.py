"""The model process killed, starved and flooded under a real dashboard: pages say so and go on, nothing else suffers.

Quickly and one by one, ``tests/core/test_serving.py`` and ``tests/app/test_model_process_on_pages.py`` claim the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from job_room import PATIENCE, eventually
from untrained_runs import small_config, stored_run
from visitor import Seen, draw

from clps_core.store import open_store

SECONDS = "20"
DIED, SLOW, LARGE = (
    "The model process ended before it answered",
    "longer than the 20 s allowed here",
    "more than the 0.586 GiB of",
)
BUSY, REFUSED = "ahead of yours", "question ended the model process 2 times"


@dataclass
class Lab:
    """A dashboard with a small run and one that is too large for its model process; its bystander looks elsewhere."""

    port: int
    server: psutil.Process
    small: str
    large: str
    bystander: list[tuple[str, Seen]] = field(default_factory=list)

    def ask(self, text: int, run: str = "") -> Seen:
        return draw(self.port, "attention", f"run={run or self.small}&text={text}")

    def model(self) -> psutil.Process:
        def look() -> psutil.Process | None:
            found = [one for one in self.server.children() if "clps_core.serving.child" in one.cmdline()]
            return found[0] if len(found) == 1 else None

        return eventually(look, "one model process")

    def memory(self) -> int:
        return int(self.server.memory_info().rss)

    def has_torch(self) -> bool:
        return "libtorch" in Path(f"/proc/{self.server.pid}/maps").read_text()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    store = open_store(tmp_path / "home")
    small = stored_run(store, small_config("digits"))
    large = stored_run(store, small_config("digits", "all", d_model=2048, d_ff=8192))
    store.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limits = {"CLPS_MODEL_MEMORY": "600M", "CLPS_MODEL_SECONDS": SECONDS}
    with subprocess.Popen(
        [sys.executable, "-m", "clps_core.cli", "dashboard", "--port", str(port), "--no-ready"],
        env={**os.environ, "CLPS_HOME": str(store.home), **limits},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:

        def healthy() -> bool:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                return True
            return False

        eventually(healthy, "the dashboard answers")
        yield Lab(port, psutil.Process(process.pid), small.id, large.id)
        process.kill()


@contextlib.contextmanager
def somebody_else(lab: Lab) -> Iterator[None]:
    """Opens other pages again and again meanwhile."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for page in ("system", "runs", "design"):
                lab.bystander.append((page, draw(lab.port, page)))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield
        finally:
            over.set()
            looking.result(PATIENCE)


def answered(seen: Seen) -> bool:
    return not seen.problems and "clps.attention_grid" in seen.components


@pytest.mark.slow
def test_killed_starved_and_flooded_pages_say_so_and_go_on_and_nothing_else_suffers(lab: Lab) -> None:
    for page in ("start", "design", "train", "runs", "compare", "system"):
        assert draw(lab.port, page).problems == []
    before = lab.memory()
    assert answered(lab.ask(0))
    with somebody_else(lab), ThreadPoolExecutor(60) as pool:
        for number in range(1, 4):  # killed
            lab.model().send_signal(signal.SIGSTOP)
            asked = pool.submit(lab.ask, number)
            eventually(lambda: "answering" in draw(lab.port, "system").html, "the page waits")
            lab.model().kill()
            assert [DIED in one for one in asked.result(PATIENCE).problems] == [True]
            assert answered(lab.ask(number))

        for _time in range(2):  # too little memory
            assert [LARGE in one for one in lab.ask(0, lab.large).problems] == [True]
        assert [REFUSED in one for one in lab.ask(0, lab.large).problems] == [True]
        assert answered(lab.ask(4))

        lab.model().send_signal(signal.SIGSTOP)  # no time at all
        assert [SLOW in one for one in lab.ask(5).problems] == [True]
        assert answered(lab.ask(5))

        lab.model().send_signal(signal.SIGSTOP)  # sixty at once, while nothing moves for 20 s
        seen = list(pool.map(lab.ask, range(10, 70)))
        ends = [
            next((words for words in (BUSY, SLOW) if any(words in one for one in page.problems)), "") for page in seen
        ]
        assert all(answered(page) for page, end in zip(seen, ends, strict=True) if not end)
        assert ends.count(BUSY) >= 15, "40 wait, the others are sent away"
        assert ends.count("") >= 20, "those who wait are answered"
        assert answered(lab.ask(71))

    assert [page.problems for _name, page in lab.bystander if page.problems] == []
    (restarts,) = re.findall(r"<bdi>([0-9]+) times, last [^<]*: ", draw(lab.port, "system").html)
    assert int(restarts) == 3 + 2 + 1 + 1
    assert not lab.has_torch()
    assert lab.memory() - before < 250e6, "sixty sessions and their answers, but no library and no model"
    slowest = max(page.seconds for _name, page in lab.bystander)
    print(
        f"{len(lab.bystander)} other pages, the slowest in {slowest:.1f} s; memory of the dashboard's process: "
        f"{before / 1e6:.0f} MB before, {lab.memory() / 1e6:.0f} MB after"
    )
