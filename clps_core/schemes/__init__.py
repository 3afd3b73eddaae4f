"""Every way of sharing, explained once. Start at SCHEMES, then card. No torch here.

The command line, the dashboard and ``docs/schemes.md`` read the same cards. ``scheme.py`` says what a
card holds; ``whole_layers.py``, ``parts.py``, ``activations.py``, ``loosened.py`` and ``depth.py`` hold
their words and sources; ``card.py`` draws and counts one at a depth, ``folded.py`` folds its map into
few lines; ``recognise.py`` finds the cards that a design really uses, by its map; ``arithmetic.py`` does the
parameter sums that are often done wrongly. A rule without a card has a plain one (``catalogue.py``).
"""

from clps_core.schemes.arithmetic import Arithmetic, Claim, Step, Term, arithmetic
from clps_core.schemes.card import STANDARD_LAYERS, Card, MapRow, card, standard_model
from clps_core.schemes.catalogue import KINDS, SCHEMES, get_scheme, strategy_of_scheme
from clps_core.schemes.folded import ABSENT, FoldedRow, folded_rows, map_line
from clps_core.schemes.recognise import schemes_of
from clps_core.schemes.scheme import Evidence, Scheme

__all__ = [
    "ABSENT",
    "KINDS",
    "SCHEMES",
    "STANDARD_LAYERS",
    "Arithmetic",
    "Card",
    "Claim",
    "Evidence",
    "FoldedRow",
    "MapRow",
    "Scheme",
    "Step",
    "Term",
    "arithmetic",
    "card",
    "folded_rows",
    "get_scheme",
    "map_line",
    "schemes_of",
    "standard_model",
    "strategy_of_scheme",
]
