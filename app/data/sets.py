"""The data sets there are, and everything about one of them. Start at sets_section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import navigation, state
from app.data.adding import COLUMNS, TOKENIZERS
from app.data.media_form import COLUMN_TITLES, player
from app.data.tables import rows_table
from app.data.thumbnails import Thumbnail, thumbnails
from app.look.formatting import memory
from app.look.tables import facts_table, word_table
from app.look.working import let_out
from app.services import desk, escape_markdown, show_problem
from clps_core.data.registry import task_samples
from clps_core.errors import ClpsError
from clps_core.jobs.data_desk import DataDesk
from clps_core.own_data import image_told, record
from clps_core.own_data.record import DataSet
from clps_core.own_data.speech import told as speech_told
from clps_core.own_data.tokenizing import parsed_tokenizer
from clps_core.own_data.told import KIND_TITLES, about, changed_since, warnings
from clps_core.owners import short_name
from clps_core.tasks import TASKS
from clps_core.words import _, ngettext

__all__ = ["sets_section", "shipped_section"]

MOST_CLASSES = 30


def sets_section() -> None:
    """All data sets that one may use, and the opened one."""
    here = desk().data
    found = here.sets()
    if problem := st.session_state.pop(state.DATA_PROBLEM, None):
        show_problem(problem)
    asked = st.query_params.get(state.DATA, "")
    if asked and asked not in {one.name for one in found}:
        show_problem(_("there is no data set {got!r} that you may use.", got=asked[:60]))
    if not found:
        return
    st.header(_("Your data sets") if not here.policy.shared else _("Data sets you may use"), anchor=False)
    for one in found:
        with st.container(border=True):
            _row(here, one, opened=one.name == asked)
            if one.name == asked:
                _details(here, one)


def _row(here: DataDesk, one: DataSet, *, opened: bool) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(width="content", gap=None):
            st.markdown(f"**{escape_markdown(one.name)}**")
            st.caption(escape_markdown(_line(here, one)))
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            navigation.link("train", _("Train on this"), query={state.SPEC: f"1;task={one.task}"})
            for other in one.tasks[1:]:
                title = _("Train with a decoder") if one.kind == "speech" else _("Train on masked text")
                navigation.link("train", title, query={state.SPEC: f"1;task={other}"})
            label = _("Close") if opened else _("Details")
            icon = ":material/expand_less:" if opened else ":material/expand_more:"
            st.button(
                label, icon=icon, key=f"data.open.{one.name}", on_click=_open, args=(None if opened else one.name,)
            )


def _line(here: DataDesk, one: DataSet) -> str:
    parts = [KIND_TITLES[one.kind], _items(one)]
    if one.classes:
        parts.append(ngettext("{n} class", "{n} classes", len(one.classes)))
    parts.append(memory(record.size_of(here.home, one.name)))
    if here.policy.shared:
        parts.append(_("yours") if here.is_mine(one) else short_name(one.owner))
        parts += [_("shared with all")] if one.shared else []
    return " · ".join(parts)


def _items(one: DataSet) -> str:
    if one.kind == "images":
        return ngettext("{n:,} picture", "{n:,} pictures", one.rows)
    if one.kind == "speech":
        return ngettext("{n:,} sound", "{n:,} sounds", one.rows)
    return ngettext("{n:,} row", "{n:,} rows", one.rows)


def _open(name: str | None) -> None:
    state.write(**{state.DATA: name})


def _details(here: DataDesk, one: DataSet) -> None:
    for sentence in (*warnings(one), changed_since(one) if here.reaches_files else ""):
        if sentence:
            st.warning(escape_markdown(sentence), icon=":material/warning:")
    tokenizer, length = _measured_with(one) if one.kind in record.KINDS else (None, None)
    place = st.empty()
    place.caption(_("Measuring ..."))
    let_out()
    try:
        if tokenizer is not None:
            here.check_use_of(one.task, tokenizer)
            parsed_tokenizer(tokenizer)
        told = about(here.home, one, tokenizer, None if length is None else int(length))
    except ClpsError as error:
        place.empty()
        show_problem(str(error))
        _management(here, one)
        return
    place.empty()
    facts = {title[:1].upper() + title[1:]: escape_markdown(text) for title, text in told.lines[1:]}
    facts_table(_("About {name}", name=one.name), facts, wide=True)
    _classes(one, told.classes)
    if one.kind == "images":
        _some_pictures(here, one)
    elif one.kind == "speech":
        _some_sounds(here, one, told.samples)
    else:
        rows_table(_("Some training rows"), COLUMNS, told.samples)
    _management(here, one)


def _some_pictures(here: DataDesk, one: DataSet) -> None:
    try:
        found = image_told.thumbnails(here.home, one)
    except ClpsError as error:
        show_problem(str(error))
        return
    thumbnails(_("Some training pictures of each class"), [Thumbnail(name, address) for name, _n, address in found])


def _some_sounds(here: DataDesk, one: DataSet, rows: Sequence[Mapping[str, str]]) -> None:
    """Some training rows, and some of them to listen to."""
    titles = {"sound": COLUMN_TITLES["sound"], "seconds": COLUMN_TITLES["seconds"], "text": COLUMN_TITLES["transcript"]}
    rows_table(_("Some training rows"), titles, rows)
    try:
        found = speech_told.sounds(here.home, one)
    except ClpsError as error:
        show_problem(str(error))
        return
    for name, text, address in found:
        st.caption(escape_markdown(f"{name}: {text}"))
        player(address)


def _measured_with(one: DataSet) -> tuple[str | None, int | None]:
    """The tokenizer and the length with which texts are measured."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        known = list(dict.fromkeys([one.tokenizer, *TOKENIZERS]))
        tokenizer = st.selectbox(
            _("Measured with the tokenizer"), known, key=f"data.measured.{one.name}", accept_new_options=True, width=220
        )
        length = st.number_input(
            _("Maximum length (tokens)"), min_value=2, value=None, step=16, key=f"data.length.{one.name}", width=150,
            placeholder=_("the data set's"),
        )  # fmt: skip
    return tokenizer, length


def _classes(one: DataSet, classes: Sequence[tuple[str, Mapping[str, int]]]) -> None:
    """How many rows of each split each class has."""
    if not classes:
        return
    shown = classes[:MOST_CLASSES]
    columns = {_("Class"): [name for name, _counts in shown]}
    columns |= {split: [f"{counts[split]:,}" for _name, counts in shown] for split in classes[0][1]}
    word_table(_("Rows of each class"), columns)
    if (more := len(one.classes) - MOST_CLASSES) > 0:
        st.caption(ngettext("and {n} more", "and {n} more", more))


def _management(here: DataDesk, one: DataSet) -> None:
    """Share it with the class, or delete it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if here.may_share:
            st.toggle(
                _("Shared with everybody here"), value=one.shared, key=f"data.share.{one.name}", on_change=_share,
                args=(one.name, not one.shared),
            )  # fmt: skip
        if here.why_not_remove(one):
            return
        with st.popover(_("Remove"), icon=":material/delete:", type="tertiary"):
            st.markdown(_("Runs trained on it keep their results but can no longer answer new inputs."))
            st.button(_("Delete the copy"), key=f"data.remove.{one.name}", on_click=_remove, args=(one.name,))


def _share(name: str, shared: bool) -> None:
    try:
        desk().data.share(name, shared)
    except ClpsError as error:
        st.session_state[state.DATA_PROBLEM] = str(error)


def _remove(name: str) -> None:
    try:
        desk().data.remove(name)
        state.write(**{state.DATA: None})
    except ClpsError as error:
        st.session_state[state.DATA_PROBLEM] = str(error)


def shipped_section() -> None:
    """The tasks that are installed, with the source and licence of their data and what a trivial answer gets."""
    st.header(_("Data sets that come with CLPS Lab"), anchor=False)
    rows = []
    for facts in TASKS.usable().values():
        words = facts.words()
        baseline = f"{words.baseline}: {facts.judged_by.shown(facts.baseline)}"
        rows.append((words.title, words.summary, baseline, words.source, words.licence))
    titles = (_("Task"), _("Description"), _("Baseline"), _("Source"), _("Licence"))
    columns = {title: [row[place] for row in rows] for place, title in enumerate(titles)}
    word_table(_("Installed tasks"), columns)
    _shipped_samples()


def _shipped_samples() -> None:
    """Some held-out examples of the task that is chosen."""
    usable = TASKS.usable()
    name = st.selectbox(
        _("Show examples of"), list(usable), index=None, format_func=lambda one: usable[one].title if one in usable
        else one, placeholder=_("choose a task"), key="data.samples", width=320,
    )  # fmt: skip
    if name is None:
        return
    facts = usable[name]
    st.caption(
        escape_markdown(
            _(
                "{title}: {n} test examples. Baseline on them ({baseline}): {value}.",
                title=facts.title,
                n=f"{facts.test_size:,}",
                baseline=facts.baseline_name,
                value=facts.judged_by.shown(facts.test_baseline),
            )
        )
    )
    titles = {"text": _("Held-out input"), "target": _("Correct answer")}
    with st.spinner(_("Reading ...")):
        rows = task_samples(name)
    titles = {role: title for role, title in titles.items() if any(role in row for row in rows)}
    rows_table(_("Some held-out examples"), titles, [{role: row.get(role, "") for role in titles} for row in rows])
