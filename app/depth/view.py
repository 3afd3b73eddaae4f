"""Quality at every depth: which runs, which numbers of loops, the curve, its table. Start at shown_runs and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import streamlit as st

from app import navigation, state
from app.attention.source import no_weights, run_label, weights_of
from app.chart.run_curves import line_styles, short_names
from app.depth.captions import captions
from app.depth.figures import DepthLine, depth_curves
from app.depth.graded import graded_maps
from app.depth.source import DeepRun, deep, qualities_of
from app.look.address_choice import address_choice
from app.look.colours import strategy_colours
from app.look.figure_table import Row, figure_table
from app.look.plotted import plotted
from app.look.widget_value import follow_url
from app.runs.picker import runs_of_url
from app.services import escape_markdown, show_problem, store
from clps_core.depth import Quality, check_loops, parse_loops
from clps_core.errors import ClpsError, ConfigError
from clps_core.glossary import meaning
from clps_core.metrics import metric_named
from clps_core.sharing import parse_strategy
from clps_core.spec import to_spec
from clps_core.store import Run
from clps_core.store.designs import design_of
from clps_core.words import _, ngettext

__all__ = ["choose_runs", "choose_task", "curves", "loops_of", "nothing_deep", "shown_runs", "train_any_depth"]

MOST_SHOWN = 6
MOST_LOOPS = 64
"""What this page evaluates; the command line goes further."""

MOST_TOGETHER = 12
"""Numbers of loops that all runs try, where they usually try different ones."""

Found = Mapping[str, Mapping[int, Quality]]


def nothing_deep() -> None:
    """What stands here while no run has a core: why, and the two ways to one."""
    with st.container(border=True):
        st.markdown(_("**No trained run has layers that repeat.**"))
        st.markdown(
            _(
                "A design that repeats its layers, such as `all`, `cycle` or `loop:1/2/1`, can run them more or "
                "fewer times after training. Design one, or train the ready comparison; its runs appear here when "
                "they finish training."
            )
        )
        with st.container(horizontal=True):
            navigation.link("design", _("Design a loop"), query={state.STRATEGY: ["none", "all", "loop:1/1/1"]})
            navigation.link("train", _("Train a comparison"))


def shown_runs(runs: Sequence[DeepRun]) -> list[DeepRun]:
    """The runs of the address, all of one task; a sentence says why another is not shown.

    Where the address names none, the most telling ones, which it names from then on.
    """
    given = state.given(state.RUNS)
    found = _asked({one.run.id: one for one in runs}) if given else _most_telling(runs)
    shown = [one for one in found if one.run.task == found[0].run.task][:MOST_SHOWN]
    if not given:
        state.write(**{state.RUNS: state.run_ids(one.run for one in shown)})
    elif left := len(found) - len(shown):
        text = ngettext(
            "{n} run in the address is not shown: at most {most} runs of one task are shown.",
            "{n} runs in the address are not shown: at most {most} runs of one task are shown.",
            left,
            most=MOST_SHOWN,
        )
        st.info(text, icon=":material/info:")
    return shown


def _task(runs: Sequence[DeepRun], shown: Sequence[DeepRun]) -> str:
    return (shown or runs)[0].run.task


def choose_task(runs: Sequence[DeepRun], shown: Sequence[DeepRun]) -> None:
    """A choice of the task, where there is one."""
    task = _task(runs, shown)
    tasks = list(dict.fromkeys(one.run.task for one in runs))
    if len(tasks) == 1:
        return

    def chosen() -> None:
        # Another task cannot read what was typed for this one.
        others = [one for one in runs if one.run.task == st.session_state["depth.task"]]
        options = next(one.run.facts.options for one in runs if one.run.task == task)
        forgotten = dict.fromkeys((state.METRIC, state.LOOPS, state.TEXT, *options))
        state.write(**{**forgotten, state.RUNS: state.run_ids(one.run for one in _most_telling(others))})

    follow_url("depth.task", task)
    st.segmented_control(
        _("Task"),
        tasks,
        format_func=lambda name: next(one.run.facts.title for one in runs if one.run.task == name),
        key="depth.task",
        required=True,
        label_visibility="collapsed",
        on_change=chosen,
    )


def choose_runs(runs: Sequence[DeepRun], shown: Sequence[DeepRun]) -> None:
    """A choice of the runs of the task in view."""
    task = _task(runs, shown)
    offered = {one.run.id: one.run for one in runs if one.run.task == task}

    def chosen() -> None:
        kept = [one for one in st.session_state["depth.runs"] if one in offered]  # not a label that has gone
        state.write(**{state.RUNS: state.run_ids(kept), state.LOOPS: None})

    follow_url("depth.runs", [one.run.id for one in shown])
    st.multiselect(
        _("Runs with layers that repeat"),
        list(offered),
        format_func=lambda one: _label(offered[one]) if one in offered else str(one),
        key="depth.runs",
        max_selections=MOST_SHOWN,
        on_change=chosen,
    )


def _label(run: Run) -> str:
    """``run_label`` without the task, which is the same for all that are offered."""
    return run_label(run).removeprefix(f"{run.facts.title} · ")


def _asked(by_id: Mapping[str, DeepRun]) -> list[DeepRun]:
    """The runs of the address that can be shown; a sentence says why another cannot."""
    found = []
    for run in runs_of_url(store()):
        if run.id in by_id:
            found.append(by_id[run.id])
            continue
        name = escape_markdown(run_label(run))
        if not run.active and weights_of(run) is None:
            show_problem(no_weights(run))
        elif deep(run) is None:
            st.info(
                _("{run}: its layers do not repeat, so its depth cannot be changed.", run=name), icon=":material/info:"
            )
        else:
            st.info(_("{run}: shown here when its training has ended.", run=name), icon=":material/info:")
    return found


def _most_telling(runs: Sequence[DeepRun]) -> list[DeepRun]:
    """Of the newest comparison with a finished run, one run per design."""
    finished = [one for one in runs if one.run.status == "finished"] or list(runs)
    newest = [one for one in finished if one.run.comparison_id == finished[0].run.comparison_id]
    first: dict[str, DeepRun] = {}
    for one in newest:
        first.setdefault(design_of(one.run), one)
    return list(first.values())[:3]


def loops_of(runs: Sequence[DeepRun]) -> Mapping[str, tuple[int, ...]]:
    """Run id -> the numbers of loops that are evaluated: those of the address, or usual ones."""
    asked = state.read_text(state.DEPTHS)
    follow_url("depth.depths", asked)
    st.text_input(
        _("Loops to try"),
        key="depth.depths",
        max_chars=200,
        placeholder=_("default"),
        help=meaning("loops", _("For example 1,2,4,8, up to {most}.", most=MOST_LOOPS)),
        on_change=lambda: state.write(**{state.DEPTHS: st.session_state["depth.depths"].strip()}),
    )
    usual = _usual(runs)
    if not asked.strip():
        return usual
    try:
        wanted = parse_loops(asked)
        if max(wanted) > MOST_LOOPS:
            raise ConfigError(_("this page evaluates up to {most} loops. Got {got}.", most=MOST_LOOPS, got=max(wanted)))
        return {one.run.id: check_loops(one.dial, wanted) for one in runs}
    except ClpsError as error:
        show_problem(str(error))
        return usual


def _usual(runs: Sequence[DeepRun]) -> dict[str, tuple[int, ...]]:
    """Run id -> usual numbers of loops: the same for all runs where that is not too many."""
    each = {one.run.id: tuple(n for n in one.dial.usual_loops() if n <= MOST_LOOPS) for one in runs}
    together = tuple(sorted({number for numbers in each.values() for number in numbers}))
    return dict.fromkeys(each, together) if len(together) <= MOST_TOGETHER else each


def curves(
    runs: Sequence[DeepRun], loops: Mapping[str, tuple[int, ...]], kept: Found, working: AbstractSet[str]
) -> Found:
    """The chart and the table of quality over depth; returns what was evaluated.

    ``kept``: what jobs have found before. Of the ``working`` runs a job evaluates the rest, so nothing else is asked.
    """
    found: Found
    found, problems = qualities_of(runs, lambda one: loops[one.run.id], kept, working)
    for problem in problems:
        show_problem(problem)
    runs = [one for one in runs if found[one.run.id]]
    if not runs:
        return found
    task = runs[0].run.facts
    measured = next(iter(found[runs[0].run.id].values())).metrics
    names = [name for name in measured if name not in task.graded]  # those are in a heat map of their own
    with st.container(horizontal=True, vertical_alignment="center"):
        name = address_choice(
            "depth", state.METRIC, {one: metric_named(one).title for one in [task.metric, *names]}, _("Metric")
        )
        x = address_choice("depth", state.X, {"loops": _("Loops"), "layers": _("Executed layers")}, _("Show depth as"))
    baseline = (task.baseline, _("baseline: {name}", name=task.baseline_name)) if name == task.metric else None
    lines = _lines(runs, found, name, x)
    plotted(
        depth_curves(lines, name, metric_named(name).title, _depth_title(runs, x), baseline),
        key="depth.curves",
        alt=_("{metric} at each depth; the table below has the same values.", metric=metric_named(name).title),
        title=_("{metric} at each depth", metric=metric_named(name).title),
        about=", ".join(one.run.id for one in runs),
    )
    _table(runs, found, name)
    captions(runs, found)
    graded_maps(runs, found)
    return found


def _depth_title(runs: Sequence[DeepRun], x: str) -> str:
    if x == "loops":
        return _("loops: how many times the repeated layers run")
    several = any(len(one.dial.execution) > 1 for one in runs)
    return _("executed layers of each stack") if several else _("executed layers")


def _lines(runs: Sequence[DeepRun], found: Found, name: str, x: str) -> list[DepthLine]:
    styles = {style.id: style for style in line_styles([one.run for one in runs])}
    lines = []
    for one in runs:
        points = found[one.run.id]
        style = styles[one.run.id]
        lines.append(
            DepthLine(
                style.name,
                style.colour,
                style.mark,
                style.dash,
                depths=[loops if x == "loops" else max(point.layers.values()) for loops, point in points.items()],
                values=[point.metrics[name] for point in points.values()],
                trained=[one.dial.was_trained(loops) for loops in points],
            )
        )
    return lines


def _table(runs: Sequence[DeepRun], found: Found, name: str) -> None:
    depths = sorted({loops for points in found.values() for loops in points})
    names = short_names([one.run for one in runs])
    colours = strategy_colours(one.run.strategy for one in runs)
    rows = []
    for one in runs:
        points = found[one.run.id]
        cells = []
        for loops in depths:
            # The unit stands in the title of the chart; here it would push columns off a narrow page.
            value = metric_named(name).without_unit(points[loops].metrics[name]) if loops in points else "–"
            cells.append(f"○ {value}" if one.dial.was_trained(loops) else value)
        rows.append(Row(names[one.run.id], colours[one.run.strategy], cells))
    columns = [
        (_("Loops"), ""),
        *((str(loops), "") for loops in depths),
    ]
    figure_table(_("{metric} at each number of loops", metric=metric_named(name).title), columns, rows, tight=True)


def train_any_depth(runs: Sequence[DeepRun]) -> None:
    """A link to the experiment that the curve asks for: the same designs, trained with random numbers of loops."""
    base = runs[0].run
    if all("train_loops" in one.run.strategy for one in runs):
        return
    strategies: dict[str, None] = {}
    for one in runs:
        strategies[one.run.strategy] = None
        if "train_loops" not in one.run.strategy:
            text = f"{one.run.strategy},train_loops=1-{max(2, min(MOST_LOOPS, 2 * one.own_loops))}"
            try:
                strategies[parse_strategy(text).text] = None
            except ClpsError:
                continue
    navigation.link(
        "train",
        _("Train these with a random number of loops"),
        query={state.SPEC: to_spec(base.config), state.STRATEGY: list(strategies)[: state.MAX_STRATEGIES]},
    )
