"""Parts of a page that draw themselves again and again: without a flicker, and no faster than the server can.

Start at ticking and ticking_parts.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, ParamSpec

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from clps_core.errors import ClpsError

__all__ = ["Drawn", "Metronome", "Part", "due_parts", "ticking", "ticking_parts"]

Given = ParamSpec("Given")

SHARE = 0.3
"""Of one processor's time, what all ticks of a server may take together: Python draws one page at a time."""
RECENT_SECONDS = 30.0
"""Who has not ticked for so long, or for two of their periods, has gone or has nothing that moves any more."""
LATEST_SECONDS = 30.0
"""After so long a part is drawn again, whatever its pulse says."""
TICK_SECONDS = 0.02
"""Of processor time, what the parts that one tick draws may take together; a single part may take more."""
SPENT = "ticking.spent"
"""In the session: processor seconds of parts drawn since the watcher last looked."""
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


@dataclass(frozen=True)
class Part:
    """A part of a page that is drawn again when its ``pulse`` has changed.

    ``pulse`` says cheaply what must change before drawing again is worth while; what it does not know of shows after
    ``LATEST_SECONDS``. Parts with the same ``pulse`` ask it once at a tick.
    """

    name: str
    draw: Callable[[], None]
    pulse: Callable[[], Hashable]

    @property
    def key(self) -> str:
        """Of its fragment."""
        return f"live.{self.name}"


class Drawn(NamedTuple):
    """In the session: when a part was drawn last, what its pulse was before, and the processor seconds it took."""

    at: float
    beat: Hashable
    cost: float


def ticking(
    name: str,
    draw: Callable[Given, None],
    seconds: float | None,
    pulse: Callable[Given, Hashable] | None = None,
) -> Callable[Given, None]:
    """``draw`` as a fragment that runs again every ``seconds`` (``None``: only when it is touched).

    With ``pulse``, of the same arguments, only where that has changed: see ``Part``.
    """

    def drawn(*given: Given.args, **named: Given.kwargs) -> None:
        if pulse is not None:
            ticking_parts([Part(name, partial(draw, *given, **named), partial(pulse, *given, **named))], seconds)
            return
        period = None if seconds is None else _metronome.period(seconds)

        def timed() -> None:
            began = time.thread_time()
            draw(*given, **named)
            _took(time.thread_time() - began, seconds, period)

        with _container(name):
            st.fragment(timed, run_every=period, key=f"live.{name}")()

    return drawn


def ticking_parts(parts: Sequence[Part], seconds: float | None) -> None:
    """Draw ``parts``, and every ``seconds`` those of them again that have news; ``None``: only when they are touched.

    One watcher asks for all of them: a fragment that does nothing takes 2.5 ms of processor time. A tick draws what
    has waited longest, and no more than fits into ``TICK_SECONDS``; the others wait for the next one.
    """
    for part in parts:
        with _container(part.name):
            st.fragment(part.draw if seconds is None else partial(_draw, part), key=part.key)()
    if seconds is not None:
        period = _metronome.period(seconds)
        st.fragment(partial(_watch, tuple(parts), seconds, period), run_every=period)()


def _container(name: str) -> DeltaGenerator:
    """Where a part is drawn. It keeps its full colour while it is drawn again: Streamlit would fade it, which is right
    for an answer to a click and wrong for a clock. ``frame.css`` knows it by its key."""
    return st.container(key=f"live_{name}")


def _draw(part: Part) -> None:
    began, at = time.thread_time(), time.monotonic()
    beat = _beat(part)  # before anything is read: what comes meanwhile is news
    st.session_state[part.key] = Drawn(at, beat, 0.0)
    part.draw()
    cost = time.thread_time() - began
    st.session_state[part.key] = Drawn(at, beat, cost)
    st.session_state[SPENT] = st.session_state.get(SPENT, 0.0) + cost


def _beat(part: Part) -> Hashable:
    try:
        return part.pulse()
    except ClpsError:
        return object()  # like nothing before: drawing says what is wrong


def _watch(parts: Sequence[Part], seconds: float, period: float) -> None:
    context = get_script_run_ctx()
    if context is None or not context.fragment_ids_this_run:
        return  # the whole page has just been drawn
    began = time.thread_time()
    if due := due_parts(parts, [st.session_state.get(part.key) for part in parts], time.monotonic()):
        _draw_again(context, due)
    _took(st.session_state.pop(SPENT, 0.0) + time.thread_time() - began, seconds, period)


def due_parts(parts: Sequence[Part], drawn: Sequence[Drawn | None], now: float) -> list[Part]:
    """Those of ``parts`` to draw at this tick; ``drawn``: what is known of the last drawing of each."""
    beats: dict[Callable[[], Hashable], Hashable] = {}
    waiting: list[tuple[float, float, Part]] = []
    for part, last in zip(parts, drawn, strict=True):
        if part.pulse not in beats:
            beats[part.pulse] = _beat(part)
        if last is None:
            waiting.append((-math.inf, 0.0, part))
        elif now - last.at > LATEST_SECONDS or beats[part.pulse] != last.beat:
            waiting.append((last.at, last.cost, part))
    found: list[Part] = []
    left = TICK_SECONDS
    for _at, cost, part in sorted(waiting, key=lambda one: one[0]):
        if found and cost > left:
            break
        found.append(part)
        left -= cost
    return found


def _draw_again(context: ScriptRunContext, parts: Sequence[Part]) -> None:
    """The fragments of ``parts`` run once this one has ended. ``st.rerun`` offers that to callbacks only."""
    if context.script_requests is not None:
        again = RerunData(
            query_string=context.query_string,
            page_script_hash=context.page_script_hash,
            fragment_id_queue=[one for part in parts for one in context.fragment_storage.resolve_target(part.key)],
            is_fragment_scoped_rerun=True,
            cached_message_hashes=context.cached_message_hashes,
            context_info=context.context_info,
        )
        context.script_requests.request_rerun(again)


def _took(cost: float, seconds: float | None, period: float | None) -> None:
    """A tick took so many seconds of processor time; where many watch, the page asks for fewer of them."""
    if seconds is None or period is None or (context := get_script_run_ctx()) is None:
        return
    _metronome.ticked(context.session_id, cost, period)
    if not 0.5 < _metronome.period(seconds) / period <= 2.0:
        st.rerun()  # the page alone can say how often its parts tick
