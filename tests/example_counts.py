"""How many examples a property is tried with. Start at examples."""

from __future__ import annotations

import os

__all__ = ["examples"]

SHARE = 1.0 if os.environ.get("CLPS_THOROUGH") else 0.3


def examples(thorough: int) -> int:
    """``thorough`` in `make test-all`, fewer in `make test`: each run draws others, so that many runs see many."""
    return max(5, round(thorough * SHARE))
