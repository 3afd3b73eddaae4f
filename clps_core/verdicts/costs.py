"""What a trained design costs, and which designs nobody beats at less cost. Start at cost_of and front. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from clps_core.analysis.counts import count
from clps_core.analysis.memory import estimate_training_memory
from clps_core.analysis.steps import operations_per_step
from clps_core.config import ModelConfig, RunConfig, SharingConfig
from clps_core.errors import ClpsError
from clps_core.store import Run
from clps_core.sweeps.results import ERROR, FEWEST_PAIRS, Spread
from clps_core.words import N_, Words

__all__ = ["COSTS", "Cost", "Front", "Paid", "cost_of", "cost_titles", "front"]

Cost = Literal["parameters", "flops", "seconds", "cpu_seconds", "memory", "kv_cache"]
COSTS: tuple[Cost, ...] = ("parameters", "flops", "seconds", "cpu_seconds", "memory", "kv_cache")
cost_titles: Mapping[Cost, str] = Words(
    {
        "parameters": N_("stored parameters"),
        "flops": N_("training FLOPs"),
        "seconds": N_("training seconds"),
        "cpu_seconds": N_("CPU seconds"),
        "memory": N_("training memory, bytes"),
        "kv_cache": N_("KV cache, bytes"),
    }
)


def cost_of(run: Run, cost: Cost) -> float | None:
    """What ``run`` took; ``None`` where it is not known, and for the cache of a model that keeps none.

    Operations and seconds are those of its own steps, to where it ended. ``memory`` is estimated for its device;
    ``kv_cache``: keys and values of one sequence of the model's full length, 16 bits each.
    """
    if cost == "parameters":
        return run.unique_parameters or None
    if cost == "flops":
        return operations_per_step(run.config) * run.step or None
    if cost == "seconds":
        return run.seconds or None
    if cost == "cpu_seconds":
        return run.cpu_seconds or None
    if cost == "memory":
        return _memory(run.config, run.device is not None and not run.device.startswith("cpu"))
    return _kv_cache(run.config.model, run.config.sharing) or None


@lru_cache(maxsize=512)
def _memory(config: RunConfig, gpu: bool) -> float | None:
    try:
        return float(estimate_training_memory(config, gpu=gpu))
    except ClpsError:  # of a task that is not here any more
        return None


@lru_cache(maxsize=512)
def _kv_cache(model: ModelConfig, sharing: SharingConfig) -> int:
    counts = count(model, sharing)
    return counts.context_length * (counts.kv_cache_bytes_per_token + counts.cross_kv_cache_bytes_per_token)


@dataclass(frozen=True)
class Paid:
    """A design: what it costs and how good it is, over its runs."""

    cost: Spread
    quality: Spread


@dataclass(frozen=True)
class Front:
    """Places of designs. ``on``: no other is at least as good for at most as much, by means, cheapest first.

    ``unclear``: not on it, but their 95 % interval overlaps that of each design that beats them. ``few``: some have
    fewer than three runs, so their intervals are not known.
    """

    on: tuple[int, ...]
    unclear: tuple[int, ...]
    few: bool


def front(paid: Sequence[Paid], sign: float) -> Front:
    """The Pareto front of ``paid``; ``sign``: -1 where lower is better."""
    beaten = [
        [other for place, other in enumerate(paid) if place != own and _beats(other, one, sign)]
        for own, one in enumerate(paid)
    ]
    on = [place for place, better in enumerate(beaten) if not better]
    few = any(one.quality.count < FEWEST_PAIRS for one in paid)
    unclear = [
        place
        for place, better in enumerate(beaten)
        if better and all(_overlap(one, paid[place]) for one in better) and not few
    ]
    return Front(tuple(sorted(on, key=lambda place: paid[place].cost.mean)), tuple(unclear), few)


def _beats(one: Paid, other: Paid, sign: float) -> bool:
    cheaper, better = one.cost.mean <= other.cost.mean, sign * one.quality.mean >= sign * other.quality.mean
    equal = one.cost.mean == other.cost.mean and one.quality.mean == other.quality.mean
    return cheaper and better and not equal


def _overlap(one: Paid, other: Paid) -> bool:
    (low, high), (their_low, their_high) = (each.quality.interval(1 - ERROR) for each in (one, other))
    return low <= their_high and their_low <= high
