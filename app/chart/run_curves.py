"""Curves of runs on the live chart: which lines, which panels, which style. Start at run_curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st

from app.chart.live_chart import Baseline, LineStyle, Panel, live_chart
from app.look.colours import strategy_colours
from app.look.formatting import compact, duration
from app.runs.names import Named, design_names, replicate_names, shortened
from app.runs.names import run_names as short_names
from app.runs.timing import operations_per_step, tokens_per_step
from clps_core.jobs.ancestry import ancestry
from clps_core.store import Run, Store
from clps_core.store.designs import design_of
from clps_core.tasks import TaskFacts
from clps_core.words import _, kept_by_language

__all__ = ["line_styles", "panels_of", "run_curves", "short_names"]

LONGEST_LABEL = 18


def line_styles(runs: Sequence[Run], among: Sequence[Run] = ()) -> list[LineStyle]:
    """One style per run: colour and mark tell the strategy, the dash tells runs of one strategy apart.

    ``among``: all runs on the page, where ``runs`` are only some of them; their colours differ from each other.
    """
    everybody = tuple(dict.fromkeys(run.strategy for run in among or runs))
    return list(_line_styles(Named.of(runs, everybody, tuple(run.status == "finished" for run in runs)), everybody))


@kept_by_language(maxsize=16)
def _line_styles(asked: Named, everybody: tuple[str, ...]) -> tuple[LineStyle, ...]:
    runs = asked.runs
    strategies = list(dict.fromkeys(run.strategy for run in runs))
    colours = strategy_colours(everybody)
    names = short_names(runs)
    designs = {run.id: design_of(run) for run in runs}
    firsts = {designs[run.id]: run for run in reversed(runs)}
    designs_named = dict(zip(firsts, design_names(list(firsts.values())), strict=True))
    used = dict.fromkeys(strategies, 0)
    dashes = _design_dashes(firsts)
    seeds = replicate_names(runs)
    styles = []
    for run in runs:
        styles.append(
            LineStyle(
                run.id,
                name=names[run.id],
                label=_label(run, names[run.id], seeds[run.id]),
                design=designs[run.id],
                design_name=designs_named[designs[run.id]],
                design_label=_label(run, designs_named[designs[run.id]], ""),
                colour=colours[run.strategy],
                design_dash=dashes[designs[run.id]],
                replicate=seeds[run.id],
                finished=run.status == "finished",
                dash=used[run.strategy],
                mark=strategies.index(run.strategy),
                rates={
                    "examples": run.config.train.batch_size,
                    "tokens": tokens_per_step(run.config),
                    "flops": operations_per_step(run.config),
                },
            )
        )
        used[run.strategy] += 1
    return tuple(styles)


def _design_dashes(firsts: Mapping[str, Run]) -> dict[str, int]:
    """Design -> the number of its dash among the designs of its strategy, the oldest first."""
    used: Counter[str] = Counter()
    found = {}
    for design, run in reversed(list(firsts.items())):
        found[design] = used[run.strategy]
        used[run.strategy] += 1
    return found


def _label(run: Run, name: str, seed: str) -> str:
    """What fits beside the end of a line: the name, cut in its middle so that what tells it apart stays."""
    ends = [_("fork")] if run.start_from else []
    if seed and name.endswith(f", {seed}"):
        name = name.removesuffix(f", {seed}") if len(name) > LONGEST_LABEL else name
        ends += [part.rpartition(" ")[2] for part in seed.split(", ")]
    return shortened(name, LONGEST_LABEL, "/".join(ends))


def panels_of(task: TaskFacts, loss: str = "train") -> list[Panel]:
    """The two plots of a task: its loss and the metric that people compare by, with its baseline."""
    judge = task.judged_by
    losses = {
        "train": Panel("train.loss", _("Training loss"), note=_("lower is better"), noisy=True),
        "validation": Panel("validation.loss", _("Loss on validation data"), note=_("lower is better")),
    }
    metric = Panel(
        f"validation.{task.metric}",
        _("{metric} on validation data", metric=judge.title),
        kind="percent" if judge.percent else "plain",
        note=judge.direction,
        baseline=_baseline(task),
        range=judge.range,
        log=judge.log,
    )
    return [losses[loss], metric]


def _baseline(task: TaskFacts) -> Baseline | None:
    """Of a task that is not known any more, nobody knows it."""
    if not math.isfinite(task.baseline):
        return None
    return Baseline(task.baseline, _("baseline: {name}", name=task.baseline_name))


def run_curves(
    store: Store,
    runs: Sequence[Run],
    *,
    key: str,
    loss: str = "train",
    x: str = "step",
    axis_choice: bool = True,
    mean: bool = False,
) -> None:
    """One live chart per task of ``runs``, with all its lines; call it again to send what is new.

    ``axis_choice``: the reader changes the x axis in the chart; else ``x`` is what it is. ``mean``: seeds of
    one design are one line until the reader wants them apart.
    """
    for task in dict.fromkeys(run.task for run in runs):
        of_task = [run for run in runs if run.task == task]
        facts = of_task[0].facts
        if len(of_task) < len(runs):
            st.markdown(f"**{facts.title}**")
        title = _("Curves of {count} runs: {task}", count=len(of_task), task=facts.title)
        styles = line_styles(of_task, runs)
        live_chart(
            store,
            styles,
            panels_of(facts, loss),
            key=f"{key}.{task}",
            title=title,
            x=x,
            axis_choice=axis_choice,
            mean=mean,
            notes=_before_forks(store, of_task, styles),
        )


def _before_forks(store: Store, runs: Sequence[Run], styles: Sequence[LineStyle]) -> list[str]:
    """Of each design that is a fork, what was trained before its curves begin: no axis counts it."""
    forks = {style.design: (run, style) for run, style in zip(runs, styles, strict=True) if run.start_from}
    notes = []
    for run, style in forks.values():
        tree = ancestry(store, run)
        said = {
            "name": style.design_name,
            "steps": f"{tree.steps:,}",
            "time": duration(tree.seconds),
            "tokens": compact(tree.tokens),
            "flops": compact(tree.flops),
        }
        if tree.whole:
            text = _(
                "{name} starts at 0 on every axis. Its curve does not show the training before the fork: {steps} "
                "steps ({time}, {tokens} tokens, {flops} FLOPs).",
                **said,
            )
        else:
            text = _(
                "{name} starts at 0 on every axis. Its curve does not show the training before the fork: at least "
                "{steps} steps; how many more is not known.",
                **said,
            )
        notes.append(text)
    return notes
