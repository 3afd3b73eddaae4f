"""Amounts as people write them in settings: bytes and seconds. Start at bytes_of and seconds_in.

The model process reads its settings with these, so that they import no more than they need.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["UNITS", "bytes_of", "seconds_in"]

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def bytes_of(value: object, field: str) -> object:
    """``500M`` or ``4G`` as a number of bytes; what is no text is given back. Raises ``ValueError``."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([0-9]{1,12})([KMGT]?)", value.strip().upper())
    if match is None:
        raise ValueError(_("{field} must be a size such as 500M or 4G. Got {got!r}.", field=field, got=value[:40]))
    return int(match[1]) * UNITS[match[2]]


def seconds_in(environment: Mapping[str, str], name: str) -> float | None:
    """The seconds that a setting asks for; ``None`` if it is not set. Raises ``ConfigError``."""
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text):
        raise ConfigError(_("{name} must be a number of seconds, such as 5. Got {got!r}.", name=name, got=text[:40]))
    return float(text)
