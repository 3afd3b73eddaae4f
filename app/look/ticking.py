"""Parts of a page that draw themselves again and again: without a flicker, and no faster than the server can.

Start at ticking.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from typing import ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from clps_core.errors import ClpsError

__all__ = ["Metronome", "ticking"]

Given = ParamSpec("Given")

SHARE = 0.3
"""Of one processor's time, what all ticks of a server may take together: Python draws one page at a time."""
RECENT_SECONDS = 30.0
"""Who has not ticked for so long, or for two of their periods, has gone or has nothing that moves any more."""
LATEST_SECONDS = 30.0
"""After so long a part is drawn again, whatever its pulse says."""
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
        """Part ``who`` of somebody's page, which ticks every ``period``, took this many seconds of processor time."""
        with self._lock:
            now = self._clock()
            self._until[who] = now + max(RECENT_SECONDS, 2 * period)
            self._until = {one: until for one, until in self._until.items() if now < until}
            self._cost = seconds if not self._cost else (1 - WEIGHT) * self._cost + WEIGHT * seconds

    def period(self, usual: float) -> float:
        """Seconds from one tick of a part to its next: ``usual``, or whole seconds more where many watch."""
        with self._lock:
            now = self._clock()
            watching = sum(now < until for until in self._until.values())
            needed = watching * self._cost / SHARE
        return usual if needed <= usual else float(math.ceil(needed))


_metronome = Metronome()


def _draw_again(context: ScriptRunContext, key: str) -> None:
    """The fragment ``key`` runs once this one has ended. ``st.rerun`` offers that to callbacks only."""
    if context.script_requests is not None:
        again = RerunData(
            query_string=context.query_string,
            page_script_hash=context.page_script_hash,
            fragment_id_queue=context.fragment_storage.resolve_target(key),
            is_fragment_scoped_rerun=True,
            cached_message_hashes=context.cached_message_hashes,
            context_info=context.context_info,
        )
        context.script_requests.request_rerun(again)


def ticking(
    name: str,
    draw: Callable[Given, None],
    seconds: float | None,
    pulse: Callable[Given, Hashable] | None = None,
) -> Callable[Given, None]:
    """``draw`` as a fragment that runs again every ``seconds`` (``None``: only when it is touched).

    ``pulse`` says cheaply, of the same arguments, what must change before drawing again is worth while; what it does
    not know of shows after ``LATEST_SECONDS``. Without it every tick draws.

    What it drew keeps its full colour while it is drawn again: Streamlit would fade it, which is right for
    an answer to a click and wrong for a clock. ``frame.css`` knows the container by its key.
    """
    period = None if seconds is None else _metronome.period(seconds)

    place, key = f"ticking.{name}", f"live.{name}"

    def took(began: float) -> None:
        if seconds is None or period is None or (context := get_script_run_ctx()) is None:
            return
        _metronome.ticked(f"{context.session_id}.{name}", time.thread_time() - began, period)
        if not 0.5 < _metronome.period(seconds) / period <= 2.0:
            st.rerun()  # the page alone can say how often its parts tick

    def beat(*given: Given.args, **named: Given.kwargs) -> Hashable:
        try:
            return pulse(*given, **named) if pulse is not None else None
        except ClpsError:
            return object()  # like nothing before: drawing says what is wrong

    def timed(*given: Given.args, **named: Given.kwargs) -> None:
        began = time.thread_time()
        if pulse is not None and period is not None:  # before anything is read: what comes meanwhile is news
            st.session_state[place] = (beat(*given, **named), time.monotonic())
        draw(*given, **named)
        took(began)

    def watched(*given: Given.args, **named: Given.kwargs) -> None:
        context = get_script_run_ctx()
        if pulse is None or context is None or not context.fragment_ids_this_run:
            return  # the whole page has just been drawn
        began = time.thread_time()
        known, at = st.session_state.get(place, (None, -math.inf))
        if time.monotonic() - at > LATEST_SECONDS or beat(*given, **named) != known:
            _draw_again(context, key)
        else:
            took(began)

    def drawn(*given: Given.args, **named: Given.kwargs) -> None:
        with st.container(key=f"live_{name}"):
            st.fragment(timed, run_every=None if pulse is not None else period, key=key)(*given, **named)
        if pulse is not None and period is not None:
            st.fragment(watched, run_every=period)(*given, **named)

    return drawn
