"""A small table of figures whose rows have a coloured name. Start at figure_table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from app.look.assets import asset

__all__ = ["Row", "figure_table"]

MOST_NARROW = 6
"""With more columns than this, a narrow window shows each row as a small sheet instead."""


@dataclass(frozen=True)
class Row:
    """``cells`` are plain text, one per column after the name."""

    name: str
    colour: str
    cells: Sequence[str]


def figure_table(caption: str, columns: Sequence[tuple[str, str]], rows: Sequence[Row], *, tight: bool = False) -> None:
    """Draw the table; ``columns`` are (title, explanation), the first one for the names. All text is escaped.

    ``tight``: for many short columns.
    """
    head = "".join(f'<th scope="col" title="{escape(note)}">{escape(title)}</th>' for title, note in columns)
    body = "".join(
        f'<tr><th scope="row"><i style="background:{escape(row.colour)}"></i><bdi>{escape(row.name)}</bdi></th>'
        f"{_cells(columns, row)}</tr>"
        for row in rows
    )
    kind = " clps-tight" if tight else " clps-wide" if len(columns) > MOST_NARROW else ""
    st.html(
        f"<style>{asset('look/figure_table.css')}</style>"
        f'<div class="clps-figures{kind}" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(columns: Sequence[tuple[str, str]], row: Row) -> str:
    titles = (title for title, _note in columns[1:])
    return "".join(
        f'<td data-label="{escape(title, quote=True)}">{escape(cell)}</td>'
        for title, cell in zip(titles, row.cells, strict=True)
    )
