"""All that somebody writes for a rule of their own."""

from __future__ import annotations

from clps_core.sharing import Rule


def inside_out(num_layers: int, _num_slots: int | None) -> tuple[int, ...]:
    """0 1 2 2 1 0: the second half mirrors the first."""
    return tuple(min(layer, num_layers - 1 - layer) for layer in range(num_layers))


RULE = Rule("inside_out", inside_out)
