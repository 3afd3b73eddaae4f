"""Rows of data as tables. Start at preview_table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.look.tables import word_table
from clps_core.own_data.child import Told
from clps_core.words import _

__all__ = ["preview_table", "rows_table", "shortened"]

ROWS = 6
COLUMNS = 8
LONGEST = 140


def preview_table(told: Told, used: Mapping[str, str], *, named: bool = False) -> None:
    """The first rows of a source, used columns first; ``used``: column -> what it is used as.

    ``named``: the columns are ours, and ``used`` says what they are called.
    """
    names = sorted(told.rows, key=lambda name: name not in used)[:COLUMNS]
    titles = [(used[name] if named else f"{name} · {used[name]}") if name in used else name for name in names]
    cells = [[shortened(value) for value in told.rows[name][:ROWS]] for name in names]
    word_table(_("The first rows"), dict(zip(titles, cells, strict=True)))


def rows_table(caption: str, titles: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> None:
    """Rows as they are kept; ``titles``: role -> what its column is called."""
    roles = [role for role in titles if rows and role in rows[0]]
    word_table(caption, {titles[role]: [shortened(row[role]) for row in rows] for role in roles})


def shortened(value: str | None) -> str:
    """One line that a cell can hold."""
    text = " ".join((value or "").split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
