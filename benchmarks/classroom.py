"""A class of thirty on one shared server, against an empty Streamlit app: first pages, memory, and what watching costs.

A session here is the real websocket, as a browser speaks it: one script run, then what ticks on the page. What a
browser does besides (fetching static files, painting) costs the server little and is left out. Start at main.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from clps_core.cli.dashboard import arguments, bundle
from clps_core.store import open_store
from driving import dashboard_command, free_port, served
from report import write_table

CLASS = 30
ROUNDS = 5
WATCH_SECONDS = 20.0
PAGES = ("start", "design", "train", "runs")
POLICY = "mode: shared\nserver: {new_per_address: null, new_in_all: null}\n"
EMPTY = """
import time
import streamlit as st

@st.fragment(run_every=1.0)
def clock():
    st.write(time.time())

st.title("Empty")
if st.query_params.get("tick"):
    clock()
"""
FINISHED = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
MIB = 2**20


class Session:
    """One browser's connection. ``runs`` counts its finished script runs, ``received`` its bytes."""

    def __init__(self, socket: ClientConnection, page: str, query: str) -> None:
        self._socket, self._page, self._query = socket, page, query
        self._hash, self._ticks, self._kept = "", {}, set()
        self.runs = self.received = 0

    async def first_page(self) -> None:
        """Ask for the page and wait until its script has finished."""
        await self._ask()
        while self.runs == 0:
            await self._take()

    async def watch(self, seconds: float) -> None:
        """Do what the front end does with a page that ticks: ask for its fragments again and again."""
        until = time.monotonic() + seconds
        due = {fragment: time.monotonic() + every for fragment, every in self._ticks.items()}
        while (now := time.monotonic()) < until:
            for fragment in [one for one, at in due.items() if at <= now]:
                await self._ask(fragment)
                due[fragment] = max(due[fragment] + self._ticks.get(fragment, 1.0), now)
            pause = min([*due.values(), until]) - time.monotonic()
            try:
                await asyncio.wait_for(self._take(), max(pause, 0.001))
            except TimeoutError:
                continue
            for fragment, every in self._ticks.items():
                due.setdefault(fragment, time.monotonic() + every)

    async def _ask(self, fragment: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.page_script_hash = self._query, self._page, self._hash
        state.cached_message_hashes.extend(self._kept)
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, True
        await self._socket.send(message.SerializeToString())

    async def _take(self) -> None:
        data = await self._socket.recv(decode=False)
        self.received += len(data)
        message = ForwardMsg.FromString(data)
        if message.metadata.cacheable:  # a browser says what it holds, and is sent a reference instead
            self._kept.add(message.hash or message.ref_hash)
        match message.WhichOneof("type"):
            case "script_finished" if message.script_finished in FINISHED:
                self.runs += 1
            case "new_session":
                self._hash = message.new_session.page_script_hash or self._hash
            case "navigation":
                self._hash = message.navigation.page_script_hash or self._hash
            case "auto_rerun":
                self._ticks[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            case "stop_auto_rerun":
                self._ticks.pop(message.stop_auto_rerun.fragment_id, None)


@asynccontextmanager
async def session(port: int, page: str, query: str = "") -> AsyncIterator[Session]:
    """A browser that was never here: its cookie first, then its connection."""
    cookie = await asyncio.to_thread(_cookie, port)
    headers = {"Cookie": cookie} if cookie else {}
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    origin = f"http://127.0.0.1:{port}"
    options = {
        "origin": origin,
        "additional_headers": headers,
        "max_size": None,
        "open_timeout": 120,
        "ping_interval": None,
    }
    async with connect(address, subprotocols=["streamlit"], **options) as socket:
        yield Session(socket, page, query)


def _cookie(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/host-config", timeout=120) as answer:
        return "; ".join(value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie", []))


@asynccontextmanager
async def a_class(port: int, page: str, query: str = "", size: int = CLASS) -> AsyncIterator[list[Session]]:
    """So many sessions at once, each with its first page."""
    async with AsyncExitStack() as stack:
        opened = [stack.enter_async_context(session(port, page, query)) for _ in range(size)]
        sessions = await asyncio.gather(*opened)
        await asyncio.gather(*(one.first_page() for one in sessions))
        yield sessions


# Servers


class Server(NamedTuple):
    """One that runs: our dashboard in shared mode, or the empty app under the same flags."""

    port: int
    process: psutil.Process
    home: Path

    @property
    def memory(self) -> float:
        """MiB that it holds."""
        return self.process.memory_info().rss / MIB

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has spent."""
        times = self.process.cpu_times()
        return times.user + times.system

    @property
    def loads_torch(self) -> bool:
        """Whether torch's library is mapped into it."""
        return any("libtorch" in one.path for one in self.process.memory_maps())


@contextmanager
def ours() -> Iterator[Server]:
    """The dashboard on an empty home, in shared mode."""
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder) / "home", free_port()
        home.mkdir(mode=0o700)
        (home / "policy.yaml").write_text(POLICY)
        with served(dashboard_command(port), port, home) as process:
            try:
                yield Server(port, process, home)
            finally:
                stop_jobs(home)


@contextmanager
def empty() -> Iterator[Server]:
    """A page with a title, and a clock if asked for."""
    with tempfile.TemporaryDirectory() as folder:
        script, port = Path(folder) / "empty.py", free_port()
        script.write_text(EMPTY)
        command = [str(script) if word.endswith("server.py") else word for word in arguments(bundle(), port)]
        with served(command, port, Path(folder) / "home") as process:
            yield Server(port, process, Path(folder))


def stop_jobs(home: Path) -> None:
    """End the supervisor and the runs of ``home``, which outlive a server on purpose."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(home) in words and any("clps_core.jobs" in word for word in words):
            for one in [*process.children(recursive=True), process]:
                one.kill()


# What is measured


async def seconds_to_last(port: int, page: str) -> float:
    """From the first connection to the last finished script of the class."""
    began = time.perf_counter()
    async with a_class(port, page):
        return time.perf_counter() - began


class Idle(NamedTuple):
    """MiB of a server: nobody there, a class idle, and after each round of coming and going."""

    alone: float
    full: float
    rounds: list[float]
    torch: bool


async def idle_memory(server: Server, page: str) -> Idle:
    """Its memory with one session before, with a class, and over rounds of classes that leave again."""
    async with session(server.port, page) as one:
        await one.first_page()
    alone, full, rounds = server.memory, 0.0, []
    for _ in range(ROUNDS):
        async with a_class(server.port, page):
            full = full or server.memory
        rounds.append(server.memory)
    return Idle(alone, full, rounds, server.loads_torch)


class Watching(NamedTuple):
    """Of a class that watches: seconds of CPU per second, ticks and kB per session and second."""

    cpu: float
    ticks: float
    kilobytes: float


async def watching(server: Server, page: str, query: str, size: int = CLASS) -> Watching:
    """What the server spends while a class looks at something that moves."""
    async with a_class(server.port, page, query, size) as sessions:
        await asyncio.gather(*(one.watch(3.0) for one in sessions))
        cpu, began = server.cpu, time.monotonic()
        runs, received = sum(one.runs for one in sessions), sum(one.received for one in sessions)
        await asyncio.gather(*(one.watch(WATCH_SECONDS) for one in sessions))
        spent = time.monotonic() - began
        ticks = (sum(one.runs for one in sessions) - runs) / spent / size
        kilobytes = (sum(one.received for one in sessions) - received) / spent / size / 1000
        return Watching((server.cpu - cpu) / spent, ticks, kilobytes)


def start_comparison(home: Path) -> str:
    """Three small runs that last longer than the class watches; their ids."""
    words = ["train", "--strategy", "none", "--strategy", "all", "--strategy", "cycle", "--set", "train.steps=20000"]
    command = [sys.executable, "-m", "clps_core.cli", *words]
    environment = {**os.environ, "CLPS_HOME": str(home), "CLPS_SLOTS": "1", "CLPS_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    store = open_store(home)
    try:
        while not any(run.step for run in store.runs()):
            time.sleep(0.2)
        return ",".join(run.id for run in store.runs())
    finally:
        store.close()


def first_pages(server: Callable[[], Iterator[Server]], pages: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Per page: seconds until the last has it, of a server that was never asked, and of the same server again."""
    found = {}
    for page in pages:
        with server() as one:
            cold = asyncio.run(seconds_to_last(one.port, page))
            found[page] = (cold, asyncio.run(seconds_to_last(one.port, page)))
    return found


def watched() -> tuple[Watching, Watching, Watching, Watching]:
    """One session and a class that watch a running comparison, then the same with the empty app's clock."""
    with ours() as server:
        query = f"runs={start_comparison(server.home)}"
        of_one = asyncio.run(watching(server, "runs", query, 1))
        of_class = asyncio.run(watching(server, "runs", query))
    with empty() as server:
        clock = asyncio.run(watching(server, "", "tick=1", 1))
        return of_one, of_class, clock, asyncio.run(watching(server, "", "tick=1"))


def main() -> None:
    os.environ |= {"CLPS_SLOTS": "1", "CLPS_THREADS": "1"}
    ((empty_cold, empty_warm),) = first_pages(empty, [""]).values()
    rows = []
    for page, (cold, warm) in first_pages(ours, PAGES).items():
        rows.append(
            [
                f"until the last of {CLASS} has {page.title()}: first class, next class",
                f"{cold:.1f} s, {warm:.1f} s",
                f"{empty_cold:.1f} s, {empty_warm:.1f} s",
                f"{cold / empty_cold:.1f} x, {warm / empty_warm:.1f} x",
            ]
        )
    with ours() as server:
        mine = asyncio.run(idle_memory(server, "train"))
    with empty() as server:
        theirs = asyncio.run(idle_memory(server, ""))
    rows += memory_rows(mine, theirs)
    rows += watching_rows(*watched())
    write_table(
        "classroom",
        f"A class of {CLASS} on one shared server",
        ["", "CLPS Lab", "an empty Streamlit app", "ratio"],
        rows,
        notes(torch=mine.torch),
    )


def notes(*, torch: bool) -> str:
    return (
        "Every figure is of one server process, without the supervisor and the runs. A session is the websocket that "
        f"a browser opens, with a cookie of its own; all {CLASS} connect at once from the same machine, and a page is "
        "there when its script has finished: both share the two cores with whatever else runs. Idle sessions look at "
        f"Train. In a round {CLASS} sessions come and go; Streamlit keeps those that left for two minutes, 128 at "
        "most. Watched are three runs of which one trains (one slot, one thread) on the Runs page, whose live part is "
        f"asked for as often as the page says (once a second for one), for {WATCH_SECONDS:.0f} s; in the empty app it "
        "is a clock of one line. torch is "
        f"{'' if torch else 'not '}loaded in our server. Other work on the machine meanwhile: load average "
        f"{os.getloadavg()[2]:.1f} on {os.cpu_count()} cores (15 minutes); trust the ratios."
    )


def memory_rows(mine: Idle, theirs: Idle) -> list[list[str]]:
    each = [(one.full - one.alone) / CLASS for one in (mine, theirs)]
    rounds = [", ".join(f"{value:.0f}" for value in one.rounds) for one in (mine, theirs)]
    return [
        [
            "memory with one session, MiB",
            f"{mine.alone:.0f}",
            f"{theirs.alone:.0f}",
            f"{mine.alone / theirs.alone:.1f} x",
        ],
        [
            f"memory with {CLASS} idle sessions, MiB",
            f"{mine.full:.0f}",
            f"{theirs.full:.0f}",
            f"{mine.full / theirs.full:.1f} x",
        ],
        ["a session more, MiB", f"{each[0]:.2f}", f"{each[1]:.2f}", f"{each[0] / each[1]:.1f} x"],
        [f"memory after each of {ROUNDS} rounds, MiB", *rounds, "–"],
    ]


def watching_rows(mine_one: Watching, mine: Watching, theirs_one: Watching, theirs: Watching) -> list[list[str]]:
    return [
        [
            f"CPU while {label}, seconds per second",
            f"{ours.cpu:.2f}",
            f"{other.cpu:.2f}",
            f"{ours.cpu / other.cpu:.1f} x",
        ]
        for label, ours, other in ((("1 watches"), mine_one, theirs_one), (f"{CLASS} watch", mine, theirs))
    ] + [
        ["ticks of one session, per second", f"{mine.ticks:.2f}", f"{theirs.ticks:.2f}", "–"],
        [
            "sent to one session, kB per second",
            f"{mine.kilobytes:.1f}",
            f"{theirs.kilobytes:.1f}",
            f"{mine.kilobytes / theirs.kilobytes:.1f} x",
        ],
    ]


if __name__ == "__main__":
    main()
