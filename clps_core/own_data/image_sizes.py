"""How large stored pictures and their patches may be. Start at check_side, then patch_sizes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from clps_core.errors import DataError
from clps_core.shown import visible
from clps_core.words import _

__all__ = ["SIDES", "SUGGESTED", "check_side", "patch_sizes", "usual_patch", "usual_side"]

LEAST, MOST = 16, 96
FEWEST_ACROSS, MOST_ACROSS = 2, 32
"""Patches across a picture: 4 to 1,024 in it."""
SUGGESTED = (16, 24, 28, 32, 48, 64, 96)
USUAL_MOST = 64
"""Larger ones are kept only where somebody asks for it: a pixel more costs time in every run."""
USUAL_POSITIONS = 36
"""Of patches: as many as 48 pixels have with 8 across. Four times as many cost four times the time (decisions.md)."""


def patch_sizes(side: int) -> tuple[int, ...]:
    """The pixels that may be across a patch of pictures ``side`` pixels across."""
    return tuple(
        one for one in range(1, side) if side % one == 0 and FEWEST_ACROSS <= side // one <= MOST_ACROSS
    )  # fmt: skip


SIDES = tuple(side for side in range(LEAST, MOST + 1) if max(patch_sizes(side), default=1) > 1)
"""Those that can be cut into patches of more than one pixel: no prime numbers."""


def usual_patch(side: int) -> int:
    """The smallest patch that gives no more than ``USUAL_POSITIONS`` positions, or else the largest there is."""
    sizes = patch_sizes(side)
    return next((one for one in sizes if (side // one) ** 2 <= USUAL_POSITIONS), sizes[-1])


def usual_side(shorter: Sequence[int]) -> int:
    """The size for pictures whose shorter sides are these: the largest suggested one that needs no enlarging."""
    known = [one for one in SUGGESTED if one <= min(USUAL_MOST, median(shorter))]
    return known[-1] if known else SUGGESTED[0]


def check_side(side: object) -> None:
    """Raise ``DataError`` unless pictures can be kept with ``side`` pixels across."""
    if not isinstance(side, int) or isinstance(side, bool) or side not in SIDES:
        raise DataError(
            _(
                "pictures must be stored with {least} to {most} pixels across, a number that patches divide, such as "
                "{known}. Got {got}. Choose one of these.",
                least=LEAST, most=MOST, known=", ".join(map(str, SUGGESTED)), got=visible(str(side)[:20]))
        )  # fmt: skip
