"""Which classes are confused, on Compare: of one run, of two beside each other, or their difference.

Start at confusion_section.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from app import state
from app.attention.source import weights_of
from app.confusion.figures import difference_figure, matrix_figure, short_name, told
from app.look.plotted import plotted
from app.look.tables import word_table
from app.runs.names import run_names, shortened
from app.services import desk, escape_markdown, models, show_problem, store
from clps_core.data.confusion import Confusion, as_csv
from clps_core.errors import ClpsError
from clps_core.jobs.confusion import classes_of
from clps_core.numbers import percent
from clps_core.serving import CountClasses
from clps_core.store import Run
from clps_core.words import _, ngettext

__all__ = ["confusion_section"]

SECONDS = 60.0
"""What counting may take here; the command line has more patience."""
MOST_CLASSES = 30
"""Of a matrix and a table that are shown; a file has all."""
FIRST, OTHER, SHOWN = "compare.confused", "compare.confused_other", "compare.confused_shown"
NOBODY = ""


def confusion_section(runs: Sequence[Run]) -> None:
    """Draw it for those of ``runs`` that are finished and have classes; nothing where there is none."""
    able = {
        run.id: run for run in runs if run.status == "finished" and run.facts.num_classes and not run.facts.num_queries
    }
    if not able:
        return
    st.header(_("Which classes are confused?"), anchor=False)
    one, other = _chosen(able, run_names(list(able.values())))
    found = {run.id: (run, _counted(run)) for run in (one, other) if run is not None}
    known = {run_id: (run, counts) for run_id, (run, counts) in found.items() if counts is not None}
    names = run_names([run for run, _counts in known.values()]) if known else {}
    pairs = [(names[run_id], run, counts) for run_id, (run, counts) in known.items()]
    if len(pairs) == 2 and pairs[0][2].classes == pairs[1][2].classes:
        _two(pairs)
        return
    if len(pairs) == 2:
        st.caption(_("The two runs have different classes."))
    for name, run, counts in pairs:
        places = counts.most_confused(MOST_CLASSES)
        _one(name, run, counts, places)
        _table(name, run, counts, places)


def _chosen(able: Mapping[str, Run], names: Mapping[str, str]) -> tuple[Run, Run | None]:
    """The run that is looked at, and the one beside it; the address keeps both."""
    asked = [part for part in state.read_text(state.CONFUSED).split(",") if part in able]
    first = able[asked[0]] if asked else next(iter(able.values()))
    others = {run.id: run for run in able.values() if run.task == first.task and run.id != first.id}
    usual = next((run.id for run in others.values() if run.strategy != first.strategy), NOBODY)
    second = next((part for part in asked[1:] if part in others), NOBODY) if asked else usual

    def changed() -> None:
        state.write(**{state.CONFUSED: ",".join(filter(None, (st.session_state[FIRST], st.session_state.get(OTHER))))})

    def called(run_id: str) -> str:
        return names.get(run_id) or _("no other run")

    if len(able) == 1:
        return first, None
    with st.container(horizontal=True):
        st.session_state[FIRST] = first.id
        st.selectbox(_("Run"), list(able), format_func=called, key=FIRST, on_change=changed, width=300)
        if others:
            st.session_state[OTHER] = second
            st.selectbox(
                _("Compare with"), [NOBODY, *others], format_func=called, key=OTHER, on_change=changed, width=300
            )
    return first, others.get(second)


def _counted(run: Run) -> Confusion | None:
    """What the run has kept; else a button that has it counted, and ``None``."""
    kept = classes_of(store(), run)
    if kept is not None:
        return kept
    name = escape_markdown(run.name)
    st.caption(_("{name} was scored by an earlier version, which did not save its confused classes.", name=name))
    if st.button(_("Compute on the test split"), icon=":material/grading:", key=f"compare.count.{run.id}"):
        try:
            with st.spinner(_("Scoring {name} on the test split ...", name=name)):
                return desk().count_classes(run.id, count=lambda folder: _asked(run, folder))
        except ClpsError as error:
            show_problem(str(error))
    return None


def _asked(run: Run, folder: Path) -> Confusion:
    _which, stamp = weights_of(run) or ("best", (0, 0))
    return models().ask(CountClasses(folder, stamp, seconds=SECONDS))


def _two(pairs: Sequence[tuple[str, Run, Confusion]]) -> None:
    one, other = (counts for _name, _run, counts in pairs)
    both = Confusion(0, one.classes, one.counts + other.counts)
    places = both.most_confused(MOST_CLASSES)
    ways = {"beside": _("Side by side"), "difference": _("Difference")}
    way = st.segmented_control(
        _("Show"), list(ways), format_func=ways.__getitem__, default="beside", required=True, key=SHOWN,
        label_visibility="collapsed",
    )  # fmt: skip
    if way == "difference":
        _difference(pairs, places)
    else:
        for column, (title, run, counts) in zip(st.columns(2), pairs, strict=True):
            with column:
                _one(title, run, counts, places)
    tabs = st.tabs([_("Each class of {name}", name=escape_markdown(shortened(title, 40))) for title, *_rest in pairs])
    for tab, (title, run, counts) in zip(tabs, pairs, strict=True):
        with tab:
            _table(title, run, counts, places)


def _difference(pairs: Sequence[tuple[str, Run, Confusion]], places: Sequence[int]) -> None:
    (name, run, one), (other_name, other_run, other) = pairs
    names = {"one": escape_markdown(name), "other": escape_markdown(other_name)}
    said = _(
        "Accuracy: {first} with {one}, {second} with {other}.",
        first=percent(one.accuracy), second=percent(other.accuracy), **names,
    )  # fmt: skip
    st.markdown(said)
    plotted(
        difference_figure(one, other, places),
        key="compare.confused.difference",
        alt=said,
        title=_("What {other} predicts more often than {one}", one=name, other=other_name),
        about=f"{run.id}, {other_run.id}",
    )
    st.caption(
        _(
            "In percentage points of each true class. Blue: {other} predicts it more often. Orange: less often. Blue "
            "is better on the diagonal, orange is better elsewhere.",
            **names,
        )
        + _which_classes(one, places)
    )


def _one(name: str, run: Run, one: Confusion, places: Sequence[int]) -> None:
    st.markdown(f"**{escape_markdown(name)}**")
    said = escape_markdown(told(one))
    st.markdown(said)
    plotted(
        matrix_figure(one, places),
        key=f"compare.confused.{run.id}",
        alt=told(one),
        title=_("{run}: predictions for each true class", run=name),
        about=run.id,
    )
    st.caption(
        _(
            "Test split, weights of step {step}. Each row is a true class. A stronger colour means a larger share of "
            "the row: blue for correct predictions, orange for wrong ones (scaled to the largest share of a row).",
            step=one.step,
        )
        + _which_classes(one, places)
    )


def _which_classes(one: Confusion, places: Sequence[int]) -> str:
    if len(places) == len(one.classes):
        return ""
    return " " + _(
        "Only {n} of {all} classes are shown: those of the most frequent confusions. Shares are of whole rows. The "
        "file has all classes.",
        n=len(places), all=f"{len(one.classes):,}",
    )  # fmt: skip


def _table(name: str, run: Run, one: Confusion, places: Sequence[int]) -> None:
    """Precision, recall and F1 of each class, and everything as a file."""
    figures = [one.figures[place] for place in places]
    columns = {
        _("Class"): [short_name(figure.name, 60) for figure in figures],
        _("Examples"): [f"{figure.examples:,}" for figure in figures],
        _("Precision"): [percent(figure.precision) for figure in figures],
        _("Recall"): [percent(figure.recall) for figure in figures],
        "F1": [percent(figure.f1) for figure in figures],
    }
    word_table(_("Each class of {name}", name=name), columns)
    scores = _("Accuracy {accuracy}, macro F1 {macro}.", accuracy=percent(one.accuracy), macro=percent(one.macro_f1))
    none = any(figure.precision is None or figure.recall is None for figure in figures)
    dash = " " + _("A dash: the class has no examples, or was never predicted.") if none else ""
    st.caption(scores + dash)
    st.download_button(
        ngettext("Matrix of {n} class as CSV", "Matrix of {n} classes as CSV", len(one.classes)),
        lambda: as_csv(one).encode(),
        file_name=f"clps-classes-{run.id[:8]}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"compare.confused.csv.{run.id}",
    )
