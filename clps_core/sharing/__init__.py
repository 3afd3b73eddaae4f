"""Which layer uses which weights, as plain integers. No torch here.

Start at :class:`~clps_core.sharing.map.SharingMap`; rules (``cycle``, ``grouped`` ...) are in
``rules.py``; ``strategies.py`` reads the one-line notation that the command line, YAML files and
URLs use (``cycle:3``, ``attention=all,ffn=none``, ``0-1-2-2-1-0``).
"""

from clps_core.sharing.map import Block, SharingMap, Site, Slot, build_map
from clps_core.sharing.rules import RULES, Rule
from clps_core.sharing.strategies import NAMED_STRATEGIES, Strategy, parse_strategy

__all__ = [
    "NAMED_STRATEGIES",
    "RULES",
    "Block",
    "Rule",
    "SharingMap",
    "Site",
    "Slot",
    "Strategy",
    "build_map",
    "parse_strategy",
]
