"""What ``CLPS_...`` variables set for the supervisor, besides slots and threads. Start at Settings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clps_core.amounts import UNITS, seconds_in
from clps_core.errors import ConfigError
from clps_core.store.connection import sentences
from clps_core.words import _

__all__ = ["Settings", "disk_floor", "nearly_full"]

GIB = 2**30
DEFAULT_FLOOR = "1G"


@dataclass(frozen=True)
class Settings:
    """What ``CLPS_STOP_GRACE``, ``CLPS_RETRY_PAUSE`` and ``CLPS_DISK_FLOOR`` set."""

    stop_grace: float = 20.0
    """Seconds a run has to write its checkpoint after it was asked to stop."""
    retry_pause: float = 5.0
    """Seconds before a run whose process died is tried again; the second time four times as long, at most 15 min."""
    floor: int = 2**30
    """Bytes that must be free on the disk for a run to start."""

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises ``ConfigError`` where one is no number."""
        seconds = {name: seconds_in(environment, name) for name in ("CLPS_STOP_GRACE", "CLPS_RETRY_PAUSE")}
        grace, pause = seconds["CLPS_STOP_GRACE"], seconds["CLPS_RETRY_PAUSE"]
        return cls(
            cls.stop_grace if grace is None else grace,
            cls.retry_pause if pause is None else pause,
            disk_floor(environment),
        )


def disk_floor(environment: Mapping[str, str] = os.environ) -> int:
    """``CLPS_DISK_FLOOR`` in bytes (1 GiB if unset): with less free space nothing starts. ``ConfigError``."""
    text = environment.get("CLPS_DISK_FLOOR", "").strip() or DEFAULT_FLOOR
    number, unit = (text, "") if text[-1].isdecimal() else (text[:-1], text[-1].upper())
    if not number.isdecimal() or len(number) > 15 or unit not in UNITS:
        raise ConfigError(
            _("CLPS_DISK_FLOOR must be a size such as 500M or 2G. Got {got!r}. Correct it, or unset it.", got=text[:40])
        )
    return int(number) * UNITS[unit]


def nearly_full(home: Path, floor: int) -> str | None:
    """Why nothing may start, if the disk of ``home`` has less than ``floor`` bytes free. ``StoreError``: it is gone."""
    with sentences(home):
        free = shutil.disk_usage(home).free
    if free >= floor:
        return None
    return _(
        "No run starts: the disk that holds {home} has {free:.2f} GiB free, and CLPS_DISK_FLOOR requires {floor:.2f} "
        "GiB. Free some space, for example with: clps runs prune.",
        home=home,
        floor=floor / GIB,
        free=free / GIB,
    )
