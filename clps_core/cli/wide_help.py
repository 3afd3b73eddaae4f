"""The help of commands in a language other than English. Start at use.

Typer measures and breaks help by characters. A Chinese one is as wide as two Latin ones, and its sentences have no
spaces to break at. And Typer's own few words are English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import typer
from rich.cells import cell_len

from clps_core.words import _

__all__ = ["use", "wrapped"]

_WIDE = "\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_NOT_FIRST = "，。、；：？！）】》」』”’…"
"""Signs that never begin a line."""
_UNITS = re.compile(rf"\s+|(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_NOT_FIRST}]*")
"""What a line may be broken between: spaces, single wide characters, other words."""


def use() -> None:
    """Let the help of every command be measured in columns from now on."""
    for one in typer.Context.__mro__:
        if usual := vars(one).get("formatter_class"):
            type.__setattr__(one, "formatter_class", _formatter(usual))


def wrapped(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` columns; a longer word has a line of its own."""
    lines, line = [], ""
    for unit in _UNITS.findall(text):
        if line and cell_len(line + unit.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += unit if line or not unit.isspace() else ""
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _formatter(usual: Any) -> Any:
    class Formatter(usual):  # type: ignore[misc]
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, _("Usage: ") if prefix is None else prefix)

        def write_heading(self, heading: str) -> None:
            super().write_heading(_typers_words().get(heading, heading))

        def write_text(self, text: str) -> None:
            indent = " " * self.current_indent
            for paragraph in text.split("\n\n"):
                for line in wrapped(paragraph, self.width - self.current_indent):
                    self.write(f"{indent}{line}\n")

        def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
            pairs = list(rows)
            first = min(max((cell_len(name) for name, _said in pairs), default=0), col_max) + col_spacing
            own = _typers_words()
            for name, said in pairs:
                text = own.get(said, said)
                for part in ("[default: ", "required]"):
                    text = text.replace(part, own[part])
                lines = wrapped(text, max(self.width - first - 2, 10))
                start = " " * self.current_indent + name
                if cell_len(name) > first - col_spacing:
                    self.write(f"{start}\n")
                    start = " " * self.current_indent
                    name = ""
                self.write(f"{start}{' ' * (first - cell_len(name))}{lines[0]}".rstrip() + "\n")
                for line in lines[1:]:
                    self.write(f"{' ' * (first + self.current_indent)}{line}\n")

    return Formatter


def _typers_words() -> dict[str, str]:
    return {
        "Options": _("Options"),
        "Commands": _("Commands"),
        "Arguments": _("Arguments"),
        "Show this message and exit.": _("Show this message and exit."),
        "[default: ": _("[default: "),
        "required]": _("required]"),
    }
