"""The model process: reads a question, answers it, reads the next, until the dashboard is gone. Start at main.

The dashboard starts it with one end of a socket pair, so nobody else can ask it anything. It decides nothing: limits of
time and memory, and what becomes of a question that breaks them, are the other side's (``process.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import select
import socket
import threading
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from clps_core.errors import ClpsError
from clps_core.niceness import behind_others
from clps_core.serving.ends import too_large, too_much_memory
from clps_core.serving.frames import Frame, FrameError, read_frame, wire_parts
from clps_core.serving.kept_models import KeptModels
from clps_core.serving.kinds import Kind, kinds_in
from clps_core.serving.packing import packed, unpacked
from clps_core.words import ask_language, kept

__all__ = ["main"]

NICENESS = 2
"""Behind the dashboard's own process (0), before the runs (5): somebody waits for the answer."""
KILLED_FIRST = "500"
"""Where the system's memory ends, this process goes before the dashboard and the runs: it has nothing to lose."""
GRACE = 15.0
"""Seconds after the dashboard's own limit until this process ends itself, where the dashboard does not."""
OUT_OF_MEMORY = ("allocate memory", "not enough memory")
PART_FOR_MODELS = 4
"""A quarter of its memory may keep opened models."""


def main() -> int:
    """Answer until the channel ends; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--kinds", required=True)
    parser.add_argument("--memory", type=int, required=True)
    given = parser.parse_args()
    behind_others(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST)
    threading.Thread(target=_end_with, args=(given.channel, given.parent), daemon=True).start()
    channel = socket.socket(fileno=given.channel)
    kinds = kinds_in(given.kinds)
    works = {name: kind.function() for name, kind in kinds.items()}
    models = KeptModels(given.memory // PART_FOR_MODELS)
    _send(channel, wire_parts(Frame({"ready": True})))
    while True:
        try:
            asked = read_frame(partial(_fill, channel))
        except EOFError:
            return 0
        # In a thread of C: it also ends a process that holds Python's lock for ever.
        faulthandler.dump_traceback_later(asked.head["seconds"] + GRACE, exit=True)
        _send(channel, _answered(asked, kinds, works, models, given.memory))
        faulthandler.cancel_dump_traceback_later()


def _end_with(channel: int, parent: int) -> None:
    """End this process when the other end is closed, or its process is gone, whatever goes on here."""
    poller = select.poll()
    poller.register(channel, 0)  # that it hung up is told unasked
    while not poller.poll(1000) and os.getppid() == parent:
        pass
    os._exit(0)


def _answered(
    asked: Frame, kinds: Mapping[str, Kind], works: Mapping[str, Any], models: KeptModels, memory: int
) -> list[bytes | memoryview]:
    """The answer to a question, or why there is none, as it goes on the wire."""
    ask_language(lambda: asked.head["language"])  # the asker's
    try:
        kind = kinds[asked.head["kind"]]
        answer = packed(works[kind.name](unpacked(kind.question, asked), models))
        try:
            return wire_parts(answer)
        except FrameError:
            return _refused(too_large())
    except ClpsError as error:
        return _refused(error)
    except Exception as error:
        # torch has an error of its own for a GPU only; on a CPU it is a RuntimeError.
        if isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY):
            return _refused(too_much_memory(memory))
        return wire_parts(Frame({"fault": traceback.format_exc()[-20_000:]}))


def _refused(error: ClpsError) -> list[bytes | memoryview]:
    return wire_parts(Frame({"refused": type(error).__name__, "sentence": kept(str(error))}))


def _send(channel: socket.socket, parts: list[bytes | memoryview]) -> None:
    for part in parts:
        channel.sendall(part)


def _fill(channel: socket.socket, view: memoryview) -> None:
    while view:
        count = channel.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]


if __name__ == "__main__":
    raise SystemExit(main())
