"""What a teacher sees of a class: the code to join, predictions for the projector, who is where. Start at room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from app import navigation, state
from app.classes.histogram import histogram, tally
from app.learn.chapter import Chapter
from app.lesson.code import server_address, shown_code, shown_link
from app.look.address_choice import address_choice
from app.look.formatting import strategy_name
from app.look.tables import word_table
from app.look.ticking import ticking
from app.runs.table import status_of
from app.services import desk, escape_markdown, page_guard, show_problem, store
from clps_core.classes import MOST_NAME, Class, Classes, Member
from clps_core.errors import ClpsError
from clps_core.learning import read_progress
from clps_core.lesson_answers import read_answers
from clps_core.lessons import lesson_id
from clps_core.words import _, ngettext

__all__ = ["VIEW", "room", "way_to_classes"]

VIEW = "class"
"""Learn's ``?view=``: a teacher's classes."""
SECONDS = 2.0
MOST_RUNS = 100
"""Of a class, that are listed."""


def may_teach() -> bool:
    """Whether who looks may open classes: a teacher of a shared server."""
    here = desk()
    return here.policy.shared and here.person is not None and here.person.teacher


def way_to_classes() -> None:
    """A button for teachers; nothing for others."""
    if may_teach():
        st.button(_("Your class"), icon=":material/co_present:", key="class.room", on_click=_shown, args=(None,))


def room(chapters: Sequence[Chapter]) -> None:
    """The class in the address, or the list of all with a form to open one."""
    st.button(
        _("All chapters and lessons"), icon=":material/arrow_back:", key="class.back",
        on_click=lambda: state.write(**{state.VIEW: None, state.CLASS: None, state.CLASS_VIEW: None}),
    )  # fmt: skip
    if not may_teach():
        shared = desk().policy.shared
        show_problem(
            _only_teachers()
            if shared
            else _("a class needs a shared server, which can tell people apart. This server is for one person.")
        )
        return
    if told := st.session_state.pop(state.CLASS_PROBLEM, None):
        show_problem(told)
    classes = Classes(store().home)
    found = classes.find(state.read_text(state.CLASS))
    if state.given(state.CLASS) and found is None:
        show_problem(_("this class does not exist any more, or never did."))
    if found is None:
        _list(classes)
    else:
        _class(found, chapters)


def _only_teachers() -> str:
    return _("Only teachers see a class. Type the teachers' code at the bottom of the side bar.")


# All classes


def _list(classes: Classes) -> None:
    with st.container(key="large_classes"):
        st.header(_("Classes"), anchor=False)
    with st.form("class.open", border=True):
        st.text_input(_("Name of the class"), key="class.opened", max_chars=MOST_NAME)
        st.form_submit_button(_("Open a class"), icon=":material/add:", type="primary", on_click=_opened)
    for one in classes.all():
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape_markdown(one.name)}** · {_written(one.code)}")
            st.button(_("Show"), icon=":material/co_present:", key=f"class.show.{one.code}", on_click=_shown,
                      args=(one.code,))  # fmt: skip


def _opened() -> None:
    try:
        if may_teach():
            _shown(Classes(store().home).open(st.session_state.get("class.opened", "")).code)
    except ClpsError as error:
        st.session_state[state.CLASS_PROBLEM] = str(error)


def _shown(code: str | None) -> None:
    state.write(**{state.VIEW: VIEW, state.CLASS: code})


def _written(code: str) -> str:
    """A code in two halves, as people read it out."""
    return f"{code[:3]}-{code[3:]}"


# One class


def _class(one: Class, chapters: Sequence[Chapter]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(key="large_class"):
            st.header(_("{name}: code {code}", name=escape_markdown(one.name), code=_written(one.code)), anchor=False)
        with st.container(horizontal=True, width="content"):
            with st.popover(_("Join"), icon=":material/qr_code_2:"):
                link = f"{server_address()}/learn?{urlencode({state.CLASS: one.code})}"
                shown_code(link)
                shown_link(link)
            _delete(one)
    views = {
        "predictions": _("Predictions"),
        "people": _("Who is where"),
        "lessons": _("Lesson answers"),
        "runs": _("Trained"),
    }
    view = address_choice("class", state.CLASS_VIEW, views, _("View"))
    draw = {"predictions": _predictions, "people": _people, "lessons": _lessons, "runs": _runs}[view]

    def pulse() -> tuple[object, ...]:
        classes = Classes(store().home)
        members = classes.members(one.code)
        return (view, classes.find(one.code), *classes.pulse(members), *(_owned(members) if view == "runs" else ()))

    @page_guard()
    def drawn() -> None:
        classes = Classes(store().home)
        if not may_teach():
            show_problem(_only_teachers())
            return
        if classes.find(one.code) is None:
            show_problem(_("this class was deleted."))
            return
        members = classes.members(one.code)
        st.caption(ngettext("{n} person has joined.", "{n} people have joined.", len(members)))
        draw(one, members, chapters)

    ticking(f"class_{view}", drawn, SECONDS, pulse)()


def _delete(one: Class) -> None:
    with st.popover(_("Delete the class"), icon=":material/delete:"):
        st.markdown(
            _(
                "Deletes the class, the names in it and the record of where its members were. Runs stay: they belong "
                "to those who trained them, and have no names."
            )
        )
        answers = st.checkbox(_("Also delete what its members answered on Learn and in lessons"), True)
        if st.button(_("Delete {name}", name=one.name), icon=":material/delete:", key="class.delete"):
            Classes(store().home).delete(one.code, answers=answers)
            _shown(None)
            st.rerun()


def _predictions(_one: Class, members: Sequence[Member], chapters: Sequence[Chapter]) -> None:
    """For the projector: no names here."""
    given = [read_progress(store().home, member.owner).predicted for member in members]
    by_key = {chapter.key: chapter for chapter in chapters}
    count = Counter(key for one in given for key in one if key in by_key)
    if "class.chapter" not in st.session_state:
        st.session_state["class.chapter"] = max(by_key, key=lambda key: count[key])
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Chapter"),
            list(by_key),
            format_func=lambda key: f"{list(by_key).index(key) + 1}. {by_key[key].title()}",
            key="class.chapter",
        )
        told = st.toggle(_("Show the right answer"), key="class.right")
    question = by_key[chosen].predict
    counts, right = tally(question, [one[chosen] for one in given if chosen in one])
    with above:
        st.subheader(escape_markdown(question.asks()), anchor=False)
        st.html(histogram(counts, right if told else None))
        if told:
            st.markdown(escape_markdown(question.why()))


def _people(_one: Class, members: Sequence[Member], chapters: Sequence[Chapter]) -> None:
    if not members:
        st.markdown(_("Nobody has joined yet."))
        return
    titles = {chapter.key: chapter.title() for chapter in chapters}
    known = [read_progress(store().home, member.owner) for member in members]
    owned = Counter(owner for owner in store().owners().values())
    word_table(
        _("Members of the class and where they are"),
        {
            _("Name"): [member.name for member in members],
            _("Chapter"): [titles.get(member.at, "–") for member in members],
            _("Predictions"): [
                _("{n} of {all}", n=sum(key in titles for key in one.predicted), all=len(titles)) for one in known
            ],
            _("Questions right"): [str(_right(one.checked, chapters)) for one in known],
            _("Jobs"): [str(owned[member.owner]) for member in members],
        },
    )


def _right(checked: object, chapters: Sequence[Chapter]) -> int:
    answers = checked if isinstance(checked, dict) else {}
    return sum(
        question.is_right(answers.get(chapter.key, {}).get(number, ""))
        for chapter in chapters
        for number, question in enumerate(chapter.checks)
    )


def _lessons(one: Class, members: Sequence[Member], _chapters: Sequence[Chapter]) -> None:
    found = {lesson_id(lesson): lesson for lesson in Classes(store().home).lessons(one.code)}
    if not found:
        st.markdown(_("Nobody has answered a lesson yet."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(_("Lesson"), list(found), format_func=lambda key: found[key].title, key="class.lesson")
        names = st.toggle(_("Show names"), key="class.names")
    answers = [(member, read_answers(store().home, member.owner).get(chosen, {})) for member in members]
    for number, step in enumerate(found[chosen].steps):
        if not step.question:
            continue
        given = [(member.name, one[number]) for member, one in answers if number in one]
        st.subheader(escape_markdown(step.question), anchor=False)
        if step.options:
            counts = Counter(answer for _name, answer in given)
            st.html(histogram([(option, counts[option]) for option in step.options]))
        if given and (names or not step.options):
            columns = {_("Answer"): [answer for _name, answer in given]}
            word_table(_("Answers"), {_("Name"): [name for name, _answer in given], **columns} if names else columns)


def _owned(members: Sequence[Member]) -> list[str]:
    """Ids of the members' jobs."""
    owners = {member.owner for member in members}
    return sorted(job for job, owner in store().owners().items() if owner in owners)


def _runs(_one: Class, members: Sequence[Member], _chapters: Sequence[Chapter]) -> None:
    name_of = {member.owner: member.name for member in members}
    runs = sorted(store().some_runs(_owned(members)), key=lambda run: -run.created_at)
    if not runs:
        st.markdown(_("Nobody in this class has trained a model yet."))
        return
    if len(runs) > MOST_RUNS:
        st.caption(_("The last {n} of {all} runs.", n=MOST_RUNS, all=len(runs)))
    runs = runs[:MOST_RUNS]
    word_table(
        _("Runs of the class"),
        {
            _("Name"): [name_of.get(run.owner, "") for run in runs],
            _("Run"): [run.name for run in runs],
            _("Sharing"): [strategy_name(run.strategy) for run in runs],
            _("State"): [status_of(run)[0] for run in runs],
        },
    )
    navigation.link("runs", _("Show these runs"), query={state.RUNS: state.run_ids(runs)})
