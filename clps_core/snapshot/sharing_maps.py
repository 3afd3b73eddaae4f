"""Sharing maps as rows of letters, equal rows together. Start at map_rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from clps_core.config import RunConfig
from clps_core.config.resolving import sharing_map
from clps_core.errors import ClpsError
from clps_core.sharing.letters import slot_letter

__all__ = ["MOST_LAYERS", "MapRow", "map_rows"]

MOST_LAYERS = 64


@dataclass(frozen=True)
class MapRow:
    """Components that share alike. ``slots``: per executed layer the stored weight's number, ``None`` for none."""

    stack: str
    components: tuple[str, ...]
    slots: tuple[int | None, ...]
    elsewhere: str | None
    layers: int

    @property
    def letters(self) -> tuple[str, ...]:
        """The stored weights' letters; a dash where a layer has none."""
        return tuple("–" if slot is None else slot_letter(slot) for slot in self.slots)


def map_rows(config: RunConfig) -> tuple[MapRow, ...]:
    """The map of ``config`` for its first ``MOST_LAYERS`` layers; empty where it cannot be built any more."""
    try:
        mapping = sharing_map(config.model, config.sharing)
    except ClpsError:
        return ()
    plain = []
    for (stack, component), slots in mapping.rows:
        pools = {slot.pool for slot in slots if slot is not None} - {f"{stack}.{component}"}
        numbers = tuple(None if slot is None else slot.index for slot in slots)
        plain.append((stack, component, numbers, ", ".join(sorted(pools)) or None))
    return tuple(
        MapRow(stack, tuple(one[1] for one in members), numbers[:MOST_LAYERS], elsewhere, len(numbers))
        for (stack, numbers, elsewhere), members in (
            (key, list(group)) for key, group in groupby(plain, key=lambda one: (one[0], one[2], one[3]))
        )
    )
