"""``clps runs fork``: a new run that begins with another's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clps_core.cli.output import amount, duration, print_json, print_lines, say
from clps_core.cli.records import run_records
from clps_core.cli.runs import opened
from clps_core.jobs import service
from clps_core.jobs.ancestry import as_plain
from clps_core.jobs.forks import ForkPlan, change_lines, plan_fork
from clps_core.spec import parse_assignments
from clps_core.words import _, ngettext

__all__ = ["fork"]


def fork(
    run_id: str, settings: Sequence[str], *, start_from: str, name: str | None, dry_run: bool, as_json: bool
) -> None:
    """Queue the run, or with ``dry_run`` only say what it would be."""
    changes = parse_assignments(settings)
    with opened() as store:
        plan = plan_fork(store, run_id, changes, start_from=start_from, name=name)
        if dry_run:
            service.checked(store, [plan.resolved])
            record: dict[str, Any] = {"name": plan.name, "parent_id": plan.parent.id, "start_from": plan.start_from}
        else:
            run = service.queue_fork(store, plan)
            (record,) = run_records(store, [run])
    if as_json:
        print_json({**record, "changes": [change._asdict() for change in plan.changes], "spent": as_plain(plan.spent)})
        return
    if dry_run:
        say(_("Nothing is queued: this is what the fork would be."))
        print_lines(plan.name)
    else:
        print_lines(f"{record['id']}  {record['name']}: {record['status']}")
    print_lines(*(f"  {line}" for line in change_lines(plan)))
    say(_what_it_begins_with(plan))


def _what_it_begins_with(plan: ForkPlan) -> str:
    """Which weights, what was spent on them, and that nothing else differs."""
    which = _("It begins with the {which} weights of {parent}.", which=plan.start_from, parent=plan.parent.id)
    spent = ngettext(
        "Before it, {steps} step was trained: {time}, {flops} FLOPs.",
        "Before it, {steps} steps were trained: {time}, {flops} FLOPs.",
        plan.spent.steps,
        steps=f"{plan.spent.steps:,}",
        time=duration(plan.spent.seconds),
        flops=amount(int(plan.spent.flops)),
    )
    if not plan.spent.whole:
        spent = _("What was trained before it is not wholly known.")
    alike = (
        _("No other field of its config differs from its parent's.")
        if plan.changes
        else _("Its config is its parent's in every field.")
    )
    return " ".join((which, spent, alike))
