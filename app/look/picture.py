"""A figure as a file: SVG and PNG are made in the browser, its numbers as CSV here. Start at picture.

The browser draws what stands on the page once more, on white paper (``picture_walk.js``), with a title and a line that
says what was drawn. Nothing of that is sent before somebody asks for it: a page gets two small buttons per figure.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from app.look.assets import asset, later
from app.look.component import component
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Table", "as_csv", "figure_table_of", "file_name", "picture"]

LONGEST_NAME = 100

_BAR = component(
    "clps.picture",
    html='<div class="bar"><span class="said" role="status"></span>'
    '<button type="button" class="svg">SVG</button><button type="button" class="png">PNG</button></div>',
    css=asset("look/picture_bar.css"),
    js=later("look/picture_bar.js", "look/picture_pen.js", "look/picture_walk.js", "look/picture_file.js"),
)


class Table(NamedTuple):
    """The numbers of a figure: ``rows`` have a value for each of ``columns``."""

    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


def picture(
    of: str, *, title: str, name: Sequence[str] = (), about: str = "", numbers: Callable[[], Table] | None = None
) -> None:
    """Buttons that download the figure with key ``of``, which was drawn before.

    ``title`` stands above it and ``about`` below: run ids, layer and head, input, step. ``name``: parts of the file's
    name, by default those of the key. ``numbers`` is asked when somebody wants the CSV file; without it there is none.
    """
    stem = file_name(name or re.split(r"[._]", of))
    data = {
        "of": "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", of),
        "title": visible(title),
        "caption": visible(about),
        "name": stem,
        "words": _words(),
    }
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xxsmall"):
        _BAR(data=data, key=f"{of}.picture", width="content")
        if numbers is not None:
            st.download_button(
                "CSV",
                lambda: as_csv(numbers()),
                file_name=f"{stem}.csv",
                mime="text/csv",
                on_click="ignore",
                type="tertiary",
                key=f"{of}.csv",
                help=_("The plotted values as CSV, unrounded"),
            )


def _words() -> dict[str, str]:
    return {
        "svg": _("Download as SVG, dark on white, 16 cm wide"),
        "png": _("Download as PNG, dark on white, 16 cm wide at 300 dpi"),
        "nothing": _("Nothing has been drawn yet."),
        "failed": _("The picture could not be made: {problem}"),
    }


def file_name(parts: Sequence[str]) -> str:
    """``clps-`` and ``parts``, with nothing that a file system, a shell or a reader could take for something else."""
    words = [re.sub(r"[^\w]+", "-", part).strip("-_") for part in parts]
    return "-".join(["clps", *filter(None, words)])[:LONGEST_NAME].strip("-_")


def as_csv(table: Table) -> bytes:
    """The table as a file: numbers as exactly as Python writes them, text that no spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(name) for name in table.columns])
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> object:
    """Spreadsheets run text that begins like a formula; a leading apostrophe makes it text."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    plain = value.item() if hasattr(value, "item") else value
    return "" if plain is None or plain != plain else plain  # NaN


def figure_table_of(figure: Figure) -> Table:
    """The numbers of a plotly figure: one row per mark, or per cell of a heat map."""
    rows: list[tuple[object, ...]] = []
    for trace in figure.data:
        name = str(trace.name or "")
        if trace.type == "heatmap":
            columns, lines = _plain(trace.x), _plain(trace.y)
            for at, line in enumerate(_plain(trace.z)):
                rows.extend(
                    (
                        name,
                        columns[place] if place < len(columns) else place,
                        lines[at] if at < len(lines) else at,
                        value,
                    )
                    for place, value in enumerate(_plain(line))
                )
        else:
            rows.extend((name, x, y, None) for x, y in zip_longest(_plain(trace.x), _plain(trace.y)))
    layout: Any = figure.layout
    titles = [getattr(axis.title, "text", None) for axis in (layout.xaxis, layout.yaxis)]
    columns_said = ["series", titles[0] or "x", titles[1] or "y", "value"]
    if all(row[3] is None for row in rows):
        return Table(columns_said[:3], [row[:3] for row in rows])
    return Table(columns_said, rows)


def _plain(values: Any) -> list[Any]:
    return [] if values is None else list(values)
