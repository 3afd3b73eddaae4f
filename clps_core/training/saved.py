"""Where a run's weights lie, and which are taken where some are missing. No torch here. Start at SEARCH_ORDER."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SEARCH_ORDER", "checkpoint_path", "stamp_text", "weights_stamp"]

SEARCH_ORDER = {"best": ("best", "last", "previous"), "last": ("last", "previous", "best"), "chosen": ("best",)}
"""Asked for -> the checkpoints that may answer, the first that is there; ``chosen`` is ``best`` or nothing."""


def checkpoint_path(folder: Path, name: str) -> Path:
    """Where ``last``, ``previous``, ``best`` (or a fork's ``start``) of the run in ``folder`` lies."""
    return folder / "checkpoints" / f"{name}.safetensors"


def weights_stamp(folder: Path, which: str) -> tuple[int, int] | None:
    """What changes with the weights that answer for ``which``: time of writing (ns) and bytes; ``None``: no weights."""
    for name in SEARCH_ORDER[which]:
        try:
            facts = checkpoint_path(folder, name).stat()
        except OSError:
            continue
        return facts.st_mtime_ns, facts.st_size
    return None


def stamp_text(folder: Path, which: str) -> str | None:
    """``weights_stamp`` as the store keeps it, beside results that are of these weights."""
    stamp = weights_stamp(folder, which)
    return None if stamp is None else f"{stamp[0]}:{stamp[1]}"
