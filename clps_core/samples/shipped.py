"""The figures of the shipped runs, read from their files. Start at figures_of."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clps_core.config import RunConfig, validated
from clps_core.samples.ready import Design, Ready
from clps_core.sweeps.results import Spread

__all__ = ["DEPTH_FILE", "RUNS_FOLDER", "Figures", "figures_of", "sample_folder", "scores_of"]

RUNS_FOLDER = Path(__file__).parent / "runs"
DEPTH_FILE = "depth.json"
"""Metrics on validation at several numbers of loops, beside the files of a run that was measured so."""


def sample_folder(run_id: str) -> Path:
    """Where a shipped run lies."""
    return RUNS_FOLDER / run_id


@dataclass(frozen=True)
class Figures:
    """One design of a ready comparison, over its seeds.

    ``test``: metric -> its values on the test split, by seed; ``depth``: loops -> metric -> values on validation, by
    seed. ``stored``: parameters.
    """

    design: Design
    strategy: str
    num_layers: int
    stored: int
    test: Mapping[str, tuple[float, ...]]
    depth: Mapping[int, Mapping[str, tuple[float, ...]]]

    def spread(self, metric: str) -> Spread:
        """Mean and standard deviation of a test metric."""
        found = Spread.of(self.test[metric])
        assert found is not None
        return found


@cache
def figures_of(ready: Ready) -> tuple[Figures, ...]:
    """The figures of each design of a shipped comparison, in its order."""
    return tuple(
        _figures(design, [sample_folder(ready.run_id(design, seed)) for seed in ready.seeds])
        for design in ready.designs
    )


@cache
def scores_of(run_id: str) -> Mapping[str, float]:
    """Metric -> value on the test split, of one shipped run."""
    with (sample_folder(run_id) / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: float(row["value"]) for row in csv.DictReader(file) if row["split"] == "test"}


def _figures(design: Design, folders: list[Path]) -> Figures:
    about = [json.loads((folder / "run.json").read_text(encoding="utf-8")) for folder in folders]
    config = validated(RunConfig, json.loads((folders[0] / "config.json").read_text(encoding="utf-8")))
    tests = [scores_of(folder.name) for folder in folders]
    depths = [
        json.loads(path.read_text(encoding="utf-8")) for folder in folders if (path := folder / DEPTH_FILE).exists()
    ]
    return Figures(
        design,
        config.sharing.strategy,
        config.model.num_layers,
        about[0]["unique_parameters"],
        {name: tuple(one[name] for one in tests) for name in tests[0]},
        {
            int(loops): {name: tuple(one[loops][name] for one in depths) for name in metrics}
            for loops, metrics in (depths[0] if depths else {}).items()
        },
    )
