"""What ``CLPS_MODEL_...`` variables set for the model process. Start at Settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from clps_core.amounts import bytes_of, seconds_in
from clps_core.errors import ConfigError
from clps_core.jobs.machine import host_memory
from clps_core.words import _

__all__ = ["Settings"]

GIB = 2**30
LEAST = GIB // 2
"""Bytes: libraries alone take some 300 MiB."""
DEFAULT_LEAST, DEFAULT_MOST = GIB, 16 * GIB


@dataclass(frozen=True)
class Settings:
    """What ``CLPS_MODEL_MEMORY``, ``CLPS_MODEL_SECONDS`` and ``CLPS_MODEL_IDLE`` set."""

    memory: int
    """Bytes that the model process may hold. By default a quarter of the machine's (or container's) memory, at least
    1 and at most 16 GiB: the rest is for runs and for the dashboard itself."""
    seconds: float = 120.0
    """How long it may work on one question. Depth (20 s) and the test score (60 s) end earlier by themselves."""
    idle: float = 600.0
    """Seconds without a question after which it ends, to give its memory back."""

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises ``ConfigError`` where one cannot be."""
        seconds, idle = (seconds_in(environment, name) for name in ("CLPS_MODEL_SECONDS", "CLPS_MODEL_IDLE"))
        if seconds is not None and seconds < 1:
            raise ConfigError(
                _("CLPS_MODEL_SECONDS must be at least 1. Got {got:g}. Raise it, or unset it.", got=seconds)
            )
        return cls(
            _memory(environment), cls.seconds if seconds is None else seconds, cls.idle if idle is None else idle
        )


def _memory(environment: Mapping[str, str]) -> int:
    text = environment.get("CLPS_MODEL_MEMORY", "").strip()
    if not text:
        return min(max(host_memory().total // 4, DEFAULT_LEAST), DEFAULT_MOST)
    try:
        size = bytes_of(text, "CLPS_MODEL_MEMORY")
    except ValueError as error:
        raise ConfigError(str(error)) from error
    assert isinstance(size, int)
    if size < LEAST:
        raise ConfigError(
            _("CLPS_MODEL_MEMORY must be at least 512M. Got {got}. Raise it, or unset it.", got=text[:40])
        )
    return size
