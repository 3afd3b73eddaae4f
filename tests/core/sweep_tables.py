"""Configurations with qualities that a test plants, without a store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from clps_core.sweeps.results import Configuration, configurations


def planted(
    tables: Sequence[Mapping[str, Any]],
    quality: Callable[[Mapping[str, Any], int], float],
    seeds: int = 1,
    ended: Callable[[int, int], dict[str, Any]] = lambda _place, _seed: {},
) -> list[Configuration]:
    """A configuration for each of ``tables`` (flat fields), with a run per seed of that ``quality``.

    ``ended``: what is otherwise than in a finished run, by the table's place and the seed.
    """
    runs: list[Any] = []
    bests: dict[str, float] = {}
    for place, table in enumerate(tables):
        config: dict[str, Any] = {"data": {"seed": 0}}
        for name, value in table.items():
            group, _dot, field = name.partition(".")
            config.setdefault(group, {})[field] = value
        for seed in range(seeds):
            one = {
                "id": f"run{place}x{seed}", "config_text": json.dumps(config | {"seed": seed}), "seed": seed,
                "status": "finished", "step": 100, "steps": 100, "seconds": 2.0 + place, "active": False,
                "strategy": table.get("sharing.strategy", "none"), "start_from": None,
                "unique_parameters": 1000 + place,
            } | ended(place, seed)  # fmt: skip
            runs.append(SimpleNamespace(**one))
            bests[one["id"]] = quality(table, seed)
    return configurations(runs, bests, list(tables[0]))
