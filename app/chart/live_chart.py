"""A chart of several runs that grows while they train and keeps its zoom. Start at live_chart.

Two small components: ``clps_live_chart`` has the drawing code and changes only with the selection;
``clps_live_feed`` is sent with every tick and carries nothing but new points
(``messages.py``). The browser keeps the points (``held.js``), also over a change of
page. For tests and the curious the root element ``.clps-live-chart`` tells ``data-points``,
``data-last-batch`` (points that came last), ``data-zoomed``, ``data-x-range``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from app.chart.messages import next_message
from app.look.assets import asset, script
from app.look.component import component
from app.look.picture import Table, picture
from clps_core.errors import NotFoundError
from clps_core.store import Store
from clps_core.words import N_, Words, _

__all__ = [
    *("CHART_SCRIPTS", "CHART_STYLE", "FEED_SCRIPTS"),
    *("AXES", "Baseline", "LineStyle", "Panel", "chart_data", "curve_numbers", "live_chart"),
]

AXES = Words(
    {
        "step": N_("Steps"),
        "seconds": N_("Time"),
        "examples": N_("Examples"),
        "tokens": N_("Tokens"),
        "flops": N_("FLOPs"),
    }
)
"""The horizontal axes; all but the first two follow from the step and a run's ``LineStyle.rates``."""

MOST_NAMED = 40
"""Runs named below a picture."""

CHART_STYLE = "chart/live_chart.css"
CHART_SCRIPTS = tuple(f"chart/{part}.js" for part in ("held", "smooth", "mean", "draw", "live_chart"))
FEED_SCRIPTS = ("chart/held.js", "chart/feed.js")
_chart = component("clps_live_chart", css=asset(CHART_STYLE), js=script(*CHART_SCRIPTS))
_feed = component("clps_live_feed", js=script(*FEED_SCRIPTS))


@dataclass(frozen=True)
class Baseline:
    """A value to beat, drawn as a dashed line with its name."""

    value: float
    label: str


@dataclass(frozen=True)
class Panel:
    """One plot: ``id`` is the metric (``train.loss``), ``kind`` how values are written (``percent``, ``plain``).

    ``range``: what the y axis shows at least; ``log``: starts with a log axis; ``noisy``: may be smoothed;
    ``note``: a few words beside the title.
    """

    id: str
    title: str
    kind: str = "plain"
    note: str = ""
    baseline: Baseline | None = None
    range: tuple[float, float] | None = None
    log: bool = False
    noisy: bool = False


@dataclass(frozen=True)
class LineStyle:
    """One run: its full ``name`` for the legend, a short ``label`` at the line's end, colour, dash and mark.

    ``rates``: what one step takes, by the name of the axis (``examples``, ``tokens``, ``flops``). Colour never
    stands alone: ``dash`` and ``mark`` are numbers of patterns that differ between runs of one colour and
    between colours. Runs of one ``design`` differ in their seeds alone and can be drawn as one line
    (``design_dash`` tells those of one colour apart), the mean of the ``finished`` ones where there are any;
    ``replicate`` says which of them this is: ``seed 2``.
    """

    id: str
    name: str
    label: str
    colour: str
    dash: int = 0
    mark: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    design: str = ""
    design_name: str = ""
    design_label: str = ""
    design_dash: int = 0
    replicate: str = ""
    finished: bool = False


def live_chart(
    store: Store,
    lines: Sequence[LineStyle],
    panels: Sequence[Panel],
    *,
    key: str,
    title: str,
    height: int = 300,
    x: str = "step",
    axis_choice: bool = True,
    mean: bool = False,
    notes: Sequence[str] = (),
) -> None:
    """Draw ``panels`` side by side with a common x axis, and send what is new in ``store``.

    Call it again (a rerun, a ticking fragment) and only new points travel. ``x`` is the x axis, one of
    ``AXES``; with ``axis_choice`` it is only where the reader starts. ``mean``: whether seeds of one design
    are one line at first. ``notes``: sentences that stand under the chart.
    """
    place = _memory_key(key)
    names = [panel.id for panel in panels]
    memory = next_message(
        st.session_state.get(place),
        [line.id for line in lines],
        names,
        lambda run_ids, cursor: store.metrics_after(run_ids, cursor, names),
        lambda run_ids, most: store.curves_so_far(run_ids, names, most),
    )
    st.session_state[place] = memory
    with st.container(gap=None):
        _chart(
            key=key,
            data=chart_data(
                lines, panels, key=key, title=title, height=height, x=x, axis_choice=axis_choice, mean=mean, notes=notes
            ),
        )
        _feed(
            key=f"{key}_feed",
            data=memory.message | {"key": key},
            on_resend_change=lambda: st.session_state.pop(place, None),
        )
        ids = [line.id for line in lines]
        about = _("Runs {ids}", ids=", ".join(ids[:MOST_NAMED]) + (" …" if len(ids) > MOST_NAMED else ""))
        picture(key, title=title, about=about, numbers=lambda: curve_numbers(store, lines, panels))


def chart_data(
    lines: Sequence[LineStyle],
    panels: Sequence[Panel],
    *,
    key: str,
    title: str,
    height: int = 300,
    x: str = "step",
    axis_choice: bool = True,
    mean: bool = False,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """What the chart's script gets; arguments as in ``live_chart``. The points come in messages of their own."""
    return {
        "key": key,
        "panels": [asdict(panel) for panel in panels],
        "runs": [dict(vars(line)) for line in lines],  # asdict copies deep, which 200 runs at every tick would feel
        "words": _words(title),
        "height": height,
        "x": x,
        "axisChoice": axis_choice,
        "mean": mean,
        "notes": list(notes),
    }


def curve_numbers(store: Store, lines: Sequence[LineStyle], panels: Sequence[Panel]) -> Table:
    """Every logged point of the curves, one a row; a run that was deleted meanwhile has none."""

    def rows() -> Iterator[tuple[object, ...]]:
        for line in lines:
            for panel in panels:
                split, _dot, name = panel.id.partition(".")
                try:
                    points = store.curve(line.id, split, name)
                except NotFoundError:
                    continue
                yield from ((line.id, line.name, panel.id, one.step, one.seconds, one.value) for one in points)

    return Table(["run", "name", "metric", "step", "seconds", "value"], rows())


def _memory_key(key: str) -> str:
    return f"live_chart_sent.{key}"


def _words(title: str) -> dict[str, object]:
    return {
        "title": title,
        "x": _("horizontal axis"),
        "axes": dict(AXES),
        "axisTitles": {
            "step": _("step"),
            "seconds": _("training time"),
            "examples": _("examples seen"),
            "tokens": _("tokens read, with padding"),
            "flops": _("training FLOPs, with padding"),
        },
        "log": _("log"),
        "smooth": _("Smoothing"),
        "smoothHint": _(
            "Exponential moving average of the points so far: a point this many steps back has half the weight"
        ),
        "halfLife": _("{steps} steps"),
        "off": _("off"),
        "smoothed": _("(smoothed {value})"),
        "mean": _("Mean of seeds"),
        "meanHint": _("One line per design: the mean of its runs, with a band of one standard deviation"),
        "meanIs": _(
            "A line with a number is the mean over that many runs of a design (only finished runs, if there are "
            "any), at the steps that all of them have. The band is one standard deviation. Thin lines are single "
            "runs, beyond the last common step."
        ),
        "meanStops": _("{design}: mean over {count} runs up to step {step}; last value: mean over {runs}."),
        "counted": _("{count} of {runs}"),
        "reset": _("Reset zoom"),
        "hint": _("drag to zoom, double click to reset"),
        "legend": _("runs: click to hide or show"),
        "hide": _("click to hide or show"),
        "table": _("Show as table"),
        "latest": _("Latest:"),
        "empty": _("no points yet"),
        "keys": _("Arrow keys show values, + and - zoom, Escape resets."),
    }
