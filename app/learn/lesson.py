"""A chapter on the page, from its claim to the next one. Start at lesson."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.learn.chapter import Chapter, Choice, Estimate, Question
from app.learn.progress import progress, save
from app.learn.terms import terms_of
from app.learn.ways import way_to
from app.services import escape_label, escape_markdown
from clps_core.words import _, sentences

__all__ = ["lesson"]


def lesson(chapter: Chapter, chapters: Sequence[Chapter]) -> None:
    """Draw it: the result stands below the prediction, once that is made."""
    place = chapters.index(chapter)
    way_to(None, _("All chapters"), key="learn.all", icon=":material/arrow_back:")
    with st.container(key="large_chapter"):
        st.header(f"{place + 1}. {escape_markdown(chapter.title())}", anchor=False)
    st.markdown(escape_markdown(chapter.begins()))
    if not _predicted(chapter):
        return
    st.markdown(f"**{escape_markdown(chapter.claim())}**")
    st.subheader(_("Try it"), anchor=False)
    chapter.act()
    with st.container(border=True):
        st.markdown(_("**What you see:** {text}", text=escape_markdown(chapter.seen())))
        st.markdown(_("**What this does not prove:** {text}", text=escape_markdown(chapter.open())))
    _checks(chapter)
    _terms(chapter)
    _sources(chapter)
    _onwards(chapter, chapters)


def _predicted(chapter: Chapter) -> bool:
    """The question before the result; whether it has been answered."""
    answered = progress().predicted.get(chapter.key)
    with st.container(border=True):
        st.markdown(_("**Predict first**"))
        if answered is None:
            answer = _asked(chapter.predict, f"learn.{chapter.key}.predict")
            if st.button(_("Show the answer"), type="primary", disabled=answer is None) and answer is not None:
                save(progress().with_prediction(chapter.key, answer))
                st.rerun()
            return False
        st.markdown(escape_markdown(chapter.predict.asks()))
        _told(chapter.predict, answered)
    return True


def _asked(question: Question, key: str) -> str | None:
    """The answer that is chosen now; ``None`` for none."""
    label = escape_label(question.asks())
    if isinstance(question, Estimate):
        moved = {f"{key}.moved": True}  # an untouched slider is no prediction
        share = st.slider(label, 0, 100, 50, key=key, format="%d %%", on_change=lambda: st.session_state.update(moved))
        if f"{key}.moved" in st.session_state:
            return str(share)
        st.caption(_("Move the slider to your answer. If it is 50 %, move it away and back."))
        return None
    options = question.options()
    return st.radio(label, list(options), format_func=lambda one: options.get(one, one), index=None, key=key)


def _told(question: Question, answer: str) -> None:
    said, why = escape_markdown(question.told(answer)), escape_markdown(question.why())
    if not said:
        st.markdown(why)
        return
    if not question.is_right(answer):
        verdict = sentences((_("You said: {answer}. Not quite.", answer=said), _answer_of(question)))
    elif isinstance(question, Estimate):
        verdict = _("You said: {answer}. That is near enough: at most {n} percentage points away.", answer=said,
                    n=round(100 * question.near))  # fmt: skip
    else:
        verdict = _("You said: {answer}. That is right.", answer=said)
    st.markdown(f"{_sign(question, answer)} {verdict} {why}")


def _answer_of(question: Question) -> str:
    """The right option in words; an estimate's explanation says the number."""
    if isinstance(question, Estimate):
        return ""
    return _("The answer is: {answer}.", answer=escape_markdown(question.told(question.right())).rstrip("."))


def _sign(question: Question, answer: str) -> str:
    """A mark beside the words; an icon would be read out by its name."""
    return "✓" if question.is_right(answer) else "→"


def _checks(chapter: Chapter) -> None:
    st.subheader(_("Check yourself"), anchor=False)
    for number, question in enumerate(chapter.checks):
        _check(chapter, number, question)


def _check(chapter: Chapter, number: int, question: Choice) -> None:
    """One question, with the explanation as soon as it is answered; it can be answered again."""
    key = f"learn.{chapter.key}.check.{number}"
    kept = progress().checked.get(chapter.key, {}).get(number)
    options = question.options()
    places = list(options)

    def answered() -> None:
        answer = st.session_state.get(key)
        if isinstance(answer, str) and answer in options:
            save(progress().with_check(chapter.key, number, answer))

    st.radio(
        escape_label(question.asks()),
        places,
        format_func=lambda one: options.get(one, one),
        index=places.index(kept) if kept in places else None,
        key=key,
        on_change=answered,
    )
    if kept in places:
        right = question.is_right(kept)
        mark = _("Right.") if right else sentences((_("Not quite."), _answer_of(question)))
        st.markdown(f"{_sign(question, kept)} {mark} {escape_markdown(question.why())}")


def _terms(chapter: Chapter) -> None:
    """What its words mean, as the glossary has them."""
    terms = terms_of(chapter)
    if not terms:
        return
    with st.expander(_("Terms of this chapter")):
        st.markdown("\n".join(f"* **{escape_markdown(one.title)}**: {escape_markdown(one.text)}" for one in terms))


def _sources(chapter: Chapter) -> None:
    if not chapter.sources:
        return
    with st.expander(_("Sources")):
        for one in chapter.sources:
            st.markdown(f"* [{escape_markdown(one.name)}]({one.link}): {escape_markdown(one.says())}")


def _onwards(chapter: Chapter, chapters: Sequence[Chapter]) -> None:
    following = chapters[chapters.index(chapter) + 1 :]
    with st.container(horizontal=True, vertical_alignment="center"):
        if following:
            label = _("Next: {title}", title=following[0].title())
            way_to(following[0].key, label, key="learn.next")
        if st.button(_("Start this chapter again"), icon=":material/replay:"):
            for name in [name for name in st.session_state if str(name).startswith(f"learn.{chapter.key}.")]:
                del st.session_state[name]
            save(progress().without(chapter.key))
            st.rerun()
