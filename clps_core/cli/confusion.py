"""``clps runs confusion``: which classes runs take for which. Start at show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from clps_core.cli.output import print_json, print_lines, print_table, say
from clps_core.data.confusion import Confusion, as_csv
from clps_core.errors import ConfigError
from clps_core.jobs.confusion import count_classes
from clps_core.numbers import percent
from clps_core.store import open_store
from clps_core.words import _, ngettext

__all__ = ["show"]

LONGEST_NAME = 40
MOST_PAIRS = 10
MOST_CLASSES = 30


def show(run_ids: Sequence[str], *, as_table: bool, as_json: bool) -> None:
    """Print it of each run; it is counted for a run that has not kept it."""
    if as_table and len(run_ids) != 1:
        raise ConfigError(_("--csv must have one run. Got {got}. Write one file for each run.", got=len(run_ids)))
    with closing(open_store()) as store:
        runs = [store.run(run_id) for run_id in run_ids]
        found = [count_classes(store, run.id) for run in runs]
    if as_json:
        print_json([{"id": run.id, "name": run.name, **_plain(one)} for run, one in zip(runs, found, strict=True)])
    elif as_table:
        print_lines(*as_csv(found[0]).splitlines())
    else:
        for run, one in zip(runs, found, strict=True):
            say(f"{run.id}  {run.name}")
            _print(one)


def _plain(one: Confusion) -> dict[str, Any]:
    classes = [
        {
            "class": figures.name,
            "examples": figures.examples,
            "said": figures.said,
            "right": figures.right,
            "precision": figures.precision,
            "recall": figures.recall,
            "f1": figures.f1,
        }
        for figures in one.figures
    ]
    scores = {"accuracy": one.accuracy, "macro_f1": one.macro_f1}
    return {
        "split": "test",
        "step": one.step,
        "examples": one.examples,
        **scores,
        "classes": classes,
        "counts": one.counts.tolist(),
    }


def _print(one: Confusion) -> None:
    say(
        _(
            "{examples} test examples, weights of step {step}: accuracy {accuracy}, macro F1 {macro}.",
            examples=f"{one.examples:,}",
            step=one.step,
            accuracy=percent(one.accuracy),
            macro=percent(one.macro_f1),
        )
    )
    pairs = one.confused[:MOST_PAIRS]
    if pairs:
        rows = [
            (_short(one.classes[pair.right]), _short(one.classes[pair.said]), pair.count, percent(pair.count / pair.of))
            for pair in pairs
        ]
        print_table([_("class"), _("predicted class"), _("examples"), _("share of its class")], rows, left=2)
    figures = [one.figures[place] for place in one.most_confused(MOST_CLASSES)]
    heads = [_("class"), _("examples"), _("precision"), _("recall"), "F1"]
    print_table(
        heads,
        [(_short(f.name), f.examples, *(percent(value) for value in (f.precision, f.recall, f.f1))) for f in figures],
        left=1,
    )
    if (more := len(one.classes) - len(figures)) > 0:
        say(ngettext("{n} more class: use --csv.", "{n} more classes: use --csv.", more))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
