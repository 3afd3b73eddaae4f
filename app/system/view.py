"""What the System page shows: figures, slots, queue, quotas, store, versions. Start at the four functions."""

from __future__ import annotations

import time

import streamlit as st

from app import navigation, state
from app.look.formatting import ago, compact, duration, memory
from app.look.tables import FACTS_WIDTH, facts_table, meter, quiet, word_table
from app.runs.names import STATUS_WORDS
from app.runs.timing import seconds_left
from app.services import escape_markdown, show_problem
from clps_core.jobs.desk import Desk
from clps_core.jobs.overview import Overview, Slot, versions
from clps_core.owners import short_name
from clps_core.shown import isolated
from clps_core.store import Job
from clps_core.store.records import TRAINING, ActiveJob
from clps_core.words import _, listed, ngettext, sentences

__all__ = ["figures", "quotas", "slots_and_queue", "store_and_versions"]

MOST_WAITING = 25
NO_BREAK = "\N{NO-BREAK SPACE}"


def figures(found: Overview, no_supervisor: str | None = None) -> None:
    """What is wrong, if anything, and four figures; ``no_supervisor``: why none could be started just now."""
    for problem in (no_supervisor or found.supervisor.problem, found.disk.problem):
        if problem:
            show_problem(problem)
    slots, waiting, disk, supervisor = st.columns(4)
    slots.metric(
        _("Busy slots"), _("{busy} of {slots}", busy=found.busy, slots=len(found.slots)), help=found.slots_reason
    )
    waiting.metric(_("Waiting"), len(found.waiting))
    disk.metric(
        _("Free disk space"),
        memory(found.disk.free),
        help=_(
            "of {total}. New runs start only while at least {floor} is free.",
            total=memory(found.disk.total),
            floor=memory(found.disk.floor),
        ),
    )
    supervisor.metric(_("Supervisor"), _at_work(found), help=_supervisor(found))


def _at_work(found: Overview) -> str:
    needed = bool(found.busy or found.waiting)
    if found.supervisor.pid is not None:
        return _("running") if needed else _("standby")
    return _("not running") if needed else _("not needed")


def _supervisor(found: Overview) -> str:
    one = found.supervisor
    if one.pid is None:
        text = _("It starts with the next run, and assigns slots to runs.")
    else:
        since = ago(one.since, time.time())
        text = _("Process {pid}, started {since}. It assigns slots to runs.", pid=one.pid, since=since)
    if one.starts:
        text = sentences(
            (text, ngettext("It was started {n} time here.", "It was started {n} times here.", one.starts))
        )
    return text


def slots_and_queue(found: Overview, desk: Desk) -> None:
    """Which job works where, and why the others wait."""
    if found.slots:
        st.header(_("Slots"), anchor=False)
        beside = st.columns(2, gap="large")
        for place, slot in enumerate(found.slots):
            with beside[place % 2]:
                _slot(slot, desk)
    st.header(_("Queue"), anchor=False)
    if not found.waiting:
        st.caption(_("Nothing is waiting."))
    else:
        shown = found.waiting[:MOST_WAITING]
        columns = {
            _("Place"): [str(one.place) for one in shown],
            _("Job"): [_name(one.run, desk) for one in shown],
            _("Reason for waiting"): [one.why for one in shown],
        }
        word_table(_("Waiting jobs"), columns)
        if (more := len(found.waiting) - MOST_WAITING) > 0:
            st.caption(ngettext("and {n} more", "and {n} more", more))
    jobs = [slot.run for slot in found.slots if slot.run] + [one.run for one in found.waiting]
    active = [job.id for job in jobs if job.kind == TRAINING]
    if active:
        navigation.link("runs", _("Watch them"), query={state.RUNS: state.run_ids(active)})


def _slot(slot: Slot, desk: Desk) -> None:
    """What it computes on, and its run with how far that is."""
    threads = ngettext("{n} thread", "{n} threads", slot.threads)
    place = (
        _("GPU {gpu}", gpu=slot.gpu)
        if slot.gpu is not None
        else _("CPU, {threads}", threads=threads.replace(" ", NO_BREAK))
    )
    head = f"**{slot.number + 1}** · {escape_markdown(place)}"
    if slot.run is None:
        meter(f"{head} · {quiet(_('free'))}", 0.0)
        return
    left = seconds_left(slot.run)
    done = _("{step} of {steps}", step=f"{slot.run.step:,}", steps=f"{slot.run.steps:,}")
    time_left = _("{time} left", time=duration(left))
    text = f"{done} · {time_left}" if left is not None else _("starting")
    meter(f"{head} · {escape_markdown(_name(slot.run, desk))} · {escape_markdown(text)}", slot.run.progress)


def _name(run: Job | ActiveJob, desk: Desk) -> str:
    if not desk.policy.shared:
        return run.name
    owner = _("yours") if desk.is_mine(run) else short_name(run.owner)
    return f"{isolated(run.name)} · {owner.replace(' ', NO_BREAK)}"


def quotas(desk: Desk) -> None:
    """On a shared server: what one may have and has. Nothing on a server of one person, or for a teacher."""
    if desk.person is None or not desk.policy.bound(desk.person):
        return
    st.header(_("Your quotas"), anchor=False)
    use, limits = desk.use(), desk.policy.quotas
    together, server = desk.together(), desk.policy.server
    with st.container(width=FACTS_WIDTH):
        _used(_("Waiting"), use.queued, limits.queued)
        _used(_("Running"), use.running, limits.running)
        _used(_("Stored runs"), use.runs, limits.runs)
        _used(_("Files of all runs"), use.disk, limits.disk, as_memory=True)
        if server.queued is not None:
            _used(_("Waiting, all visitors"), together.queued, server.queued)
        if server.disk is not None:
            _used(_("Files of all visitors' runs"), together.disk, server.disk, as_memory=True)
    sizes = {
        _("Steps per run"): limits.steps,
        _("Examples per step"): limits.batch_size,
        _("Executed parameters of a model"): limits.parameters,
        _("Positions of an input"): limits.length,
    }
    largest = {name: _("at most {limit}", limit=compact(limit)) for name, limit in sizes.items() if limit is not None}
    if largest:
        facts_table(_("Limits for one run"), largest)


def _used(name: str, used: int, limit: int | None, *, as_memory: bool = False) -> None:
    shown = memory if as_memory else str
    if limit is None:
        st.markdown(f"{name}: **{shown(used)}**")
        return
    text = _("{used} of {limit}", used=shown(used), limit=shown(limit))
    meter(f"{name}: **{text}**", used / limit if limit else 1.0)


def store_and_versions(found: Overview | None, desk: Desk | None) -> None:
    """What a run would get, where things are kept, and what is installed; only versions where nothing else is known."""
    if found is not None and desk is not None:
        st.header(_("What each run gets"), anchor=False)
        st.markdown(_slots_sentences(found))
        st.header(_("Store"), anchor=False)
        facts_table(_("The store"), _store_facts(found, desk))
    with st.expander(_("Versions")):
        found_versions = {
            name: escape_markdown(version) if version else quiet(_("not installed"))
            for name, version in versions().items()
        }
        facts_table(_("Versions of installed packages"), found_versions)


def _slots_sentences(found: Overview) -> str:
    slots = ngettext("{n} run at a time.", "{n} runs at a time.", len(found.slots))
    parts = [slots, found.slots_reason]
    if found.last_run is not None:
        device = {"cpu": _("the CPU")}.get(found.last_run.device or "", _("the GPU"))
        threads = ngettext("{n} thread", "{n} threads", found.last_run.threads or 1)
        parts.append(_("The newest run here used {device} with {threads}.", device=device, threads=threads))
    return sentences(part for part in parts if part)


def _store_facts(found: Overview, desk: Desk) -> dict[str, str]:
    store = found.store
    kinds = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    size = f", {memory(store.size)}" if store.size is not None else ""
    statuses = listed(f"{number} {STATUS_WORDS[name]}" for name, number in sorted(store.statuses.items()))
    facts = {
        _("Database"): f"{kinds.get(store.database, store.database)}{size}",
        _("Schema"): _("version {number}", number=store.schema_version),
        _("Runs"): statuses or _("none yet"),
    }
    if not desk.policy.bound(desk.person):  # where it lies is for who looks after the server
        facts[_("Home")] = str(store.home)
    return {name: escape_markdown(text) for name, text in facts.items()}
