"""How a benchmark leaves its result: a dated Markdown table in ``benchmarks/results``."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """One line on where the figures were taken."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    versions = f"Python {platform.python_version()}, torch {version('torch')}"
    return f"{os.cpu_count()} x {cpu or 'CPU'}, {platform.system()}, {versions}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def table(name: str, title: str, header: Sequence[str], rows: Iterable[Sequence[object]], notes: str = "") -> str:
    """The result of ``benchmarks/<name>.py`` as a dated Markdown page."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    lines = [
        f"# {title}",
        "",
        f"{today}; {machine()}. Made by `python benchmarks/{name}.py`.",
        "",
        "| " + " | ".join(header) + " |",
        "| " + " | ".join("---" for _ in header) + " |",
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
        "",
        *([notes.strip(), ""] if notes else []),
    ]
    return "\n".join(lines)


def write_table(
    name: str, title: str, header: Sequence[str], rows: Iterable[Sequence[object]], notes: str = ""
) -> Path:
    """Write ``results/<name>.md`` and print it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.md"
    path.write_text(table(name, title, header, rows, notes), encoding="utf8")
    print(path.read_text(encoding="utf8"))
    return path
