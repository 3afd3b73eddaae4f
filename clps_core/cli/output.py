"""What the command line prints: JSON, tables, sentences. Results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from clps_core.shown import json_escaped, visible
from clps_core.words import _

__all__ = [
    "amount",
    "duration",
    "print_error",
    "print_json",
    "print_lines",
    "print_pairs",
    "print_table",
    "say",
    "size",
]


def print_json(data: object) -> None:
    """``data`` as JSON on stdout; numbers that are not finite become null, as JSON has none."""
    sys.stdout.write(json_escaped(json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)) + "\n")


def print_lines(*lines: str) -> None:
    """Plain text on stdout; control characters that could drive a terminal are shown, not sent."""
    for line in lines:
        sys.stdout.write(_harmless(line) + "\n")


def say(text: str) -> None:
    """A remark for the person at the terminal, on stderr."""
    sys.stderr.write(_harmless(text) + "\n")


def print_error(text: str) -> None:
    """``error: ...`` on stderr."""
    say(_("error: {text}", text=text))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    left: int = 1,
    spare: Sequence[str] = (),
) -> None:
    """A table on stdout: the first ``left`` columns to the left, the others (figures) to the right.

    The first column is never broken, so that an id can be copied, unless it takes more than half of the width.
    ``spare``: columns that are left out, in this order, where the terminal is too narrow for all.
    """
    # Without a terminal there is no width to fit into, and a script wants whole lines.
    console = Console(soft_wrap=False, emoji=False, width=None if _to_terminal() else 200)
    cells = [[_harmless(str(value)) for value in row] for row in rows]
    kept = list(range(len(columns)))
    table = _table(columns, cells, kept, title, left, console.width)
    for name in spare:
        if Measurement.get(console, console.options.update(max_width=10_000), table).minimum <= console.width:
            break
        kept.remove(columns.index(name))
        table = _table(columns, cells, kept, title, left, console.width)
    console.print(table)
    if len(kept) < len(columns):
        missing = ", ".join(name for place, name in enumerate(columns) if place not in kept)
        say(_("The terminal is too narrow for these columns: {columns}. --json shows all.", columns=missing))


def _table(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    kept: Sequence[int],
    title: str | None,
    left: int,
    width: int,
) -> Table:
    table = Table(
        title=escape(_harmless(title)) if title else None, title_justify="left", header_style="bold", expand=False
    )
    for place in kept:
        longest = max([cell_len(columns[place]), *(cell_len(row[place]) for row in cells)])
        whole = place == 0 and longest <= width // 2
        table.add_column(
            escape(_harmless(columns[place])),
            justify="left" if place < left else "right",
            overflow="fold",
            no_wrap=whole,
            min_width=longest if whole else None,
        )
    for row in cells:
        table.add_row(*(escape(row[place]) for place in kept))
    return table


def _to_terminal() -> bool:
    return sys.stdout.isatty()


def print_pairs(pairs: Iterable[tuple[str, str | Text]]) -> None:
    """Names and what they say in two columns on stdout; long text is wrapped under itself."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(escape(_harmless(name)), value if isinstance(value, Text) else escape(_harmless(value)))
    Console(emoji=False, width=None if _to_terminal() else 120).print(grid)


def amount(number: int) -> str:
    """1.23M: a count of parameters or operations in three figures."""
    value = float(number)
    for unit in ("", "k", "M", "G", "T"):
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}P"


def size(number: int) -> str:
    """1.5 MiB."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1023.5:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def duration(seconds: float | None) -> str:
    """3m 05s."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m {rest:02d}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"


def _harmless(text: str) -> str:
    """``text`` with what could drive the terminal, or reorder or hide a part of the line, as codes."""
    return visible(text, keep="\n\t")


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if data == data and abs(data) != float("inf") else None
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return data
