"""A card's map in few lines: components with equal rows share one. Start at folded_rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clps_core.schemes.card import Card, MapRow
from clps_core.sharing.letters import slot_letter
from clps_core.sharing.strategies import NORM_FOLLOWS, SUBLAYERS
from clps_core.words import _

__all__ = ["ABSENT", "FoldedRow", "folded_rows", "map_line"]

ABSENT = "·"
"""Stands where a layer has no such weight."""

GROUPS = {**SUBLAYERS, "norms": tuple(NORM_FOLLOWS)}


class FoldedRow(NamedTuple):
    """Components of one stack whose layers share in the same pattern.

    Their weights are apart even where their slots have equal numbers, except where ``tied_to`` names the
    stack or the component whose weights they are.
    """

    stack: str
    components: tuple[str, ...]
    label: str
    slots: tuple[int | None, ...]
    tied_to: str | None = None

    @property
    def letters(self) -> tuple[str, ...]:
        """One per layer."""
        return tuple(ABSENT if slot is None else slot_letter(slot) for slot in self.slots)


def folded_rows(card: Card) -> list[FoldedRow]:
    """The rows of ``card``, components with equal rows together, in order of first appearance."""
    found: dict[tuple[str, tuple[int | None, ...], str | None], list[str]] = {}
    for row in card.rows:
        found.setdefault((row.stack, row.slots, _tie(row)), []).append(row.component)
    everything = {stack: [row.component for row in card.rows if row.stack == stack] for stack in card.plan.map.stacks}
    return [
        FoldedRow(stack, tuple(members), _label(members, everything[stack]), slots, tied)
        for (stack, slots, tied), members in found.items()
    ]


def map_line(card: Card) -> str:
    """The map in one line, of the last stack and without norms: ``q k AAAAAA, v o ffn ABCDEF``."""
    rows = [row for row in folded_rows(card) if row.stack == card.plan.map.stacks[-1]]
    everything = [name for row in rows for name in row.components]
    parts = []
    for row in rows:
        linear = [name for name in row.components if name not in NORM_FOLLOWS]
        if linear:
            parts.append(
                (_label(linear, everything), "".join(row.letters) + (f" = {row.tied_to}" if row.tied_to else ""))
            )
    if len(parts) == 1:
        return parts[0][1]
    return ", ".join(f"{label} {letters}" for label, letters in parts)


def _tie(row: MapRow) -> str | None:
    """The stack a row is tied to, or within its own stack the component."""
    if row.tied_to is None:
        return None
    stack, _dot, component = row.tied_to.partition(".")
    return component if stack == row.stack else stack if component == row.component else row.tied_to


def _label(members: Sequence[str], everything: Sequence[str]) -> str:
    """The members by name, a whole sublayer by its name."""
    if list(members) == list(everything):
        return _("all")
    names: list[str] = []
    for group, components in GROUPS.items():
        present = [name for name in components if name in everything]
        chosen = [name for name in present if name in members]
        names += [group] if len(chosen) > 1 and chosen == present else chosen
    return " ".join(names)
