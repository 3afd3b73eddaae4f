"""Numbers as people read them: 1.2M, 12.3 %, 12.3k tokens/s. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from clps_core.words import _

__all__ = ["NOTHING", "compact", "layer_list", "percent", "plain", "speed", "three_digits"]

NOTHING = "–"


def compact(number: float | None) -> str:
    """Three significant digits with a unit: 950, 1.23k, 12.3M, 1.2B."""
    if number is None:
        return NOTHING
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit * 0.9995:
            return f"{three_digits(number / limit)}{unit}"
    return three_digits(number)


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction of one as percent: 0.123 -> 12.3 %."""
    return NOTHING if fraction is None else f"{100 * fraction:.{digits}f} %"


def speed(tokens_per_second: float | None) -> str:
    """12.3k tokens/s."""
    return NOTHING if tokens_per_second is None else _("{count} tokens/s", count=compact(tokens_per_second))


def plain(number: float) -> str:
    """Three digits after the point, none for a large number: 0.123, 1,234."""
    return f"{number:.3f}" if abs(number) < 100 else three_digits(number)


def three_digits(number: float) -> str:
    """Three significant digits: 1.23, 12.3, 1,234; a whole number as it is."""
    size = abs(number)
    if size >= 99.95 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if size >= 9.995 else f"{number:.2f}"


def layer_list(layers: Sequence[int]) -> str:
    """``0, 2``; more than four neighbours as ``0-11``."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and layer == parts[-1][-1] + 1:
            parts[-1].append(layer)
        else:
            parts.append([layer])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 4 else ", ".join(map(str, part)) for part in parts)
