"""The last opened models, so that a second text need not read the weights again. Start at KeptModels.

torch is imported when a run is opened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clps_core.home import home_of
from clps_core.opened import OpenRun, Which, one_thread, open_run
from clps_core.tasks import TASKS

__all__ = ["KeptModels"]

MOST_MODELS = 4
READ = (
    "config.json",
    "tokenizer.json",
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "checkpoints/previous.safetensors",
)
"""What ``open_run`` may read of a run's folder."""

Stamp = tuple[tuple[int, int, int] | None, ...]


class KeptModels:
    """At most ``MOST_MODELS`` models of together ``most_bytes``; the longest unused goes first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[tuple[Path, Which, Stamp], tuple[OpenRun, int]] = OrderedDict()

    @contextmanager
    def opened(self, folder: Path, which: Which = "best") -> Iterator[OpenRun]:
        """As ``opened.open_run``; a run whose files and data are as they were is not read again."""
        key = (folder, which, _stamp(folder))
        if (kept := self._kept.get(key)) is not None and _same_data(kept[0], folder):
            self._kept.move_to_end(key)
            with one_thread():
                yield kept[0]
            return
        with open_run(folder, which) as run:
            # Before the question: what cannot be kept beside it makes room first.
            self._keep(key, run)
            yield run

    def _keep(self, key: tuple[Path, Which, Stamp], run: OpenRun) -> None:
        parameters = [*run.model.parameters(), *run.model.buffers()]
        size = sum(one.numel() * one.element_size() for one in parameters)
        for other in [one for one in self._kept if one[:2] == key[:2]]:  # the same run with older weights
            del self._kept[other]
        if size > self.most_bytes:
            return
        self._kept[key] = (run, size)
        while len(self._kept) > MOST_MODELS or sum(size for _run, size in self._kept.values()) > self.most_bytes:
            self._kept.popitem(last=False)


def _same_data(run: OpenRun, folder: Path) -> bool:
    """Whether the task means what it did when the run was opened; raises what its facts say where its data are gone."""
    return TASKS.facts(run.config.data, home_of(folder)).fingerprint == run.data.facts.fingerprint


def _stamp(folder: Path) -> Stamp:
    """Changes with every file that is read; taken before them, so that a change meanwhile is seen the next time."""
    found: list[tuple[int, int, int] | None] = []
    for name in READ:
        try:
            facts = (folder / name).lstat()
        except OSError:
            found.append(None)
        else:
            found.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
    return tuple(found)
