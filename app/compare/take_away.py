"""One menu with which people take away what Compare shows. Start at take_away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.snapshot.page import snapshot
from clps_core.errors import ClpsError
from clps_core.exports import ENDINGS, as_file, curve_rows, design_rows, differences_yaml, run_rows
from clps_core.exports.differences import configs_yaml
from clps_core.exports.writing import MOST_LATEX_ROWS
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["file_now", "take_away"]

MIME = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "latex": "text/x-tex",
}
TABLES = {"runs": run_rows, "designs": design_rows, "curves": curve_rows}


def take_away(store: Store, runs: Sequence[Run]) -> None:
    """A button that opens the menu; a file is made when it is asked for, of the runs as they are then."""
    ids = [run.id for run in runs]
    with st.popover(_("Export"), icon=":material/download:"):
        what = st.selectbox(
            _("Content"), list(_titles()), format_func=lambda one: _titles().get(one, one), key="compare.take"
        )
        st.caption(_about(what))
        form = _form(what)
        ending, mime = (".html", "text/html") if what == "snapshot" else (".yaml", "application/yaml")
        if form is not None:
            ending, mime = ENDINGS[form], MIME[form]
        st.download_button(
            _("Download a snapshot") if what == "snapshot" else _("Download"),
            _made(store, ids, what, form),
            file_name=f"clps-{what}{ending}",
            mime=mime,
            icon=":material/download:",
            on_click="ignore",
            key=f"compare.take.{what}.{form}",
        )


def file_now(store: Store, ids: Sequence[str], what: str, form: str | None = None) -> bytes:
    """The file of the runs as they are now; a snapshot says how many were deleted meanwhile."""
    runs = store.some_runs(ids)
    if what == "snapshot":
        title, note = _comparison_of(store, runs)
        return snapshot(store, runs, title=title, note=note, missing=len(ids) - len(runs)).encode()
    if what in TABLES:
        return as_file(TABLES[what](store, runs), form or "csv")
    return (configs_yaml(runs) if what == "configs" else differences_yaml(runs)).encode()


def _comparison_of(store: Store, runs: Sequence[Run]) -> tuple[str, str | None]:
    """Name and note of the comparison whose runs these are, all of them; nothing of another choice."""
    ids = {run.id for run in runs}
    whole = next((one for one in store.comparisons() if set(one.run_ids) == ids), None)
    return (whole.name, whole.notes) if whole else ("", None)


def _made(store: Store, ids: Sequence[str], what: str, form: str | None) -> Callable[[], bytes]:
    def make() -> bytes:
        try:
            return file_now(store, ids, what, form)
        except ClpsError as error:  # a download cannot be taken back, and a sentence in it is read
            return f"{error}\n".encode()

    return make


def _form(what: str) -> str | None:
    """The format of a table; curves are none for a paper."""
    if what not in TABLES:
        return None
    forms = {"csv": "CSV", "parquet": "Parquet", "json": "JSON", "latex": "LaTeX"}
    if what == "curves":
        del forms["latex"]
    chosen = st.segmented_control(
        _("Format"),
        list(forms),
        default="csv",
        required=True,
        format_func=lambda one: forms.get(one, one),
        key=f"compare.take.form.{what}",
    )
    return chosen or "csv"


def _titles() -> dict[str, str]:
    return {
        "snapshot": _("Snapshot: one HTML file"),
        "designs": _("Table of designs"),
        "runs": _("Table of runs"),
        "curves": _("Curves, all points"),
        "configs": _("Configs as YAML"),
        "differences": _("Differences as YAML"),
    }


def _about(what: str) -> str:
    return {
        "snapshot": _("Curves, tables, maps and attention. Opens in any browser, without a server or network."),
        "designs": _("One row per design, with mean and standard deviation over its runs."),
        "runs": _("One row per run, unrounded. LaTeX has at most {n} rows.", n=MOST_LATEX_ROWS),
        "curves": _("One row per point: run, split, metric, step, value, seconds, tokens, FLOPs."),
        "configs": _("The full config of each run. Each config can be used alone with clps train --config."),
        "differences": _("The fields that differ between runs, with each run's value."),
    }[what]
