"""Which runs are one design: alike but for their seeds and their fold. Start at by_design."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from clps_core.config import RunConfig, flat, validated
from clps_core.store.records import Run

__all__ = ["REPLICATES", "by_design", "config_table", "design_of"]

REPLICATES = ("seed", "data.seed", "data.fold")
"""Fields that make no other design: a design is judged by its runs over them together."""


def config_table(run: Run) -> Mapping[str, Any]:
    """The config of ``run`` as one flat table; fields that an older version did not write have their defaults."""
    return _table(run.config_text)


@lru_cache(maxsize=2048)
def _table(config_text: str) -> Mapping[str, Any]:
    return flat(validated(RunConfig, json.loads(config_text)).as_dict())


def design_of(run: Run) -> str:
    """Equal for runs that differ in nothing but ``REPLICATES``, and begin with the same weights.

    A parent that has been deleted may have been any run: forks of such are a design each.
    """
    return _design(run.config_text, (run.parent_id or run.id, run.start_from) if run.start_from else None)


@lru_cache(maxsize=2048)
def _design(config_text: str, begins: tuple[str, str] | None) -> str:
    table = {name: value for name, value in _table(config_text).items() if name not in REPLICATES}
    if begins is not None:
        table["from"] = list(begins)
    return sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:12]


def by_design(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Design -> its runs, in the order of the first of each."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(design_of(run), []).append(run)
    return found
