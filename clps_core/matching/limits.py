"""What a server allows one run, as far as a match can go beyond it. Start at Limits."""

from __future__ import annotations

from dataclasses import dataclass

from clps_core.words import _

__all__ = ["NO_LIMITS", "Excess", "Limits"]


@dataclass(frozen=True)
class Excess:
    """A design beyond a limit: of ``what`` (as people read it) it has ``got``, and at most ``limit`` is allowed."""

    what: str
    limit: int
    got: int


@dataclass(frozen=True)
class Limits:
    """``steps``, and ``executed`` parameters (every use counted) of one run; ``None`` is no limit."""

    steps: int | None = None
    executed: int | None = None

    def excess(self, steps: int, executed: int) -> Excess | None:
        """The first limit that a design is beyond."""
        if self.executed is not None and executed > self.executed:
            return Excess(_("executed parameters"), self.executed, executed)
        if self.steps is not None and steps > self.steps:
            return Excess(_("steps"), self.steps, steps)
        return None


NO_LIMITS = Limits()
