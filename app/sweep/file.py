"""A sweep from a YAML file: uploaded, or typed. Start at sweep_file."""

from __future__ import annotations

import streamlit as st

from app.services import show_problem
from clps_core.config import MAX_YAML_BYTES
from clps_core.sweeps import Sweep, read_sweep
from clps_core.words import _

__all__ = ["sweep_file"]

FILE, TEXT, PROBLEM = "sweep.file", "sweep.text", "sweep.file_problem"
EXAMPLE = """\
name: Which learning rate, and does it depend on sharing?
data: {task: digits}
train: {steps: 120, eval_every: 20}
sweep:
  method: grid            # or random, with 'runs: 20' and ranges such as {log_uniform: [1e-4, 1e-2]}
  fields:                 # any field of the config
    optim.learning_rate: [5e-4, 2e-3, 8e-3]
    sharing.strategy: [none, all]
seeds: [0, 1]
stop: {rule: median, after: 60}
"""


def sweep_file() -> Sweep:
    """Draw the upload and the text; returns the sweep it describes. Raises ``ConfigError`` where it is none."""
    st.session_state.setdefault(TEXT, EXAMPLE)
    st.file_uploader(
        _("A sweep's YAML file"),
        type=["yaml", "yml"],
        key=FILE,
        on_change=_uploaded,
        max_upload_size=1,
        help=_("The same file as for 'clps sweep'. It is read as plain data; nothing in it is executed."),
    )
    if problem := st.session_state.pop(PROBLEM, None):
        show_problem(problem)
    text = st.text_area(
        _("What the file describes"), key=TEXT, height=280, max_chars=MAX_YAML_BYTES, persist_state="session"
    )
    return read_sweep(text or "")


def _uploaded() -> None:
    """Put the file's text where it can be read and changed; a file that holds no text changes nothing."""
    file = st.session_state[FILE]
    if file is None:
        return
    if file.size > MAX_YAML_BYTES:
        st.session_state[PROBLEM] = _(
            "a sweep's file must have at most {limit} bytes. Got {got}.", limit=MAX_YAML_BYTES, got=file.size
        )
        return
    try:
        st.session_state[TEXT] = file.getvalue().decode("utf-8")
    except UnicodeDecodeError:
        st.session_state[PROBLEM] = _("a sweep's file must be UTF-8 text. Got something else.")
