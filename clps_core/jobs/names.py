"""What comparisons and runs are called where nobody names them. Start at comparison_name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from clps_core.config import RunConfig, flat
from clps_core.config.telling import said_fields, telling
from clps_core.experiment import MAX_NAME
from clps_core.store import Run
from clps_core.words import _, ngettext

__all__ = ["comparison_name", "given_name", "run_names", "shortened"]


def comparison_name(configs: Sequence[RunConfig]) -> str:
    """Such as ``dates · none, all · 2 seeds``."""
    tasks = _distinct(config.data.task for config in configs)
    strategies = _distinct(config.sharing.strategy for config in configs)
    seeds = _distinct(config.seed for config in configs)
    parts = [", ".join(tasks), ", ".join(strategies[:4]) + (" …" if len(strategies) > 4 else "")]
    if len(seeds) > 1:
        parts.append(ngettext("{n} seed", "{n} seeds", len(seeds)))
    return " · ".join(parts)


def run_names(configs: Sequence[RunConfig]) -> list[str]:
    """Such as ``dates · cycle · seed 0``, followed by whatever else differs: ``· d_model 64``."""
    tables = [flat(config.as_dict()) for config in configs]
    usual = {"data.task", "sharing.strategy", "seed"}
    fields = telling(tables, usual)
    names = []
    for config, table in zip(configs, tables, strict=True):
        parts = [config.data.task, config.sharing.strategy, _("seed {seed}", seed=config.seed)]
        names.append(" · ".join([*parts, *said_fields(fields, table)]))
    return names


def given_name(run: Run) -> str | None:
    """The name that somebody gave the run; ``None`` where it has the one that ``run_names`` makes of its config."""
    made = " · ".join((run.task, run.strategy, _("seed {seed}", seed=run.seed)))
    return None if run.name == made or run.name.startswith(f"{made} · ") else run.name


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def shortened(name: str) -> str:
    """``name``, cut where it is longer than a name may be."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1].rstrip() + "…"
