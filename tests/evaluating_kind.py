"""A kind of job in one file, as a package of somebody else would offer it: which process worked at each key.

At the key ``gate`` it waits until the file ``open`` lies in the run's folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from clps_core.config import RunConfig
from clps_core.errors import ConfigError
from clps_core.jobs.kinds import Kind

KIND = Kind(
    "processes",
    title="Processes",
    keys="evaluating_kind:checked",
    values="evaluating_kind:values",
    memory="evaluating_kind:memory",
    key_title="key",
)


def checked(config: RunConfig, asked: Sequence[str]) -> tuple[str, ...]:
    if not asked or "" in asked:
        raise ConfigError("a key must be given.")
    return tuple(asked)


def memory(config: RunConfig, *, gpu: bool) -> int:
    return 1 << 20


def rest() -> None:
    """Before the next look at the gate."""
    time.sleep(0.01)


@contextmanager
def values(folder: Path, before_batch: Callable[[], None]) -> Iterator[Callable[[str], Mapping[str, float]]]:
    def at(key: str) -> Mapping[str, float]:
        before_batch()
        if key == "break":
            raise ZeroDivisionError
        while key == "gate" and not (folder / "open").exists():
            before_batch()
            rest()
        return {"pid": float(os.getpid())}

    yield at
