"""A small table of figures whose rows have a coloured name. Start at figure_table.

By hand, since headings explain themselves, figures in words stand right, and a narrow window shows sheets: ``st.table``
has none of these, and ``st.dataframe`` sends twice the bytes for a canvas. Facts in words are ``st.table``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from app.look.assets import asset

__all__ = ["Figure", "Row", "figure_html", "figure_table"]

MOST_NARROW = 6
"""With more columns than this, a narrow window shows each row as a small sheet instead."""


@dataclass(frozen=True)
class Figure:
    """``text``, as a pointer's ``note`` says it more exactly; ``part``: of a whole, 0 to 1, as a bar before it."""

    text: str
    note: str = ""
    part: float | None = None


@dataclass(frozen=True)
class Row:
    """``cells``: one per column after the name, as plain text or a ``Figure``; ``note`` explains the name.

    ``chosen``: the row that the page is about. ``also``: what else it is called, in small letters.
    """

    name: str
    colour: str
    cells: Sequence[str | Figure]
    note: str = ""
    chosen: bool = False
    also: str = ""


def figure_table(caption: str, columns: Sequence[tuple[str, str]], rows: Sequence[Row], *, tight: bool = False) -> None:
    """Draw the table; arguments as in ``figure_html``."""
    st.html(f"<style>{asset('look/figure_table.css')}</style>{figure_html(caption, columns, rows, tight=tight)}")


def figure_html(caption: str, columns: Sequence[tuple[str, str]], rows: Sequence[Row], *, tight: bool = False) -> str:
    """The table; ``columns`` are (title, explanation), the first one for the names. All text is escaped.

    ``tight``: for many short columns.
    """
    head = "".join(f'<th scope="col"{_note(note)}>{escape(title)}</th>' for title, note in columns)
    body = "".join(
        f'<tr{" class=chosen" if row.chosen else ""}><th scope="row"{_title(row.note)}>'
        f'<i style="background:{escape(row.colour)}"></i><bdi>{escape(row.name)}</bdi>{_also(row)}</th>'
        f"{_cells(columns, row)}</tr>"
        for row in rows
    )
    kind = " clps-tight" if tight else " clps-wide" if len(columns) > MOST_NARROW else ""
    return (
        f'<div class="clps-figures{kind}" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _also(row: Row) -> str:
    return f" <small>{escape(row.also)}</small>" if row.also else ""


def _note(note: str) -> str:
    """An explanation for a pointer, for the keyboard and for a finger."""
    return f'{_title(note)} tabindex="0" data-note="{escape(note, quote=True)}"' if note else ""


def _title(note: str) -> str:
    return f' title="{escape(note, quote=True)}"' if note else ""


def _cells(columns: Sequence[tuple[str, str]], row: Row) -> str:
    found = []
    for (title, _note), cell in zip(columns[1:], row.cells, strict=True):
        figure = cell if isinstance(cell, Figure) else Figure(cell)
        text = escape(figure.text)
        if figure.part is not None:
            width = 100 * min(1.0, max(0.0, figure.part))
            text = f'<s aria-hidden="true"><i style="width:{width:.1f}%;background:{escape(row.colour)}"></i></s>{text}'
        found.append(f'<td data-label="{escape(title, quote=True)}"{_title(figure.note)}>{text}</td>')
    return "".join(found)
