"""Add a data set: say where it is, see what its columns are taken for, correct that, keep it. Start at add_section.

What was read of a source stays in the session until another one is chosen; nothing is kept in the home before "Add".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import streamlit as st

from app import state
from app.data.media_form import medium_form
from app.data.tables import preview_table
from app.services import desk, escape_markdown, show_problem
from clps_core.errors import ClpsError
from clps_core.jobs.data_desk import DataDesk
from clps_core.limits import DATA
from clps_core.own_data import record
from clps_core.own_data.child import Told
from clps_core.own_data.columns import OPTIONAL_ROLES, ROLES
from clps_core.own_data.media import MEDIA
from clps_core.own_data.sources import FILE_KINDS, UPLOAD_ENDINGS, Source, found_source
from clps_core.own_data.told import KIND_TITLES
from clps_core.own_data.uploads import forget_upload, kept_upload
from clps_core.words import N_, Words, _

__all__ = ["add_section"]

UPLOAD, ELSEWHERE = "upload", "elsewhere"
ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16")
TOKENIZERS = (
    *("bytes", "characters", "words:5000", "bpe:1000", "bpe:2000", "bpe:8000"),
    *("wordpiece:2000", "unigram:2000"),
)
COLUMNS = Words(
    {
        "text": N_("Text"),
        "label": N_("Label"),
        "target": N_("Target text"),
        "context": N_("Context"),
        "question": N_("Question"),
        "answer": N_("Answer"),
        "start": N_("Where the answer begins"),
    }
)


@dataclass(frozen=True)
class Seen:
    """What was read of a source last, with these ``options`` of pictures or sounds: ``told``, or the ``problem``."""

    source: Source
    told: Told | None
    problem: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def add_section() -> None:
    """Draw the section; what was added is opened below."""
    here = desk().data
    st.header(_("Add your own"), anchor=False)
    if here.person is None and here.policy.shared:
        st.caption(escape_markdown(here.unknown))
        return
    with st.container(border=True):
        source = _chosen(here)
        if source is None:
            return
        seen = _looked_at(here, source)
        if seen.problem is not None:
            show_problem(seen.problem)
            return
        assert seen.told is not None
        _form(here, seen.source, seen.told, seen.options)


def _version() -> int:
    """Raised after something was added: every widget starts afresh, and the server lets go of the uploaded file."""
    return int(st.session_state.get(state.DATA_VERSION, 0))


def _chosen(here: DataDesk) -> Source | None:
    """Where the data are, as far as it is said; ``None`` and perhaps a sentence otherwise."""
    way = UPLOAD
    if here.reaches_hub:
        elsewhere = _("Local file or Hugging Face") if here.reaches_files else _("Hugging Face")
        ways = {UPLOAD: _("Upload a file"), ELSEWHERE: elsewhere}
        way = st.segmented_control(
            _("Where is your data?"), list(ways), format_func=lambda one: ways.get(one, one), default=UPLOAD,
            required=True, key=f"data.way.{_version()}",
        ) or UPLOAD  # fmt: skip
    try:
        return _uploaded() if way == UPLOAD else _elsewhere(here)
    except ClpsError as error:
        show_problem(str(error))
        return None


def _uploaded() -> Source | None:
    file = st.file_uploader(
        _("Texts: .txt, .csv, .tsv, .json, .jsonl or .parquet. Pictures or sounds: .zip"),
        type=[ending.lstrip(".") for ending in UPLOAD_ENDINGS],
        key=f"data.file.{_version()}",
        max_upload_size=DATA.upload_bytes // 10**6,
        help=_(
            "The file is read as plain data; nothing in it is executed. Pictures: a ZIP with a folder for each class. "
            "Sounds: a ZIP with a metadata.csv (file_name, transcription) or a .txt beside each sound. For larger "
            "files, use clps data add."
        ),
    )
    kept = st.session_state.get(state.DATA_UPLOAD)
    if file is None or (kept is not None and kept[0] != file.file_id):
        forget_upload(kept[1] if kept is not None else None)
        st.session_state[state.DATA_UPLOAD] = kept = None
    if file is None:
        return None
    if kept is None or not kept[1].exists():
        kept = (file.file_id, kept_upload(desk().data.home, file.name, file.getbuffer()))
        st.session_state[state.DATA_UPLOAD] = kept
    encoding, header = _more_of_file(Path(file.name).suffix.lower())
    return Source(path=kept[1], encoding=encoding, header=header, called=Path(file.name).name)


def _more_of_file(ending: str) -> tuple[str | None, bool]:
    """How the file is to be read, where that cannot be known."""
    if ending not in FILE_KINDS or ending == ".parquet":
        return None, True
    with st.popover(_("Reading options"), icon=":material/tune:"):
        encoding = st.selectbox(
            _("Encoding"), ENCODINGS, key=f"data.encoding.{_version()}", accept_new_options=True,
            help=_("The encoding of the file. CLPS Lab converts the text to UTF-8."),
        )  # fmt: skip
        header = True
        if FILE_KINDS.get(ending) == "csv":
            header = st.toggle(
                _("The first line contains the column names"), value=True, key=f"data.header.{_version()}"
            )
    return (None if encoding in (None, "utf-8") else encoding), header


def _elsewhere(here: DataDesk) -> Source | None:
    label = (
        _("A file or folder on this machine, or the name of a data set on Hugging Face")
        if here.reaches_files
        else _("The name of a data set on Hugging Face")
    )
    text = st.text_input(label, key=f"data.where.{_version()}", max_chars=400, placeholder="owner/name")
    if not text or not text.strip():
        return None
    found = found_source(text.strip(), files=here.reaches_files)
    if found.path is not None:
        encoding, header = _more_of_file(found.path.suffix.lower())
        return replace(found, encoding=encoding, header=header)
    with st.container(horizontal=True):
        config = st.text_input(_("Configuration"), key=f"data.config.{_version()}", placeholder=_("default"))
        revision = st.text_input(_("Commit or tag"), key=f"data.revision.{_version()}", placeholder=_("latest"))
        rows = st.number_input(
            _("Maximum number of rows per split"), min_value=10, value=DATA.hub_rows, step=10_000,
            key=f"data.rows.{_version()}",
        )  # fmt: skip
    return replace(found, config=config or None, revision=revision or None, rows=int(rows))


def _looked_at(here: DataDesk, source: Source) -> Seen:
    """The first rows of ``source``, read once with each choice of options."""
    seen: Seen | None = st.session_state.get(state.DATA_SEEN)
    known = seen is not None and seen.source == source
    options = st.session_state.get(state.DATA_OPTIONS, {}) if known else {}
    if seen is not None and known and seen.options == options:
        return seen
    with st.spinner(_("Reading the first rows ...")):
        try:
            seen = Seen(source, here.preview(source, options=options), options=options)
        except ClpsError as error:
            seen = Seen(source, None, str(error), options)
    st.session_state[state.DATA_SEEN] = seen
    if not known:
        st.session_state[state.DATA_OPTIONS] = {}
        st.session_state[state.DATA_READ] = st.session_state.get(state.DATA_READ, 0) + 1
    return seen


def _choose(name: str, value: object) -> None:
    """Take an option of pictures or sounds: they are looked at again with it."""
    if value is not None:
        st.session_state[state.DATA_OPTIONS] = {**st.session_state.get(state.DATA_OPTIONS, {}), name: value}


def _form(here: DataDesk, source: Source, told: Told, options: Mapping[str, Any]) -> None:
    """The guess, to be corrected, and what the data set is called."""
    key = f"{_version()}.{st.session_state.get(state.DATA_READ, 0)}"
    if told.note:
        st.info(escape_markdown(told.note), icon=":material/info:")
    if told.kind in MEDIA:
        medium_form(told, options, _choose, key=key)
        _last_fields(here, source, _Choice(told.kind, options=options), key)
        return
    kind = st.segmented_control(
        _("Use it for"),
        ["generation"] if told.running_text else list(ROLES),
        format_func=lambda one: KIND_TITLES[one] if one in ROLES else one,
        default=told.kind,
        required=True,
        key=f"data.kind.{key}",
    )
    kind = kind or told.kind
    columns = _columns(told, kind, key)
    preview_table(told, {name: COLUMNS[role] for role, name in columns.items() if name})
    _last_fields(here, source, _Choice(kind, columns), key)


@dataclass(frozen=True)
class _Choice:
    """What the data are used for: ``columns`` of texts, ``options`` of pictures or sounds."""

    kind: str
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def _last_fields(here: DataDesk, source: Source, choice: _Choice, key: str) -> None:
    """What the data set is called, its tokenizer where it has texts, and the button."""
    of_texts = choice.kind not in MEDIA
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            _("Name"), value=_free_name(here, source), max_chars=40, key=f"data.name.{key}",
            help=_("Its task is called data:NAME on the command line."), width=220,
        )  # fmt: skip
        tokenizer = _tokenizer(key) if of_texts else None
        licence = st.text_input(
            _("Licence or rights"), max_chars=200, key=f"data.licence.{key}", placeholder=_("not stated"), width=220
        )
    if here.policy.shared:
        st.caption(
            _(
                "Only you and teachers can see the data. Everybody can see runs trained on them, including some of "
                "their texts."
            )
            if of_texts
            else _(
                "Only you and teachers can see the data. Everybody can see runs trained on them, including some of "
                "their test examples."
            )
        )
    missing = [role for role, column in choice.columns.items() if not column]
    if st.button(_("Add"), type="primary", icon=":material/add:", key=f"data.add.{key}", disabled=bool(missing)):
        _add(name, source, choice, tokenizer, licence)


def _tokenizer(key: str) -> str | None:
    return st.selectbox(
        _("Tokenizer"), TOKENIZERS, index=None, placeholder=_("chosen from the texts"), accept_new_options=True,
        key=f"data.tokenizer.{key}", width=220,
        help=_("How texts become tokens. It is trained on the training split. A run may choose another one."),
    )  # fmt: skip


def _columns(told: Told, kind: str, key: str) -> dict[str, str]:
    """Role -> chosen column; empty where none is."""
    if told.running_text:
        return {"text": next(iter(told.rows))}
    names = list(told.rows)
    guessed = told.columns if told.kind == kind else {"text": told.columns.get("text", "")}
    found = {}
    with st.container(horizontal=True):
        optional = OPTIONAL_ROLES.get(kind, ())  # type: ignore[call-overload]
        for role in (*ROLES[kind], *optional):  # type: ignore[index]
            likely = names.index(guessed[role]) if guessed.get(role) in names else None
            hint = _("not given") if role in optional else _("Choose a column")
            chosen = st.selectbox(
                COLUMNS[role], names, index=likely, placeholder=hint, key=f"data.{role}.{kind}.{key}", width=260
            )
            if chosen or role not in optional:
                found[role] = chosen or ""
    return found


def _free_name(here: DataDesk, source: Source) -> str:
    stem = Path(source.called or (source.path.name if source.path else source.hub or "")).stem
    plain = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:34] or "data"
    taken = set(record.names(here.home))
    return next(one for one in [plain, *(f"{plain}-{n}" for n in range(2, 1000))] if one not in taken)


def _add(name: str, source: Source, choice: _Choice, tokenizer: str | None, licence: str) -> None:
    try:
        with st.spinner(_("Reading and storing a copy ...")):
            made = desk().data.add(
                name.strip(), source, kind=choice.kind, columns=choice.columns, options=choice.options,
                tokenizer=tokenizer or None, licence=licence.strip(),
            )  # fmt: skip
    except ClpsError as error:
        show_problem(str(error))
        return
    _start_afresh()
    state.write(**{state.DATA: made.name})
    st.rerun()


def _start_afresh() -> None:
    session = st.session_state
    kept: Sequence[object] | None = session.pop(state.DATA_UPLOAD, None)
    if kept is not None:
        forget_upload(kept[1])  # type: ignore[arg-type]
    session.pop(state.DATA_SEEN, None)
    session.pop(state.DATA_OPTIONS, None)
    session[state.DATA_VERSION] = _version() + 1
