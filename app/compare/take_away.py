"""One menu with which people take away what Compare shows. Start at take_away."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from clps_core.snapshot import snapshot
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["take_away"]


def take_away(store: Store, runs: Sequence[Run]) -> None:
    """A button that opens the menu; each file is made when it is asked for, of the runs as they are then."""
    ids = [run.id for run in runs]
    with st.popover(_("Take it away"), icon=":material/download:"):
        st.download_button(
            _("Download a snapshot"),
            lambda: snapshot_now(store, ids),
            file_name="clps-snapshot.html",
            mime="text/html",
            icon=":material/html:",
            on_click="ignore",
            key="compare.snapshot",
        )
        st.caption(
            _(
                "One HTML file with curves, tables, maps and attention. It opens in any browser, without a server and "
                "without a network."
            )
        )


def snapshot_now(store: Store, ids: Sequence[str]) -> bytes:
    """The snapshot of the runs as they are now; of those that were deleted meanwhile it says so."""
    runs = store.some_runs(ids)
    return snapshot(store, runs, missing=len(ids) - len(runs))
