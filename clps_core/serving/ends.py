"""How a model process ended, as plain facts, and what is said about it. No torch. Start at End."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from clps_core.errors import JobError
from clps_core.serving.settings import GIB, Settings
from clps_core.words import _, ngettext

__all__ = [
    "End",
    "ProcessEnded",
    "busy",
    "refused_question",
    "refused_run",
    "too_large",
    "too_much_memory",
    "unanswered",
]


@dataclass(frozen=True)
class End:
    """``how``: by a ``signal``, with an exit ``code`` (both ``number``), because it worked too long (``slow``), took
    too much ``memory``, could not ``start``, or said what it may not say (``wire``). ``at``: UTC epoch seconds.
    """

    how: Literal["signal", "code", "slow", "memory", "start", "wire"]
    at: float
    number: int | None = None

    def words(self, settings: Settings) -> str:
        """The reason in a few words, such as behind a colon."""
        match self.how:
            case "signal":
                return _("signal {name}", name=_signal_name(self.number or 0))
            case "code":
                return _("exit code {code}", code=self.number)
            case "slow":
                return _("one question took longer than {seconds:g} s", seconds=settings.seconds)
            case "memory":
                return _("it used more than {limit:.3g} GiB of memory", limit=settings.memory / GIB)
            case "start":
                return _("it did not start")
        return _("its answer could not be read")


class ProcessEnded(Exception):
    """The model process is gone without an answer. ``heard``: it had received the question."""

    def __init__(self, end: End, *, heard: bool = True) -> None:
        super().__init__(end.how)
        self.end, self.heard = end, heard


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def unanswered(end: End, settings: Settings) -> JobError:
    """What somebody is told whose question the process ended with."""
    match end.how:
        case "slow":
            return JobError(
                _(
                    "this question takes longer than the {seconds:g} s allowed here (CLPS_MODEL_SECONDS), so it was "
                    "stopped. Ask for less, or use the command line.",
                    seconds=settings.seconds,
                )
            )
        case "memory":
            return too_much_memory(settings.memory)
        case "start":
            return JobError(
                _("The model process could not start. The dashboard's log says why. Reload the page to try again.")
            )
    return JobError(
        _(
            "The model process ended before it answered ({how}). It starts again with the next question. Reload the "
            "page to ask again.",
            how=end.words(settings),
        )
    )


def too_much_memory(limit: int) -> JobError:
    """It would need more than ``limit`` bytes."""
    return JobError(
        _(
            "this question needs more than the {limit:.3g} GiB of memory allowed here (CLPS_MODEL_MEMORY), so it was "
            "stopped. Shorten the text or choose a smaller model.",
            limit=limit / GIB,
        )
    )


def too_large() -> JobError:
    """An answer that is more than a page could show."""
    return JobError(_("the answer is larger than the 512 MiB allowed. Shorten the text."))


def refused_question(times: int, seconds: float) -> JobError:
    """It ended the process ``times`` before."""
    return JobError(
        _(
            "This question ended the model process {times} times, so it is blocked for {minutes:.0f} minutes. Ask "
            "something else.",
            times=times,
            minutes=max(1.0, seconds / 60),
        )
    )


def refused_run(times: int, seconds: float) -> JobError:
    """Questions about one run ended it so often."""
    return JobError(
        _(
            "Questions about this run ended the model process {times} times, so they are blocked for {minutes:.0f} "
            "minutes. Choose another run.",
            times=times,
            minutes=max(1.0, seconds / 60),
        )
    )


def busy(waiting: int) -> JobError:
    """``waiting`` others come first."""
    return JobError(
        ngettext(
            "{n} question is ahead of yours. Try again in a moment.",
            "{n} questions are ahead of yours. Try again in a moment.",
            waiting,
        )
    )
