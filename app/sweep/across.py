"""See through many configurations: lines, what matters, how strategies go with another field. Start at across.

The address keeps which of them is shown, and only that one is worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app import state
from app.look.address_choice import address_choice
from app.look.figure_table import Figure, Row, figure_table
from app.look.formatting import compact, duration, percent, strategy_name
from app.look.picture import Table
from app.look.plotted import plotted
from app.services import escape_markdown
from app.sweep.influence import (
    FIELD,
    MOST_STRATEGIES,
    PAIR,
    effect_name,
    effects_shown,
    importance_figure,
    interaction_figure,
)
from app.sweep.parallel import Lines, lines_of, parallel_figure
from app.sweep.table import said_best, said_settings
from clps_core.config.telling import field_name
from clps_core.metrics import metric_named
from clps_core.store import Run, Store
from clps_core.sweeps.fields import complete, varied
from clps_core.sweeps.importance import Effect, importance
from clps_core.sweeps.importance_words import left_out
from clps_core.sweeps.importance_words import said as said_importance
from clps_core.sweeps.interaction import interaction, interaction_fields, said
from clps_core.sweeps.results import Configuration, configurations
from clps_core.words import _, in_a_sentence, ngettext, sentences

__all__ = ["across", "across_runs"]

MOST_ROWS = 20
EACH, LINES, MATTERS, STRATEGY = "each", "lines", "matters", "strategy"


def across_runs(store: Store, runs: Sequence[Run]) -> None:
    """The same of any runs that differ in two fields or more, task by task; nothing of fewer."""
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    bests = {run_id: value for run_id, (_step, value) in store.bests(runs).items()}
    found = {task: configurations(members, bests) for task, members in by_task.items()}
    shown = {task: members for task, members in found.items() if len(varied(complete(members))) > 1}
    if not shown:
        return
    st.header(_("Across the fields that differ"), anchor=False)
    chosen = _choice(
        {LINES: _("All fields together"), MATTERS: _("What matters"), STRATEGY: _("Strategy and one field")}
    )
    for task, members in shown.items():
        facts = members[0].runs[0].facts
        if len(by_task) > 1:
            st.markdown(f"**{escape_markdown(facts.title)}**")
        _draw(chosen, members, facts.metric, task)


def across(found: Sequence[Configuration], metric: str, about: str, each: Callable[[], None]) -> None:
    """A sweep's pictures; ``each`` draws the usual one, ``about`` is the sweep's id."""
    if len(varied(complete(found))) < 2:
        each()
        return
    chosen = _choice(
        {
            EACH: _("Each field"),
            LINES: _("All fields together"),
            MATTERS: _("What matters"),
            STRATEGY: _("Strategy and one field"),
        }
    )
    if chosen == EACH:
        each()
    else:
        _draw(chosen, found, metric, about)


def _choice(choices: dict[str, str]) -> str:
    return address_choice("across", state.FIELDS, choices, _("What the picture shows"))


def _draw(chosen: str, found: Sequence[Configuration], metric: str, about: str) -> None:
    {LINES: _lines, MATTERS: _matters, STRATEGY: _strategy}[chosen](found, metric, about)


def _lines(found: Sequence[Configuration], metric: str, about: str) -> None:
    lines = lines_of(found, metric, importance(found).order())
    if lines is None:
        return
    title = metric_named(metric).title
    plotted(
        parallel_figure(lines, metric),
        key=f"across.lines.{about}",
        alt=_(
            "{n} configurations as lines over {axes}, coloured by {metric}; the table below has the same values.",
            n=len(lines.shown),
            axes=", ".join(axis.title for axis in lines.axes),
            metric=title,
        ),
        title=_("{metric} over all fields", metric=title),
        about=about,
        numbers=lambda: _numbers(lines, metric),
    )
    st.caption(sentences(map(escape_markdown, _said_of(lines))))
    with st.expander(_("The same as a table")):
        _table(lines, metric)


def _said_of(lines: Lines) -> list[str]:
    said_ = [
        _(
            "A line is a configuration (the mean over its seeds); orange is better. Drag along an axis to show only "
            "lines that pass through that range, and click the axis to show all again. Drag a name to move its axis."
        )
    ]
    if len(lines.shown) < len(lines.known):
        text = _(
            "{n} of {total} configurations are drawn, evenly selected from the best to the worst; the CSV file has "
            "all.",
            n=len(lines.shown),
            total=len(lines.known),
        )
        said_.append(text)
    if lines.hidden_fields:
        names = ", ".join(map(field_name, lines.hidden_fields))
        said_.append(_("These fields also differ but have no axis: {fields}.", fields=names))
    if tied := [" = ".join(map(field_name, (one.field, *one.with_it))) for one in lines.fields if one.with_it]:
        said_.append(_("These fields change together and share one axis: {fields}.", fields="; ".join(tied)))
    if lines.total > len(lines.known):
        said_.append(left_out(lines.total - len(lines.known)))
    return said_


def _columns(lines: Lines) -> list[str]:
    return [name for one in lines.fields for name in (one.field, *one.with_it)] + list(lines.hidden_fields)


def _numbers(lines: Lines, metric: str) -> Table:
    fields = _columns(lines)
    rows = [
        (
            *(_plain(one.values.get(field)) for field in fields),
            one.best.mean if one.best else None,
            one.best.deviation if one.best else None,
            one.best.count if one.best else 0,
            one.runs[0].unique_parameters,
            one.seconds.mean if one.seconds else None,
        )
        for one in lines.known
    ]
    return Table([*fields, metric, "deviation", "runs", "unique_parameters", "seconds"], rows)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def _table(lines: Lines, metric: str) -> None:
    """For those who do not see the lines; the best first."""
    title = metric_named(metric).title
    rows = [
        Row(
            said_settings(one),
            FIELD,
            [
                said_best(one, metric),
                compact(one.runs[0].unique_parameters),
                duration(one.seconds.mean) if one.seconds else "–",
            ],
        )
        for one in lines.known[:MOST_ROWS]
    ]
    columns = [
        (_("Configuration"), ""),
        (
            _("Best {metric}", metric=in_a_sentence(title)),
            _("mean over runs of the best evaluation on validation data"),
        ),
        (_("Stored parameters"), _("every weight counted once, however many layers use it")),
        (_("Time per run"), _("without waiting in the queue")),
    ]
    figure_table(_("Configurations, best first"), columns, rows)
    if (more := len(lines.known) - len(rows)) > 0:
        st.caption(
            ngettext("{n} more configuration is in the CSV file.", "{n} more configurations are in the CSV file.", more)
        )


def _matters(found: Sequence[Configuration], metric: str, about: str) -> None:
    told = importance(found)
    effects = effects_shown(told)
    if effects:
        title = _("Importance for {metric}", metric=metric_named(metric).in_a_sentence)
        names = "; ".join(f"{effect_name(one)}: {percent(one.share)}" for one in effects)
        plotted(
            importance_figure(effects),
            key=f"across.matters.{about}",
            alt=_("Importance of fields (share of the variance of quality). {said}.", said=names),
            title=title,
            about=about,
            numbers=lambda: _effect_numbers([*told.fields, *told.pairs]),
        )
        tested = any(one.p is not None for one in effects)
        columns = [
            (_("Field"), ""),
            (_("Share"), _("of the variance of quality over the configurations")),
            *(
                [("p", _("how often chance alone gives at least this much, corrected (Holm) for the number of tests"))]
                if tested
                else []
            ),
        ]
        rows = [
            Row(effect_name(one), FIELD if len(one.fields) == 1 else PAIR, _effect_cells(one, tested))
            for one in effects
        ]
        figure_table(title, columns, rows)
    st.caption(sentences(map(escape_markdown, said_importance(told))))


def _effect_cells(one: Effect, tested: bool) -> list[str | Figure]:
    text = percent(one.share)
    if one.spread is not None and one.spread.deviation is not None:
        text = _("{mean} ± {deviation}", mean=text, deviation=percent(one.spread.deviation))
    cells: list[str | Figure] = [Figure(f"~ {text}" if one.may_be_chance else text, part=one.share)]
    if tested:
        cells.append("–" if one.p is None else f"{one.p:.2g}" if one.p >= 0.001 else "< 0.001")
    return cells


def _effect_numbers(effects: Sequence[Effect]) -> Table:
    rows = [(" x ".join(one.fields), one.share, one.spread.deviation if one.spread else None, one.p) for one in effects]
    return Table(["fields", "share", "deviation", "p"], rows)


def _strategy(found: Sequence[Configuration], metric: str, about: str) -> None:
    fields = interaction_fields(found)
    if not fields:
        st.markdown(_("The strategy is the same in all complete configurations, or nothing else differs."))
        return
    names = {field: escape_markdown(field_name(field)) for field in fields}
    field = fields[0]
    if len(fields) > 1:
        field = address_choice(f"across.{about}", state.OVER, names, _("Plot over"), visible=True, many=True)
    judge = metric_named(metric)
    one = interaction(found, field, judge.sign)
    if one is None:
        return
    title = _("{metric} of each strategy over {field}", metric=judge.title, field=field_name(field))
    found_sentences = said(one, strategy_name)
    plotted(
        interaction_figure(one, metric),
        key=f"across.strategy.{about}",
        alt=f"{title}. {found_sentences[0]}",
        title=title,
        about=about,
    )
    st.markdown(sentences(map(escape_markdown, found_sentences)))
    notes = [_("Bars show one standard deviation over the runs of a point.")]
    if (more := len(one.lines) - MOST_STRATEGIES) > 0:
        notes.append(
            ngettext("{n} more strategy is not drawn.", "{n} more strategies are not drawn.", more)
            + " "
            + _("The text describes all of them.")
        )
    st.caption(sentences(notes))
