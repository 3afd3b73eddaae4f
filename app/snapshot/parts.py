"""The drawn parts of a snapshot: the dashboard's own components with their data. Start at Part.

Their scripts are the dashboard's. A snapshot has no server, so heads of attention that do not fit are there as small
pictures only, and nothing can be painted.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.attention.grid import GRID_FRAME, GRID_SCRIPTS, GRID_STYLE, GridView, grid_payload
from app.attention.training import kept_steps, probe_view, read_records
from app.attention.views import kinds_of
from app.chart.live_chart import CHART_SCRIPTS, CHART_STYLE, FEED_SCRIPTS, chart_data
from app.chart.messages import next_message, thinned
from app.chart.run_curves import line_styles, panels_of
from app.design.designs import component_sizes, cost
from app.design.sharing_map import MAP_FRAME, MAP_SCRIPTS, MAP_STYLES, map_payload
from app.look.assets import asset
from clps_core.errors import ClpsError
from clps_core.store import Run, Store
from clps_core.words import _

__all__ = ["KINDS", "Kind", "Part", "attention_parts", "chart_part", "map_part"]

MOST_POINTS = 60_000
"""Of all curves together: some 1.5 MB."""
MOST_ATTENTION = 900_000
"""Bytes of attention of all runs together; as text they are a third more."""


@dataclass(frozen=True)
class Kind:
    """How one kind of part is drawn: its markup, its style, its script, and a script that gives it more data."""

    frame: str
    style: str
    script: str
    feed: str = ""


def _text(names: Iterable[str]) -> str:
    return "".join(map(asset, names))


def _kinds() -> dict[str, Kind]:
    return {
        "chart": Kind("", asset(CHART_STYLE), _text(CHART_SCRIPTS), _text(FEED_SCRIPTS)),
        "map": Kind(MAP_FRAME, _text(MAP_STYLES), _text(MAP_SCRIPTS)),
        "grid": Kind(asset(GRID_FRAME), asset(GRID_STYLE), _text(GRID_SCRIPTS)),
    }


KINDS = _kinds()


@dataclass(frozen=True)
class Part:
    """One drawn part: ``kind`` of ``KINDS``, its place's ``name``, its ``data`` (JSON-ready), and what its feed gets.

    ``said``: what stands above it; ``binary``: ``data`` is base64 of the message's bytes. ``group``:
    the design that it is of, where it has several parts.
    """

    kind: str
    name: str
    said: str
    data: Any
    feed: Any = None
    binary: bool = False
    group: str = ""


def chart_part(store: Store, runs: Sequence[Run], among: Sequence[Run], name: str) -> Part:
    """The curves of runs of one task: losses and the metric that designs are judged by."""
    facts = runs[0].facts
    panels = [*panels_of(facts), panels_of(facts, "validation")[0]]
    names = [panel.id for panel in panels]
    ids = [run.id for run in runs]
    memory = next_message(
        None,
        ids,
        names,
        lambda run_ids, cursor: store.metrics_after(run_ids, cursor, names),
        lambda run_ids, most: store.curves_so_far(run_ids, names, most),
    )
    lines = [line for part in memory.parts for line in part.lines]
    most = max(50, MOST_POINTS // max(1, len(lines)))
    message = memory.message
    message["parts"] = [{"serial": memory.serial, "forget": [], "lines": [thinned(line, most) for line in lines]}]
    title = _("Curves of {count} runs: {task}", count=len(runs), task=facts.title)
    data = chart_data(line_styles(runs, among), panels, key=name, title=title, mean=len(runs) > 1)
    return Part("chart", name, "", data, {**message, "key": name})


def map_part(run: Run, design: str, name: str) -> Part | None:
    """Which layer of a design uses which weights; ``None`` where its config does not fit this version."""
    model = run.config.model
    try:
        costed = cost(model, run.config.sharing.strategy, name=design)
        payload = map_payload([costed], 0, component_sizes(model))
    except ClpsError:
        return None
    words = {
        **payload["words"],
        "idle": _("Point at a cell to see all layers that use the same weights."),
        "click": "",
    }
    return Part("map", name, design, {**payload, "alone": True, "words": words})


def attention_parts(store: Store, runs: Sequence[Run], names: Sequence[str], place: str) -> list[Part]:
    """Attention of the first fixed example at the last step at which each run kept it, by kind."""
    found = []
    for run, name in zip(runs, names, strict=True):
        steps = kept_steps(store.run_folder(run.id))
        if not steps:
            continue
        step = max(steps)
        try:
            record = read_records(run, steps[step])[0]
            views = [(kind, probe_view(run, record, kind)) for kind in kinds_of(run) if kind in record.attention]
        except (ClpsError, OSError, IndexError, KeyError):
            continue  # its file was pruned meanwhile, or its task is not there any more
        found += [(name, step, record.text, kind, view) for kind, view in views]
    room = MOST_ATTENTION // max(1, len(found))
    titles = {"encoder": _("Encoder"), "decoder": _("Decoder"), "cross": _("Cross")}
    return [
        _grid(
            replace(view, words={"loading": _("The file has only a small picture of this head.")}),
            f"{place}-{number}",
            _("{kind} · step {step} · {text}", kind=titles[kind], step=step, text=text),
            room,
            group=name,
        )
        for number, (name, step, text, kind, view) in enumerate(found)
    ]


def _grid(view: GridView, name: str, said: str, room: int, *, group: str) -> Part:
    """With every head in full where ``room`` bytes hold them, else with small pictures and the first head in full."""
    weights = view.weights
    assert isinstance(weights, np.ndarray)
    sent = view.sent
    if weights.size + sent.small.nbytes <= room:
        full = weights.reshape(-1, *weights.shape[2:])
        sent = replace(sent, full=full, full_at=tuple(range(len(full))), fetch=None)
    message = grid_payload(replace(view, weights=sent), (0, 0), name)
    return Part("grid", name, said, base64.b64encode(message).decode(), binary=True, group=group)
