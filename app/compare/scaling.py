"""Quality over width, depth or loops, one line for each scheme. Start at scaling."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from app import state
from app.compare.scatter import SYMBOLS
from app.compare.summary import Group
from app.look.address_choice import address_choice
from app.look.charts import figure
from app.look.formatting import metric, strategy_name
from app.look.plotted import plotted
from app.services import escape_markdown
from clps_core.config import RunConfig, sharing_plan, validated
from clps_core.config.telling import FOLLOWS, told_apart
from clps_core.glossary import meaning
from clps_core.store import Run
from clps_core.store.designs import REPLICATES, config_table
from clps_core.words import _, in_a_sentence, listed

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Line", "lines_over", "scaling"]

GROWS = {
    "width": ("model.d_model", "model.d_ff", "model.num_heads", "model.head_dim", "model.embedding_size"),
    "depth": ("model.num_layers", "model.num_decoder_layers"),
    "loops": ("model.num_layers", "model.num_decoder_layers"),
}
"""Fields that may differ along a line: what grows, and what usually grows with it."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


@dataclass(frozen=True)
class Line:
    """Designs that differ in one size only: (size, design), the smallest first."""

    name: str
    points: tuple[tuple[int, Group], ...]


def scaling(of_tasks: Sequence[Sequence[Group]], colours: Mapping[str, str]) -> None:
    """The chart for each task over a size in which its designs differ; a sentence where they differ in none."""
    if not any(len(groups) > 1 for groups in of_tasks):
        return
    titles = {"width": _("width (d_model)"), "depth": _("depth (executed layers)"), "loops": _("loops")}
    drawn = {over: [lines_over(groups, over) for groups in of_tasks] for over in titles}
    offered = {over: titles[over] for over in titles if any(drawn[over])}
    if not offered:
        st.caption(_("No scaling chart: no two of these designs differ only in width, only in depth or only in loops."))
        return
    over = address_choice("compare", state.SCALE, offered, _("Scaling with"), visible=True, help=meaning("scaling"))
    for groups, lines in zip(of_tasks, drawn[over], strict=True):
        if lines:
            _draw(groups, lines, colours, titles[over], over)


def lines_over(groups: Sequence[Group], over: str) -> list[Line]:
    """The lines of designs that have at least two sizes of ``over`` (width, depth or loops)."""
    found: dict[str, list[tuple[int, Group]]] = {}
    for group in groups:
        if group.best and (size := _size(group.run, over)) is not None:
            found.setdefault(_all_but(group.run, over), []).append((size, group))
    kept = [one for members in found.values() for one in _one_each(members, over)]
    names = told_apart(
        [strategy_name(members[0][1].run.strategy) for members in kept],
        [config_table(members[0][1].run) for members in kept],
        (*REPLICATES, *GROWS[over]),
    )
    return [
        Line(name, tuple(sorted(members, key=lambda one: one[0]))) for name, members in zip(names, kept, strict=True)
    ]


def _one_each(members: list[tuple[int, Group]], over: str) -> list[list[tuple[int, Group]]]:
    """``members`` as one line, or as several with one design of each size; lines of one point are none."""
    split: dict[str, list[tuple[int, Group]]] = {"": members}
    if len({size for size, _group in members}) < len(members):  # what grows with a size differs beside it
        split = {}
        for size, group in members:
            split.setdefault(_all_but(group.run, over, GROWS[over][:1]), []).append((size, group))
    return [one for one in split.values() if 1 < len({size for size, _group in one}) == len(one)]


def _size(run: Run, over: str) -> int | None:
    """The size of ``run``; its loops, where its design has a part that repeats."""
    return run.config.model.d_model if over == "width" else _executed(run.config_text, over)


@lru_cache(maxsize=2048)
def _executed(config_text: str, over: str) -> int | None:
    config = validated(RunConfig, json.loads(config_text))
    plan = sharing_plan(config.model, config.sharing)
    if over == "depth":
        return sum(len(execution.layers()) for execution in plan.execution.values())
    loops = [execution.loops for execution in plan.execution.values() if execution.core]
    return max(loops, default=None)


def _all_but(run: Run, over: str, grows: Sequence[str] = ()) -> str:
    """What designs on one line have in common: all but the fields that grow, and what follows from them."""
    ignored = {*REPLICATES, *FOLLOWS, *(grows or GROWS[over])}
    table = {name: value for name, value in config_table(run).items() if name not in ignored}
    table["strategy"] = run.strategy
    table["from"] = (run.parent_id, run.start_from) if run.start_from else None
    return repr(sorted(table.items(), key=lambda one: one[0]))


def _draw(groups: Sequence[Group], lines: Sequence[Line], colours: Mapping[str, str], title: str, over: str) -> None:
    task = groups[0].run.facts
    judged = task.judged_by.title
    said = "; ".join(f"{line.name}: {_values(line, task.metric)}" for line in lines)
    heading = _("Best {metric} against {size}", metric=in_a_sentence(judged), size=title)
    st.markdown(f"**{escape_markdown(heading)}**")
    plotted(
        scaling_figure(lines, colours, judged, title, groups),
        key=f"compare.scaling.{task.name}.{over}",
        alt=_("{heading}. {said}.", heading=heading, said=said),
        title=heading,
        about=", ".join(run.id for line in lines for _size, group in line.points for run in group.counted_runs),
    )


def _values(line: Line, name: str) -> str:
    """The quality at each size of a line."""
    values = [(size, metric(name, group.best.mean)) for size, group in line.points if group.best]
    return listed(_("{quality} at {size}", quality=quality, size=size) for size, quality in values)


def scaling_figure(
    lines: Sequence[Line], colours: Mapping[str, str], judged: str, title: str, groups: Sequence[Group]
) -> Figure:
    """One line with marks per scheme; bars are the standard deviation over seeds and folds."""
    import plotly.graph_objects as go

    judge = groups[0].run.facts.judged_by
    made = figure(x_title=title, y_title=judged, height=320)
    for number, line in enumerate(lines):
        sizes = [size for size, _group in line.points]
        bests = [group.best for _size, group in line.points if group.best]
        made.add_trace(
            go.Scatter(
                x=sizes,
                y=[best.mean for best in bests],
                error_y={"type": "data", "array": [best.deviation or 0.0 for best in bests], "thickness": 1.5}
                if any(best.deviation for best in bests)
                else None,
                mode="lines+markers",
                name=line.name,
                line={"color": colours[line.points[0][1].run.strategy], "dash": DASHES[number % len(DASHES)]},
                marker={"size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]},
                hovertemplate="%{x}<br>" + ("%{y:.1%}" if judge.percent else "%{y:.4g}"),
            )
        )
    made.update_layout(showlegend=True)
    made.update_xaxes(tickvals=sorted({size for line in lines for size, _group in line.points}))
    if judge.percent:
        made.update_yaxes(tickformat=".1~%")
    return made
