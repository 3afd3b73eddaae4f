"""What becomes of a run whose process is gone and left no outcome. Plain data. Start at status_after.

A death (a signal, want of memory, nobody knows) is retried after a pause, at most ``MAX_RETRIES`` times, and
not when the process died again without getting further than before: then it is the run's own doing. A run that
got on well since its last death has all its retries again. What a process ended by itself is never retried; a
machine that went down is never the run's fault. Nor is a request to end (SIGTERM), but somebody who asks again
and again does not want this run: it is tried less and less often, and at last ends.
"""

from __future__ import annotations

import signal as signals
from dataclasses import dataclass

from clps_core.words import _

__all__ = [
    "EXIT_DISK_FULL",
    "EXIT_LOST",
    "EXIT_STORE",
    "LONGEST_PAUSE",
    "MAX_RETRIES",
    "STOPPED",
    "Death",
    "Exit",
    "status_after",
    "what_is_saved",
]

MAX_RETRIES = 2
"""How often a run whose process died is started again by itself."""
PAUSE_GROWTH = 4.0
"""Each further retry waits this many times as long."""
LONGEST_PAUSE = 900.0
"""Seconds. No pause is longer, so one that ends later than this was set before the clock was put back: it is over."""
MOST_STOPS, SOON = 5, 300.0
"""The run ends after this many attempts in a row that were asked to stop within this many seconds."""
GOT_ON = 0.1
"""Part of its steps after which a run that died counts as one that never did."""

EXIT_LOST = 10
"""Exit code of a runner that may not, or no longer, work on its run."""
EXIT_DISK_FULL = 11
EXIT_STORE = 12
"""Exit codes of a runner that could not write its outcome: the disk is full, the store is out of reach."""

STOPPED = {"cancel": "cancelled", "pause": "paused"}
"""What was asked for -> what the run then is."""


@dataclass(frozen=True)
class Exit:
    """How a process ended: its exit code, or the signal that killed it, or neither if nobody knows."""

    code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False
    interrupted: bool = False
    """The machine went down, or asked the process to end: not the run's fault."""


@dataclass(frozen=True)
class Death:
    """An end at ``step`` of ``steps``; ``step_before``: where it ended last time, if it did.

    ``retries_before``: how many there were so far; ``first_pause``: seconds before the first; ``stops``: how many
    attempts in a row, this one included, were soon asked to end; ``trains``: it is a training.
    """

    end: Exit
    step: int
    steps: int
    step_before: int | None
    retries_before: int
    first_pause: float
    stops: int = 0
    trains: bool = True

    @property
    def saved(self) -> str:
        """What the next attempt goes on from, in words."""
        return what_is_saved(self.trains)

    @property
    def same_step(self) -> bool:
        """Whether it ended again without getting further."""
        return self.step_before is not None and self.step <= self.step_before

    @property
    def retry(self) -> int:
        """The number of the retry that would follow, 1 for the first."""
        got_on = self.step_before is not None and self.step - self.step_before >= GOT_ON * self.steps
        return 1 if got_on else self.retries_before + 1

    @property
    def pause(self) -> float:
        """Seconds before it is tried again."""
        pauses_before = self.stops - 2 if self.end.interrupted else self.retry - 1
        return min(self.first_pause * PAUSE_GROWTH**pauses_before, LONGEST_PAUSE) if pauses_before >= 0 else 0.0


def status_after(death: Death, stop: str | None) -> tuple[str, str | None]:
    """(status, reason); ``stop``: ``cancel`` or ``pause`` if that was asked for."""
    end = death.end
    if stop in STOPPED and end.interrupted:
        return STOPPED[stop], None
    if stop in STOPPED:
        return STOPPED[stop], _(
            "It did not stop in time and was ended by force; it resumes from {saved}.", saved=death.saved
        )
    if end.interrupted:
        return _after_interruption(death)
    if end.code == EXIT_DISK_FULL:
        return "failed", _("The disk is full: the run could not write its results. Free some space, then resume it.")
    if end.code == EXIT_STORE:
        return "failed", _("The run could not write to its store. The log says why; correct that, then resume it.")
    if end.code is not None and end.code != EXIT_LOST:
        return "failed", _(
            "The process ended with exit code {code} before it could say why. The log may have more details.",
            code=end.code,
        )
    return _after_death(death)


def _after_interruption(death: Death) -> tuple[str, str]:
    if death.stops >= MOST_STOPS:
        return "failed", _(
            "Something on this machine asked the process to stop (SIGTERM), {n} times in a row, each time soon after "
            "it started: perhaps a memory guard, or a service that keeps restarting. Correct that, then resume it; "
            "it continues from {saved}.",
            n=death.stops,
            saved=death.saved,
        )
    if death.pause:
        return "queued", _(
            "The machine shut down or asked it to stop; it continues from {saved}, after a pause of {seconds:g} s.",
            saved=death.saved,
            seconds=death.pause,
        )
    return "queued", _("The machine shut down or asked it to stop; it continues from {saved}.", saved=death.saved)


def _after_death(death: Death) -> tuple[str, str]:
    what = _what_killed(death)
    if death.same_step:
        advice = _(
            "It died again before getting beyond step {step}, so there is no third try. Correct the cause, then "
            "resume it; it continues from {saved}.",
            step=death.step_before,
            saved=death.saved,
        )
        return "failed", _("{what} {advice}", what=what, advice=advice)
    if death.retry > MAX_RETRIES:
        advice = _(
            "It was retried {limit} times. Resume it to try again from {saved}.", limit=MAX_RETRIES, saved=death.saved
        )
        return "failed", _("{what} {advice}", what=what, advice=advice)
    tries = {"saved": death.saved, "n": death.retry, "limit": MAX_RETRIES}
    advice = (
        _(
            "It is retried from {saved} (retry {n} of {limit}), after a pause of {seconds:g} s.",
            seconds=death.pause,
            **tries,
        )
        if death.pause
        else _("It is retried from {saved} (retry {n} of {limit}).", **tries)
    )
    return "queued", _("{what} {advice}", what=what, advice=advice)


def what_is_saved(trains: bool) -> str:
    """What the next attempt at a training, or at another job, goes on from."""
    return _("its last checkpoint") if trains else _("its last result")


def _what_killed(death: Death) -> str:
    end = death.end
    if end.out_of_memory and not death.trains:
        return _("The operating system ended the process because memory ran out.")
    if end.out_of_memory:
        return _(
            "The operating system ended the process because memory ran out. A smaller batch_size or d_model needs less."
        )
    if end.signal == signals.SIGKILL:
        return _("The process was killed (SIGKILL), by a person or by the operating system because memory ran out.")
    if end.signal is not None:
        names = {member.value: member.name for member in signals.Signals}
        return _("The process crashed ({signal}).", signal=names.get(end.signal, str(end.signal)))
    return _("The process is gone, and how it ended is unknown.")
