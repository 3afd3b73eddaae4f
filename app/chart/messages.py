"""What is sent to the live chart: only points that the browser does not have. Start at next_message.

What is new since the last time is a *part*; the parts of one *epoch* are numbered from 0. A message carries
the newest part, and the few before it while they are small. The browser adds the parts it has not had and
asks for everything anew when one is missing (``feed.js``); ``next_message(None, ...)`` then
starts another epoch. So no acknowledgement is needed, and a rerun that was cut short, a lost message or a
change of page can do no harm.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from clps_core.store.records import Point

__all__ = ["MAX_LINE_POINTS", "Memory", "Part", "next_message", "thinned"]

MAX_LINE_POINTS = 6000
"""A line that is sent as a whole has at most about this many points; more cannot be told apart on a screen."""

MAX_POINTS = 100_000
"""All lines that are sent as a whole have about so many points together: with many lines each has fewer."""
FEWEST_LINE_POINTS = 250

MAX_PARTS = 3
MAX_REPEATED_POINTS = 200
"""Parts with more points than this are sent once."""
NOTHING = -1
"""As the last step to keep of a run: all of it is forgotten."""

Read = Callable[[Sequence[str], int], tuple[list[Point], int]]
ReadSoFar = Callable[[Sequence[str], int], list[Point]]
Line = tuple[str, str, list[int], list[float | None], list[float]]


@dataclass(frozen=True)
class Part:
    """What was new at one time: apply ``forget`` (run, last step to keep) first, then add the lines."""

    serial: int
    forget: list[tuple[str, int]]
    lines: list[Line]

    @property
    def points(self) -> int:
        """How many points it has."""
        return sum(len(line[2]) for line in self.lines)


@dataclass(frozen=True)
class Memory:
    """What one session has sent so far: kept between reruns, never shared."""

    names: tuple[str, ...]
    runs: frozenset[str] = frozenset()
    cursor: int = 0
    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    serial: int = -1
    parts: tuple[Part, ...] = ()

    @property
    def message(self) -> dict[str, object]:
        """What goes to the browser: JSON-ready."""
        parts = [{"serial": part.serial, "forget": part.forget, "lines": part.lines} for part in self.parts]
        return {"epoch": self.epoch, "serial": self.serial, "parts": parts}


def next_message(
    memory: Memory | None,
    run_ids: Sequence[str],
    names: Sequence[str],
    read: Read,
    so_far: ReadSoFar | None = None,
) -> Memory:
    """The memory after the next message; the message itself is its ``message``.

    ``read(run_ids, cursor)`` is ``Store.metrics_after`` for ``names`` (each as ``train.loss``), ``so_far(run_ids,
    most)`` is ``Store.curves_so_far``; without it, whole curves are read and thinned here.
    """
    if memory is None or memory.names != tuple(names):
        memory = Memory(tuple(names))
    known = [run for run in run_ids if run in memory.runs]
    fresh = [run for run in run_ids if run not in memory.runs]
    points, cursor = read(known, memory.cursor)
    forget, lines = _collect(points)
    forget += [(run, NOTHING) for run in sorted(memory.runs.difference(run_ids))]
    if fresh:
        # Read last: what is logged in between then comes twice, which does no harm, and never not at all.
        most = max(FEWEST_LINE_POINTS, min(MAX_LINE_POINTS, MAX_POINTS // (len(run_ids) * len(names))))
        history = so_far(fresh, most) if so_far is not None else read(fresh, 0)[0]
        lines += [thinned(line) for line in _collect(history)[1]]
        forget += [(run, NOTHING) for run in fresh]
    repeated = memory.parts if sum(part.points for part in memory.parts) <= MAX_REPEATED_POINTS else ()
    if forget or lines or memory.serial < 0:
        memory = replace(memory, serial=memory.serial + 1)
        repeated = (*repeated[1 - MAX_PARTS :], Part(memory.serial, forget, lines))
    return replace(memory, runs=frozenset(run_ids), cursor=cursor, parts=repeated)


def _collect(points: Sequence[Point]) -> tuple[list[tuple[str, int]], list[Line]]:
    """Group points by line; what a later mark takes back is not even sent."""
    forget: dict[str, int] = {}
    lines: dict[tuple[str, str], Line] = {}
    for point in points:
        if point.forgets:
            forget[point.run_id] = min(point.step, forget.get(point.run_id, point.step))
            for key, line in lines.items():
                if key[0] == point.run_id:
                    _cut(line, point.step)
            continue
        name = f"{point.split}.{point.name}"
        line = lines.setdefault((point.run_id, name), (point.run_id, name, [], [], []))
        if line[2] and line[2][-1] >= point.step:
            _cut(line, point.step - 1)
        line[2].append(point.step)
        line[3].append(float(f"{point.value:.6g}") if math.isfinite(point.value) else None)
        line[4].append(round(point.seconds, 2))
    return list(forget.items()), [line for line in lines.values() if line[2]]


def _cut(line: Line, last: int) -> None:
    keep = sum(1 for step in line[2] if step <= last)
    for values in line[2:]:
        del values[keep:]


def thinned(line: Line, most: int = MAX_LINE_POINTS) -> Line:
    """Every 2nd, 4th, 8th ... point from the first on, and the newest one: at most about ``most``.

    So the points that are left of a long line are among those of a shorter one: a mean over seeds of unequal length,
    which needs points at the same steps, still finds them.
    """
    every = 1
    while len(line[2]) > every * (most - 1):
        every *= 2
    if every == 1:
        return line
    kept = list(range(0, len(line[2]), every))
    kept += [len(line[2]) - 1] if kept[-1] != len(line[2]) - 1 else []
    run, name, steps, values, seconds = line
    return run, name, [steps[i] for i in kept], [values[i] for i in kept], [seconds[i] for i in kept]
