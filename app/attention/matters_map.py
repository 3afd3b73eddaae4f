"""The sharing map coloured by what is lost without each part, in the browser. Start at matters_map.

Columns are executed layers, rows their branches; a cell holds the change of one metric without that part. All runs
that are shown have one scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st

from app.attention.changed import change_title
from app.design.drawn import stack_title
from app.look.assets import asset, script
from app.look.colours import ink_on, slot_colour, slot_letter
from app.look.component import component
from clps_core.ablation import Ablation, Effect, edits_of, loop_of
from clps_core.metrics import Metric
from clps_core.numbers import NOTHING
from clps_core.sharing import SharingPlan
from clps_core.sharing.strategies import SUBLAYERS
from clps_core.shown import visible
from clps_core.words import _, ngettext

__all__ = [
    "MAP",
    "Shown",
    "change_text",
    "interval_text",
    "map_payload",
    "matters_map",
    "short_interval",
    "title_of",
    "value_text",
    "worth_of",
]

_COMPONENT = component(
    "clps.attention_matters",
    html=asset("attention/matters_map.html"),
    css=asset("attention/matters_map.css"),
    js=script("attention/matters_map.js"),
)


MAP = "attention.matters.map"
"""The key of the map in the browser."""


@dataclass(frozen=True)
class Shown:
    """One run on the map: what it is called, what is known of it, its plan and how many heads each layer has."""

    run_id: str
    name: str
    short: str
    found: Ablation
    plan: SharingPlan
    heads: int

    @cached_property
    def _by_part(self) -> dict[str, Effect]:
        return {one.part: one for one in self.found.effects}

    def effect(self, part: str) -> Effect | None:
        """What leaving ``part`` out does; ``None`` where that is not known."""
        return self._by_part.get(part)


def matters_map(
    shown: Sequence[Shown], metric: Metric, chosen: str, *, named: bool, on_choice: Callable[[str], None]
) -> None:
    """Draw it, with the runs' names if ``named``.

    ``on_choice`` gets the part that a person clicked, as it came from the browser: unchecked.
    """

    def clicked() -> None:
        part = st.session_state[MAP].get("chosen")
        if isinstance(part, str):
            on_choice(part)

    _COMPONENT(data=map_payload(shown, metric, chosen, named=named), key=MAP, on_chosen_change=clicked)


def map_payload(shown: Sequence[Shown], metric: Metric, chosen: str, *, named: bool = False) -> dict[str, Any]:
    """The message to the browser."""
    changes = [effect.changes[metric.name] for one in shown for effect in _effects(one, metric)]
    most = max((abs(change) for change in changes if math.isfinite(change)), default=0.0)
    return {
        "runs": [_run(one, metric, most, named=named) for one in shown],
        "chosen": chosen,
        "words": {
            "layer": _("layer"),
            "better": _("{value}: better without it", value=change_text(metric, metric.sign * most)),
            "worse": _("{value}: worse without it", value=change_text(metric, -metric.sign * most)),
            "scale": _(
                "change of {metric} without the part; one scale for all runs shown", metric=metric.in_a_sentence
            ),
            "unsure": _("the 95 % interval contains 0"),
            "empty": _("not evaluated yet"),
            "hint": _("Point at a cell to see its values. Click it to leave that part out."),
        },
    }


def _effects(one: Shown, metric: Metric) -> Iterator[Effect]:
    yield from (effect for effect in one.found.effects if metric.name in effect.changes)


def _run(one: Shown, metric: Metric, most: float, *, named: bool) -> dict[str, Any]:
    effects = {effect.part: effect for effect in _effects(one, metric)}
    return {
        "name": visible(one.name) if named else "",
        "whole": _conditions(one, metric),
        "stacks": [_stack(one, stack, effects, metric, most) for stack in one.plan.execution],
    }


def _conditions(one: Shown, metric: Metric) -> str:
    """What the changes are changes of: on which examples, of which weights, at which depth."""
    found, loops = one.found, one.plan.loops
    parts = [
        ngettext("The first {n} test example", "The first {n} test examples", found.examples)
        if found.split == "test"
        else ngettext("The first {n} validation example", "The first {n} validation examples", found.examples),
        _("weights of step {step}", step=found.step),
        *([ngettext("{n} loop", "{n} loops", loops)] if loops else []),
        _(
            "{metric} with nothing left out: {value}",
            metric=metric.in_a_sentence,
            value=value_text(metric, found.whole[metric.name]),
        ),
    ]
    return " · ".join(parts)


def _stack(one: Shown, stack: str, effects: dict[str, Effect], metric: Metric, most: float) -> dict[str, Any]:
    plan = one.plan
    order = plan.execution[stack].layers()
    components = plan.map.components(stack)

    def cells(parts: Sequence[str], letters: Sequence[int] | None, span: int = 1) -> list[dict[str, Any]]:
        return [
            _cell(one, part, effects.get(part), metric, most, None if letters is None else letters[at], span)
            for at, part in enumerate(parts)
        ]

    loops = _loops(one, stack, effects, metric, most)
    rows = [] if loops is None else [loops]
    layers = plan.groups(stack, tuple(name for name in components if not name.startswith("norm")))
    whole = [f"{stack}.{place}" for place in range(len(order))]
    rows.append({"name": _("whole layer"), "kind": "layer", "cells": cells(whole, [layers[at] for at in order])})
    titles = {"attention": _("attention"), "cross_attention": _("cross-attention"), "ffn": _("FFN")}
    for sublayer, title in titles.items():
        members = tuple(name for name in SUBLAYERS[sublayer] if name in components)
        if not members:
            continue
        groups = plan.groups(stack, members)
        parts = [f"{part}.{sublayer}" for part in whole]
        rows.append({"name": title, "kind": "branch", "cells": cells(parts, [groups[at] for at in order])})
        for head in range(one.heads if sublayer != "ffn" else 0):
            of_head = [f"{part}.{head}" for part in parts]
            if any(part in effects for part in of_head):
                rows.append({"name": _("head {head}", head=head), "kind": "head", "cells": cells(of_head, None)})
    title = stack_title(stack) if len(plan.execution) > 1 else ""
    return {"title": title, "alt": title or visible(one.name), "layers": len(order), "rows": rows}


def _loops(one: Shown, stack: str, effects: dict[str, Effect], metric: Metric, most: float) -> dict[str, Any] | None:
    """The row of whole loops, with nothing at prelude and coda; ``None`` where a loop is a layer or there is none."""
    execution = one.plan.execution[stack]
    parts = [part for part in effects if (found := loop_of(part)) and found[0] == stack]
    if execution.core is None or not parts:
        return None
    prelude, repeated, coda = execution.core
    cells = [
        _cell(one, f"{stack}.loop.{number}", effects.get(f"{stack}.loop.{number}"), metric, most, None, repeated)
        for number in range(1, execution.loops + 1)
    ]
    before = [{"span": prelude}] if prelude else []
    after = [{"span": coda}] if coda else []
    return {"name": _("whole loop"), "kind": "loop", "cells": [*before, *cells, *after]}


def _cell(
    one: Shown, part: str, effect: Effect | None, metric: Metric, most: float, group: int | None, span: int
) -> dict[str, Any]:
    cell: dict[str, Any] = {"part": part, "span": span, "said": title_of(part, one)}
    if group is not None:
        colour = slot_colour(group)
        cell |= {"letter": slot_letter(group), "colour": colour, "ink": ink_on(colour)}
    if effect is None:
        return cell
    change = effect.changes[metric.name]
    interval = effect.interval(metric.name)
    return cell | {
        "text": change_text(metric, change, unit=False),
        "said": _(
            "{part}: {change} ({interval}), {whole} to {value}",
            part=title_of(part, one),
            change=change_text(metric, change),
            interval=interval_text(metric, effect),
            whole=value_text(metric, one.found.whole[metric.name]),
            value=value_text(metric, effect.metrics[metric.name]),
        ),
        "share": round(abs(change) / most, 4) if most and math.isfinite(change) else 0.0,
        "worse": metric.worth(change) < 0,
        "unsure": interval is not None and interval[0] <= 0 <= interval[1],
    }


# In words


def title_of(part: str, one: Shown) -> str:
    """A part as people read it: Layer 2, FFN; Loop 1; with its stack where there are two."""
    several = len(one.plan.execution) > 1
    if (loop := loop_of(part)) is not None:
        title = _("Loop {loop}", loop=loop[1])
        return f"{stack_title(loop[0])}: {title}" if several else title
    (edit,) = edits_of(part, one.plan, one.heads)
    return change_title(edit, stacks=len(one.plan.execution))


def value_text(metric: Metric, value: float) -> str:
    """A value of ``metric`` in its unit; a dash for what is no number, as of a run that diverged."""
    return metric.shown(value if math.isfinite(value) else None)


def worth_of(metric: Metric, effect: Effect) -> float:
    """The lower, the more is lost without the part; lowest where nothing that is a number is left."""
    worth = metric.worth(effect.changes[metric.name])
    return worth if math.isfinite(worth) else -math.inf


def change_text(metric: Metric, change: float, *, unit: bool = True) -> str:
    """A change with its sign; of a share in percentage points: −12.3 points."""
    if not math.isfinite(change):
        return NOTHING
    size = abs(change * metric.scale)
    if size == 0:
        number = "0"
    elif metric.percent:
        number = f"{size:.1f}" if size >= 0.05 else f"{size:.2g}"
    elif size < 0.0005:
        number = f"<{0.001}"
    else:
        number = f"{size:,.0f}" if size >= 999.5 else f"{size:.3g}" if size >= 0.0995 else f"{size:.3f}"
    signed = number if size == 0 else f"{'−' if change < 0 else '+'}{number}"
    if not unit:
        return signed
    return _("{number} points", number=signed) if metric.percent else f"{signed} {metric.unit}".rstrip()


def interval_text(metric: Metric, effect: Effect) -> str:
    """The 95 % interval of a change; where there is none, why."""
    interval = effect.interval(metric.name)
    if not math.isfinite(effect.changes[metric.name]):
        return _("no number")
    if interval is None:
        return _("no interval, because {metric} is not a mean over the examples", metric=metric.in_a_sentence)
    if interval[0] == interval[1]:
        return _("the same for every example")
    low, high = (change_text(metric, end, unit=False) for end in interval)
    return _("95 % interval {low} to {high}", low=low, high=high)


def short_interval(metric: Metric, effect: Effect) -> str:
    """The same for a cell of a table: a dash where there is none."""
    interval = effect.interval(metric.name)
    if interval is None:
        return NOTHING
    if interval[0] == interval[1]:
        return _("same in all")
    low, high = (change_text(metric, end, unit=False) for end in interval)
    return _("{low} to {high}", low=low, high=high)
