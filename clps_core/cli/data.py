"""What ``clps data`` does. Start at add."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.cli.output import print_json, print_pairs, print_table, say, size
from clps_core.data.registry import task_samples
from clps_core.errors import DataError
from clps_core.home import default_home
from clps_core.own_data import media, record
from clps_core.own_data.columns import ROLES
from clps_core.own_data.sources import Source, found_source
from clps_core.own_data.told import about, changed_since, warnings
from clps_core.tasks import TASKS
from clps_core.words import _, in_a_sentence, ngettext

if TYPE_CHECKING:
    from clps_core.own_data.record import DataSet

__all__ = ["add", "columns", "list_", "options", "preview", "remove", "share", "show", "source"]

LONGEST_CELL = 60
ROWS_EVERY = 20_000


def source(
    text: str,
    *,
    validation: Path | None = None,
    test: Path | None = None,
    encoding: str | None = None,
    header: bool = True,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    rows: int | None = None,
) -> Source:
    """What the options name."""
    own = [(name, path.expanduser().absolute()) for name, path in (("validation", validation), ("test", test)) if path]
    return replace(
        found_source(text), splits=tuple(own), encoding=encoding, header=header, config=config, split=split,
        revision=revision, rows=rows,
    )  # fmt: skip


def columns(**named: str | None) -> dict[str, str]:
    """Role -> column, of those that are named."""
    return {role: name for role, name in named.items() if name is not None}


def options(**given: object) -> dict[str, object]:
    """Option of a medium -> its value, of those that are given."""
    return {name: value for name, value in given.items() if value is not None}


def add(
    name: str,
    asked: Source,
    kind: str | None,
    named: Mapping[str, str],
    tokenizer: str | None,
    licence: str,
    *,
    options: Mapping[str, Any] | None = None,
    as_json: bool,
) -> None:
    """Add the data set and say what it is."""
    from clps_core.own_data.adding import add as add_data

    told = 0

    def said(rows: int) -> None:
        nonlocal told
        if rows - told >= ROWS_EVERY and sys.stderr.isatty():
            told = rows
            say(_("{n:,} rows read.", n=rows))

    made = add_data(
        name, asked, default_home(), kind=kind, columns=named, options=options, tokenizer=tokenizer, licence=licence,
        said=said,
    )  # fmt: skip
    if as_json:
        print_json(_record(made))
        return
    _print(made)
    say(_("Train on it: clps train --task {task} --strategy none --strategy all --wait", task=made.task))
    for other in made.tasks[1:]:
        if made.kind == "speech":
            say(_("Or train an encoder-decoder: --task {task}", task=other))
        else:
            say(_("Or train an encoder to fill in masked tokens: --task {task}", task=other))


def preview(
    asked: Source,
    kind: str | None,
    named: Mapping[str, str],
    *,
    options: Mapping[str, Any] | None = None,
    as_json: bool,
) -> None:
    """Show the columns and the first rows."""
    from clps_core.own_data.adding import preview as preview_data

    found = preview_data(asked, default_home(), kind=kind, columns=named, options=options)
    if as_json:
        rows = {name: [_plain(one) for one in values] for name, values in found.rows.items()}
        told = {"kind": found.guess.kind, "columns": found.guess.columns, "note": found.guess.note, "rows": rows}
        print_json(told | ({"medium": found.medium} if found.medium else {}))
        return
    used = {column: role for role, column in found.guess.columns.items()}
    heads = [f"{name} ({used[name]})" if name in used else name for name in found.rows]
    print_table(heads, zip(*([_cell(one) for one in values] for values in found.rows.values()), strict=True), left=99)
    if found.guess.note:
        say(found.guess.note)
    of_medium = found.guess.kind in media.MEDIA
    roles = list(found.guess.columns) if of_medium else [role for of_kind in ROLES.values() for role in of_kind]
    if found.guess.kind == "images":
        roles += ["side", "grey", "colour"]
    say(
        _(
            "It would be used for {kind}. To change that, use {options}.",
            kind=found.guess.kind,
            options=", ".join(dict.fromkeys(["--kind", *(f"--{role}" for role in roles)])),
        )
    )


def _plain(value: Any) -> Any:
    """``value`` as JSON can hold it: a date, bytes or what is nested as text."""
    return value if value is None or isinstance(value, str | int | float) else str(value)


def list_(*, as_json: bool) -> None:
    """All data sets that were added, and the tasks whose data ship."""
    home = default_home()
    found, damaged = [], {}
    for name in record.names(home):
        try:
            found.append(record.read(home, name))
        except DataError as error:
            damaged[name] = str(error)
    if as_json:
        bad = [{"task": record.task_name(name), "name": name, "damaged": why} for name, why in damaged.items()]
        print_json([*(_record(one) for one in found), *bad, *_shipped()])
        return
    if not found and not damaged:
        say(_("There are no data sets yet. Add one: clps data add NAME FILE"))
    else:
        _print_own(found, damaged, home)
    say(_("Data sets that come with CLPS Lab:"))
    rows = [(one["task"], one["title"], _cell(one["source"]), one["licence"]) for one in _shipped()]
    print_table([_("task"), _("title"), _("source"), _("licence")], rows, left=4)
    say(_("Details of one: clps data show NAME"))


def _shipped() -> list[dict[str, Any]]:
    return [
        {"task": name, "name": name, "ships": True, "title": one.title, "source": one.source, "licence": one.licence}
        for name, one in ((name, facts.words()) for name, facts in TASKS.usable().items())
    ]


def _print_own(found: list[DataSet], damaged: Mapping[str, str], home: Path) -> None:
    heads = [_("name"), _("kind"), _("source"), _("rows"), _("classes"), _("size")]
    rows: list[tuple[object, ...]] = [
        (
            one.name,
            one.kind,
            _cell(one.source),
            f"{one.rows:,}",
            len(one.classes) or "",
            size(record.size_of(home, one.name)),
        )
        for one in found
    ]
    rows += [(name, _("damaged"), "", "", "", size(record.size_of(home, name))) for name in damaged]
    print_table(heads, sorted(rows), left=3)


def show(name: str, tokenizer: str | None, seq_len: int | None, *, as_json: bool) -> None:
    """Everything that is known of one data set, or of the data of a task that ships."""
    if name in TASKS and name not in record.names(default_home()):
        _show_shipped(name, as_json=as_json)
        return
    found = record.read(default_home(), record.found_name(name))
    if as_json:
        told = about(default_home(), found, tokenizer, seq_len)
        print_json(_record(found) | {"task_facts": told.plain, "samples": told.samples})
        return
    _print(found, tokenizer, seq_len)


def share(name: str, *, shared: bool) -> None:
    """Let everybody use it on a shared server, or only its owner and teachers."""
    home = default_home()
    name = record.found_name(name)
    record.write(record.folder_of(home, name), record.read(home, name).model_copy(update={"shared": shared}))
    say(_("{name} is now shared with everybody.", name=name) if shared else _("{name} is no longer shared.", name=name))


def _show_shipped(name: str, *, as_json: bool) -> None:
    facts = TASKS.usual(name)
    words = facts.words()
    samples = task_samples(name)
    if as_json:
        about_task = {"title": words.title, "source": words.source, "licence": words.licence}
        figures = {"metric": facts.metric, "baseline": facts.baseline, "test_rows": facts.test_size}
        figures |= {"test_baseline": facts.test_baseline, "classes": facts.num_classes, "vocab_size": facts.vocab_size}
        print_json({"task": name, "summary": words.summary, **about_task, **figures, "samples": samples})
        return
    print_pairs(
        [
            (_("task"), name),
            (_("title"), words.title),
            (_("description"), words.summary),
            (_("source"), words.source),
            (_("licence"), words.licence),
            (
                _("baselines"),
                _(
                    "{baseline}: {metric} {validation} on validation data, {test} on the test split",
                    baseline=words.baseline,
                    metric=in_a_sentence(facts.judged_by.title),
                    validation=facts.judged_by.shown(facts.baseline),
                    test=facts.judged_by.shown(facts.test_baseline),
                ),
            ),
            (_("test split"), _("{n:,} examples", n=facts.test_size)),
        ]
    )
    if samples:
        heads = {"text": _("held-out input"), "target": _("correct answer")}
        shown = [head for head in heads if any(head in row for row in samples)]
        print_table([heads[one] for one in shown], [[_cell(row.get(one)) for one in shown] for row in samples], left=2)


def remove(name: str, *, yes: bool) -> None:
    """Delete the copy, after a question on a terminal."""
    import typer

    home = default_home()
    name = record.found_name(name)
    if name not in record.names(home):
        record.read(home, name)  # says that there is none
    if not yes and sys.stdin.isatty() and not typer.confirm(_("Delete the data set {name}?", name=name), err=True):
        raise typer.Exit(1)
    record.remove(home, name)
    say(_("Deleted {name}. Runs trained on it keep their results but can no longer answer new inputs.", name=name))


def _print(found: DataSet, tokenizer: str | None = None, seq_len: int | None = None) -> None:
    home = default_home()
    told = about(home, found, tokenizer, seq_len)
    print_pairs([(title, text) for title, text in told.lines])
    if told.classes:
        print_table([_("class"), *told.classes[0][1]], [(name, *counts.values()) for name, counts in told.classes[:30]])
        if len(told.classes) > 30:
            say(ngettext("{n} more class.", "{n} more classes.", len(told.classes) - 30))
    heads = list(told.samples[0]) if told.samples else []
    if heads:
        print_table(heads, [[_cell(row[one]) for one in heads] for row in told.samples], left=len(heads))
    for line in (*warnings(found), changed_since(found)):
        if line:
            say(line)


def _record(found: DataSet) -> dict[str, Any]:
    return {"task": found.task} | found.model_dump(mode="json") | {"warnings": warnings(found)}


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("\n", "⏎")
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
