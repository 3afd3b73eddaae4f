"""Designs whose runs were never trained: their scores are drawn with effects that are known. Start at Room."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from clps_core.config import build_config, resolve
from clps_core.store import Run
from clps_core.store.designs import design_of
from clps_core.tasks import frozen
from clps_core.verdicts import Contender

USUAL: dict[str, Any] = {
    "name": "simulated", "owner": "", "status": "finished", "reason": None, "created_at": 0.0, "started_at": 0.0,
    "finished_at": 1.0, "seconds": 10.0, "cpu_seconds": 9.9, "device": "cpu", "threads": 1, "attempts": 1,
    "comparison_id": None, "parent_id": None, "tokens_per_second": None,
}  # fmt: skip
STEPS = 100


def simulated_run(
    seed: int = 0, strategy: str = "none", parameters: int = 1000, changed: dict[str, Any] | None = None, **values: Any
) -> Run:
    """A complete run; ``changed``: fields of its config such as ``{"train": {"batch_size": 8}}``."""
    given: dict[str, Any] = {"data": {"task": "digits"}, "train": {"steps": STEPS}, **(changed or {})}
    found = resolve(build_config({**given, "sharing": {"strategy": strategy}, "seed": seed}))
    row: dict[str, Any] = {
        **USUAL, "id": f"{strategy}-{seed}".replace(":", "-"), "config_text": json.dumps(found.config.as_dict()),
        "strategy": strategy, "task": found.config.data.task, "seed": seed, "step": found.config.train.steps,
        "steps": found.config.train.steps, "facts_text": frozen(found.facts), "unique_parameters": parameters,
        "executed_parameters": parameters, **values,
    }  # fmt: skip
    return Run(**row)


def contender(runs: Sequence[Run], bests: Sequence[float], tests: Sequence[float] = ()) -> Contender:
    """A design with these best validations, and test scores where there are any, run by run."""
    ids = [run.id for run in runs]
    return Contender(
        design_of(runs[0]),
        tuple(runs),
        dict(zip(ids, bests, strict=True)),
        dict(zip(ids, tests, strict=False)),
        frozenset(),
    )


class Room:
    """``designs`` matched designs of ``seeds`` runs each; ``drawn`` gives their scores anew each time."""

    def __init__(self, designs: int, seeds: int, rng: random.Random) -> None:
        schemes = ("none", "all", "attention_only", "ffn_only", "cycle", "sequence")[:designs]
        self.rng = rng
        self.runs = [[simulated_run(seed, scheme) for seed in range(seeds)] for scheme in schemes]

    def drawn(self, effects: Sequence[float], noise: float, seed_noise: float, centre: float = 0.6) -> list[Contender]:
        """Scores ``centre`` + effect + what the seed does to all designs + what chance does to each run."""
        common = [self.rng.gauss(0, seed_noise) for _seed in self.runs[0]]
        return [
            contender(runs, [centre + effect + part + self.rng.gauss(0, noise) for part in common])
            for runs, effect in zip(self.runs, effects, strict=True)
        ]
