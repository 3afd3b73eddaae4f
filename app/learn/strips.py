"""Vectors as strips: the first numbers to read, all of them as colour. Start at strips."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.look.assets import asset
from clps_core.words import ngettext

__all__ = ["READ", "Strip", "number", "strips"]

READ = 4
"""Numbers that are written out."""
MOST = 256
"""Numbers of one strip that are drawn."""
ABOVE, BELOW = "27 114 197", "195 82 13"


class Strip(NamedTuple):
    """A vector and what it is called."""

    name: str
    values: NDArray[np.float32]


def number(value: float) -> str:
    """``−0.42``: two digits, with a true minus."""
    text = f"{value:.2f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def strips(rows: Sequence[Strip]) -> None:
    """Draw ``rows`` on one scale: blue above 0, orange below, stronger where further from it."""
    largest = max((float(np.abs(one.values).max(initial=0.0)) for one in rows), default=0.0) or 1.0
    body = "".join(_html(one, largest) for one in rows)
    st.html(f'<style>{asset("learn/strips.css")}</style><div class="clps-strips"><div>{body}</div></div>')


def _html(strip: Strip, largest: float) -> str:
    size = len(strip.values)
    read = " ".join(f"{number(value):>6}" for value in strip.values[:READ].tolist())
    more = " …" if size > READ else ""
    counted = ngettext("{n} number", "{n} numbers", size)
    colours = _gradient(strip.values[:MOST] / largest)
    return (
        f'<div class="clps-strip" title="{escape(counted, quote=True)}"><b><bdi>{escape(strip.name)}</bdi></b>'
        f'<code>{escape(read)}{more}</code><i aria-hidden="true" style="background:{colours}"></i></div>'
    )


def _gradient(shares: NDArray[np.float32]) -> str:
    """One block of colour per number, -1 to 1."""
    width = 100 / max(1, len(shares))
    stops = []
    for place, share in enumerate(shares.tolist()):
        colour = f"rgb({ABOVE if share > 0 else BELOW} / {min(1.0, abs(share)):.2f})"
        stops.append(f"{colour} {place * width:.2f}% {(place + 1) * width:.2f}%")
    return f"linear-gradient(90deg,{','.join(stops)})"
