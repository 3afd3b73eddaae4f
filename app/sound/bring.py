"""The field for a sound: a test utterance by its number, or one that a person uploads or records. Start at sound_field.

What was brought is kept in the home for its owner (``clps_core.jobs.input_desk``), and its name goes into the address.
"""

from __future__ import annotations

import re

import streamlit as st

from app import state
from app.look.widget_value import follow_url
from app.services import desk, show_problem
from clps_core.data.kept_inputs import MOST_KEPT, removed
from clps_core.data.kept_sounds import KEPT
from clps_core.data.wav import LARGEST_WAV, LONGEST_SECONDS, SHORTEST_SECONDS
from clps_core.errors import ClpsError
from clps_core.tasks import TaskFacts
from clps_core.words import _

__all__ = ["sound_field"]

PROBLEM = "sound.problem"
"""Session key: why the sound that was just brought cannot be read."""
TOLD = "sound.told"
"""Session key: a sentence about the sound that was just brought."""
VERSION = "sound.version"
"""Session key: how often the fields for a sound were emptied."""


def sound_field(task: TaskFacts, text: str, *, key: str) -> str:
    """The fields, with what the address asks for in ``text``; gives the text of the input."""
    own = text.startswith(KEPT)
    last = max(1, task.test_size) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if own:
            st.markdown(_("**Your sound**"))
            st.button(_("Use a test utterance"), icon=":material/undo:", key=f"{key}.back", on_click=_back)
            number = text
        else:
            at = int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) and int(text) <= last else 0
            follow_url(key, at)
            st.number_input(
                _("Number of a test utterance, 0 to {last}", last=last),
                min_value=0,
                max_value=last,
                key=key,
                on_change=lambda: state.write(**{state.TEXT: str(st.session_state[key])}),
            )
            number = str(at)
        _bring()
    if problem := st.session_state.pop(PROBLEM, ""):
        show_problem(problem)
    if told := st.session_state.pop(TOLD, ""):
        st.info(told, icon=":material/info:")
    return number


def _bring() -> None:
    version = st.session_state.get(VERSION, 0)
    # A new one for each sound: one that stays open would cover what is said about the sound.
    with st.popover(_("Upload or record"), icon=":material/mic:", key=f"sound.bring.{version}"):
        st.caption(
            _(
                "A WAV file or a recording of {least} to {most} seconds. Silent ends are cut off. It is converted to "
                "8,000 samples a second and one channel, and kept on this server until newer ones of yours replace it "
                "(at most {kept}).",
                least=SHORTEST_SECONDS,
                most=LONGEST_SECONDS,
                kept=MOST_KEPT,
            )
        )
        uploaded, recorded = f"sound.file.{version}", f"sound.recording.{version}"
        st.file_uploader(
            _("A WAV file"), type=["wav"], key=uploaded, max_upload_size=LARGEST_WAV >> 20,
            on_change=lambda: _take(uploaded),
        )  # fmt: skip
        st.audio_input(_("A recording"), sample_rate=16_000, key=recorded, on_change=lambda: _take(recorded))


def _take(key: str) -> None:
    """Keep what the field ``key`` got, and let the address name it."""
    file = st.session_state.get(key)
    if file is None:
        return
    try:
        kept = desk().inputs.keep_sound(file.getvalue())
        state.write(**{state.TEXT: kept.name})
        st.session_state[TOLD] = removed(kept)
    except ClpsError as error:
        st.session_state[PROBLEM] = str(error)
    st.session_state[VERSION] = st.session_state.get(VERSION, 0) + 1


def _back() -> None:
    state.write(**{state.TEXT: "0"})
