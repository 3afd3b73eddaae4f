"""What the curves of quality at every depth show and what they do not prove, in sentences. Start at captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import streamlit as st

from app.chart.run_curves import short_names
from app.depth.source import DeepRun, recorded
from app.look.formatting import metric
from app.runs.names import design_names
from app.services import escape_markdown
from clps_core.depth import Quality
from clps_core.store.designs import design_of
from clps_core.words import _, ngettext, together

__all__ = ["captions"]

Points = Mapping[int, Quality]


def captions(runs: Sequence[DeepRun], found: Mapping[str, Points]) -> None:
    """For each run the best depth, for each design of several runs that of their mean; then what is not proved."""
    seen = [_of_run(one, found[one.run.id], title) for one, title in zip(runs, _names(runs), strict=True)]
    seen += _of_designs(runs, found)
    examples = max(point.examples for points in found.values() for point in points.values())
    measured = (
        ngettext("Measured on {n} validation example,", "Measured on {n} validation examples,", examples)
        + " "
        + _("the same for every depth; ○ marks the depth used in training.")
    )
    if len(seen) == 1:
        st.caption(_("**Seen:** ") + f"{seen[0]} {measured}")
    else:
        st.caption("\n".join([_("**Seen:** ") + measured, "", *(f"* {one}" for one in seen)]))
    st.caption(
        _(
            "**Not proved:** that more depth helps or harms such a design in general. These weights were trained at "
            "the marked depths; weights trained with a random number of loops may behave differently. One seed is "
            "only one sample."
        )
    )


def _names(runs: Sequence[DeepRun]) -> list[str]:
    names = short_names([one.run for one in runs])
    return [escape_markdown(names[one.run.id]) for one in runs]


def _of_run(one: DeepRun, points: Points, name: str) -> str:
    """At which depth it is best, and what it had while it was trained."""
    judged = one.run.facts.judged_by
    # Of depths that are equally good, the smaller loss decides, then the smaller depth.
    best = max(points, key=lambda n: (judged.worth(points[n].metrics[judged.name]), -points[n].metrics["loss"], -n))
    where = _trained_sentence(one) if one.dial.was_trained(best) else _("a depth it was not trained at")
    said = ngettext(
        "{run} is best at {n} loop, {where}.", "{run} is best at {n} loops, {where}.", best, run=name, where=where
    )
    alike = [n for n in points if n != best and points[n].metrics[judged.name] == points[best].metrics[judged.name]]
    if alike:
        as_good = _(
            "It is as good at {loops}, but its loss is not lower there.", loops=together(map(str, sorted(alike)))
        )
        said = f"{said} {as_good}"
    before = recorded(one.run, points[best].step, judged.name)
    if one.dial.own is None or one.dial.own not in points or before is None:
        return said
    trained = ngettext(
        "During training, the same weights had {quality} at {n} loop.",
        "During training, the same weights had {quality} at {n} loops.",
        one.dial.own,
        quality=metric(judged.name, before),
    )
    return f"{said} {trained}"


def _of_designs(runs: Sequence[DeepRun], found: Mapping[str, Points]) -> list[str]:
    """Of each design with several runs: the best of the depths at which all of them were evaluated."""
    judged = runs[0].run.facts.judged_by
    groups: dict[str, list[DeepRun]] = {}
    for one in runs:
        groups.setdefault(design_of(one.run), []).append(one)
    names = dict(zip(groups, design_names([group[0].run for group in groups.values()]), strict=True))
    said = []
    for design, group in groups.items():
        common = set.intersection(*(set(found[one.run.id]) for one in group))
        means = {n: fmean(found[one.run.id][n].metrics[judged.name] for one in group) for n in sorted(common)}
        if len(group) > 1 and means:
            best = max(means, key=lambda n: (judged.worth(means[n]), -n))
            said.append(
                ngettext(
                    "**{design}**, mean of {runs} runs: best at {n} loop, {quality}.",
                    "**{design}**, mean of {runs} runs: best at {n} loops, {quality}.",
                    best,
                    design=escape_markdown(names[design]),
                    runs=len(group),
                    quality=metric(judged.name, means[best]),
                )
            )
    return said


def _trained_sentence(one: DeepRun) -> str:
    low, high = one.dial.trained or (1, 1)
    if low == high:
        return _("the depth it was trained at")
    return _("a depth it was trained at ({low} to {high} loops, drawn at random)", low=low, high=high)
