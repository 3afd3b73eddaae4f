"""What differs between runs, so that nobody compares apples with pears. Start at what_differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app.compare.summary import differences
from app.look.formatting import duration
from app.runs.names import run_names
from app.services import escape_markdown
from clps_core.config.telling import field_name
from clps_core.experiment import STRATEGY
from clps_core.jobs.ancestry import Ancestry, ancestry
from clps_core.jobs.provenance import circumstances
from clps_core.store import Run, Store
from clps_core.store.designs import REPLICATES, config_table, design_of
from clps_core.words import _, listed, ngettext, together

__all__ = ["Differences", "found_differences", "what_differs"]

MOST_NAMED = 3
MOST_FORKS = 6


@dataclass(frozen=True)
class Differences:
    """What is not equal in all runs. ``intended``: strategy, seeds, fold; ``others``: what else, as people call it.

    ``table``: setting or fact -> its value in each run. ``sentences``: what must be said in words.
    """

    intended: tuple[str, ...]
    others: tuple[str, ...]
    table: Mapping[str, Sequence[str]]
    sentences: tuple[str, ...]

    @property
    def label(self) -> str:
        """In one line."""
        if self.others:
            named = listed(self.others[:MOST_NAMED])
            more = len(self.others) - MOST_NAMED
            names = named if more <= 0 else _("{names} and {n} more", names=named, n=more)
            return ngettext(
                "{n} difference besides strategy and seed: {names}",
                "{n} differences besides strategy and seed: {names}",
                len(self.others),
                names=names,
            )
        if not self.intended:
            return _("Matched: all settings of the runs are equal")
        return _("Matched: nothing differs except {names}", names=together(self.intended))


def what_differs(store: Store, runs: Sequence[Run]) -> None:
    """The config fields and facts that are not equal in all runs; those that were not intended are named."""
    found = found_differences(store, runs)
    icon = ":material/warning:" if found.others else ":material/verified:"
    with st.expander(escape_markdown(found.label), icon=icon, expanded=bool(found.others)):
        for sentence in found.sentences:
            st.markdown(sentence)
        if found.table:
            names = run_names(runs)
            table = pd.DataFrame(dict(found.table), index=[names[run.id] for run in runs]).T
            table.index.name = _("Setting")
            st.dataframe(table)
        else:
            st.markdown(_("The configs are equal in every field."))


def found_differences(store: Store, runs: Sequence[Run]) -> Differences:
    """What differs between ``runs``: settings, the seeds of their designs, start weights, how far, on what."""
    settings = differences(runs)
    titles = {STRATEGY: _("strategy"), "seed": _("seed"), "data.seed": _("data seed"), "data.fold": _("fold")}
    intended = tuple(title for field, title in titles.items() if field in settings)
    others = [field_name(field) for field in settings if field not in titles]
    sentences = []
    if _uneven_seeds(runs):
        others.append(_("the seeds of each design"))
        sentences.append(
            _("The designs do not all have the same seeds, so the seeds may cause part of the difference.")
        )
    trees = {run.id: ancestry(store, run) for run in runs}
    names = run_names(runs)
    facts = _facts(store, runs, trees)
    others += facts
    sentences += [_origin(names[run.id], trees[run.id]) for run in runs if run.start_from][:MOST_FORKS]
    return Differences(intended, tuple(others), {**settings, **facts}, tuple(sentences))


def _uneven_seeds(runs: Sequence[Run]) -> bool:
    """Whether one design has seeds or folds that another has not."""
    seeds: dict[str, set[tuple[object, ...]]] = {}
    for run in runs:
        table = config_table(run)
        seeds.setdefault(design_of(run), set()).add(tuple(table.get(field) for field in REPLICATES))
    return len({frozenset(one) for one in seeds.values()}) > 1


def _facts(store: Store, runs: Sequence[Run], trees: Mapping[str, Ancestry]) -> dict[str, list[str]]:
    """What differs besides the config: fact -> its value in each run. What is not known yet differs from nothing."""
    rows: dict[str, list[str | None]] = {
        _("initial weights"): [_start(trees[run.id]) for run in runs],
        _("earlier training"): [_spent(trees[run.id]) for run in runs],
        _("end of training"): [_end(run) for run in runs],
    }
    known = [circumstances(store, run) for run in runs]
    titles = {
        "data": _("version of the data"),
        "clps": _("version of CLPS Lab"),
        "torch": _("version of torch"),
        "machine": _("machine"),
        "device": _("device"),
        "precision": _("number format"),
        "threads": _("threads"),
    }
    rows |= {title: [one.get(fact) for one in known] for fact, title in titles.items()}
    return {
        title: ["–" if value is None else value for value in values]
        for title, values in rows.items()
        if len({value for value in values if value is not None}) > 1
    }


def _start(tree: Ancestry) -> str:
    if not tree.stages:
        return _("random, from the seed")
    first = tree.stages[0]
    of = first.run.id if first.run else _("a deleted run")
    if first.steps is None:
        return _("{which} of {run}", which=first.which, run=of)
    return _("{which} of {run}, step {step}", which=first.which, run=of, step=f"{first.steps:,}")


def _spent(tree: Ancestry) -> str:
    said = ngettext("{n} step", "{n} steps", tree.steps) if tree.steps else _("none")
    if tree.whole:
        return said
    return _("{steps} or more", steps=said) if tree.steps else _("no longer known")


def _end(run: Run) -> str | None:
    """How an ended run ended, where that was before its last step; of one that goes on nothing is known yet."""
    if run.active:
        return None
    if run.step >= run.steps:
        return _("completed")
    endings = {"failed": _("failed"), "cancelled": _("cancelled"), "paused": _("paused")}
    ending = endings.get(run.status, _("ended early"))
    return _("{ending} at step {step} of {steps}", ending=ending, step=f"{run.step:,}", steps=f"{run.steps:,}")


def _origin(name: str, tree: Ancestry) -> str:
    """Of a fork: whose weights it began with, and what was spent before."""
    first = tree.stages[0]
    which = {"best": _("best"), "last": _("last")}.get(first.which, first.which)
    said = {"name": escape_markdown(name), "which": escape_markdown(which)}
    parent = f"{first.run.name} ({first.run.id})" if first.run else _("a run that was deleted")
    said["parent"] = escape_markdown(parent)
    if first.steps is None:
        begun = _("**{name}** started from the {which} weights of {parent}. The step is no longer known.", **said)
    else:
        said["step"] = f"{first.steps:,}"
        begun = _("**{name}** started from the {which} weights of {parent} at step {step}.", **said)
    steps = ngettext("{n} step", "{n} steps", tree.steps)
    if tree.whole:
        return f"{begun} " + _("Trained before: {steps} in {time}.", steps=steps, time=duration(tree.seconds))
    return f"{begun} " + _("Trained before: at least {steps}. The rest is no longer known.", steps=steps)
