"""Another scheme at the same budget: the design that stores, computes or caches as much. Start at match. No torch.

"How wide must ``all`` be until it stores what ``none`` stores?" is ALBERT's question (Lan et al. 2020, arXiv
1909.11942). The counter answers it: dials are turned one after the other, the coarse ones first, each to the value
whose figure is nearest to the original's. ``dials.py`` says what a dial turns, ``fitting.py`` at which sizes a scheme
fits, ``search.py`` looks for the match.
"""

from clps_core.matching.dials import DIALS, Dial, Point, counted_model, grid_of, turned
from clps_core.matching.limits import NO_LIMITS, Excess, Limits
from clps_core.matching.measures import CHANGES, MEASURES, USUAL, Measure
from clps_core.matching.search import CLOSE, Change, Match, match

__all__ = [
    "CHANGES", "CLOSE", "DIALS", "MEASURES", "NO_LIMITS", "USUAL", "Change", "Dial", "Excess", "Limits", "Match",
    "Measure", "Point", "counted_model", "grid_of", "match", "turned",
]  # fmt: skip
