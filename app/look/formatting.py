"""Numbers and times as people read them: 1.2M, 3m 05s, 12.3 ppl. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from clps_core.metrics import metric_named
from clps_core.numbers import NOTHING, compact, percent, speed, three_digits
from clps_core.words import _, ngettext

__all__ = [
    "ago",
    "compact",
    "date_time",
    "duration",
    "exact",
    "memory",
    "metric",
    "percent",
    "speed",
    "strategy_name",
    "times",
]


def exact(number: int | None) -> str:
    """Every digit, in groups of three: 1,234,567."""
    return NOTHING if number is None else f"{number:,}"


def memory(size: float | None) -> str:
    """Bytes in decimal units: 512 B, 1.23 MB, 45.6 GB."""
    if size is None:
        return NOTHING
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(size) >= limit * 0.9995:
            return f"{three_digits(size / limit)} {unit}"
    return f"{size:.0f} B"


def times(ratio: float | None) -> str:
    """How many times as much: 3.97x with a real multiplication sign."""
    return NOTHING if ratio is None else f"{three_digits(ratio)}×"


def duration(seconds: float | None) -> str:
    """0.4s, 12s, 3m 05s, 2h 07m, 3d 04h."""
    if seconds is None:
        return NOTHING
    if seconds < 0.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def metric(name: str, value: float | None) -> str:
    """A metric's value in its own unit: accuracies in percent, perplexity as ppl, the rest plainly."""
    return metric_named(name).shown(value)


def date_time(epoch_seconds: float | None, zone: tzinfo | None = None) -> str:
    """2026-11-21 14:05, in ``zone`` (UTC if not given)."""
    if epoch_seconds is None:
        return NOTHING
    return datetime.fromtimestamp(epoch_seconds, zone or UTC).strftime("%Y-%m-%d %H:%M")


def ago(epoch_seconds: float | None, now: float) -> str:
    """How long before ``now`` (both UTC epoch seconds) something was, in one unit."""
    if epoch_seconds is None:
        return NOTHING
    seconds = max(0, int(now - epoch_seconds))
    if seconds < 60:
        return _("just now")
    if seconds < 3600:
        return ngettext("{n} minute ago", "{n} minutes ago", seconds // 60)
    if seconds < 86400:
        return ngettext("{n} hour ago", "{n} hours ago", seconds // 3600)
    return ngettext("{n} day ago", "{n} days ago", seconds // 86400)


def strategy_name(text: str) -> str:
    """A strategy as people call it: ``cycle:3,lora=8`` -> Cycle, 3 stored + LoRA 8."""
    from app.look.strategy_names import name_of

    return name_of(text)
