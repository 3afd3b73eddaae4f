"""What a run's numbers rest on besides its config: versions, device, and what its weights say. No torch here.

Start at ``circumstances``. Files in a run's folder may have been put there by anybody: what is no regular file of a
sensible size says nothing.
"""

from __future__ import annotations

import json
import os
import stat
import struct
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clps_core.shown import visible
from clps_core.store import Run, Store

__all__ = ["HEADER_KEY", "circumstances", "header_facts", "signatures"]

MOST_HEADER_BYTES = 16 * 2**20
MOST_FACTS_BYTES = 64 * 2**10
HEADER_KEY = "clps"
"""As in ``training/checkpoint.py``, which needs torch."""


def circumstances(store: Store, run: Run) -> dict[str, str]:
    """Versions, machine, data and device of ``run``, as far as it has begun and they are known."""
    folder = store.run_folder(run.id)
    found = {name: value for name, value in _facts(folder / "versions.json").items() if isinstance(value, str)}
    placement = _facts(folder / "plan.json")
    found |= {name: str(placement[name]) for name in ("device", "precision", "threads") if name in placement}
    return {name: value[:200] for name, value in found.items()}


def signatures(store: Store, run: Run) -> dict[str, str]:
    """Metric -> the settings with which it was scored on the test split, such as sacrebleu's signature of a BLEU."""
    found = _facts(store.run_folder(run.id) / "signatures.json")  # as in ``training/final_score.py``, which needs torch
    return {
        name: visible(text)[:200] for name, text in found.items() if isinstance(text, str) and visible(name) == name
    }


def _facts(path: Path) -> Mapping[str, Any]:
    """What a small file of a run says; pages ask for hundreds of them at every tick."""
    try:
        now = path.lstat()
    except OSError:
        return {}
    return _read_facts(path, (now.st_ino, now.st_mtime_ns, now.st_size, now.st_mode))


@lru_cache(maxsize=4096)
def _read_facts(path: Path, _stamp: tuple[int, ...]) -> Mapping[str, Any]:
    return MappingProxyType(_object(_beginning(path, MOST_FACTS_BYTES)))


def header_facts(path: Path) -> Mapping[str, Any]:
    """The facts in the header of a checkpoint, without its tensors; empty where there are none."""
    start = _beginning(path, 8)
    size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 0 < size <= MOST_HEADER_BYTES:
        return {}
    about = _object(_beginning(path, 8 + size)[8:]).get("__metadata__")
    text = about.get(HEADER_KEY) if isinstance(about, dict) else None
    facts = _object(text.encode()).get("facts") if isinstance(text, str) else None
    return facts if isinstance(facts, dict) else {}


def _beginning(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of a regular file; nothing of a link, a pipe or what is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        try:
            return file.read(size) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        except OSError:
            return b""


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
