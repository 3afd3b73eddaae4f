"""Rows as a file: CSV, Parquet, JSON or LaTeX. Start at as_file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from clps_core.errors import ConfigError
from clps_core.shown import not_a_formula, visible
from clps_core.words import _, shown

__all__ = ["ENDINGS", "FORMATS", "MOST_LATEX_ROWS", "as_file"]

Row = Mapping[str, Any]
ENDINGS = {"csv": ".csv", "parquet": ".parquet", "json": ".json", "latex": ".tex"}
FORMATS = tuple(ENDINGS)
MOST_LATEX_ROWS = 500
"""A longer table is no table of a paper."""
DEVIATION = "_deviation"
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "·": r"$\cdot$", "–": "--", "±": r"$\pm$",
}  # fmt: skip


def as_file(rows: Iterable[Row], form: str) -> bytes:
    """``rows``, which have the same columns, in the format ``form`` (one of ``FORMATS``).

    CSV guards text that a spreadsheet would run as a formula with an apostrophe; the other formats have values as they
    are. LaTeX needs the package booktabs, shows four digits, and puts a column and its deviation together. Raises
    ``ConfigError`` for another format and for a LaTeX table of more than ``MOST_LATEX_ROWS`` rows.
    """
    writers: dict[str, Callable[[Sequence[Row]], bytes]] = {
        "csv": _csv,
        "parquet": _parquet,
        "json": _json,
        "latex": _latex,
    }
    if form not in writers:
        known = ", ".join(FORMATS)
        raise ConfigError(_("the format must be one of {known}. Got {got}.", known=known, got=shown(form)))
    return writers[form](list(rows))


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {name: not_a_formula(value) if isinstance(value, str) else value for name, value in row.items()}
        )
    return text.getvalue().encode()


def _json(rows: Sequence[Row]) -> bytes:
    return json.dumps(rows, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _parquet(rows: Sequence[Row]) -> bytes:
    import pyarrow as pa  # not at start: only this format needs it
    import pyarrow.parquet as pq

    columns = {}
    for name in _columns(rows):
        values = [row.get(name) for row in rows]
        columns[name] = pa.array(_of_one_kind(values))
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, compression="zstd")
    return file.getvalue()


def _of_one_kind(values: list[Any]) -> list[Any]:
    """A column of numbers and texts, such as a field that may be ``none``, becomes one of texts."""
    kinds = {
        str if isinstance(one, str) else bool if isinstance(one, bool) else float for one in values if one is not None
    }
    if len(kinds) > 1:
        return [None if one is None else str(one) for one in values]
    if any(isinstance(one, float) for one in values):
        return [None if one is None else float(one) for one in values]
    return values


def _latex(rows: Sequence[Row]) -> bytes:
    if len(rows) > MOST_LATEX_ROWS:
        raise ConfigError(
            _(
                "a LaTeX table must have at most {most} rows. Got {got}. Choose CSV, Parquet or JSON.",
                most=MOST_LATEX_ROWS,
                got=len(rows),
            )
        )
    names = _columns(rows)
    shown_names = [name for name in names if not (name.endswith(DEVIATION) and name.removesuffix(DEVIATION) in names)]
    numeric = {
        name
        for name in shown_names
        if any(row.get(name) is not None for row in rows) and not any(isinstance(row.get(name), str) for row in rows)
    }
    lines = [
        "% \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{''.join('r' if name in numeric else 'l' for name in shown_names)}}}",
        "\\toprule",
        " & ".join(_escaped(name.replace("_", " ")) for name in shown_names) + r" \\",
        "\\midrule",
        *(" & ".join(_cell(row, name) for name in shown_names) + r" \\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines).encode() + b"\n"


def _cell(row: Row, name: str) -> str:
    value, deviation = row.get(name), row.get(name + DEVIATION)
    if value is None:
        return "--"
    if isinstance(value, str):
        return _escaped(value)
    if deviation is None:
        return _number(value)
    return f"${_digits(value)} \\pm {_digits(deviation)}$"


def _number(value: Any) -> str:
    return (
        f"${_digits(value)}$"
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else _escaped(str(value))
    )


def _digits(value: float) -> str:
    if isinstance(value, int) or float(value).is_integer():
        return str(int(value))
    mantissa, _e, exponent = f"{value:.4g}".partition("e")
    return f"{mantissa} \\cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _escaped(text: str) -> str:
    """``text`` in which nothing is a command: the signs of LaTeX as text, no line of its own."""
    return "".join(_LATEX.get(sign, sign) for sign in visible(" ".join(text.split())))


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))
