"""The one door through which components get their data. Start at component.

Streamlit sends what JSON cannot hold as ``str(data)``: the browser then finds none of its fields, and draws nothing
without an error anywhere. Here it is an error, with its place in the data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

__all__ = ["check_payload", "component"]


def component(
    name: str, *, html: str | None = None, css: str | None = None, js: str | None = None
) -> Callable[..., Any]:
    """A component of Streamlit's, made of ``html``, ``css`` and ``js``; drawn by calling it with ``data`` and ``key``.

    Drawing raises ``TypeError`` or ``ValueError`` where the browser could not read ``data`` (see ``check_payload``).
    """
    draw = st.components.v2.component(name, html=html, css=css, js=js)

    def checked(*, data: Any, **more: Any) -> Any:
        check_payload(name, data)
        return draw(data=data, **more)

    return checked


def check_payload(name: str, data: Any) -> None:
    """Raises ``TypeError`` for what JSON has not, such as a ``Mapping`` that is no ``dict``; ``ValueError`` for NaN."""
    if isinstance(data, bytes):
        return  # goes as it is
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: data{_place(data)} cannot be sent as JSON: {error}") from error


def _place(data: Any) -> str:
    """Where in ``data`` the first thing stands that JSON has not, such as ``['words']['axes']``."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list | tuple) else ()
    for name, part in parts:
        try:
            json.dumps(part, allow_nan=False)
        except (TypeError, ValueError):
            return f"[{name!r}]{_place(part)}"
    return ""
