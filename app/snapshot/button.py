"""The button that takes the chosen runs home as one file. Start at snapshot_button."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from app.snapshot.page import MOST_RUNS, snapshot
from clps_core.errors import ClpsError
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["snapshot_button"]


def snapshot_button(store: Store, runs: Sequence[Run]) -> None:
    """Made when it is asked for. With the name and note of the comparison whose runs these are."""
    many = len(runs) > MOST_RUNS
    st.download_button(
        _("Take a snapshot"),
        lambda: _made(store, [run.id for run in runs]),
        file_name="clps-snapshot.html",
        mime="text/html",
        icon=":material/photo_camera:",
        on_click="ignore",
        disabled=many,
        help=_("One HTML file of all this: curves, tables, maps, attention, notes, configs. It works without a server.")
        if not many
        else _("A snapshot holds at most {most} runs. Choose fewer.", most=MOST_RUNS),
    )


def _made(store: Store, ids: Sequence[str]) -> bytes:
    runs = store.some_runs(ids)
    names = {run.comparison_id for run in runs}
    whole = next((one for one in store.comparisons() if names == {one.id} and set(one.run_ids) == set(ids)), None)
    title, note = (whole.name, whole.notes) if whole else ("", None)
    try:
        return snapshot(store, runs, title=title, note=note).encode()
    except ClpsError as error:  # they were deleted meanwhile
        return f'<!doctype html><meta charset="utf-8"><p>{escape(str(error))}</p>'.encode()
