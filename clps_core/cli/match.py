"""``clps match``: the design of another scheme at the same budget. Start at show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from clps_core.cli.output import print_json, print_lines, print_table, say
from clps_core.config.telling import said_value
from clps_core.errors import ConfigError
from clps_core.matching import MEASURES, Match, match
from clps_core.store import open_store
from clps_core.words import _

__all__ = ["show"]


def show(run_id: str, scheme: str, measure: str, change: Sequence[str] | None, *, as_yaml: bool, as_json: bool) -> None:
    """Print what changes and by how much it misses, or the config; a miss of more than 1 % is said in a sentence."""
    if measure not in MEASURES:
        raise ConfigError(_("--as must be one of {known}. Got {got}.", known=", ".join(MEASURES), got=measure[:40]))
    with closing(open_store()) as store:
        found = match(store.run(run_id).config, scheme, measure, change)  # type: ignore[arg-type]
    if found.problem:
        say(found.problem)
    if as_json:
        print_json(record(found))
    elif as_yaml:
        print_lines(found.config.as_yaml().rstrip("\n"))
    else:
        rows = [(one.field, said_value(one.before), said_value(one.after)) for one in found.changes]
        rows.append((MEASURES[found.measure], f"{found.target:,}", f"{found.got:,} ({100 * found.part:+.2f} %)"))
        print_table([_("field"), _("original"), _("matched")], rows, left=3)


def record(found: Match) -> dict[str, object]:
    """The match as plain data."""
    return {
        "measure": found.measure,
        "asked": list(found.asked),
        "target": found.target,
        "got": found.got,
        "missed": found.missed,
        "part": found.part,
        "problem": found.problem,
        "changes": [{"field": one.field, "before": one.before, "after": one.after} for one in found.changes],
        "config": found.config.as_dict(),
    }
