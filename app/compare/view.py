"""Runs against each other: figures and quality against size. Start at figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from app import state
from app.compare.summary import (
    Group,
    Measured,
    Summary,
    group_names,
    grouped,
    quality_of_all,
    test_note,
    test_title,
)
from app.compare.verdicts import verdict_section
from app.look.figure_table import Row, figure_table
from app.look.formatting import compact, duration, metric, percent
from app.services import escape_markdown
from clps_core.analysis.counts import of_unshared, share_of_unshared, unshared
from clps_core.glossary import meaning, meaning_of_metric
from clps_core.jobs.ancestry import Ancestry, ancestry
from clps_core.jobs.provenance import signatures
from clps_core.metrics import metric_named
from clps_core.store import Run, Store
from clps_core.sweeps.results import Spread
from clps_core.words import _, in_a_sentence, sentences

__all__ = ["design_table", "figures"]


def figures(store: Store, runs: Sequence[Run], colours: Mapping[str, str], *, alone: bool) -> list[Group]:
    """The table of runs of one task; ``alone``: it is the only task, so its quality goes into the address.

    ``colours``: of each strategy on the page.
    """
    measured = Measured.of(store, runs)
    plain = measured.summaries()
    quality = _quality(plain, alone)
    groups = grouped(measured.summaries(quality) if quality is not None else plain)
    trees = {group.run.id: ancestry(store, group.run) for group in groups}
    _table(groups, [trees[group.run.id] for group in groups], colours, quality)
    if notes := _notes(groups, group_names(groups), quality):
        st.caption(sentences(notes))
    for sentence in _signed(store, groups):
        st.caption(sentence)
    verdict_section(store, groups, alone=alone)
    return groups


def _notes(groups: Sequence[Group], names: Sequence[str], quality: float | None) -> list[str]:
    """What test means, and the baseline where a figure is no better than that."""
    task = groups[0].run.facts
    known = {"name": escape_markdown(task.baseline_name), "baseline": metric(task.metric, task.baseline)}
    notes = [test_note(task)] if any(group.test for group in groups) else []
    weak = [
        escape_markdown(name)
        for name, group in zip(names, groups, strict=True)
        if group.best
        and not task.beats_baseline(group.best.mean)
        and not any(one.run.active for one in group.summaries)
    ]
    if weak:
        notes.append(
            _(
                "No better than the baseline ({name}: {baseline}): {designs}.",
                designs="; ".join(weak),
                **known,
            )
        )
    if quality is not None and not task.beats_baseline(quality):
        said = metric(task.metric, quality)
        notes.append(_("{quality} needs no learning: the baseline ({name}) has {baseline}.", quality=said, **known))
    return notes


def _signed(store: Store, groups: Sequence[Group]) -> list[str]:
    """With which settings the scores of whole answers were made, each signature once."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for run in group.counted_runs if group.written else ():
            for name, text in signatures(store, run).items():
                if name in group.written:
                    found.setdefault(name, {})[text] = None
    return [
        _("{metric} by sacrebleu: {signatures}", metric=escape_markdown(metric_named(name).title),
          signatures=escape_markdown("; ".join(texts)))
        for name, texts in found.items()
    ]  # fmt: skip


def _quality(summaries: Sequence[Summary], alone: bool) -> float | None:
    """The chosen finishing line, in the metric's own unit."""
    first = summaries[0]
    usual = quality_of_all(summaries)
    if usual is None:
        return None
    judge = metric_named(first.metric)
    scale, low, high = judge.scale, min(0.0, judge.lowest), judge.highest
    text = _("{metric} to reach, in %", metric=judge.title)
    label = text if judge.percent else _("{metric} to reach", metric=judge.title)
    chosen = st.number_input(
        label,
        min_value=low * scale if math.isfinite(low) else None,
        max_value=high * scale if math.isfinite(high) else None,
        value=round(usual * scale, 4),
        step=judge.step * scale,
        format="%.4g",
        key=state.QUALITY if alone else f"{state.QUALITY}.{first.run.task}",
        bind="query-params" if alone else None,
        help=_(
            "The table shows how long each run trained to this validation score. The default is a score that "
            "all finished runs above the baseline reached."
        ),
        width=240,
    )
    return (usual * scale if chosen is None else float(chosen)) / scale


def _table(
    groups: Sequence[Group], trees: Sequence[Ancestry], colours: Mapping[str, str], quality: float | None
) -> None:
    """``trees``: what was trained before the first step of each group's runs."""
    columns, rows = design_table(groups, trees, colours, quality)
    figure_table(_("Quality, size and speed of each design"), columns, rows)
    if any(len(group.summaries) > 1 for group in groups):
        text = _("± is the standard deviation over a design's seeds and folds.")
        if any(group.counted < len(group.summaries) for group in groups):
            text = sentences((text, _("Means include only finished runs if there are any.")))
        st.caption(text)
    if len(groups) > 1:
        st.caption(_("Speed and times also depend on how busy the machine was: compare costs by FLOPs."))
    for sentence in _exceptions(groups, group_names(groups), trees):
        st.caption(sentence)


def design_table(
    groups: Sequence[Group], trees: Sequence[Ancestry], colours: Mapping[str, str], quality: float | None
) -> tuple[list[tuple[str, str]], list[Row]]:
    """Columns (title, explanation) and rows of the table of designs; arguments as in ``_table``."""
    title = metric_named(groups[0].summaries[0].metric).title
    names = group_names(groups)
    name = groups[0].summaries[0].metric
    several = any(len(group.summaries) > 1 for group in groups)
    tested, timed = any(group.test for group in groups), any(group.cpu_seconds for group in groups)
    best = meaning_of_metric(name, _("Here: at each run's best evaluation on the validation split."))
    of_test = meaning("test-split", _("Here: with the best weights."))
    columns = [
        (_("Design"), meaning("design")),
        (_("Best {metric}", metric=in_a_sentence(title)), best),
        *([(test_title(groups[0].run.facts), of_test)] if tested else []),
        (_("Final"), _("At the last evaluation that all runs of the design have. The mean curve ends there.")),
        (_("Stored parameters"), meaning("stored-parameters")),
        of_unshared(),
        (_("Executed"), meaning("executed-parameters")),
        (_("Tokens/s"), meaning("tokens-per-second")),
        (_("Steps"), meaning("step", _("A fork includes the steps of its ancestors."))),
        (_("Trained for"), _("Without time in the queue. A fork includes the training of its ancestors.")),
        *([(_("CPU time"), meaning("cpu-time", _("A fork does not include its ancestors.")))] if timed else []),
    ]
    written = dict.fromkeys(name for group in groups for name in group.written)
    for name_of in written:
        whole = _("Here: complete answers on the test split, scored once after training.")
        note = meaning_of_metric(name_of, whole)
        columns.append((_("Test {metric}", metric=metric_named(name_of).in_a_sentence), note))
    if quality is not None:
        note = _(
            "Training time until the first evaluation that was this good. A fork includes the training of its "
            "ancestors."
        )
        columns.append((_("Time to {quality}", quality=metric(name, quality)), note))
    if several:
        columns.insert(1, (_("Runs"), meaning("run", _("Here: the seeds and folds of the design."))))
    rows = [
        Row(
            label,
            colours[group.run.strategy],
            _cells(group, tree, name, several, tested, timed, quality is not None, tuple(written)),
        )
        for label, group, tree in zip(names, groups, trees, strict=True)
    ]
    return columns, rows


def _exceptions(groups: Sequence[Group], names: Sequence[str], trees: Sequence[Ancestry]) -> list[str]:
    """What must be known of some rows to read them: ends at different steps, and training before a fork."""
    sentences = []
    uneven = [
        _("{name}: step {step}", name=name, step=f"{group.final_step:,}")
        for name, group in zip(names, groups, strict=True)
        if group.uneven and group.final_step is not None
    ]
    if uneven:
        text = _(
            "Some designs have runs that ended at different steps. Final is the last step that all runs of the "
            "design reached ({steps}); Best covers each complete run.",
            steps="; ".join(uneven),
        )
        sentences.append(escape_markdown(text))
    if len({unshared(group.run.config.model).unique_parameters for group in groups}) > 1:
        sentences.append(
            _("Relative size compares each design with no sharing at its own sizes. These differ here, so the column "
              "does not compare the designs with each other.")
        )  # fmt: skip
    if any("train_loops" in group.run.strategy for group in groups):
        sentences.append(
            _("Designs that train with random numbers of loops are scored here with the number of loops of their "
              "design. Depth scores them with other numbers.")
        )  # fmt: skip
    if any(tree.stages for tree in trees):
        sentences.append(
            _("Steps and times of a fork include the training of its ancestors; this part is in brackets.")
        )
    return sentences


def _cells(
    group: Group,
    tree: Ancestry,
    name: str,
    several: bool,
    tested: bool,
    timed: bool,
    to_quality: bool,
    written: Sequence[str],
) -> list[str]:
    run = group.run
    share = share_of_unshared(run.unique_parameters, run.config.model) if run.unique_parameters else None
    return [
        *([_runs_counted(group)] if several else []),
        _with_spread(group.best, name),
        *([_with_test(group, name)] if tested else []),
        _with_spread(group.final, name),
        compact(run.unique_parameters),
        percent(share, 0),
        compact(run.executed_parameters),
        compact(group.tokens_per_second.mean if group.tokens_per_second else None),
        _steps(group, tree),
        _seconds(group.seconds.mean if group.seconds else None, tree),
        *([duration(group.cpu_seconds.mean if group.cpu_seconds else None)] if timed else []),
        *(_with_spread(group.written.get(one), one) for one in written),
        *([_time_to_quality(group, tree)] if to_quality else []),
    ]


def _steps(group: Group, tree: Ancestry) -> str:
    """How many steps the counted runs trained, from the fewest to the most."""
    done = [run.step + tree.steps for run in group.counted_runs]
    said = f"{min(done):,}" if min(done) == max(done) else f"{min(done):,}–{max(done):,}"
    return _of_which_before(said, f"{tree.steps:,}", tree)


def _seconds(seconds: float | None, tree: Ancestry) -> str:
    if seconds is None:
        return duration(None)
    return _of_which_before(duration(seconds + tree.seconds), duration(tree.seconds), tree)


def _of_which_before(said: str, before: str, tree: Ancestry) -> str:
    """``said``, a total, with the part of it that a fork's ancestors had, or that this is not known any more."""
    if not tree.stages:
        return said
    if not tree.whole:
        return _("more than {all}", all=said)
    return _("{all} ({before} before)", all=said, before=before)


def _runs_counted(group: Group) -> str:
    runs = len(group.summaries)
    return str(runs) if group.counted == runs else _("{count} of {runs}", count=group.counted, runs=runs)


def _time_to_quality(group: Group, tree: Ancestry) -> str:
    reached, runs = group.seconds_to_quality, group.counted
    if reached is None:
        return _("not reached")
    time = _seconds(reached.mean, tree)
    return (
        time if reached.count == runs else _("{time} ({count} of {seeds})", time=time, count=reached.count, seeds=runs)
    )


def _with_test(group: Group, name: str) -> str:
    """With the number of runs it is of, where some of those that count have no score."""
    text = _with_spread(group.test, name)
    if group.test is None or group.test.count == group.counted:
        return text
    return _("{text} ({count} of {seeds})", text=text, count=group.test.count, seeds=group.counted)


def _with_spread(spread: Spread | None, name: str) -> str:
    if spread is None:
        return "–"
    text = metric(name, spread.mean)
    if spread.deviation is None:
        return text
    number, _space, unit = text.partition(" ")
    deviation = metric(name, spread.deviation).partition(" ")[0]
    return _("{mean} ± {deviation}", mean=number, deviation=deviation) + (f" {unit}" if unit else "")
