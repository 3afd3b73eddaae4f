"""The numbers of the figures about states and ties, as tables for a file. No streamlit. Start at course_numbers."""

from __future__ import annotations

from app.look.colours import slot_letter
from app.look.picture import Table
from clps_core.likeness import Likeness
from clps_core.moves import RunMoves, StackLayers
from clps_core.tie import TieProof

__all__ = ["course_numbers", "matrix_numbers", "paths_numbers", "tie_numbers"]


def course_numbers(found: RunMoves) -> Table:
    """One row per executed layer."""
    ran, moved = found.ran, found.movement
    onward = (None, *found.turns)
    return Table(
        ["layer", "slot", "loop", "distance", "degrees", "cosine", "cosine_to_update_before", "left_to_the_end"],
        [
            (place, slot_letter(ran.groups[place]), ran.loops[place], moved.distance[place], moved.degrees[place],
             moved.cosine[place], onward[place], found.remaining[place + 1])
            for place in range(len(ran.layers))
        ],
    )  # fmt: skip


def paths_numbers(found: RunMoves) -> Table:
    """One row per drawn token and depth; depth 0 is before the first layer."""
    return Table(
        ["position", "token", "after_layers", "slot", "first_component", "second_component"],
        [
            (position, found.positions[position], depth, _slot(found.ran, depth), *found.points[depth, column].tolist())
            for column, position in enumerate(found.drawn)
            for depth in range(len(found.points))
        ],
    )


def matrix_numbers(found: Likeness) -> Table:
    """One row per pair of layers, by how many layers were executed; empty where they cannot be compared."""
    return Table(
        ["after_layers", "slot", "other_after_layers", "other_slot", found.measure],
        [
            (row, _slot(found.rows, row), column, _slot(found.columns, column), value if value == value else None)
            for row, line in enumerate(found.values.tolist())
            for column, value in enumerate(line)
        ],
    )


def tie_numbers(found: TieProof) -> Table:
    """One row per use of the weight."""
    return Table(
        ["slot", "stack", "layer", "component", "loop", "norm", "cosine", "share"],
        [
            (found.slot, use.stack, use.place, use.component, use.loop, use.norm, use.cosine, use.share)
            for use in found.uses
        ],
    )


def _slot(ran: StackLayers, depth: int) -> str:
    """The letter of the layer that made the state after ``depth`` layers; none made the first."""
    return slot_letter(ran.groups[depth - 1]) if depth else ""
