"""What does each layer look at? One typed input, seen through a trained run."""

import streamlit as st

from app.components.attention_answer import attention_answer
from app.components.attention_source import choose_run, inspect, nothing_to_see, runs_with_weights, typed_input
from app.components.attention_views import choose_kind, choose_view, explore, kind_sentence, same_weights, slot_sentence
from app.components.frame import header
from app.services import page_guard, store
from clps_core.words import _

TICK_SECONDS = 3.0


def page() -> None:
    header("attention")
    runs = runs_with_weights()
    if not runs:
        st.fragment(waiting, run_every=TICK_SECONDS)()
        return
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        run = choose_run(runs)
    follow = False
    if run.active:
        with right:
            follow = st.toggle(_("Follow the training"), value=True, key="attention.follow", persist_state="session")
    st.fragment(look, run_every=TICK_SECONDS if follow else None)(run.id, follow)


@page_guard()
def waiting() -> None:
    """Nothing has weights yet: say what is missing, and go on by itself when it is there."""
    if runs_with_weights():
        st.rerun()
    nothing_to_see()


@page_guard()
def look(run_id: str, follow: bool) -> None:
    """Input, answer and attention; while a run is followed, this part alone runs again and again."""
    run = store().run(run_id)
    if follow and not run.active:
        st.rerun()
    question = typed_input(run)
    with st.spinner(_("Reading the model ...")):
        answer = inspect(run, question)
    weights = (
        _(
            "Weights of the latest checkpoint: step {step} of {steps}, still training.",
            step=answer.step,
            steps=run.steps,
        )
        if run.active
        else _("Weights of step {step}.", step=answer.step)
    )
    attention_answer(answer, weights=weights, key="attention.answer")
    with st.container(horizontal=True, vertical_alignment="center"):
        view = choose_view()
        kind = choose_kind(answer) if view != "bertviz" else ""
    if view == "bertviz":
        from app.bertviz_view import bertviz_view

        bertviz_view(answer)
    else:
        st.caption(f"{kind_sentence(answer, kind)} {slot_sentence(answer.groups[kind])}")
        name = question.name(run.id, kind)
        (explore if view == "grid" else same_weights)(answer, kind, name)
    st.caption(_("Attention shows where information is read from. It is not an explanation of the prediction."))


page()
