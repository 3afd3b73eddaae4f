"""The form that makes a lesson, on Learn: its steps, its link and code, its file. Start at make."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from app import navigation, state
from app.lesson.code import MOST_QR, qr_code, server_address, shown_code, shown_link
from app.lesson.opened import start_lesson
from app.lesson.parts import parts_of
from app.lesson.shelf import MAKE
from app.services import desk, escape_markdown, show_problem, store
from clps_core import lessons
from clps_core.errors import ClpsError, ConfigError
from clps_core.lessons import Lesson, Step, address_of, from_yaml, to_token, to_yaml
from clps_core.owners import Signer
from clps_core.words import _

__all__ = ["make"]

LARGEST_FILE = 1 << 20


def make() -> None:
    """Draw it. On a shared server only teachers have it: the signature of a link says that one of them made it."""
    st.button(
        _("All chapters and lessons"), icon=":material/arrow_back:", key="make.back",
        on_click=lambda: state.write(**{state.VIEW: None}),
    )  # fmt: skip
    with st.container(key="large_make"):
        st.header(_("Make a lesson"), anchor=False)
    here = desk()
    if here.policy.shared and not (here.person is not None and here.person.teacher):
        show_problem(_("Only teachers can make lessons on this server. Ask a teacher, or use your own computer."))
        return
    st.markdown(
        _(
            "1. Bring a page into the state that your class should see, and come back here.\n2. Choose that page, or "
            "paste its address. Write a note and a question.\n3. Pass on the link or its QR code."
        )
    )
    _from_file()
    typed = _form()
    if typed != Draft():
        _result(typed)


# What is typed. Widgets forget it while another page is open, so it is kept beside them.


@dataclass(frozen=True)
class Typed:
    """One step as it is typed: ``options`` one in each line, ``hide`` and ``lock`` the names of parts."""

    address: str = ""
    note: str = ""
    question: str = ""
    options: str = ""
    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A lesson as it is typed, whatever it lacks."""

    title: str = ""
    about: str = ""
    steps: tuple[Typed, ...] = (Typed(),)

    @classmethod
    def of(cls, lesson: Lesson) -> Draft:
        """As if ``lesson`` had been typed."""
        steps = (
            Typed(one.address, one.note, one.question, "\n".join(one.options), one.hide, one.lock)
            for one in lesson.steps
        )
        return cls(lesson.title, lesson.about, tuple(steps))


def _draft() -> Draft:
    found = st.session_state.get(state.LESSON_DRAFT)
    return found if isinstance(found, Draft) else Draft()


def _fill(draft: Draft) -> None:
    """Let the form start afresh from ``draft``."""
    st.session_state[state.LESSON_DRAFT] = draft
    st.session_state[state.LESSON_VERSION] = st.session_state.get(state.LESSON_VERSION, 0) + 1


def _key(name: str, value: object) -> str:
    """The key of a widget, which begins with ``value``."""
    key = f"make.{name}.{st.session_state.get(state.LESSON_VERSION, 0)}"
    st.session_state.setdefault(key, value)
    return key


def _from_file() -> None:
    with st.popover(_("From a file"), icon=":material/upload_file:"):
        file = st.file_uploader(
            _("A lesson's file: .yaml"),
            type=["yaml", "yml"],
            key=f"make.file.{st.session_state.get(state.LESSON_VERSION, 0)}",
        )
        if file is None:
            return
        try:
            if file.size > LARGEST_FILE:
                raise ConfigError(
                    _("a lesson's file must have at most {limit:,} bytes. Got {got:,}.", limit=LARGEST_FILE,
                      got=file.size)
                )  # fmt: skip
            _fill(Draft.of(from_yaml(file.getvalue().decode("utf-8", "replace"))))
        except ClpsError as error:
            show_problem(_("this file is not a lesson: {problem}", problem=str(error)))
            return
    st.rerun()


def _form() -> Draft:
    """What is typed now."""
    draft = _draft()
    title = st.text_input(_("Title"), max_chars=lessons.MOST_TITLE, key=_key("title", draft.title))
    about = st.text_input(
        _("What it is about, in a sentence"), max_chars=lessons.MOST_ABOUT, key=_key("about", draft.about)
    )
    steps = []
    for number, one in enumerate(draft.steps):
        with st.container(border=True):
            steps.append(_step(number, one))
    typed = Draft(title, about, tuple(steps))
    st.session_state[state.LESSON_DRAFT] = typed
    with st.container(horizontal=True):
        full = len(steps) >= lessons.MOST_STEPS
        if st.button(_("Add a step"), icon=":material/add:", key="make.add", disabled=full):
            _fill(Draft(title, about, (*steps, Typed())))
            st.rerun()
        if len(steps) > 1 and st.button(_("Remove the last step"), icon=":material/remove:", key="make.remove"):
            _fill(Draft(title, about, tuple(steps[:-1])))
            st.rerun()
    return typed


def _step(number: int, draft: Typed) -> Typed:
    st.subheader(_("Step {n}", n=number + 1), anchor=False)
    key, choice = _key(f"address.{number}", draft.address), _key(f"page.{number}", None)
    visited = _visited()

    def chosen() -> None:
        if address := st.session_state.get(choice):
            st.session_state[key] = address

    left, right = st.columns([1, 2])
    left.selectbox(
        _("A page that you have opened"),
        list(visited),
        format_func=lambda one: visited.get(one, one),
        placeholder=_("choose a page") if visited else _("none yet"),
        disabled=not visited,
        key=choice,
        on_change=chosen,
        help=_("In this tab, as you left it."),
    )
    address = right.text_input(
        _("Its address"), key=key, max_chars=lessons.MOST_ADDRESS, placeholder="/design?strategy=none&strategy=all"
    )
    note = st.text_area(
        _("Note"), max_chars=lessons.MOST_NOTE, height=120, key=_key(f"note.{number}", draft.note),
        help=_("Markdown: **bold**, lists, tables, links to http and https. Pictures and HTML are not shown."),
    )  # fmt: skip
    question = st.text_input(
        _("Question"), max_chars=lessons.MOST_QUESTION, key=_key(f"question.{number}", draft.question)
    )
    options = st.text_area(
        _("Options, one per line; leave this empty for a free answer"), height=80,
        max_chars=lessons.MOST_OPTIONS * (lessons.MOST_OPTION + 1), key=_key(f"options.{number}", draft.options),
    )  # fmt: skip
    try:
        page = _page(address)
    except ConfigError as error:
        if address.strip():
            show_problem(str(error))
        return Typed(address, note, question, options, draft.hide, draft.lock)
    return Typed(address, note, question, options, *_focus(number, page, draft))


def _page(address: str) -> str:
    """The name of its page; raises ``ConfigError`` where that is none of ours."""
    if not address.strip():
        raise ConfigError(_("a step must have a page. Choose one that you have opened, or paste its address."))
    page, _query = address_of(address)
    if page not in (one.name for one in navigation.PAGES):
        raise ConfigError(_("a step must have a page of this dashboard. Got {got}. Correct its address.", got=page))
    return page


def _focus(number: int, page: str, draft: Typed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = parts_of(page)
    found = [
        column.multiselect(
            label,
            list(parts),
            format_func=lambda one: parts[one].title if one in parts else one,
            placeholder=_("nothing"),
            key=_key(f"{name}.{number}.{page}", [one for one in before if one in parts]),
        )
        for column, name, label, before in zip(
            st.columns(2), ("hide", "lock"), (_("Hide"), _("Lock")), (draft.hide, draft.lock), strict=True
        )
    ]
    st.caption(_("Hiding and locking help to focus. They protect nothing: whoever leaves the lesson sees all parts."))
    return tuple(found[0]), tuple(found[1])


def _visited() -> dict[str, str]:
    """Addresses of pages that this session has opened, the last one first -> what they are called."""
    seen = st.session_state.get(state.VISITED, {})
    titles = {one.name: one.title for one in navigation.PAGES}
    found = {}
    for page, query in reversed([*seen.items()]):
        if page in titles and dict(query).get(state.VIEW) != MAKE:
            found[f"/{page}?{urlencode(query)}" if query else f"/{page}"] = titles[page]
    return found


def _lesson(typed: Draft) -> Lesson:
    """The lesson that was typed, with its texts as they are kept; raises ``ConfigError`` with what it lacks."""
    steps = []
    for number, one in enumerate(typed.steps):
        try:
            page = _page(one.address)
        except ConfigError as error:
            raise ConfigError(_("step {n}: {problem}", n=number + 1, problem=str(error))) from None
        options = tuple(line.strip() for line in one.options.splitlines() if line.strip())
        steps.append(Step(page, address_of(one.address)[1], one.note, one.question, options, one.hide, one.lock))
    return from_yaml(to_yaml(Lesson(typed.title, tuple(steps), typed.about)))


# What comes of it


def _result(typed: Draft) -> None:
    try:
        lesson = _lesson(typed)
        token = to_token(lesson, Signer.of_home(store().home))
    except ClpsError as error:
        st.info(_("Not yet a lesson: {problem}", problem=escape_markdown(str(error))))
        return
    link = f"{server_address()}/learn?{urlencode({state.LESSON: token})}"
    st.subheader(_("The link"), anchor=False)
    code, ways = st.columns([1, 2])
    with code:
        if len(link) <= MOST_QR:
            shown_code(link)
        else:
            show_problem(
                _(
                    "the link is too long for a QR code that phones can read: at most {limit:,} characters. Got "
                    "{got:,}. Shorten the notes, or pass on the link.",
                    limit=MOST_QR,
                    got=len(link),
                )
            )
    with ways:
        shown_link(link)
        st.caption(
            _(
                "The link holds the whole lesson, signed by this server. On another server it opens, too, marked as "
                "not verified; runs that are only here are missing there."
            )
        )
        with st.container(horizontal=True):
            if st.button(_("Open the lesson"), icon=":material/school:", key="make.open", type="primary"):
                start_lesson(lesson)
            st.download_button(
                _("Save as a file"), to_yaml(lesson), "lesson.yaml", "application/yaml", icon=":material/download:"
            )
            if len(link) <= MOST_QR:
                st.download_button(
                    _("Save the QR code"), qr_code(link), "lesson.png", "image/png", icon=":material/qr_code_2:"
                )
