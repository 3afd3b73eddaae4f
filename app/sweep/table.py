"""A sweep's configurations as a table, best first. Start at sweep_table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.compare.summary import test_title
from app.look.colours import strategy_colours
from app.look.figure_table import Row, figure_table
from app.look.formatting import compact, duration, metric, strategy_name
from clps_core.experiment import STRATEGY
from clps_core.metrics import metric_named
from clps_core.sweeps import SweepState
from clps_core.sweeps.results import Configuration, Spread
from clps_core.words import _, in_a_sentence, ngettext, sentences

__all__ = ["said_best", "said_settings", "said_spread", "sweep_table"]

MOST_ROWS = 20
MOST_FIELDS = 8


def said_settings(one: Configuration) -> str:
    """As ``Configuration.name``, with the strategy as people read it."""
    said = [f"{field.rpartition('.')[2]} {_value(field, value)}" for field, value in one.settings.items()]
    said = [strategy_name(one.settings[STRATEGY]) if text.startswith("strategy ") else text for text in said]
    return " · ".join(said) or strategy_name(one.runs[0].strategy)


def said_spread(spread: Spread | None, name: str, runs: int) -> str:
    """Such as ``97.1 % ± 0.4 % (n = 3)``; the number of values only where a configuration has several ``runs``."""
    if spread is None:
        return "–"
    text = metric(name, spread.mean)
    if spread.deviation is not None:
        text = _("{mean} ± {deviation}", mean=text, deviation=metric(name, spread.deviation))
    return _("{text} (n = {count})", text=text, count=spread.count) if runs > 1 else text


def said_best(one: Configuration, name: str, runs: int | None = None) -> str:
    """Its quality on validation; runs that ended early might have become better."""
    text = said_spread(one.best, name, len(one.runs) if runs is None else runs)
    return _("at least {text}", text=text) if one.lower_bound else text


def sweep_table(found: SweepState) -> None:
    """Name and quality first, so that both are seen where the window is narrow; then the other fields and figures."""
    fields = list(found.configurations[0].values)
    first = STRATEGY if STRATEGY in fields or not fields else fields[0]
    others = [field for field in fields if field != first][:MOST_FIELDS]
    early = any(one.ended_early for one in found.configurations)
    tested = any(one.test for one in found.configurations)
    of_test = _("the same runs on the test split, scored once after training")
    columns = [
        (_("Strategy") if first == STRATEGY else first.rpartition(".")[2], ""),
        (
            _("Best {metric}", metric=in_a_sentence(metric_named(found.metric).title)),
            _("mean over complete runs of the best evaluation on validation data"),
        ),
        *([(test_title(found.runs[0].facts), of_test)] if tested else []),
        (
            _("Gap to best"),
            _(
                "mean difference from the first row, over pairs of complete runs with the same seed and fold; ~ may "
                "be chance"
            ),
        ),
        *((field.rpartition(".")[2], field) for field in others),
        (_("Runs"), _("ended runs, of all runs")),
        *(
            [(_("Ended early"), _("by the sweep's rule or by early stopping, with the quality reached"))]
            if early
            else []
        ),
        (_("Stored parameters"), _("every weight counted once, however many layers use it")),
        (_("Time per run"), _("without waiting in the queue")),
    ]
    shown = found.configurations[:MOST_ROWS]
    colours = strategy_colours(run.strategy for run in found.runs)
    rows = [
        Row(_first(one, first), colours[one.runs[0].strategy], _cells(one, others, found.metric, early, tested))
        for one in shown
    ]
    figure_table(_("Configurations, best first"), columns, rows, tight=True)
    notes = _notes(shown, len(found.configurations) - len(shown))
    if notes:
        st.caption(sentences(notes))


def _first(one: Configuration, field: str) -> str:
    return strategy_name(one.runs[0].strategy) if field == STRATEGY else one.settings[field]


def _cells(one: Configuration, fields: Sequence[str], name: str, early: bool, tested: bool) -> list[str]:
    runs = f"{sum(not run.active for run in one.runs)}/{len(one.runs)}"
    return [
        said_best(one, name, 1),
        *([said_spread(one.test, name, 1)] if tested else []),
        _behind(one, name),
        *(_value(field, one.settings[field]) for field in fields),
        _("{runs}, {n} failed", runs=runs, n=one.failed) if one.failed else runs,
        *([_early(one, name)] if early else []),
        compact(one.runs[0].unique_parameters),
        duration(one.seconds.mean) if one.seconds else "–",
    ]


def _behind(one: Configuration, name: str) -> str:
    if one.behind is None:
        return "–"
    said = metric(name, one.behind.mean)
    return f"~ {said}" if one.behind.may_be_chance else said


def _early(one: Configuration, name: str) -> str:
    reached = Spread.of(list(one.early.values()))
    if reached is None:
        return str(one.ended_early or "–")
    return _("{n} at {value}", n=one.ended_early, value=metric(name, reached.mean))


def _value(field: str, value: str) -> str:
    return strategy_name(value) if field == STRATEGY else value


def _notes(shown: Sequence[Configuration], more: int) -> list[str]:
    notes = []
    if any(one.best and one.best.deviation is not None for one in shown):
        notes.append(_("± is the standard deviation over the complete runs (seeds and folds) of a configuration."))
    if any(one.ended_early for one in shown):
        text = _("Means leave out runs that ended early, since they might have improved. The ranking includes them.")
        notes.append(text)
    if any(one.test for one in shown):
        notes.append(
            _(
                "Configurations are ranked by validation. The test examples are scored once and not used to choose "
                "anything."
            )
        )
    if any(one.failed for one in shown):
        notes.append(_("A failed run does not count, and its configuration is ranked after those without failures."))
    if more > 0:
        notes.append(ngettext("{n} more configuration is not shown.", "{n} more configurations are not shown.", more))
    return notes
