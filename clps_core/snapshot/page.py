"""A snapshot as one HTML file that asks for nothing and runs no script but its own. Start at page.

The policy in its head lets through one script and one style sheet, by their hashes, and no request at all. Every text
is escaped where it becomes HTML (``_tag``, ``_text``); what the script reads is JSON without ``<``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from clps_core.metrics import metric_named
from clps_core.numbers import NOTHING, compact
from clps_core.shown import isolated
from clps_core.snapshot.gathering import Design, Facts, OneRun
from clps_core.snapshot.notes import notes_html
from clps_core.snapshot.sharing_maps import MapRow
from clps_core.sweeps.results import Spread
from clps_core.tasks import facts_kept
from clps_core.words import _, language, ngettext

__all__ = ["page"]

COLOURS = (
    "#1b72c5", "#c3520d", "#038154", "#a04e9f", "#966e00", "#007f92",
    "#c6405c", "#6e5bc6", "#697c1a", "#89644c", "#5c758b", "#ab497d",
)  # fmt: skip
"""Of designs and of stored weights; 3:1 at least on the light and on the dark page, as the dashboard's."""


def page(facts: Facts) -> str:
    """The whole file."""
    style, script = _asset("snapshot.css"), _asset("snapshot.js")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    body = "\n".join(part for part in _sections(facts) if part)
    drawn = {**facts.drawn, "colours": COLOURS, "words": _words()}
    title = _text(facts.title)
    return f"""<!doctype html>
<html lang="{html.escape(language() or "en")}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title} · CLPS Lab</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="drawn">{_json(drawn)}</script>
<script>{script}</script>
</body>
</html>
"""


def _sections(facts: Facts) -> Iterable[str]:
    made = _("Snapshot of {time}, made with CLPS Lab {version}. It needs no server and no network.",
             time=facts.made, version=facts.version)  # fmt: skip
    yield f"<header><h1>{_text(facts.title)}</h1>{_tag('p', made, 'quiet')}</header>"
    yield _notes(facts)
    yield from _design_tables(facts)
    if facts.verdicts:
        yield _section(_("Verdicts"), _list(facts.verdicts))
    if any(chart["curves"] for chart in facts.drawn["charts"]):
        yield _section(_("Curves"), '<div id="curves"></div>', _without_script())
    else:
        yield _section(_("Curves"), _tag("p", _("No run has any points yet.")))
    yield _maps(facts)
    if facts.drawn["attention"]:
        said = _(
            "What each run looked at in fixed examples, at the last step at which it kept that. Choose a map to see "
            "it in full."
        )
        yield _section(_("Attention"), _tag("p", said), '<div id="attention"></div>', _without_script())
    else:
        yield _section(_("Attention"), _tag("p", _("No run kept its attention.")))
    yield _runs(facts)
    yield _differences(facts)
    yield _environment(facts.runs)
    yield _section(_("What is not here"), _list(facts.limits))


def _notes(facts: Facts) -> str:
    found = [facts.notes] if facts.notes else []
    parts = [f'<div class="note">{notes_html(note)}</div>' for note in found]
    for run in facts.runs:
        if run.notes:
            parts.append(f'<div class="note">{_tag("h3", run.name)}{notes_html(run.notes)}</div>')
    return _section(_("Notes"), *parts) if parts else ""


def _design_tables(facts: Facts) -> Iterable[str]:
    for task, designs in facts.designs.items():
        judge = metric_named(facts.metrics[task])
        tested = any(one.test for one in designs)
        head = [_("Design"), _("Runs"), _("Best {metric}", metric=judge.in_a_sentence)]
        head += [_("Test {metric}", metric=judge.in_a_sentence)] if tested else []
        head += [_("Stored parameters"), _("Executed"), _("Steps"), _("Trained for")]
        rows = [_design_row(one, judge.name, tested) for one in designs]
        caption = _("Quality and size of each design: {task}", task=_title(task))
        notes = [
            _(
                "± is the standard deviation over the runs of a design. Best is the mean of each run's best evaluation "
                "on validation data, over complete runs where there are any."
            )
        ]
        if tested:
            notes.append(_("Test is the score on the test split, made once after training with the best weights."))
        yield _section(caption, _table(caption, head, rows), _tag("p", " ".join(notes), "quiet"))


def _design_row(one: Design, metric: str, tested: bool) -> list[str]:
    runs = str(one.runs) if one.counted in (0, one.runs) else _("{count} of {runs}", count=one.counted, runs=one.runs)
    low, high = one.steps
    return [
        f'<span class="dot c{one.place % len(COLOURS)}"></span>{_text(one.name)}',
        _text(runs),
        _text(_spread(one.best, metric)),
        *([_text(_spread(one.test, metric))] if tested else []),
        _text(compact(one.stored)),
        _text(compact(one.executed)),
        _text(f"{low:,}" if low == high else f"{low:,}–{high:,}"),
        _text(_("{n} s", n=f"{one.seconds.mean:,.0f}") if one.seconds else NOTHING),
    ]


def _spread(spread: Spread | None, metric: str) -> str:
    if spread is None:
        return NOTHING
    judge = metric_named(metric)
    if spread.deviation is None:
        return judge.shown(spread.mean)
    number, space, unit = judge.shown(spread.mean).partition(" ")
    return f"{number} ± {judge.shown(spread.deviation).partition(' ')[0]}{space}{unit}"


def _maps(facts: Facts) -> str:
    parts = []
    for designs in facts.designs.values():
        for one in designs:
            if one.maps:
                parts.append(f'<div class="map">{_map(one.name, one.maps)}</div>')
    said = _("Layers with one letter use the same stored weights.")
    return _section(_("Sharing maps"), _tag("p", said), f'<div class="maps">{"".join(parts)}</div>') if parts else ""


def _map(name: str, rows: Sequence[MapRow]) -> str:
    width = max(len(row.slots) for row in rows)
    total = max(row.layers for row in rows)
    caption = _("{name}: which layers share their weights", name=name)
    if total > width:
        caption += " " + ngettext("(the first {n} layer)", "(the first {n} layers)", width)
    body = []
    several = len({row.stack for row in rows}) > 1
    for row in rows:
        label = ", ".join(part.replace("_", " ") for part in row.components)
        label = f"{row.stack}: {label}" if several else label
        label += f" (= {row.elsewhere})" if row.elsewhere else ""
        cells = "".join(
            f'<td class="slot none">{letter}</td>'
            if slot is None
            else f'<td class="slot s{slot % len(COLOURS)}">{letter}</td>'
            for slot, letter in zip(row.slots, row.letters, strict=True)
        )
        body.append(f'<tr><th scope="row">{_text(label)}</th>{cells}</tr>')
    layers = "".join(f'<th scope="col">{number + 1}</th>' for number in range(width))
    head = f"<thead><tr><th>{_text(_('Layer'))}</th>{layers}</tr></thead>"
    table = f"<table><caption>{_text(caption)}</caption>{head}<tbody>{''.join(body)}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{_text(caption)}">{table}</div>'


def _runs(facts: Facts) -> str:
    parts = []
    for run in facts.runs:
        about = f'{_text(run.name)} <span class="quiet">{_text(run.id)}: {_text(run.state)}</span>'
        repeat = _tag("p", _("The command that trains it again, with the defaults of this version:"))
        saved = _tag("p", _("Its whole config. Save it as run.yaml, then: clps train --config run.yaml"))
        body = f"{repeat}{_tag('pre', run.command)}{saved}{_tag('pre', run.yaml)}"
        parts.append(f"<details><summary>{about}</summary>{body}</details>")
    return _section(_("Runs, and how to repeat them"), *parts)


def _differences(facts: Facts) -> str:
    if len(facts.runs) < 2:
        return ""
    if not facts.differences:
        return _section(_("What differs"), _tag("p", _("The configs are equal in every field.")))
    head = [_("Field"), *(run.name for run in facts.runs)]
    rows = [[_text(field), *map(_text, values)] for field, values in facts.differences.items()]
    return _section(
        _("What differs"), _table(_("Fields of the config that are not equal in all runs"), head, rows, "long")
    )


def _environment(runs: Sequence[OneRun]) -> str:
    """Versions and machine: of runs together where they are the same."""
    titles = _circumstances()
    fields = dict.fromkeys([*titles, *(field for run in runs for field in run.facts)])
    fields = {field: None for field in fields if any(field in run.facts for run in runs)}
    if not fields:
        return _section(_("Environment"), _tag("p", _("Versions are noted when a run starts; these runs have none.")))
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for run in runs:
        alike.setdefault(tuple(sorted(run.facts.items())), []).append(run.name)
    columns = [(", ".join(names), dict(found)) for found, names in alike.items()]
    if len(columns) == 1:
        columns = [(ngettext("{n} run", "{n} runs", len(runs)), columns[0][1])]
    rows = [
        [_text(titles.get(field, field)), *(_text(one.get(field, NOTHING)) for _names, one in columns)]
        for field in fields
    ]
    head = [_("Fact"), *(names for names, _one in columns)]
    return _section(_("Environment"), _table(_("What the runs were made with"), head, rows, "long"))


def _circumstances() -> dict[str, str]:
    return {
        "clps": "CLPS Lab", "python": "Python", "torch": "PyTorch", "numpy": "NumPy", "machine": _("Machine"),
        "device": _("Device"), "precision": _("Precision"), "threads": _("Threads"), "data": _("Version of the data"),
        "commit": _("Commit"),
    }  # fmt: skip


def _words() -> dict[str, str]:
    """What the script says."""
    return {
        "curve": _("Curve"), "over": _("Over"), "steps": _("Steps"), "seconds": _("Seconds of training"),
        "in": _("Zoom in"), "out": _("Zoom out"), "left": _("Earlier"), "right": _("Later"), "reset": _("All of it"),
        "help": _("Drag over the chart to zoom; a double click shows all of it. A line can be hidden by its name."),
        "values": _("The values as a table"), "run": _("Run"), "example": _("Example"), "kind": _("Attention"),
        "first": _("First"), "best": _("Highest"), "lowest": _("Lowest"), "last": _("Last"), "step": _("step"),
        "encoder": _("encoder"), "decoder": _("decoder"), "cross": _("cross-attention"),
        "head": _("layer {layer}, head {head}"), "attends": _("{query} looks at {key}: {share} %"),
        "small": _("This head is kept small only."), "at": _("At step {step}, reading:"), "active": _("still training"),
        "maps": _("{rows} layers of {columns} heads; rows are queries, columns are keys; darker is more attention."),
        "most": _("Where each token looks most"), "token": _("Token"), "looks": _("looks at"), "share": _("share"),
    }  # fmt: skip


def _without_script() -> str:
    said = _("This part is drawn by the script in this file. Allow scripts to see it.")
    return f"<noscript>{_tag('p', said)}</noscript>"


def _title(task: str) -> str:
    return facts_kept(task, None).title


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{''.join(parts)}</section>"


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(_tag('li', one) for one in sentences)}</ul>"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], css: str = "") -> str:
    """``head``: texts; ``rows``: cells that are HTML already, of class ``css``. The first cell of a row is its head."""
    cell_tag = f"<td class={css}>" if css else "<td>"
    top = "".join(f'<th scope="col">{_text(one)}</th>' for one in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"{cell_tag}{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    unseen = f'<caption class="unseen">{_text(caption)}</caption>'
    table = f"<table>{unseen}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{_text(caption)}">{table}</div>'


def _tag(name: str, text: str, css: str = "") -> str:
    return f"<{name}{f' class={css}' if css else ''}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    return html.escape(isolated(text))


def _json(data: object) -> str:
    """JSON that ends no element, whatever it holds."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _asset(name: str) -> str:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    if name.endswith(".css"):
        rules = [
            f".c{i} {{ background: {colour}; }} .s{i} {{ background: {colour}; }}" for i, colour in enumerate(COLOURS)
        ]
        text += "\n" + "\n".join(rules) + "\n"
    return "\n" + text


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
