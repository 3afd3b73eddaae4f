"""What a snapshot tells, read from the store into plain data. Start at gathered.

Everything is bounded here: runs, points of curves, layers of maps, bytes of attention. What is left out, ``limits``
says in sentences.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clps_core import __version__
from clps_core.config import RunConfig
from clps_core.config.telling import differing, said_value, told_apart
from clps_core.errors import ClpsError
from clps_core.jobs.provenance import circumstances
from clps_core.snapshot.attention import MOST_ATTENTION_BYTES, kept_attention
from clps_core.snapshot.curves import MOST_POINTS, charts
from clps_core.snapshot.sharing_maps import MapRow, map_rows
from clps_core.spec import to_spec
from clps_core.store import Comparison, Run, Store
from clps_core.store.designs import REPLICATES, config_table
from clps_core.store.records import FinalScore
from clps_core.sweeps.results import Configuration, Spread, configurations
from clps_core.words import _, ngettext

__all__ = ["MOST_POINTS", "MOST_RUNS", "Design", "Facts", "OneRun", "design_names", "gathered"]

MOST_RUNS = 24
"""A page of more is no report; its tables would be unreadable, and the file too large to mail."""
MOST_NOTES = 20_000


@dataclass(frozen=True)
class Design:
    """Runs of one config but for their seeds: mean and spread, as the table of designs shows them."""

    name: str
    place: int
    runs: int
    counted: int
    best: Spread | None
    test: Spread | None
    stored: int | None
    executed: int | None
    steps: tuple[int, int]
    seconds: Spread | None
    maps: tuple[MapRow, ...]


@dataclass(frozen=True)
class OneRun:
    """A run, and what it takes to repeat it. ``state``: a sentence; ``facts``: versions and machine."""

    id: str
    name: str
    state: str
    notes: str | None
    table: Mapping[str, Any]
    yaml: str
    command: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Facts:
    """A snapshot as plain data. ``designs``: by task; ``drawn``: what the browser draws, ready for JSON."""

    title: str
    made: str
    version: str
    notes: str | None
    designs: Mapping[str, Sequence[Design]]
    metrics: Mapping[str, str]
    verdicts: Sequence[str]
    runs: Sequence[OneRun]
    differences: Mapping[str, Sequence[str]]
    drawn: Mapping[str, Any]
    limits: Sequence[str]


def gathered(
    store: Store, runs: Sequence[Run], comparison: Comparison | None, verdicts: Sequence[str], missing: int
) -> Facts:
    """Everything that the snapshot of ``runs`` tells; see ``making.snapshot``."""
    shown = list(runs[:MOST_RUNS])
    names = run_names(shown)
    by_task: dict[str, list[Run]] = {}
    for run in shown:
        by_task.setdefault(run.task, []).append(run)
    designs, places = _designs(store, by_task)
    attention, cut = kept_attention(store, shown, names)
    tables = [config_table(run) for run in shown]
    drawn = {
        "charts": [charts(store, members, names, places) for members in by_task.values()],
        "attention": attention,
    }
    return Facts(
        title=comparison.name if comparison else ngettext("{n} run", "{n} runs", len(shown)),
        made=datetime.fromtimestamp(store.clock(), UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        notes=_cut(comparison.notes) if comparison else None,
        designs=designs,
        metrics={task: members[0].facts.metric for task, members in by_task.items()},
        verdicts=tuple(verdicts),
        runs=[_one(store, run, names[run.id], dict(table)) for run, table in zip(shown, tables, strict=True)],
        differences={field: [said_value(table.get(field)) for table in tables] for field in differing(tables)},
        drawn=drawn,
        limits=_limits(runs, missing, cut),
    )


def run_names(runs: Sequence[Run]) -> dict[str, str]:
    """Run id -> its strategy, the fields that tell it apart, and its seed where a design has several."""
    tables = [
        {**config_table(run), **({"from": [run.parent_id, run.start_from]} if run.start_from else {})} for run in runs
    ]
    names = told_apart([_called(run) for run in runs], tables)
    seen: dict[str, int] = {}
    found = {}
    for run, name in zip(runs, names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        found[run.id] = name if seen[name] == 1 else f"{name} ({run.id[:4]})"
    return found


def design_names(found: Sequence[Configuration]) -> list[str]:
    """The same of designs, each given by its runs."""
    firsts = [one.runs[0] for one in found]
    return told_apart([_called(run) for run in firsts], [config_table(run) for run in firsts], REPLICATES)


def _called(run: Run) -> str:
    return _("{name}, fork", name=run.strategy) if run.start_from else run.strategy


def test_values(scores: Mapping[str, FinalScore], metric: str) -> dict[str, float]:
    """Run id -> its finite score on the test split."""
    values = {run_id: score.values.get(metric, math.nan) for run_id, score in scores.items()}
    return {run_id: value for run_id, value in values.items() if math.isfinite(value)}


def _designs(store: Store, by_task: Mapping[str, Sequence[Run]]) -> tuple[dict[str, list[Design]], dict[str, int]]:
    """The designs of each task, and run id -> the number of its design, which its colour goes by."""
    designs: dict[str, list[Design]] = {}
    places: dict[str, int] = {}
    for task, members in by_task.items():
        bests = {run_id: value for run_id, (_step, value) in store.bests(members).items()}
        tests = test_values(store.final_scores([run.id for run in members]), members[0].facts.metric)
        found = configurations(members, bests, (), tests)
        for one, name in zip(found, design_names(found), strict=True):
            place = len({*places.values()})
            places |= {run.id: place for run in one.runs}
            designs.setdefault(task, []).append(_design(one, name, place))
    return designs, places


def _design(one: Configuration, name: str, place: int) -> Design:
    run = one.runs[0]
    counted = [run for run in one.runs if run.id in one.counted] or one.runs
    return Design(
        name=name,
        place=place,
        runs=len(one.runs),
        counted=len(one.counted),
        best=one.best,
        test=one.test,
        stored=run.unique_parameters,
        executed=run.executed_parameters,
        steps=(min(run.step for run in counted), max(run.step for run in counted)),
        seconds=Spread.of([run.seconds for run in counted if run.seconds]),
        maps=map_rows(run.config),
    )


def _one(store: Store, run: Run, name: str, table: Mapping[str, Any]) -> OneRun:
    return OneRun(
        id=run.id,
        name=name,
        state=_state(run),
        notes=_cut(run.notes),
        table=table,
        yaml=run.config.as_yaml(),
        command=_command(run.config),
        facts={fact: value for fact, value in circumstances(store, run).items() if value},
    )


def _state(run: Run) -> str:
    """How far it was when the snapshot was made."""
    at = {"step": f"{run.step:,}", "steps": f"{run.steps:,}"}
    said = {
        "running": _("was still training at step {step} of {steps}", **at),
        "queued": _("was waiting to train at step {step} of {steps}", **at),
        "failed": _("failed at step {step} of {steps}", **at),
        "cancelled": _("was cancelled at step {step} of {steps}", **at),
        "paused": _("was paused at step {step} of {steps}", **at),
    }
    ended = (
        _("finished at step {step}", **at)
        if run.step >= run.steps
        else _("ended early at step {step} of {steps}", **at)
    )
    return said.get(run.status, ended)


def _command(config: RunConfig) -> str:
    """``clps train`` with all that differs from the defaults of the task in this version."""
    try:
        _version, task, *settings = to_spec(config).split(";")
    except ClpsError:  # a task that is gone: the YAML below has all fields
        return "clps train --config run.yaml"
    parts = ["clps", "train", "--task", task.partition("=")[2]]
    return shlex.join([*parts, *(part for setting in settings for part in ("--set", setting))])


def _cut(notes: str | None) -> str | None:
    return notes[:MOST_NOTES] if notes else None


def _limits(runs: Sequence[Run], missing: int, cut: bool) -> list[str]:
    """What is not in the file."""
    found = []
    if missing:
        found.append(
            ngettext(
                "{n} run was deleted before this was made.", "{n} runs were deleted before this was made.", missing
            )
        )
    if len(runs) > MOST_RUNS:
        found.append(
            _("The first {most} of {n} runs are shown; a snapshot has at most so many.", most=MOST_RUNS, n=len(runs))
        )
    found.append(
        _(
            "Curves have at most {n} points each; those of longer runs are means of stretches of equal length.",
            n=MOST_POINTS,
        )
    )
    if cut:
        found.append(
            _(
                "Not all attention is here: a snapshot keeps at most {size} MB of it. Left out are later examples, and "
                "later heads in full.",
                size=f"{MOST_ATTENTION_BYTES / 1e6:.1f}",
            )
        )
    return found
