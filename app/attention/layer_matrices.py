"""How similar all executed layers are: one matrix per run, and one between two. Start at layer_matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import state
from app.attention.moves_figures import layer_names, matrix_figure
from app.attention.moves_numbers import matrix_numbers
from app.attention.pictures import Shown
from app.attention.source import Question, Turned, look_of
from app.chart.run_curves import short_names
from app.look.address_choice import address_choice
from app.look.plotted import plotted
from app.look.working import let_out
from app.services import models, show_problem
from clps_core.errors import ClpsError
from clps_core.glossary import meaning
from clps_core.likeness import Likeness, Measure
from clps_core.serving import CompareLayers
from clps_core.store import Run
from clps_core.words import _, sentences

__all__ = ["layer_matrices"]

NO_TEXT = Question("")
"""CKA reads held-out examples: what is typed has no part in it."""


def layer_matrices(
    runs: Sequence[Run], question: Question, turned: Sequence[Turned], stack: str, about: Sequence[Shown]
) -> None:
    """Choose the measure, then draw every run against itself, and the first against the second."""
    names = {"cosine": _("Cosine, this input"), "cka": _("CKA, held-out examples")}
    note = meaning("cosine", meaning("cka"))
    asked_for = address_choice("attention", state.MEASURE, names, _("Compare layers by"), visible=True, help=note)
    measure: Measure = "cka" if asked_for == "cka" else "cosine"
    asked = question if measure == "cosine" else NO_TEXT
    looks = [look_of(run, asked, how) for run, how in zip(runs, turned, strict=True)]
    shown: list[Likeness | str] = []
    for place, column in enumerate(st.columns(len(runs))):
        one = looks[place]
        with column:
            wanted = CompareLayers(one.folder, one.stamp, one, None, measure, stack)
            shown.append(_matrix(wanted, [about[place], about[place]], shown))
    if len(runs) > 1:
        one, other = looks
        left, _right = st.columns(2)
        with left:
            shown.append(_matrix(CompareLayers(one.folder, one.stamp, one, other, measure, stack), about, shown))
    found = [one for one in shown if isinstance(one, Likeness)]
    if found:
        st.caption(_cosine_caption(found, len(runs)) if measure == "cosine" else _cka_caption(found))


def _matrix(asked: CompareLayers, about: Sequence[Shown], before: Sequence[Likeness | str]) -> Likeness | str:
    """One matrix, or the sentence why there is none, told once; the others stand all the same."""
    service, place = models(), st.empty()
    try:
        if service.kept_answer(asked) is None:
            place.progress(0.0, text=_("Comparing the layers ..."))
            let_out()
        found = service.ask(asked)
    except ClpsError as error:
        place.empty()
        if str(error) not in before:
            show_problem(str(error))
        return str(error)
    place.empty()
    runs = [one.run for one in about]
    between = runs[0].id != runs[1].id
    if between:
        st.caption(_("Layers of the first run (rows) against those of the second (columns)."))
    named = short_names(runs)
    names = [named[run.id] if between else _("executed layer") for run in runs]
    plotted(
        matrix_figure(found, names[0], names[1]),
        key=f"attention.matrix.{runs[0].id}.{runs[1].id}",
        alt=_said(found),
        title=_("{one} and {other}: similarity of layers", one=about[0].label, other=about[1].label)
        if between
        else _("{run}: similarity of layers", run=about[0].label),
        about=about[0].about if found.measure == "cosine" else "",
        name=("layers-alike", found.measure, *dict.fromkeys(run.id for run in runs), asked.stack),
        numbers=lambda: matrix_numbers(found),
    )
    return found


def _said(found: Likeness) -> str:
    """For those who do not see it: the least similar pair, and the most similar of different layers."""
    values = found.values.astype(float)
    if np.isnan(values).all():
        return _("Similarity of layers. No two states can be compared.")
    row, column = np.unravel_index(int(np.nanargmin(values)), values.shape)
    return _(
        "Similarity of layers, {rows} by {columns}. Least similar: {one} and {other}, {value}.",
        rows=values.shape[0],
        columns=values.shape[1],
        one=layer_names(found.rows)[row],
        other=layer_names(found.columns)[column],
        value=f"{values[row, column]:.2f}",
    )


def _cosine_caption(found: Sequence[Likeness], runs: int) -> str:
    seen = _(
        "**Seen:** the cosine between the states after two layers at the same position, averaged over the "
        "{count} positions of this one input. – is the state before the first layer. **Not proved:** that "
        "layers with a high cosine do the same. Anything that all states have in common raises the cosine.",
        count=found[0].vectors,
    )
    if runs == 1:
        return seen
    more = _(
        "In runs that were trained separately, the axes of the states mean different things, so a low "
        "cosine does not show that the runs differ. CKA does not depend on the axes."
    )
    return sentences((seen, more))


def _cka_caption(found: Sequence[Likeness]) -> str:
    return _(
        "**Seen:** linear CKA of {vectors} token states from {examples} held-out examples, corrected for "
        "the small sample (Nguyen et al. 2021). 1: both layers have the same similarities between tokens, "
        "up to a rotation and a scale. Near 0 or slightly below: they have nothing in common. – is the "
        "state before the first layer. **Not proved:** that similar layers compute the same. A few "
        "directions of large variance can decide the value.",
        vectors=found[0].vectors,
        examples=found[0].examples,
    )
