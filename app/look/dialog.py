"""A dialog whose title is put into words when it opens. Start at dialog."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec

import streamlit as st

from clps_core.words import _

__all__ = ["dialog"]

Given = ParamSpec("Given")


def dialog(
    title: str, *, width: Literal["small", "medium", "large"] = "small", on_dismiss: Callable[[], None]
) -> Callable[[Callable[Given, None]], Callable[Given, None]]:
    """As ``st.dialog``; ``title`` is a message (``N_``)."""

    def decorate(draw: Callable[Given, None]) -> Callable[Given, None]:
        @wraps(draw)
        def opened(*args: Given.args, **kwargs: Given.kwargs) -> None:
            st.dialog(_(title), width=width, on_dismiss=on_dismiss)(draw)(*args, **kwargs)

        return opened

    return decorate
