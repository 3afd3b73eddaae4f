"""``clps runs fork``: a new run that begins with another's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clps_core.cli.output import amount, duration, print_json, print_lines, say
from clps_core.cli.records import run_records
from clps_core.cli.runs import opened
from clps_core.jobs import service
from clps_core.jobs.ancestry import as_plain
from clps_core.jobs.forks import DerivedFork, change_lines, derive_fork
from clps_core.jobs.training_on import rate_sentence
from clps_core.spec import parse_assignments
from clps_core.words import _, ngettext, sentences

__all__ = ["fork"]


def fork(
    run_id: str,
    settings: Sequence[str],
    *,
    start_from: str,
    name: str | None,
    dry_run: bool,
    as_json: bool,
    keep_optimiser: bool = False,
) -> None:
    """Queue the run, or with ``dry_run`` only say what it would be."""
    changes = parse_assignments(settings)
    with opened() as store:
        derived = derive_fork(store, run_id, changes, start_from=start_from, name=name, keep_optimiser=keep_optimiser)
        if dry_run:
            service.checked(store, [derived.resolved])
            begins = {"parent_id": derived.parent.id, "start_from": derived.start_from}
            record: dict[str, Any] = {"name": derived.name, **begins}
        else:
            run = service.queue_fork(store, derived)
            (record,) = run_records(store, [run])
    if as_json:
        print_json(
            {**record, "changes": [change._asdict() for change in derived.changes], "spent": as_plain(derived.spent)}
        )
        return
    if dry_run:
        say(_("Nothing was queued. The fork would look like this:"))
        print_lines(derived.name)
    else:
        print_lines(f"{record['id']}  {record['name']}: {record['status']}")
    print_lines(*(f"  {line}" for line in change_lines(derived)))
    say(_what_it_begins_with(derived))


def _what_it_begins_with(derived: DerivedFork) -> str:
    """Which weights, what was spent on them, and that nothing else differs."""
    which = _("It starts with the {which} weights of {parent}.", which=derived.start_from, parent=derived.parent.id)
    if derived.keep_optimiser:
        which = _(
            "It continues training with the last weights and the optimiser of {parent}.", parent=derived.parent.id
        )
        which = f"{which} {rate_sentence(derived.parent.config, derived.config)}"
    spent = ngettext(
        "Trained before it: {steps} step, {time}, {flops} FLOPs.",
        "Trained before it: {steps} steps, {time}, {flops} FLOPs.",
        derived.spent.steps,
        steps=f"{derived.spent.steps:,}",
        time=duration(derived.spent.seconds),
        flops=amount(int(derived.spent.flops)),
    )
    if not derived.spent.whole:
        spent = _("The training before it is not fully known.")
    alike = (
        _("All other fields of its config are the same as its parent's.")
        if derived.changes
        else _("Its config is the same as its parent's.")
    )
    return sentences((which, spent, alike))
