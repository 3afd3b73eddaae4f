"""What runs and designs are called wherever several are shown. No streamlit here. Start at run_names.

A *design* is a config but for its seeds and fold, and for a fork the weights it begins with. Names tell apart
whatever is shown together: first by the strategy, then by the fields that differ (``All layers · d_model 128``), then
by seed and fold, at last by the run's id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from app.look.formatting import strategy_name
from clps_core.config import build_config, completed, flat
from clps_core.config.telling import FOLLOWS, MOST_SAID, said_fields, told_apart
from clps_core.errors import ClpsError
from clps_core.samples.ready import Ready
from clps_core.store import Run
from clps_core.store.designs import REPLICATES, config_table, design_of
from clps_core.words import N_, Words, _, kept_by_language

__all__ = [
    "STATUS_WORDS",
    "Named",
    "design_names",
    "named_apart",
    "ready_names",
    "replicate_names",
    "run_names",
    "shortened",
    "unusual",
]

STATUS_WORDS = Words(
    {
        "queued": N_("queued"),
        "running": N_("running"),
        "finished": N_("finished"),
        "failed": N_("failed"),
        "cancelled": N_("cancelled"),
        "paused": N_("paused"),
    }
)
QUIET = {f"train.{name}" for name in ("log_every", "eval_every", "eval_examples", "checkpoint_every", "probe_count")}
"""Fields that change what is noted of a run, not what it learns: they tell no run's kind."""
FROM = "from"
"""Of a fork: the run whose weights it begins with, as if it were a field of its config."""


@dataclass(frozen=True)
class Named:
    """Runs as far as their names go; equal where these are. A page that ticks asks for the same names again and again.

    ``more``: what else an answer depends on.
    """

    key: tuple[object, ...]
    runs: tuple[Run, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, runs: Sequence[Run], *more: object) -> Self:
        """``runs`` in their order."""
        known = ((run.id, run.config_text, run.start_from, run.parent_id) for run in runs)
        return cls((*known, *more), tuple(runs))


def _facts(run: Run) -> dict[str, Any]:
    """The config, and what a fork begins with; a parent that has been deleted may have been any run."""
    table = dict(config_table(run))
    if run.start_from:
        parent = _("{id}, {which}", id=run.parent_id[:8], which=run.start_from) if run.parent_id else None
        table[FROM] = parent or _("a deleted run ({id})", id=run.id[:4])
    return table


def design_names(runs: Sequence[Run]) -> list[str]:
    """Names of designs, each given by one of its runs; equal only for equal designs."""
    return list(_design_names(Named.of(runs)))


@kept_by_language(maxsize=32)
def _design_names(asked: Named) -> tuple[str, ...]:
    runs = asked.runs
    names = [strategy_name(run.strategy) for run in runs]
    names = [_("{name}, fork", name=name) if run.start_from else name for name, run in zip(names, runs, strict=True)]
    return tuple(told_apart(names, [_facts(run) for run in runs], REPLICATES))


@kept_by_language(maxsize=32)
def ready_names(ready: Ready) -> Mapping[str, str]:
    """Key of each design of a ready comparison -> what ``design_names`` calls its runs."""
    configs = [one.config for one in ready.configs(ready.seeds[:1])]
    names = [strategy_name(config.sharing.strategy) for config in configs]
    told = told_apart(names, [flat(config.as_dict()) for config in configs], REPLICATES)
    return dict(zip((design.key for design in ready.designs), told, strict=True))


def run_names(runs: Sequence[Run]) -> dict[str, str]:
    """Run id -> the shortest name that tells the runs apart: the design's, with seed and id where needed.

    A fork is called one: it has learnt something before its first step.
    """
    return dict(_run_names(Named.of(runs)))


@kept_by_language(maxsize=32)
def _run_names(asked: Named) -> Mapping[str, str]:
    runs = asked.runs
    designs = {run.id: design_of(run) for run in runs}
    firsts = {designs[run.id]: run for run in reversed(runs)}
    called = dict(zip(firsts, design_names(list(firsts.values())), strict=True))
    names = {run.id: called[designs[run.id]] for run in runs}
    if len(firsts) < len(runs):
        seeds = replicate_names(runs)
        names = {run_id: _("{name}, {seed}", name=name, seed=seeds[run_id]) for run_id, name in names.items()}
    seen = Counter(names.values())
    return {run_id: name if seen[name] == 1 else f"{name} ({run_id[:4]})" for run_id, name in names.items()}


def named_apart(runs: Sequence[Run]) -> dict[str, str]:
    """Run id -> the name it was given; of several with one name each with the fields that differ."""
    names = told_apart([run.name for run in runs], [_facts(run) for run in runs])
    return {run.id: name for run, name in zip(runs, names, strict=True)}


def replicate_names(runs: Sequence[Run]) -> dict[str, str]:
    """Run id -> which run of its design it is: ``seed 2``; the data's seed and the fold only where they differ."""
    tables = {run.id: config_table(run) for run in runs}
    data_seeds, folds = ({table.get(field) for table in tables.values()} for field in ("data.seed", "data.fold"))
    found = {}
    for run in runs:
        parts = [_("seed {seed}", seed=run.seed)]
        if len(data_seeds) > 1:
            parts.append(_("data seed {seed}", seed=tables[run.id].get("data.seed")))
        if len(folds) > 1:
            parts.append(_("fold {number}", number=tables[run.id].get("data.fold")))
        found[run.id] = ", ".join(parts)
    return found


def shortened(name: str, longest: int, end: str = "") -> str:
    """``name`` in at most ``longest`` characters: fields without their names, then the strategy cut.

    ``end``: what must stay of it besides the fields' values, such as a seed.
    """
    strategy, *fields = name.split(" · ")
    values = [field.partition(" ")[2] or field for field in fields]
    for form in (name, " · ".join([strategy, *values])):
        if len(form) <= longest:
            return form
    tail = "/".join(value for value in (*values, end) if value)[: longest - 4]
    return f"{strategy[: longest - 1 - len(tail)].rstrip(' ,')}…{tail}"


def unusual(run: Run) -> list[str]:
    """The fields of ``run`` that differ from its task's defaults, as ``d_model 64``, whatever is shown with it."""
    usual = _usual(run.task)
    table = config_table(run)
    fields = [
        field
        for field in table
        if field in usual and table[field] != usual[field] and field not in (*REPLICATES, *FOLLOWS, *QUIET)
    ]
    return said_fields(fields, table)[: MOST_SAID + 2]


@lru_cache(maxsize=64)
def _usual(task: str) -> dict[str, Any]:
    """What a run of ``task`` has where nobody asked for anything; nothing for a task that is not known here."""
    try:
        return flat(completed(build_config({"data": {"task": task}})).as_dict())
    except ClpsError:
        return {}
