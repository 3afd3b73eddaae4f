"""One HTML file of runs: curves, tables, maps, attention, notes, configs. It loads nothing and sends nothing.

Start at snapshot. All text of people is escaped; the file's policy lets only its own script run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from app.compare.differences import found_differences
from app.compare.summary import Group, Measured, group_names, grouped, quality_of_all
from app.compare.verdicts import verdicts_of
from app.compare.view import design_table
from app.look.assets import asset
from app.look.colours import strategy_colours
from app.look.figure_table import figure_html
from app.runs.names import run_names
from app.snapshot.notes import note_html
from app.snapshot.parts import KINDS, Part, attention_parts, chart_part, map_part
from clps_core import __version__
from clps_core.cli.repeat import as_yaml, command, gone
from clps_core.errors import ConfigError
from clps_core.jobs.ancestry import ancestry
from clps_core.jobs.provenance import circumstances
from clps_core.shown import visible
from clps_core.store import Run, Store
from clps_core.store.designs import design_of
from clps_core.verdicts import basis, sentence
from clps_core.words import _, html_language, ngettext, sentences

__all__ = ["MOST_RUNS", "snapshot"]

MOST_RUNS = 60
MOST_DESIGNS = 8
"""Designs whose map and attention are in the file; the tables and curves have all."""
EXPORT = re.compile(r"^export default function\s*\w*\s*\(", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """Runs of one task: ``groups`` are its designs, ``names`` what they are called, ``place`` its number."""

    place: int
    runs: tuple[Run, ...]
    groups: tuple[Group, ...]
    names: tuple[str, ...]


def snapshot(store: Store, runs: Sequence[Run], *, title: str = "", note: str | None = None, missing: int = 0) -> str:
    """The file's text. ``title`` and ``note``: of the comparison, if the runs are one. ``missing``: how many
    were chosen, too, and are not there any more.

    Raises ``ConfigError`` for no run and for more than ``MOST_RUNS``.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise ConfigError(
            _("a snapshot must have 1 to {most} runs. Got {count}. Choose others.", most=MOST_RUNS, count=len(runs))
        )
    names = run_names(runs)
    title = visible(title) or (names[runs[0].id] if len(runs) == 1 else _("Comparison of {n} runs", n=len(runs)))
    parts: list[Part] = []
    body = "".join(_sections(store, runs, names, note, parts))
    gone = ngettext(
        "{n} run was deleted before this file was made.", "{n} runs were deleted before this file was made.", missing
    )
    return _document(title, runs, (_quiet(gone) if missing else "") + body, parts)


def _sections(
    store: Store, runs: Sequence[Run], names: Mapping[str, str], note: str | None, parts: list[Part]
) -> Iterator[str]:
    """The file's sections in order; what they draw is added to ``parts``."""
    notes = [note_html(note)] if note else []
    notes += [f"<h3>{escape(names[run.id])}</h3>{note_html(run.notes)}" for run in runs if run.notes]
    if notes:
        yield _section(_("Notes"), "".join(notes))
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    for place, members in enumerate(by_task.values()):
        told = _told(store, place, members)
        heading = members[0].facts.title if len(by_task) > 1 else ""
        yield from _of_task(store, told, runs, heading, parts)
    yield _section(_("Differences"), _differences(store, runs, names))
    yield _section(_("Repeat this comparison"), _repeat(store, runs, names))


def _told(store: Store, place: int, runs: Sequence[Run]) -> Told:
    measured = Measured.of(store, runs)
    plain = measured.summaries()
    quality = quality_of_all(plain)
    groups = grouped(measured.summaries(quality) if quality is not None else plain)
    return Told(place, tuple(runs), tuple(groups), tuple(group_names(groups)))


def _of_task(store: Store, told: Told, among: Sequence[Run], heading: str, parts: list[Part]) -> Iterator[str]:
    if heading:
        yield f"<h2>{escape(heading)}</h2>"
    yield _section(_("Results"), _table(store, told, among) + _verdicts(store, told) + _states(told))
    chart = chart_part(store, told.runs, among, f"chart-{told.place}")
    yield _section(_("Curves"), _figures([chart], parts))
    shown = list(zip(told.groups, told.names, strict=True))[:MOST_DESIGNS]
    left = len(told.groups) - len(shown)
    more = (
        _quiet(
            ngettext(
                "{n} more design is shown only in the table.", "{n} more designs are shown only in the table.", left
            )
        )
        if left
        else ""
    )
    maps = [map_part(group.run, name, f"map-{told.place}-{at}") for at, (group, name) in enumerate(shown)]
    if any(maps):
        drawn = _figures([one for one in maps if one], parts)
        yield _section(_("Sharing map"), f'<div class="side">{drawn}</div>{more}')
    grids = attention_parts(
        store, [group.run for group, _name in shown], [name for _group, name in shown], f"grid-{told.place}"
    )
    if grids:
        said = _quiet(
            _(
                "Attention on an input that was fixed before training, at the last step for which the run saved "
                "attention. For a design with several seeds, the first run is shown. Attention shows where "
                "information is read from. It does not explain the prediction."
            )
        )
        yield _section(_("Attention"), said + _folded(grids, parts) + more)


def _table(store: Store, told: Told, among: Sequence[Run]) -> str:
    colours = strategy_colours(run.strategy for run in among)
    trees = [ancestry(store, group.run) for group in told.groups]
    quality = quality_of_all([one for group in told.groups for one in group.summaries])
    columns, rows = design_table(told.groups, trees, colours, quality)
    task = told.runs[0].facts
    said = [_("Baseline: {name}.", name=task.baseline_name)]
    if any(len(group.summaries) > 1 for group in told.groups):
        said.append(_("± is the standard deviation over a design's seeds and folds."))
    return figure_html(_("Quality, size and speed of each design"), columns, rows) + _quiet(sentences(said))


def _verdicts(store: Store, told: Told) -> str:
    """One sentence for each design beside the first one; nothing for a single design."""
    if len(told.groups) < 2:
        return ""
    found = verdicts_of(store, told.groups, None)
    names = dict(zip((design_of(group.run) for group in told.groups), told.names, strict=True))
    lines = "".join(f"<li>{escape(sentence(one, found, names))}</li>" for one in found.found)
    heading = escape(_("Verdict"))
    return f"<h3>{heading}</h3><ul>{lines}</ul>{_quiet(basis(found))}"


def _states(told: Told) -> str:
    """Of runs that were not finished, how far they were."""
    names = run_names(told.runs)
    lines = [
        _("{name}: {status} at step {step} of {steps}", name=names[run.id], status=_status(run.status),
          step=f"{run.step:,}", steps=f"{run.steps:,}")
        for run in told.runs
        if run.status != "finished"
    ]  # fmt: skip
    if not lines:
        return ""
    said = _("Not finished when this file was made:")
    return f"<p>{escape(said)}</p><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _status(status: str) -> str:
    return {
        "queued": _("waiting"),
        "running": _("training"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
        "paused": _("paused"),
    }.get(status, status)


def _differences(store: Store, runs: Sequence[Run], names: Mapping[str, str]) -> str:
    found = found_differences(store, runs)
    said = f"<p>{escape(found.label)}</p>" if len(runs) > 1 else ""
    if not found.table:
        return said
    columns = [_("Setting"), *(names[run.id] for run in runs)]
    return said + _facts(columns, [[name, *map(str, values)] for name, values in found.table.items()])


def _repeat(store: Store, runs: Sequence[Run], names: Mapping[str, str]) -> str:
    """For each run the command, its config, and what it was made with."""
    found, as_file = [], _("Config as YAML")
    for run in runs:
        made = circumstances(store, run)
        facts = _facts([_("Made with"), ""], [[name, value] for name, value in made.items()]) if made else ""
        found.append(
            f"<details><summary>{escape(names[run.id])} · {escape(run.id)}</summary>"
            f"<pre>{escape(command(run.config) or gone(run.config))}</pre>"
            f"<details><summary>{escape(as_file)}</summary>"
            f"<pre>{escape(as_yaml(store, run))}</pre></details>"
            f"{facts}</details>"
        )
    return "".join(found)


def _figures(drawn: Iterable[Part], parts: list[Part]) -> str:
    found = []
    for part in drawn:
        parts.append(part)
        caption = f"<figcaption>{escape(visible(part.said))}</figcaption>" if part.said else ""
        found.append(f'<figure>{caption}<div id="{part.name}"></div></figure>')
    return "".join(found)


def _folded(grids: Sequence[Part], parts: list[Part]) -> str:
    """The grids of each design under its name; those of the first are open."""
    by_design: dict[str, list[Part]] = {}
    for part in grids:
        by_design.setdefault(part.group, []).append(part)
    found = []
    for at, (name, own) in enumerate(by_design.items()):
        opened = "" if at else " open"
        found.append(f"<details{opened}><summary>{escape(visible(name))}</summary>{_figures(own, parts)}</details>")
    return "".join(found)


def _facts(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(visible(one))}</th>' for one in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(visible(first))}</th>'
        f"{''.join(f'<td>{escape(visible(one))}</td>' for one in rest)}</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="facts"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _document(title: str, runs: Sequence[Run], body: str, parts: Sequence[Part]) -> str:
    used = {part.kind for part in parts}
    script = "\n".join(["const draw = {};", *(_drawing(kind) for kind in sorted(used)), asset("snapshot/boot.js")])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    frames = "".join(f'<template id="frame-{kind}">{KINDS[kind].frame}</template>' for kind in sorted(used))
    data = {
        "styles": {kind: KINDS[kind].style for kind in sorted(used)},
        "parts": [
            {"kind": one.kind, "name": one.name, "data": one.data, "feed": one.feed, "binary": one.binary}
            for one in parts
        ],
    }
    # In a script element "<" could end it, whatever the text is.
    plain = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    made = _(
        "Made by CLPS Lab {version} on {date}, of {runs}. "
        "Everything is in this file: it loads nothing and sends nothing.",
        version=__version__,
        date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        runs=ngettext("{n} run", "{n} runs", len(runs)),
    )
    return (
        f'<!doctype html>\n<html lang="{escape(html_language())}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title>"
        f"<style>{asset('snapshot/snapshot.css')}{asset('look/figure_table.css')}</style></head>"
        f'<body><main><header><h1>{escape(title)}</h1><p class="quiet">{escape(made)}</p></header>{body}</main>'
        f'{frames}<script type="application/json" id="data">{plain}</script>'
        f'<script type="module">{script}</script></body></html>\n'
    )


def _drawing(kind: str) -> str:
    """The scripts of a kind as one entry of ``draw``, each in a scope of its own."""
    one = KINDS[kind]
    return f"draw.{kind} = {{ main: {_scoped(one.script)}, feed: {_scoped(one.feed) if one.feed else 'null'} }};"


def _scoped(script: str) -> str:
    """A module with a default export as an expression that gives it."""
    text, count = EXPORT.subn("const exported = function (", script)
    if count != 1:
        raise AssertionError("a component's script has one default export")
    return f"(() => {{\n{text}\nreturn exported;\n}})()"
