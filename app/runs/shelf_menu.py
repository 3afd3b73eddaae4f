"""What keeps or removes a comparison or a run: name, pin, archive, export, deletion. Start at comparison_menu.

Every action goes through the desk; an error stands above what the page shows (``run_actions.show_refusal``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import streamlit as st

from app import state
from app.services import desk, escape_markdown
from clps_core.errors import ClpsError
from clps_core.experiment import MAX_NAME
from clps_core.jobs.carrying import comparison_file
from clps_core.jobs.desk import Desk
from clps_core.store import Comparison, Run, Store
from clps_core.words import _, ngettext

__all__ = ["comparison_menu", "forget_shown", "keeping"]

MOST_EXPORTED = 24
"""Runs of a file that is made in the dashboard's process, for one browser."""


def comparison_menu(store: Store, comparison: Comparison, *, place: str) -> None:
    """The menu of ``comparison``; ``place`` tells several menus of one page apart."""
    asked_by = desk()
    with st.popover(
        _("Menu of {comparison}", comparison=escape_markdown(comparison.name)),
        icon=":material/more_vert:",
        help=_("Rename, pin, archive, export or delete this comparison"),
        type="tertiary",
        key=f"menu.{place}.{comparison.id}",
    ):
        st.caption(_("Comparison {id}", id=comparison.id))
        if asked_by.why_not("rename", comparison):
            st.markdown(
                _("This comparison belongs to somebody else. Only its owner or a teacher may rename, pin or delete it.")
            )
            return
        keeping(comparison, asked_by, place=place)
        _export(store, comparison, place=place)
        _deletion(store, comparison, place=place)


def keeping(one: Comparison | Run, asked_by: Desk, *, place: str) -> None:
    """The name, to be changed, and the pin."""
    key = f"{place}.name.{one.id}.{zlib.crc32(one.name.encode())}"  # another name begins another field
    is_run = isinstance(one, Run)

    def renamed() -> None:
        name = st.session_state[key]
        _try(lambda: desk().rename(one.id, name) if is_run else desk().rename_comparison(one.id, name))

    st.text_input(
        _("Name"), one.name, key=key, max_chars=MAX_NAME, on_change=renamed, help=_("Press Enter to save the name.")
    )
    pinned = asked_by.pinned_here(one)

    def pin() -> None:
        _try(lambda: desk().pin(one.id, not pinned) if is_run else desk().pin_comparison(one.id, not pinned))

    st.button(
        _("Unpin from Start") if pinned else _("Pin to Start"),
        icon=":material/keep_off:" if pinned else ":material/keep:",
        key=f"{place}.pin.{one.id}",
        on_click=pin,
        help=_("Pinned comparisons stay on the Start page.") if not pinned else None,
        width="stretch",
    )
    archived = one.archived_at is not None
    works = isinstance(one, Run) and one.active

    def archive() -> None:
        _try(
            lambda: (
                desk().archive([one.id], not archived) if is_run else desk().archive_comparison(one.id, not archived)
            )
        )

    st.button(
        _("Restore from the archive") if archived else _("Archive"),
        icon=":material/unarchive:" if archived else ":material/archive:",
        key=f"{place}.archive.{one.id}",
        on_click=archive,
        disabled=works,
        help=_("Only runs that are neither waiting nor running can be archived.")
        if works
        else None
        if archived
        else _("Lists leave it out. Nothing is deleted, and it still counts towards quotas."),
        width="stretch",
    )


def _export(store: Store, comparison: Comparison, *, place: str) -> None:
    """All finished runs as one file, which is made when it is asked for."""
    runs = store.some_runs(comparison.run_ids, places=False)
    finished = [run for run in runs if run.status == "finished"]
    why = None
    if not finished:
        why = _("None of its runs is finished.")
    elif len(finished) > MOST_EXPORTED:
        command = f"clps comparisons export {comparison.id} --to {comparison.id}.zip"
        why = _("It has more than {limit} finished runs. Use: {command}", limit=MOST_EXPORTED, command=command)
    left = len(runs) - len(finished)
    note = ngettext(
        "{n} unfinished run will be skipped.", "{n} unfinished runs will be skipped.", left
    ) if left else _("With weights, curves and notes. 'clps runs import' can read it.")  # fmt: skip
    st.download_button(
        _("Export as one file"),
        lambda: comparison_file(store, finished),
        file_name=f"clps-{comparison.id}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        key=f"{place}.export.{comparison.id}",
        disabled=why is not None,
        help=why or note,
        on_click="ignore",
        width="stretch",
    )


def _deletion(store: Store, comparison: Comparison, *, place: str) -> None:
    """All of it, after a tick; not while one of its runs is running."""
    runs = store.some_runs(comparison.run_ids, places=False)
    running = sum(run.status == "running" for run in runs)
    sure = st.checkbox(
        ngettext(
            "Yes, delete its {n} run with weights and curves",
            "Yes, delete its {n} runs with weights and curves",
            len(runs),
        ),
        key=f"{place}.sure.{comparison.id}",
    )
    why = None if sure else _("Tick the box first. Deleted runs cannot be restored.")
    if running:
        why = ngettext(
            "{n} of its runs is running. Cancel it first.", "{n} of its runs are running. Cancel them first.", running
        )

    def deleted() -> None:
        _try(lambda: forget_shown(desk().delete_comparison(comparison.id)))

    st.button(
        _("Delete the comparison"),
        icon=":material/delete:",
        key=f"{place}.delete.{comparison.id}",
        on_click=deleted,
        disabled=why is not None,
        help=why,
        width="stretch",
    )


def forget_shown(run_ids: list[str]) -> None:
    """Take deleted runs out of the address and of what this session shows without one."""
    left = [run for run in st.session_state.get(state.RUNS_SEEN, ()) if run not in run_ids]
    st.session_state[state.RUNS_SEEN] = left
    if st.session_state.get(state.RUNS_LOG) in run_ids:
        st.session_state[state.RUNS_LOG] = None
    if state.RUNS in st.query_params:
        state.write(**{state.RUNS: state.run_ids(left)})


def _try(do: Callable[[], object]) -> None:
    try:
        do()
    except ClpsError as error:
        st.session_state[state.RUNS_PROBLEM] = str(error)
