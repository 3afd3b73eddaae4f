"""Quality at rising difficulty against depth, as a heat map: which swaps a model follows at how many loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.chart.run_curves import short_names
from app.depth.source import DeepRun
from app.look.charts import figure
from app.look.plotted import plotted
from app.services import escape_markdown
from clps_core.depth import Quality
from clps_core.tasks import TaskFacts
from clps_core.words import _, ngettext

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["grade_name", "graded_maps", "grades_of", "heat_map"]

SCALE = ((0.0, "#50555f"), (0.5, "#2b5d9c"), (1.0, "#0b7a55"))
"""Grey is the trivial answer and below, green is all right; white figures are read on each, on both themes."""


def graded_maps(runs: Sequence[DeepRun], found: Mapping[str, Mapping[int, Quality]]) -> None:
    """A heat map for each run, where the task has a metric at rising difficulty and the runs were measured by it."""
    task = runs[0].run.facts
    names = short_names([one.run for one in runs])
    shown = [one for one in runs if all(set(task.graded) <= set(point.metrics) for point in found[one.run.id].values())]
    if not task.graded or not shown:
        return
    called = grade_name(task)
    st.header(_("{difficulty} against loops", difficulty=called), anchor=False)
    with st.container(horizontal=True, key="cards_graded"):
        for one in shown:
            points = found[one.run.id]
            with st.container():
                st.markdown(f"**{escape_markdown(names[one.run.id])}**")
                plotted(
                    heat_map(task, points, called),
                    key=f"depth.graded.{one.run.id}",
                    alt=_("{run}: {said}.", run=names[one.run.id], said=_said(task, points)),
                    title=_("{run}: {difficulty} against loops", run=names[one.run.id], difficulty=called),
                    about=one.run.id,
                )
    st.caption(
        _(
            "**Seen:** the share of correct answers for each difficulty and number of loops; grey is no better than "
            "the baseline ({baseline}). **Not proved:** that one loop does one step of the task.",
            baseline=task.baseline_name,
        )
    )


def grade_name(task: TaskFacts) -> str:
    """What the rows of a heat map count."""
    words = task.words()
    return words.grade or words.difficulty or _("Difficulty")


def grades_of(task: TaskFacts) -> list[str]:
    """What the rows of a heat map are called, easiest first: ``1``, ``2``, ``3+`` where the last one has all harder."""
    last = len(task.graded)
    return [f"{place}+" if place == last and task.graded_or_more else str(place) for place in range(1, last + 1)]


def _said(task: TaskFacts, points: Mapping[int, Quality]) -> str:
    """The hardest grade in words, for those who do not see the colours."""
    hardest = task.graded[-1]
    title = task.metric_named(hardest).title
    return "; ".join(
        ngettext(
            "{metric} at {n} loop: {share}",
            "{metric} at {n} loops: {share}",
            loops,
            metric=title,
            share=f"{point.metrics[hardest]:.0%}",
        )
        for loops, point in points.items()
    )


def heat_map(task: TaskFacts, points: Mapping[int, Quality], called: str) -> Figure:
    """Loops across, difficulty upwards, the share of right answers as colour and number."""
    import plotly.graph_objects as go

    loops = list(points)
    rows = [[points[number].metrics[name] for number in loops] for name in task.graded]
    made = figure(x_title=_("loops"), y_title=called, height=max(260, 60 + 22 * len(rows)))
    made.add_trace(
        go.Heatmap(
            z=rows,
            x=[str(number) for number in loops],
            y=grades_of(task),
            zmin=min(task.baseline, 1.0),
            zmax=1.0,
            colorscale=[list(stop) for stop in SCALE],
            text=[[f"{100 * value:.0f}" for value in row] for row in rows],
            texttemplate="%{text}",
            textfont={"size": 11, "color": "#ffffff"},
            hovertemplate=_(
                "{difficulty} {y}, loops {x}: {share}", difficulty=called, y="%{y}", x="%{x}", share="%{z:.1%}"
            )
            + "<extra></extra>",
            showscale=False,
        )
    )
    made.update_xaxes(type="category", showgrid=False)
    made.update_yaxes(type="category", showgrid=False)
    return made
