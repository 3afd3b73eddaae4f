"""Where the components' style sheets and scripts lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["asset"]

FOLDER = Path(__file__).parent / "assets"


def asset(name: str) -> str:
    """The text of ``assets/name``."""
    return (FOLDER / name).read_text(encoding="utf-8")
