"""Runs against each other: figures, quality against size, what differs, the same as a file. Start at figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import state
from app.components.figure_table import Row, figure_table
from app.components.plotted import plotted
from app.components.run_curves import metric_title, short_names
from app.components.run_scatter import Dot, quality_scatter
from app.components.run_summary import (
    Group,
    Summary,
    differences,
    group_names,
    grouped,
    quality_of_all,
    summary,
)
from app.formatting import compact, duration, metric, percent
from clps_core.store import Run, Store
from clps_core.sweeps.results import Spread
from clps_core.tasks import TASKS
from clps_core.words import _, ngettext

__all__ = ["as_csv", "download", "figures", "scatter", "what_differs"]


def figures(store: Store, runs: Sequence[Run], colours: Mapping[str, str], *, alone: bool) -> list[Group]:
    """The table of runs of one task; ``alone``: it is the only task, so its quality goes into the address.

    ``colours``: of each strategy on the page.
    """
    plain = [summary(store, run) for run in runs]
    quality = _quality(plain, alone)
    groups = grouped([summary(store, run, quality) for run in runs] if quality is not None else plain)
    _table(groups, group_names(groups), colours, quality)
    return groups


def _quality(summaries: Sequence[Summary], alone: bool) -> float | None:
    """The chosen finishing line, in the metric's own unit."""
    first = summaries[0]
    usual = quality_of_all(summaries)
    if usual is None:
        return None
    share = first.metric != "perplexity"
    scale = 100.0 if share else 1.0
    title = metric_title(first.metric)
    label = _("{metric} to reach, in %", metric=title) if share else _("{metric} to reach", metric=title)
    chosen = st.number_input(
        label,
        min_value=0.0,
        max_value=100.0 if share else None,
        value=round(usual * scale, 4),
        step=5.0 if share else 10.0,
        format="%.4g",
        key=state.QUALITY if alone else f"{state.QUALITY}.{first.run.task}",
        bind="query-params" if alone else None,
        help=_(
            "How long each run trained until it was this good on held-out data. "
            "At first: what every finished run reached."
        ),
        width=240,
    )
    return (usual * scale if chosen is None else float(chosen)) / scale


def _table(groups: Sequence[Group], names: Sequence[str], colours: Mapping[str, str], quality: float | None) -> None:
    title = metric_title(groups[0].summaries[0].metric)
    name = groups[0].summaries[0].metric
    several = any(len(group.summaries) > 1 for group in groups)
    columns = [
        (_("Design"), ""),
        (_("Best {metric}", metric=title.lower()), _("on held-out data, at the best evaluation of each run")),
        (_("Final"), _("at the last evaluation")),
        (_("Stored parameters"), _("unique: every weight counted once")),
        (_("of unshared"), _("stored, compared with what the same layers use in one pass")),
        (_("Executed"), _("every use counts")),
        (_("Tokens/s"), _("while training, without padding")),
        (_("Trained for"), _("without waiting in the queue")),
    ]
    if quality is not None:
        note = _("seconds of training until the first evaluation that was this good")
        columns.append((_("Time to {quality}", quality=metric(name, quality)), note))
    if several:
        columns.insert(1, (_("Runs"), _("seeds and folds of the design")))
    rows = [
        Row(label, colours[group.run.strategy], _cells(group, name, several, quality is not None))
        for label, group in zip(names, groups, strict=True)
    ]
    figure_table(_("Quality, size and speed of each design"), columns, rows)
    if several:
        text = _("± is the standard deviation over a design's seeds and folds.")
        if any(group.counted < len(group.summaries) for group in groups):
            text += " " + _("Only finished runs count where there are any.")
        st.caption(text)


def _cells(group: Group, name: str, several: bool, timed: bool) -> list[str]:
    run = group.run
    share = (
        run.unique_parameters / run.executed_parameters if run.unique_parameters and run.executed_parameters else None
    )
    return [
        *([_runs_counted(group)] if several else []),
        _with_spread(group.best, name),
        _with_spread(group.final, name),
        compact(run.unique_parameters),
        percent(share, 0),
        compact(run.executed_parameters),
        compact(group.tokens_per_second.mean if group.tokens_per_second else None),
        duration(group.seconds.mean if group.seconds else None),
        *([_time_to_quality(group)] if timed else []),
    ]


def _runs_counted(group: Group) -> str:
    runs = len(group.summaries)
    return str(runs) if group.counted == runs else _("{count} of {runs}", count=group.counted, runs=runs)


def _time_to_quality(group: Group) -> str:
    reached, runs = group.seconds_to_quality, group.counted
    if reached is None:
        return _("not reached")
    time = duration(reached.mean)
    return (
        time if reached.count == runs else _("{time} ({count} of {seeds})", time=time, count=reached.count, seeds=runs)
    )


def _with_spread(spread: Spread | None, name: str) -> str:
    if spread is None:
        return "–"
    text = metric(name, spread.mean)
    if spread.deviation is None:
        return text
    number, _space, unit = text.partition(" ")
    deviation = metric(name, spread.deviation).partition(" ")[0]
    return _("{mean} ± {deviation}", mean=number, deviation=deviation) + (f" {unit}" if unit else "")


def scatter(groups: Sequence[Group], colours: Mapping[str, str]) -> None:
    """Best quality against stored parameters, one mark per design; the table above has the same figures."""
    names = group_names(groups)
    dots = [
        Dot(
            name,
            colours[group.run.strategy],
            group.run.unique_parameters,
            group.best.mean,
            group.best.deviation,
        )
        for name, group in zip(names, groups, strict=True)
        if group.best and group.run.unique_parameters
    ]
    if not dots:
        return
    task = TASKS[groups[0].run.task]
    title = metric_title(task.metric)
    said = "; ".join(
        _(
            "{name}: {quality} with {count}",
            name=dot.name,
            quality=metric(task.metric, dot.quality),
            count=compact(dot.parameters),
        )
        for dot in dots
    )
    st.markdown(_("**{metric} against stored parameters**", metric=title))
    plotted(
        quality_scatter(dots, task, title),
        key=f"compare.scatter.{task.name}",
        alt=_("Best {metric} against stored parameters. {said}.", metric=title.lower(), said=said),
    )


def what_differs(runs: Sequence[Run]) -> None:
    """The config fields that are not equal in all runs, so that nobody compares apples with pears."""
    found = differences(runs)
    names = short_names(runs)
    planned = {"sharing.strategy", "seed", "data.fold"}
    others = [field for field in found if field not in planned]
    if others:
        label = ngettext(
            "{n} setting differs besides strategy and seed",
            "{n} settings differ besides strategy and seed",
            len(others),
        )
    else:
        label = _("Matched: nothing differs but strategy and seed")
    with st.expander(label, icon=":material/warning:" if others else ":material/verified:", expanded=bool(others)):
        if found:
            table = pd.DataFrame(found, index=[names[run.id] for run in runs]).T
            table.index.name = _("Setting")
            st.dataframe(table)
        else:
            st.markdown(_("The configs are equal in every field."))


def download(store: Store, runs: Sequence[Run]) -> None:
    """A button for ``as_csv``; the file is made when it is asked for."""
    st.download_button(
        _("Download as CSV"),
        lambda: as_csv(store, runs),
        file_name="clps-runs.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def as_csv(store: Store, runs: Sequence[Run]) -> bytes:
    """One row per run with its figures, values unrounded."""
    rows = []
    for run in runs:
        one = summary(store, run)
        best, final = one.best or (None, None), one.final or (None, None)
        rows.append(
            {
                "id": run.id,
                "name": run.name,
                "status": run.status,
                "task": run.task,
                "strategy": run.strategy,
                "seed": run.seed,
                "metric": one.metric,
                "best": best[1],
                "best_step": best[0],
                "final": final[1],
                "final_step": final[0],
                "unique_parameters": run.unique_parameters,
                "executed_parameters": run.executed_parameters,
                "steps": run.step,
                "seconds": run.seconds,
                "tokens_per_second": run.tokens_per_second,
            }
        )
    return pd.DataFrame(rows).map(_not_a_formula).to_csv(index=False).encode()


def _not_a_formula(value: object) -> object:
    """Spreadsheets run text that begins like a formula; a leading apostrophe makes it text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value
