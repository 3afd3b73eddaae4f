"""Rows of data as tables. Start at preview_table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.system.table import Cell, facts_table
from clps_core.own_data.child import Told
from clps_core.words import _

__all__ = ["preview_table", "rows_table", "shortened"]

ROWS = 6
COLUMNS = 8
LONGEST = 140


def preview_table(told: Told, used: Mapping[str, str]) -> None:
    """The first rows of a source; ``used``: column -> what it is used as."""
    names = sorted(told.rows, key=lambda name: name not in used)[:COLUMNS]
    titles = [f"{name} · {used[name]}" if name in used else name for name in names]
    count = min(ROWS, *(len(told.rows[name]) for name in names))
    rows = [
        (str(at + 1), [Cell(shortened(told.rows[name][at]), quiet=name not in used) for name in names])
        for at in range(count)
    ]
    facts_table(_("The first rows"), (_("Row"), *titles), rows)


def rows_table(caption: str, titles: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> None:
    """Rows as they are kept; ``titles``: role -> what its column is called."""
    roles = [role for role in titles if rows and role in rows[0]]
    facts_table(
        caption,
        (_("Row"), *(titles[role] for role in roles)),
        [(str(at + 1), [Cell(shortened(row[role])) for role in roles]) for at, row in enumerate(rows)],
    )


def shortened(value: str | None) -> str:
    """One line that a cell can hold."""
    text = " ".join((value or "").split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
