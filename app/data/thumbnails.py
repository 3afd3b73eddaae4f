"""Small pictures with their names below them. Start at thumbnails."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

import streamlit as st

from app.look.assets import asset
from clps_core.shown import visible

__all__ = ["Thumbnail", "thumbnails", "thumbnails_html"]

ADDRESS = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")
LONGEST_NAME = 60
MOST_TOGETHER = 3


class Thumbnail(NamedTuple):
    """What a picture shows, and the picture as a PNG file in an address."""

    name: str
    address: str


def thumbnails(title: str, shown: Iterable[Thumbnail]) -> None:
    """Draw them under ``title``; the first three of the same name stand together, above it."""
    st.html(f"<style>{asset('data/thumbnails.css')}</style>{thumbnails_html(title, shown)}")


def thumbnails_html(title: str, shown: Iterable[Thumbnail]) -> str:
    """The HTML of ``thumbnails``; no name in it is markup, and nothing is loaded for it."""
    named: dict[str, list[str]] = {}
    for one in shown:
        named.setdefault(one.name, []).append(one.address)
    parts = []
    for name, addresses in named.items():
        said = escape(visible(name)[:LONGEST_NAME] or "–", quote=True)
        first = [one for one in addresses if ADDRESS.fullmatch(one)][:MOST_TOGETHER]
        pictures = "".join(f'<img src="{one}" alt="{said}">' for one in first)
        parts.append(f'<figure>{pictures}<figcaption title="{said}">{said}</figcaption></figure>')
    return f'<div class="clps-thumbnails"><p>{escape(title)}</p><div class="row">{"".join(parts)}</div></div>'
