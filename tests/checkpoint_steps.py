"""How far a run has saved itself. Start at latest_step."""

from __future__ import annotations

from pathlib import Path

from clps_core.training.checkpoint import latest

__all__ = ["latest_step"]


def latest_step(folder: Path) -> int | None:
    """The step from which a new attempt would go on; ``None``: from the start."""
    found = latest(folder)
    return None if found is None else found.step
