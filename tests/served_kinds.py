"""Kinds of questions that go wrong in every way, for tests of the model service. They need no torch.

``ModelService(kinds="served_kinds")``; ``PYTHONPATH`` must hold this folder for the process that answers.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from own_language import FAKE, Marked

from clps_core.errors import DataError
from clps_core.serving.kinds import Kind, registry
from clps_core.serving.questions import Question
from clps_core.words import _, add_language

add_language(FAKE, Marked())
NOWHERE, STAMP = Path("/nowhere"), (0, 0)


@dataclass(frozen=True)
class Said:
    """``count``: how many questions this process was asked before."""

    text: str
    pid: int
    count: int
    values: NDArray[np.float64]
    environment: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        return self.values.nbytes


@dataclass(frozen=True)
class Echo(Question[Said]):
    """``size``: numbers in the answer."""

    text: str = ""
    size: int = 1


@dataclass(frozen=True)
class Held(Question[Said]):
    """Answered once somebody has written into the named pipe ``gate``."""

    gate: Path = NOWHERE


@dataclass(frozen=True)
class Break(Question[Said]):
    """``how``: what goes wrong; ``text`` makes it another question."""

    how: str = ""
    text: str = ""


_count = 0


def echo(asked: Echo, _models: object) -> Said:
    global _count
    _count += 1
    # An array that weighs nothing here, however large it says it is.
    values = np.broadcast_to(np.float64(_count), (asked.size,))
    return Said(asked.text, os.getpid(), _count, values, tuple(sorted(os.environ)))


def held(asked: Held, models: object) -> Said:
    said = asked.gate.read_text()
    return echo(Echo(asked.folder, asked.stamp, said), models)


def goes_wrong(asked: Break, models: object) -> Said:
    match asked.how:
        case "kill":
            os.kill(os.getpid(), 9)
        case "exit":
            print("its last words", file=sys.stderr, flush=True)
            os._exit(3)
        case "hang":
            time.sleep(10_000)
        case "memory":
            kept = bytearray(600 << 20)
            kept[::1024] = b"x" * len(kept[::1024])
            time.sleep(10_000)
        case "no memory":
            bytearray(1 << 60)
        case "words":
            return replace(echo(Echo(asked.folder, asked.stamp), models), text=_("an answer in words"))
        case "refuse":
            raise DataError(_("the text must be {wanted}.", wanted="<another>"))
        case "fault":
            raise ZeroDivisionError("a fault of ours")
        case "nonsense":
            os.write(int(sys.argv[sys.argv.index("--channel") + 1]), b"no frame at all")
            time.sleep(10_000)
        case "chatter":
            for _line in range(5_000):
                print("x" * 100)
    return echo(Echo(asked.folder, asked.stamp), models)


KINDS = registry(
    [
        Kind(Echo, Said, "served_kinds:echo"),
        Kind(Held, Said, "served_kinds:held"),
        Kind(Break, Said, "served_kinds:goes_wrong"),
    ]
)
