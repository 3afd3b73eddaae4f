"""``clps ablate``: what a run loses without each of its parts. Start at ablate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from clps_core.ablation import KIND, Ablation, Effect, as_csv, kept_ablations, keys_of, own_examples
from clps_core.cli.jobs import opened, show_jobs
from clps_core.cli.output import duration, print_json, print_table, say
from clps_core.depth import check_split
from clps_core.errors import ConfigError
from clps_core.jobs.evaluations import await_evaluation, evaluate, evaluated
from clps_core.metrics import metric_named
from clps_core.store import Evaluation, Run, Store
from clps_core.timing import seconds_left
from clps_core.words import _, ngettext

__all__ = ["ablate"]

EVERY = 0.1
"""Part of the work between two lines that say how far it is."""


def ablate(
    run_id: str,
    *,
    split: str,
    heads: bool,
    examples: int | None,
    table: Path | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Have every part of a run left out in turn, as a job; wait for it, and show what was found."""
    if table is not None and not wait:
        raise ConfigError(
            _("--csv cannot be combined with --no-wait: there are no results to write yet. Remove one of them.")
        )
    with opened() as store:
        run = store.run(run_id)
        keys = keys_of(run.config, check_split(split), examples=examples, heads=heads)
        job = _at_work(store, run, keys) or evaluate(store, KIND, run.id, keys)
        if not wait:
            show_jobs(store, [job], as_json=as_json)
            if not as_json:
                say(_("See it with: clps ablate {run}, or: clps jobs show {job}", run=run.id, job=job.id))
            return
        job = _awaited(store, job, quiet=as_json)
        limit = own_examples(run.config, split) if examples is None else examples
        found = _found(store, run, split, limit)
    if found is not None:
        _show(run, found, table, as_json=as_json)
    if job.status != "finished":
        say(
            _("{name} ({id}): {status}. {reason}", name=job.name, id=job.id, status=job.status, reason=job.reason or "")
        )
        raise typer.Exit(1)


def _at_work(store: Store, run: Run, keys: Sequence[str]) -> Evaluation | None:
    """The job that was asked for all this already and has not ended."""
    jobs = store.evaluations(kind=KIND, about=[run.id])
    return next((job for job in jobs if job.active and set(keys) <= set(job.keys)), None)


def _awaited(store: Store, job: Evaluation, *, quiet: bool) -> Evaluation:
    try:
        return await_evaluation(store, job.id, on_tick=None if quiet else _told())
    except KeyboardInterrupt:
        say(
            _(
                "The job keeps running. Watch it with: clps jobs show {id}. Stop it with: clps jobs cancel {id}.",
                id=job.id,
            )
        )
        raise typer.Exit(130) from None


def _told() -> Callable[[Evaluation], None]:
    """Says on stderr how far it is, each time that a tenth more is done."""
    told = [-1.0]

    def tick(job: Evaluation) -> None:
        if job.status != "running" or (job.progress - told[0] < EVERY and job.step < job.steps):
            return
        told[0] = job.progress
        parts = [_("{done} of {all} evaluations", done=job.step, all=job.steps)]
        if (left := seconds_left(job)) is not None and job.step < job.steps:
            parts.append(_("about {time} left", time=duration(left)))
        say(", ".join(parts))

    return tick


def _found(store: Store, run: Run, split: str, limit: int) -> Ablation | None:
    known = evaluated(store, KIND, [run]).get(run.id)
    if known is None or not known.current:
        return None
    return next((one for one in kept_ablations(known.results) if (one.split, one.limit) == (split, limit)), None)


def _show(run: Run, found: Ablation, table: Path | None, *, as_json: bool) -> None:
    if table is not None:
        text = as_csv([(run.id, run.name, found)])
        if str(table) == "-":
            sys.stdout.write(text)
            return
        try:
            table.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                _("cannot write {file}: {why}. Choose another file.",
                  file=table, why=error.strerror or type(error).__name__)
            ) from error  # fmt: skip
        say(_("Saved {file}.", file=table))
    if as_json:
        print_json(_record(run, found))
    elif table is None:
        _table(run, found)


def _record(run: Run, found: Ablation) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "strategy": run.strategy,
        "task": run.task,
        "split": found.split,
        "examples": found.examples,
        "step": found.step,
        "metric": run.facts.metric,
        "whole": dict(found.whole),
        "seconds": found.seconds,
        "parts": [_effect(one) for one in found.effects],
    }


def _effect(one: Effect) -> dict[str, Any]:
    intervals = {name: one.interval(name) for name in one.errors}
    return {
        "part": one.part,
        "metrics": dict(one.metrics),
        "changes": dict(one.changes),
        "standard_errors": dict(one.errors),
        "intervals_95": intervals,
    }


def _table(run: Run, found: Ablation) -> None:
    """The parts in order of execution, with what the run's own metric and its loss become without each."""
    names = list(dict.fromkeys((run.facts.metric, "loss")))
    rows = []
    for one in found.effects:
        cells: list[str] = []
        for name in names:
            cells += [f"{one.metrics[name]:.4g}", f"{one.changes[name]:+.4g}", _interval(one, name)]
        rows.append((one.part, *cells))
    heads = [head for name in names for head in (name, _("change"), _("95 %"))]
    print_table([_("left out"), *heads], rows, title=run.name)
    whole = ", ".join(f"{name} {found.whole[name]:.4g} ({metric_named(name).direction})" for name in names)
    count = found.examples
    held_out = (
        ngettext("{n} test example", "{n} test examples", count)
        if found.split == "test"
        else ngettext("{n} held-out example", "{n} held-out examples", count)
    )
    say(
        _(
            "Whole model: {whole}; {examples}, weights of step {step}.",
            whole=whole,
            examples=held_out,
            step=found.step,
        )
    )
    say(
        _(
            "A small change does not prove that a part does nothing: other parts may compensate. Part of a large "
            "change may come from later layers, which receive a state they were not trained on.")
    )  # fmt: skip


def _interval(one: Effect, name: str) -> str:
    interval = one.interval(name)
    return "–" if interval is None else _("{low} to {high}", low=f"{interval[0]:+.3g}", high=f"{interval[1]:+.3g}")
