"""A small table of figures whose rows have a coloured name. Start at figure_table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from app.components.assets_folder import asset

__all__ = ["Row", "figure_table"]


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
        f'<tr><th scope="row"><i style="background:{escape(row.colour)}"></i>{escape(row.name)}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in row.cells)}</tr>"
        for row in rows
    )
    st.html(
        f"<style>{asset('figure_table.css')}</style>"
        f'<div class="clps-figures{" clps-tight" if tight else ""}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
