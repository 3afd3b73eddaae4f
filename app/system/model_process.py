"""What the System page shows of the model process. Start at model_process."""

from __future__ import annotations

import time

import streamlit as st

from app.look.formatting import ago, memory
from app.look.tables import facts_table, quiet
from app.services import escape_markdown, models, show_problem
from clps_core.errors import ClpsError
from clps_core.serving import Settings
from clps_core.serving.service import ServiceFacts
from clps_core.words import _, ngettext

__all__ = ["model_process"]


def model_process() -> None:
    """State, memory, queue and restarts of the one process that answers Attention, Depth and test scores."""
    st.header(_("Model process"), anchor=False)
    try:
        service = models()
    except ClpsError as error:  # a setting that cannot be
        show_problem(str(error))
        return
    facts, settings = service.facts(), service.settings
    state, restarts = _state(facts), _restarts(facts, settings)
    rows = {
        _("State"): quiet(state) if facts.state == "off" else escape_markdown(state),
        _("Memory"): escape_markdown(_memory(facts)),
        _("Questions"): escape_markdown(_questions(facts)),
        _("Restarts"): quiet(restarts) if facts.last is None else escape_markdown(restarts),
    }
    facts_table(_("The model process"), rows)
    st.caption(
        _(
            "It answers the questions of Try it, Attention and Depth, and test scores, one at a time. It ends after "
            "{idle:g} s without a question (CLPS_MODEL_IDLE). It is stopped if a question takes longer than "
            "{seconds:g} s (CLPS_MODEL_SECONDS) or more memory than allowed (CLPS_MODEL_MEMORY).",
            idle=settings.idle,
            seconds=settings.seconds,
        )
    )


def _state(facts: ServiceFacts) -> str:
    if facts.state == "off":
        return _("not running; it starts with the next question")
    if facts.pid is None:
        return _("starting")
    where = _("process {pid}, started {since}", pid=facts.pid, since=ago(facts.since, time.time()))
    state = {"ready": _("ready"), "starting": _("starting"), "at work": _("answering")}[facts.state]
    return f"{state} · {where}"


def _memory(facts: ServiceFacts) -> str:
    return _("{used} of {limit}", used=memory(facts.memory), limit=memory(facts.bound))


def _questions(facts: ServiceFacts) -> str:
    waiting = _("{n} waiting (at most {most})", n=facts.waiting, most=facts.most_waiting)
    return f"{waiting} · " + ngettext("{n} answered", "{n} answered", facts.answered)


def _restarts(facts: ServiceFacts, settings: Settings) -> str:
    if facts.last is None:
        return _("none")
    return ngettext(
        "{n} time, {when}: {reason}",
        "{n} times, last {when}: {reason}",
        facts.crashes,
        when=ago(facts.last.at, time.time()),
        reason=facts.last.words(settings),
    )
