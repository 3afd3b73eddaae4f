"""``clps depth``: the quality of a run whose core runs more or fewer times than in training. Start at show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from clps_core.cli.output import duration, print_json, print_table, say
from clps_core.depth import Dial, Quality, check_loops, check_split, dial, key_of, parse_loops, quality_at
from clps_core.jobs.evaluations import evaluate
from clps_core.store import Run, Store, open_store
from clps_core.words import _, ngettext

__all__ = ["queue", "show"]


def queue(run_id: str, loops: Sequence[str], *, split: str, as_json: bool) -> None:
    """Have a run evaluated at each number of loops in the background."""
    from clps_core.cli.jobs import opened, show_jobs

    with opened() as store:
        run = store.run(run_id)
        wanted = check_loops(dial(run.config), parse_loops(",".join(loops)) if loops else ())
        job = evaluate(store, "depths", run.id, [key_of(number, check_split(split)) for number in wanted])
        show_jobs(store, [job], as_json=as_json)
        if not as_json:
            say(_("See it with: clps jobs show {job}", job=job.id))


def show(run_id: str, loops: Sequence[str], *, split: str, seconds: float, as_json: bool) -> None:
    """Evaluate a run at each number of loops, each for at most ``seconds``."""
    with closing(open_store()) as store:
        run = store.run(run_id)
        found = dial(run.config)
        wanted = check_loops(found, parse_loops(",".join(loops)) if loops else ())
        points = []
        for number in wanted:
            points.append(quality_at(store.run_folder(run.id), number, seconds=seconds, split=split))
            if not as_json:
                say(ngettext("{n} loop: {time}", "{n} loops: {time}", number, time=duration(points[-1].seconds)))
        recorded = _recorded(store, run, points[0].step)
    if as_json:
        print_json(_record(run, found, points, recorded) | {"split": split})
    else:
        _table(run, found, points, recorded, split)


def _recorded(store: Store, run: Run, step: int) -> float | None:
    """What the run itself measured when it had these weights."""
    points = store.curve(run.id, "validation", run.facts.metric)
    return next((point.value for point in points if point.step == step), None)


def _record(run: Run, found: Dial, points: Sequence[Quality], recorded: float | None) -> dict[str, Any]:
    task = run.facts
    return {
        "id": run.id,
        "name": run.name,
        "strategy": run.strategy,
        "task": run.task,
        "step": points[0].step,
        "examples": points[0].examples,
        "metric": task.metric,
        "baseline": task.baseline,
        "recorded": recorded,
        "trained_loops": found.trained,
        "loops": [
            {
                "loops": point.loops,
                "trained": found.was_trained(point.loops),
                "layers": dict(point.layers),
                "metrics": dict(point.metrics),
                "seconds": point.seconds,
            }
            for point in points
        ],
    }


def _table(run: Run, found: Dial, points: Sequence[Quality], recorded: float | None, split: str) -> None:
    task = run.facts
    names = [task.metric, *(name for name in points[0].metrics if name not in (task.metric, *task.graded))]
    rows = [
        (
            point.loops,
            _("trained") if found.was_trained(point.loops) else "",
            " + ".join(str(count) for count in point.layers.values()),
            *(f"{point.metrics[name]:.4g}" for name in names),
        )
        for point in points
    ]
    print_table([_("loops"), "", _("executed layers"), *names], rows, left=2, title=run.name)
    count = points[0].examples
    held_out = (
        ngettext("{n} test example", "{n} test examples", count)
        if split == "test"
        else ngettext("{n} held-out example", "{n} held-out examples", count)
    )
    say(
        _(
            "{examples}, weights of step {step}. Recorded in training on validation: {metric} {recorded}. "
            "Baseline ({baseline_name}): {baseline:.4g}.",
            examples=held_out,
            step=points[0].step,
            metric=task.metric,
            recorded="–" if recorded is None else f"{recorded:.4g}",
            baseline_name=task.baseline_name,
            baseline=task.baseline,
        )
    )
