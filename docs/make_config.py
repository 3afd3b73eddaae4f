"""Make docs/config.md from the config's models. A test compares; start at page.

Run ``python -m docs.make_config`` after a change of fields, defaults or limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clps_core.config.reference import FieldFacts, groups

FILE = Path(__file__).parent / "config.md"
INTRODUCTION = """# The fields of a config

<!-- Made by docs/make_config.py from the models of clps_core/config. Change those. -->

A run is described by one config. A YAML file for `clps train --config` holds its groups, and `--set` sets single
fields: `--set optim.learning_rate=0.001`. What is not given has the default of the task; where the tasks differ, each
default is listed. `clps config` prints the same, and `clps config FIELD` explains one field.

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
        parts += [f"## {TITLES[group]}\n", _table(fields)]
    return "\n".join(parts)


def _table(fields: Sequence[FieldFacts]) -> str:
    rows = ["| field | default | unit | allowed | meaning |", "| --- | --- | --- | --- | --- |"]
    for one in fields:
        allowed = one.allowed + (", null" if one.optional else "")
        cells = [f"`{one.name}`", one.default, one.unit, allowed, one.meaning]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf8")
