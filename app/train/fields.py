"""One field of a config as a widget whose key is ``train.<field>``. Start at number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

__all__ = ["choice", "number"]


def number(
    path: str,
    label: str,
    low: float,
    *,
    high: float | None = None,
    step: float = 1,
    form: str | None = None,
    note: str | None = None,
    empty: str | None = None,
) -> None:
    """A number of at least ``low``; ``empty``: what stands there while the field is not given, if it need not be."""
    given: dict[str, Any] = {} if empty is None else {"value": None}
    st.number_input(
        label,
        min_value=low,
        max_value=high,
        step=step,
        format=form,
        key=f"train.{path}",
        help=note,
        width=132,
        placeholder=empty,
        persist_state="session",
        **given,
    )


def choice(path: str, label: str, options: Mapping[Any, str], *, note: str | None = None) -> None:
    """One of ``options``: the field's value -> what it is called."""
    st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=f"train.{path}",
        required=True,
        help=note,
        persist_state="session",
    )
