"""All runs of the server, page by page: searched, with the columns one wants, tagged and archived. Start at all_runs.

The search and its order are done by the store (``clps_core.store.found``); the address keeps search, columns and page.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from app import navigation, state
from app.look.formatting import metric
from app.look.widget_value import widget_default
from app.runs.actions import show_refusal
from app.runs.notes import note_of
from app.runs.picker import nothing_yet
from app.services import desk, show_problem
from clps_core.errors import ClpsError
from clps_core.finding import LONGEST, Key, Where, field_keys, key_named, parse_where
from clps_core.jobs.desk import Desk
from clps_core.shown import isolated
from clps_core.store import Run, Store
from clps_core.store.found import columns_of, count_archived, find_runs
from clps_core.words import N_, Words, _, ngettext

__all__ = ["all_runs"]

PAGE_RUNS = 50
MOST_COLUMNS = 24
USUAL = ("status", "task", "strategy", "seed", "quality", "test", "parameters", "seconds", "tags", "created")
OWN = ("quality", "test")
"""Columns by each run's own metric, beside the keys of a search."""
TITLES = Words(
    {
        "status": N_("Status"),
        "task": N_("Task"),
        "strategy": N_("Sharing"),
        "seed": N_("Seed"),
        "quality": N_("Best"),
        "test": N_("Test"),
        "parameters": N_("Stored parameters"),
        "executed": N_("Executed parameters"),
        "step": N_("Step"),
        "steps": N_("Steps"),
        "seconds": N_("Seconds"),
        "cpu_seconds": N_("CPU seconds"),
        "tokens_per_second": N_("Tokens/s"),
        "tags": N_("Tags"),
        "note": N_("Note"),
        "created": N_("Queued at"),
        "finished": N_("Finished at"),
        "comparison": N_("Comparison"),
        "device": N_("Device"),
        "id": N_("Id"),
    }
)
GRAMMAR = N_(
    "Words are searched in names, ids, tasks, sharing, tags and notes. Other terms check a value: `status:finished`, "
    "`tag:paper`, `d_model>=64`, `test.accuracy>0.9`, `best.loss<1`, `created>2026-01-31`, `is:fork`. A run must "
    "match all terms. `-` negates a term, `a|b` matches either, `all*` matches words that start with all, quotes keep "
    "words together, `sort:-accuracy` sorts."
)


def all_runs(store: Store) -> None:
    """The view; it says one sentence where the search is none."""
    show_refusal()
    where, archived = _search(store)
    if where is None:
        return
    number = max(1, state.read_number(state.FOUND_PAGE, 1_000_000) or 1)
    found = find_runs(store, where, archived=archived, limit=PAGE_RUNS, offset=(number - 1) * PAGE_RUNS)
    pages = max(1, -(-found.total // PAGE_RUNS))
    if not found.runs and number > pages:  # an address of a longer list
        number = pages
        found = find_runs(store, where, archived=archived, limit=PAGE_RUNS, offset=(number - 1) * PAGE_RUNS)
    if not found.runs:
        _nothing(store, archived)
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(_counted(found.total, number), width="content")
        columns = _columns(found.runs)
    chosen = _table(store, found.runs, columns)
    _pages(pages, number)
    _actions(chosen)


def _search(store: Store) -> tuple[Where | None, bool]:
    """The field and the switch of the archive; ``None`` where what stands in it is no search."""
    asked = state.read_text(state.WHERE)

    def typed() -> None:
        state.write(**{state.WHERE: st.session_state["runs.where"].strip(), state.FOUND_PAGE: None})

    def switched() -> None:
        shows = "1" if st.session_state["runs.archived"] else None
        state.write(**{state.ARCHIVED: shows, state.FOUND_PAGE: None})

    st.text_input(
        _("Search"),
        widget_default("runs.where", asked[:LONGEST]),
        key="runs.where",
        max_chars=LONGEST,
        placeholder=_("words, status:finished, tag:paper, d_model>=64, test.accuracy>0.9 ..."),
        help=_(GRAMMAR),
        icon=":material/search:",
        on_change=typed,
    )
    archived = bool(state.read_number(state.ARCHIVED, 2))
    if archived or count_archived(store):
        st.toggle(
            _("Show archived"),
            bool(widget_default("runs.archived", archived)),
            key="runs.archived",
            on_change=switched,
            help=_("Archived runs keep their files and count towards quotas."),
        )
    try:
        return parse_where(asked), archived
    except ClpsError as error:
        show_problem(str(error))
        return None, archived


def _nothing(store: Store, archived: bool) -> None:
    if state.given(state.WHERE):
        st.info(_("No run matches.") if archived else _("No run outside the archive matches."))
    elif count_archived(store):
        st.info(_("All runs here are archived."))
    else:
        nothing_yet()


def _counted(total: int, number: int) -> str:
    first, last = (number - 1) * PAGE_RUNS + 1, min(total, number * PAGE_RUNS)
    if total <= PAGE_RUNS:
        return ngettext("{n} run", "{n} runs", total)
    return _("Runs {first} to {last} of {total}", total=f"{total:,}", first=f"{first:,}", last=f"{last:,}")


def _columns(runs: Sequence[Run]) -> list[str]:
    """The chosen columns in their order; a sentence says what in the address is none."""
    asked = [name for name in state.read_text(state.COLUMNS).split(",") if name]
    known = [name for name in dict.fromkeys(asked) if name in OWN or _is_column(name)][:MOST_COLUMNS]
    if bad := [name for name in asked if name not in OWN and not _is_column(name)]:
        message = _(
            "a column must be a search key, a config field or a metric. Got {got!r}. It is ignored.", got=bad[0][:40]
        )
        show_problem(message)
    metrics = dict.fromkeys(name for run in runs for name in run.facts.metrics)
    offered = dict.fromkeys(
        [
            *TITLES,
            *(f"{split}.{name}" for name in metrics for split in ("best", "last", "test")),
            *field_keys(),
            *known,
        ]
    )
    key = "runs.columns"

    def chosen() -> None:
        now = [name for name in st.session_state[key] if name in offered]
        state.write(**{state.COLUMNS: None if tuple(now) == USUAL else ",".join(now)})

    with st.popover(_("Columns"), icon=":material/view_column:"):
        st.multiselect(
            _("Columns"),
            list(offered),
            default=widget_default(key, known or list(USUAL)),
            format_func=_title,
            key=key,
            max_selections=MOST_COLUMNS,
            on_change=chosen,
        )
    return known or list(USUAL)


def _is_column(name: str) -> bool:
    try:
        return key_named(name).kind not in ("flag", "word")
    except ClpsError:
        return False


def _title(name: str) -> str:
    return TITLES.get(name, name)


def _table(store: Store, runs: Sequence[Run], columns: Sequence[str]) -> list[Run]:
    """The rows of this page; returns those that are chosen."""
    keys = {name: key_named(name) for name in columns if name not in OWN}
    ids = [run.id for run in runs]
    values = columns_of(store, ids, list(keys.values()))
    bests = store.bests(runs) if "quality" in columns else {}
    tests = store.final_scores(ids) if "test" in columns else {}
    data: dict[str, list[Any]] = {_("Run"): [isolated(run.name) for run in runs]}
    for name in columns:
        if name == "quality":
            data[_title(name)] = [_figure(run, bests[run.id][1]) if run.id in bests else None for run in runs]
        elif name == "test":
            scores = {one: score.values for one, score in tests.items()}
            data[_title(name)] = [_figure(run, scores.get(run.id, {}).get(run.facts.metric)) for run in runs]
        else:
            place = list(keys).index(name)
            data[_title(name)] = [_cell(keys[name], values[one][place]) for one in ids if one in values]
    shown = zlib.crc32(",".join([*ids, *columns]).encode())  # other rows begin with none chosen
    marked = st.dataframe(
        pd.DataFrame(data),
        hide_index=True,
        height="auto" if len(runs) <= 12 else 460,
        key=f"runs.table.{shown}",
        on_select="rerun",
        selection_mode="multi-row",
        alt=_("Runs: {names}", names="; ".join(run.name for run in runs[:10])),
        column_config={_("Run"): st.column_config.TextColumn(pinned=True), **_formats(keys)},
        placeholder="",
    )
    rows = marked["selection"]["rows"]
    everything = st.checkbox(_("Select all on this page"), key=f"runs.whole.{shown}")
    return list(runs) if everything else [runs[row] for row in rows if row < len(runs)]


def _formats(keys: Mapping[str, Key]) -> dict[str, Any]:
    """How whole numbers and moments are written; moments in the time of the browser."""
    zone = st.context.timezone or "UTC"
    made: dict[str, Any] = {}
    for name, key in keys.items():
        if key.kind == "moment":
            made[_title(name)] = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=zone)
        elif name in ("parameters", "executed", "tokens_per_second", "step", "steps"):
            made[_title(name)] = st.column_config.NumberColumn(format="localized")
    return made


def _figure(run: Run, value: float | None) -> str | None:
    return None if value is None else metric(run.facts.metric, value)


def _cell(key: Key, value: Any) -> Any:
    if value is None:
        return None
    if key.kind == "tag":
        return " ".join(f"#{tag}" for tag in json.loads(value))
    if key.kind == "moment":
        return datetime.fromtimestamp(float(value), UTC)
    if key.boolean:
        return bool(value)
    if key.numeric:
        return int(value) if float(value).is_integer() and key.kind != "metric" else float(value)
    return isolated(str(value)[:200])


def _pages(pages: int, number: int) -> None:
    if pages < 2:
        return

    def turned() -> None:
        wanted = int(st.session_state["runs.found_page"])
        state.write(**{state.FOUND_PAGE: None if wanted == 1 else str(wanted)})

    st.pagination(
        pages,
        default=widget_default("runs.found_page", number) or 1,
        key="runs.found_page",
        on_change=turned,
    )


def _actions(chosen: Sequence[Run]) -> None:
    """What can be done with the chosen runs."""
    if not chosen:
        st.caption(_("Select rows to open, compare, tag or archive them."))
        return
    asked_by = desk()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(ngettext("**{n} run**", "**{n} runs**", len(chosen)))
        navigation.link("runs", _("Show"), query={state.RUNS: state.run_ids(chosen)})
        navigation.link("compare", _("Compare"), query={state.RUNS: state.run_ids(chosen)})
        _tags(chosen, _why_not(asked_by, "tag", chosen))
        _archive(chosen, _why_not(asked_by, "archive", chosen))
    if len(chosen) == 1:
        note_of(chosen[0], place="all")


def _why_not(asked_by: Desk, action: Any, chosen: Sequence[Run]) -> str | None:
    return next((why for run in chosen if (why := asked_by.why_not(action, run))), None)


def _tags(chosen: Sequence[Run], why: str | None) -> None:
    theirs = dict.fromkeys(tag for run in chosen for tag in run.tags)
    key = f"runs.tags.{zlib.crc32(','.join(run.id for run in chosen).encode())}"

    def changed() -> None:
        words = st.session_state[key].split()
        add = [word.removeprefix("+").removeprefix("#") for word in words if not word.startswith("-")]
        _try(lambda: desk().tag([run.id for run in chosen], add, [word[1:] for word in words if word.startswith("-")]))
        st.session_state[key] = ""

    with st.popover(_("Tags"), icon=":material/sell:", disabled=why is not None, help=why):
        if theirs:
            st.caption(_("Current tags: {tags}", tags=", ".join(theirs)))
        st.text_input(
            _("Tags to add; write - before a tag to remove it"),
            key=key,
            max_chars=LONGEST,
            placeholder="paper -draft",
            on_change=changed,
            help=_("One word each. Press Enter to apply this to all selected runs."),
        )


def _archive(chosen: Sequence[Run], why: str | None) -> None:
    back = all(run.archived_at is not None for run in chosen)
    if why is None and not back and any(run.active for run in chosen):
        why = _("Only runs that are neither waiting nor running can be archived.")
    st.button(
        _("Restore") if back else _("Archive"),
        icon=":material/unarchive:" if back else ":material/archive:",
        key="runs.archive_chosen",
        on_click=lambda: _try(lambda: desk().archive([run.id for run in chosen], not back)),
        disabled=why is not None,
        help=why or _("Lists leave archived runs out. Nothing is deleted, and they still count towards quotas."),
    )


def _try(do: Any) -> None:
    try:
        do()
    except ClpsError as error:
        st.session_state[state.RUNS_PROBLEM] = str(error)


VIEWS: Mapping[str, str] = Words({"one": N_("One comparison"), "all": N_("All runs")})
