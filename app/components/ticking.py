"""Parts of a page that draw themselves again and again, without a flicker. Start at ticking."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

__all__ = ["ticking"]

Given = ParamSpec("Given")


def ticking(name: str, draw: Callable[Given, None], seconds: float | None) -> Callable[Given, None]:
    """``draw`` as a fragment that runs again every ``seconds`` (``None``: only when it is touched).

    What it drew keeps its full colour while it is drawn anew: Streamlit would fade it, which is right for
    an answer to a click and wrong for a clock. ``assets/frame.css`` knows the container by its key.
    """

    def drawn(*given: Given.args, **named: Given.kwargs) -> None:
        with st.container(key=f"live_{name}"):
            st.fragment(draw, run_every=seconds)(*given, **named)

    return drawn
