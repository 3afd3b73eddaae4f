"""What a page says while somebody waits, before the wait begins. Start at opening and let_out."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

__all__ = ["let_out", "opening"]

SECONDS = 0.03
"""Streamlit's server collects messages for 10 ms, on another thread than the page's."""


@contextmanager
def opening(sentence: str, *modules: str) -> Iterator[None]:
    """Import ``modules``, then run the body, under ``sentence``; without it where all of them are there already.

    On a busy machine the first visitor of a page waits many seconds for imports alone.
    """
    # Also where nothing is said: one element more or less, and the browser would build anew all that stands below.
    place = st.empty()
    if all(name in sys.modules for name in modules):
        yield
        return
    place.caption(sentence)
    let_out()
    try:
        for name in modules:
            importlib.import_module(name)
        yield
    finally:
        place.empty()


def let_out() -> None:
    """Give the server a moment to send what the page has said, before work that holds Python for long."""
    time.sleep(SECONDS)
