"""Parts of a page that draw themselves again and again: without a flicker, and no faster than the server can.

Start at ticking.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["Metronome", "ticking"]

Given = ParamSpec("Given")

SHARE = 0.3
"""Of one processor's time, what all ticks of a server may take together: Python draws one page at a time."""
RECENT_SECONDS = 30.0
"""Who has not ticked for so long, or for two of their periods, has gone or has nothing that moves any more."""
WEIGHT = 0.1
"""Of the newest tick in the mean of what one costs."""


class Metronome:
    """How often each of those who watch may tick. Safe to use from several threads.

    One person on a laptop ticks as usual. Where thirty watch, a slow server would only ever draw, and nobody's
    click would get through; each then ticks more slowly.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        self._cost = 0.0

    def ticked(self, who: str, seconds: float, period: float = 1.0) -> None:
        """Session ``who``, which ticks every ``period``, has drawn itself in this many seconds of processor time."""
        with self._lock:
            now = self._clock()
            self._until[who] = now + max(RECENT_SECONDS, 2 * period)
            self._until = {one: until for one, until in self._until.items() if now < until}
            self._cost = seconds if not self._cost else (1 - WEIGHT) * self._cost + WEIGHT * seconds

    def period(self, usual: float) -> float:
        """Seconds from one tick of a session to its next: ``usual``, or whole seconds more where many watch."""
        with self._lock:
            now = self._clock()
            watching = sum(now < until for until in self._until.values())
            needed = watching * self._cost / SHARE
        return usual if needed <= usual else float(math.ceil(needed))


_metronome = Metronome()


def ticking(name: str, draw: Callable[Given, None], seconds: float | None) -> Callable[Given, None]:
    """``draw`` as a fragment that runs again every ``seconds`` (``None``: only when it is touched).

    What it drew keeps its full colour while it is drawn again: Streamlit would fade it, which is right for
    an answer to a click and wrong for a clock. ``frame.css`` knows the container by its key.
    """
    period = None if seconds is None else _metronome.period(seconds)

    def timed(*given: Given.args, **named: Given.kwargs) -> None:
        began = time.thread_time()
        draw(*given, **named)
        if seconds is None or period is None or (context := get_script_run_ctx()) is None:
            return
        _metronome.ticked(context.session_id, time.thread_time() - began, period)
        if not 0.5 < _metronome.period(seconds) / period <= 2.0:
            st.rerun()  # the page alone can say how often its parts tick

    def drawn(*given: Given.args, **named: Given.kwargs) -> None:
        with st.container(key=f"live_{name}"):
            st.fragment(timed, run_every=period)(*given, **named)

    return drawn
