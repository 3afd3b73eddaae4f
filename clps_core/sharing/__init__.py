"""Which layer uses which weights, as plain integers. No torch here.

Start at :class:`~clps_core.sharing.map.SharingMap`; rules (``cycle``, ``grouped`` ...) are in
``rules.py``, reuse of activations in ``sources.py``, what loosens ties in ``extras.py``; a ``Strategy``
combines them, ``grammar.py`` reads its one-line notation, which the command line, YAML files and URLs
use (``cycle:3``, ``attention=all,ffn=none``, ``0-1-2-2-1-0``); ``plan.py`` puts it all together at given
sizes.
"""

from clps_core.sharing.grammar import parse_strategy
from clps_core.sharing.map import Block, SharingMap, Site, Slot, build_map
from clps_core.sharing.plan import Execution, SharingPlan, build_plan, plan_of
from clps_core.sharing.rules import RULES, Rule
from clps_core.sharing.strategies import NAMED_STRATEGIES, Strategy

__all__ = [
    "NAMED_STRATEGIES",
    "RULES",
    "Block",
    "Execution",
    "Rule",
    "SharingMap",
    "SharingPlan",
    "Site",
    "Slot",
    "Strategy",
    "build_map",
    "build_plan",
    "parse_strategy",
    "plan_of",
]
