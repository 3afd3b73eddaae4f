"""The ready comparisons: which designs on which task, with which seeds. Start at READY.

What each of them shows, with its figures, is said in ``stories.py``; ``make.py`` trains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clps_core.config import Resolved, build_config, resolve
from clps_core.experiment import merged

__all__ = ["READY", "Design", "Ready", "ready_named"]


@dataclass(frozen=True)
class Design:
    """One design of a comparison: ``key`` is part of its runs' ids."""

    key: str
    strategy: str
    num_layers: int | None = None

    @property
    def partial(self) -> dict[str, Any]:
        """What it sets, as nested plain data."""
        model = {} if self.num_layers is None else {"model": {"num_layers": self.num_layers}}
        return {"sharing": {"strategy": self.strategy}, **model}


@dataclass(frozen=True, eq=False)
class Ready:
    """One comparison that ships.

    ``base``: what its runs have in common, as nested plain data. ``loops``: numbers of loops at which the shipped runs
    are measured, for a comparison about depth. ``probed``: seeds whose attention while training ships, too.
    """

    key: str
    base: Mapping[str, Any]
    designs: tuple[Design, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    loops: tuple[int, ...] = ()
    probed: tuple[int, ...] = (0,)

    def configs(self, seeds: tuple[int, ...] | None = None) -> list[Resolved]:
        """One config per seed and design, all on the same batches."""
        return [
            resolve(build_config({**merged(dict(self.base), design.partial), "seed": seed}))
            for seed in (self.seeds if seeds is None else seeds)
            for design in self.designs
        ]

    def run_ids(self) -> tuple[str, ...]:
        """The ids of its shipped runs, in the order of ``configs``."""
        return tuple(self.run_id(design, seed) for seed in self.seeds for design in self.designs)

    def run_id(self, design: Design, seed: int) -> str:
        """The id of one shipped run."""
        several = f"-{seed}" if len(self.seeds) > 1 else ""
        return f"sample-{self.key}-{design.key}{several}"


READY = (
    Ready(
        "hops",
        {"data": {"task": "hops"}, "train": {"log_every": 10, "checkpoint_every": 250, "probe_count": 6}},
        (Design("1-all", "all", 1), Design("3-all", "all", 3), Design("3-none", "none", 3)),
    ),
    Ready(
        "pairs",
        {"data": {"task": "pairs"}, "train": {"log_every": 20, "checkpoint_every": 400, "probe_count": 0}},
        (Design("none", "none"), Design("cycle-2", "cycle:2"), Design("all", "all")),
    ),
    Ready(
        "parts",
        {"data": {"task": "pairs"}, "train": {"log_every": 20, "checkpoint_every": 400, "probe_count": 0}},
        (Design("attention", "attention=all"), Design("ffn", "ffn=all")),
    ),
    Ready(
        "docstrings",
        {"data": {"task": "docstrings"}, "train": {"log_every": 40, "checkpoint_every": 1000, "probe_count": 0}},
        (Design("none", "none", 4), Design("all", "all", 4), Design("1-all", "all", 1)),
    ),
    Ready(
        "cups",
        {
            "data": {"task": "cups"},
            "train": {"steps": 2000, "log_every": 40, "eval_every": 100, "checkpoint_every": 1000, "probe_count": 6},
        },
        (Design("fixed", "all"), Design("random", "all,train_loops=2-6")),
        loops=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24),
    ),
    Ready(
        "mnist",
        {"data": {"task": "mnist"}, "train": {"log_every": 20, "checkpoint_every": 400, "probe_count": 6}},
        (Design("none", "none", 4), Design("all", "all", 4), Design("1-all", "all", 1)),
    ),
    Ready(
        "spoken",
        {"data": {"task": "spoken-digits"}, "train": {"log_every": 20, "checkpoint_every": 400, "probe_count": 6}},
        (Design("none", "none", 4), Design("all", "all", 4), Design("1-all", "all", 1)),
    ),
    Ready(
        "dates",
        {
            "data": {"task": "dates"},
            "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4},
            "train": {"steps": 1200, "eval_every": 50, "checkpoint_every": 200, "probe_count": 6},
        },
        (Design("none", "none"), Design("all", "all"), Design("cycle", "cycle")),
        seeds=(0,),
    ),
)
"""In the order in which people are shown them."""


def ready_named(key: str) -> Ready:
    """The comparison of that key."""
    return next(one for one in READY if one.key == key)
