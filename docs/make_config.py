"""Make docs/config.md from the config's models. A test compares; start at page.

Run ``python -m docs.make_config`` after a change of fields, defaults or limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clps_core.config.reference import FieldFacts, groups
from clps_core.words import in_english

FILE = Path(__file__).parent / "config.md"
INTRODUCTION = """# The fields of a config

<!-- Made by docs/make_config.py from the models of clps_core/config. Change those. -->

A run is described by one config. A YAML file for `clps train --config` holds its groups, and `--set` sets single
fields: `--set optim.learning_rate=0.001`. What is not given has the default of the task. Where tasks differ, the most
frequent default comes first, then the tasks that have another; a table below each group has them all. `clps config`
prints the same, and `clps config FIELD` explains one field.

A comparison's file may have `name`, `strategies` and `seeds` beside the groups: one run for each strategy and each
seed. A sweep's file has `sweep`, `base`, `folds` and `stop` as well; see `examples/`.
"""
TITLES = {
    "model": "model: sizes and kinds",
    "sharing": "sharing: which layers use the same weights",
    "data": "data: what is learned",
    "optim": "optim: AdamW and its schedule",
    "train": "train: how long, how often, on what",
    "": "At the top",
}


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for group, fields in groups().items():
        parts += [f"## {TITLES[group]}\n", _table(fields), *_by_task(fields)]
    return "\n".join(parts)


def _table(fields: Sequence[FieldFacts]) -> str:
    rows = []
    for one in fields:
        allowed = one.allowed + (", null" if one.optional else "")
        rows.append([f"`{one.name}`", one.default, one.unit, allowed, one.meaning])
    return _rows(["field", "default", "unit", "allowed", "meaning"], rows)


def _by_task(fields: Sequence[FieldFacts]) -> list[str]:
    """A line for each task, a column for each field in which they differ; nothing where they do not."""
    found = [one for one in fields if one.differs]
    if not found:
        return []
    rows = [[task, *(_short(one, task) for one in found)] for task in found[0].defaults]
    return ["Defaults by task (– is not given):\n", _rows(["task", *(f"`{_last(one.name)}`" for one in found)], rows)]


def _short(one: FieldFacts, task: str) -> str:
    return "–" if one.defaults[task] is None else one.texts[task]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    with in_english():
        FILE.write_text(page(), encoding="utf8")
