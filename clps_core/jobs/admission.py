"""Is there memory for a waiting run to start now? Start at Gate.

A run that can never fit into memory ends with its sentence; one that does not fit *now* is put off and looked
at again, and others may overtake it, but not for ever: once it has waited ``OVERTAKEN_SECONDS``, nothing starts
before it while runs of ours still hold the memory it needs.

A run that started a moment ago holds little memory yet, so what it is expected to need counts as taken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from clps_core.analysis.memory import GIB, check_fits
from clps_core.errors import ClpsError, ConfigError
from clps_core.jobs.kinds import KINDS
from clps_core.jobs.machine import Memory, gpu_memory, host_memory, process_memory
from clps_core.jobs.slots import Slots
from clps_core.store import Job
from clps_core.store.queue import Attempt
from clps_core.store.records import TRAINING
from clps_core.words import _

__all__ = ["Answer", "Gate"]

logger = logging.getLogger("clps.supervisor")

OVERTAKEN_SECONDS = 600.0


@dataclass(frozen=True)
class Answer:
    """``start`` it, or not because of ``reason``; ``never``: it cannot ever; ``hold``: nor may any other."""

    start: bool
    reason: str = ""
    never: bool = False
    hold: bool = False


@dataclass
class Gate:
    """Looks at the memory. What it measures with is passed in, so that its logic needs no such machine."""

    slots: Slots
    host: Callable[[], Memory] = host_memory
    gpu: Callable[[str], Memory | None] = gpu_memory
    held: Callable[[int | None], int] = process_memory
    clock: Callable[[], float] = time.monotonic
    _needs: dict[tuple[str, bool], int] = field(default_factory=dict)
    _waits_since: dict[str, float] = field(default_factory=dict)

    def ask(self, run: Job, slot: int, working: Sequence[tuple[Attempt, Job]]) -> Answer:
        """Whether ``run`` may start in ``slot`` beside the ``working`` attempts of this machine."""
        try:
            answer = self._ask(run, slot, working)
        except ClpsError as error:  # a config that this version does not take, a run that never fits
            return Answer(False, str(error), never=True)
        except Exception:  # an estimate that goes wrong must not hold the queue: the run will tell
            logger.exception("the memory of run %s could not be estimated", run.id)
            return Answer(True)
        if answer.start:
            self._waits_since.pop(run.id, None)
            return answer
        self._waits_since.setdefault(run.id, self.clock())
        return replace(answer, hold=answer.hold and self.overdue(run.id))

    def overdue(self, run_id: str) -> bool:
        """Whether the run has been overtaken for long enough."""
        since = self._waits_since.get(run_id)
        return since is not None and self.clock() - since > OVERTAKEN_SECONDS

    @property
    def overtaken(self) -> list[str]:
        """Runs that did not fit when they were last asked for."""
        return list(self._waits_since)

    def forget(self, run_id: str) -> None:
        """The run waits no more; if it comes back, it begins to wait then."""
        self._waits_since.pop(run_id, None)

    def device(self, run: Job, slot: int) -> str | None:
        """The GPU whose memory the run would use in this slot; ``None``: the machine's."""
        try:
            on_gpu = KINDS.find(run.kind).on_gpu and run.config.train.device != "cpu"
            return self.slots.gpu(slot) if on_gpu else None
        except ClpsError:
            return None  # asked, it will say what is wrong

    def _ask(self, run: Job, slot: int, working: Sequence[tuple[Attempt, Job]]) -> Answer:
        gpu = self.device(run, slot)
        # A run on a GPU fills that GPU's memory, one on the CPU this machine's: neither takes what the other needs.
        beside = [(attempt, other) for attempt, other in working if self.device(other, attempt.slot) == gpu]
        memory = self.gpu(gpu) if gpu is not None else self.host()
        if memory is None:
            return Answer(True)
        needs = self.needs(run, gpu)
        if needs > memory.total:
            _check_fits(run, needs, self._largest(gpu, memory.total), gpu=gpu is not None)
        if gpu is None:
            pledged = sum(max(0, self._expected(other, gpu) - self.held(attempt.pid)) for attempt, other in beside)
            free = memory.free - pledged
        else:  # which process holds how much of a GPU cannot be told inside a container
            free = min(memory.free, memory.total - sum(self._expected(other, gpu) for _attempt, other in beside))
        if needs <= free:
            return Answer(True)
        return Answer(
            False,
            _(
                "Waiting for memory: needs about {needed:.1f} GiB, {free:.1f} GiB are free.",
                needed=needs / GIB,
                free=max(0, free) / GIB,
            ),
            hold=bool(beside) and needs <= memory.total,  # else nobody here keeps it waiting
        )

    def _largest(self, gpu: str | None, here: int) -> int:
        """Bytes of the largest GPU that a slot could give, where ``gpu`` has ``here``; of the machine, without one."""
        others = (self.gpu(other) for other in set(self.slots.gpus) - {gpu}) if gpu is not None else ()
        return max([here, *(other.total for other in others if other is not None)])

    def is_smaller(self, run: Job, than: Job | None, gpu: str | None) -> bool:
        """Whether asking for ``run`` makes sense after ``than`` did not fit (``None``: nobody was refused)."""
        try:
            return than is None or self.needs(run, gpu) < self.needs(than, gpu)
        except Exception:  # asked, it will say what is wrong
            return True

    def _expected(self, other: Job, gpu: str | None) -> int:
        """What a run at work will need; 0 where nobody can tell: that is no fault of the run that waits."""
        try:
            return self.needs(other, gpu)
        except Exception:  # started before an update that no longer takes its config, or a kind of somebody else
            return 0

    def needs(self, run: Job, gpu: str | None = None) -> int:
        """Bytes that the run is expected to need, of ``gpu`` or of the machine; computed once."""
        who = run.id, gpu is not None
        if who not in self._needs:
            self._needs[who] = KINDS.find(run.kind).needs(run.config, gpu=gpu is not None)
        return self._needs[who]


def _check_fits(job: Job, needs: int, memory: int, *, gpu: bool) -> None:
    """Raise ``ConfigError`` if the job can never fit into this many bytes."""
    if job.kind == TRAINING:
        check_fits(job.config, memory, gpu=gpu)
    elif needs > memory:
        raise ConfigError(
            _(
                "the evaluation does not fit into memory: it needs about {needed:.1f} GiB, and {got:.1f} GiB are "
                "available.",
                needed=needs / GIB,
                got=memory / GIB,
            )
        )
