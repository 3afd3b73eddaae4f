"""Tasks: a folder each, which registers itself. Start at task.Tasks and facts.TaskFacts; ``TASKS`` are the installed.

Nothing here imports a task, or torch: ``TASKS`` looks for the folders when it is first asked.
"""

from __future__ import annotations

from pathlib import Path

from clps_core.errors import ClpsError
from clps_core.metrics import keep_metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.frozen_facts import LONGEST_FACTS, bare_facts, frozen, thawed
from clps_core.tasks.task import ENTRY_POINTS, Task, TaskFamily, Tasks, find_installed

__all__ = [
    "ENTRY_POINTS",
    "LONGEST_FACTS",
    "TASKS",
    "DataLike",
    "Task",
    "TaskFacts",
    "TaskFamily",
    "TaskWords",
    "Tasks",
    "bare_facts",
    "facts_kept",
    "frozen",
    "get_task",
    "thawed",
]

TASKS = Tasks(find_installed)
"""The tasks that are installed."""


def get_task(name: str, home: Path | None = None) -> TaskFacts:
    """The facts of an installed task, with its usual data; raises ``ConfigError`` that lists the tasks there are."""
    return TASKS.usual(name, home)


def facts_kept(task: str, text: str | None, home: Path | None = None) -> TaskFacts:
    """The facts of a run: those it kept (``text``); of a run that kept none, those of its task today.

    Never fails: of a task that is gone, or that says nothing now, only the name is known then.
    """
    if text is not None:
        try:
            facts = thawed(text)
            for metric in facts.own_metrics:
                keep_metric(metric, anew=False)
            return facts
        except ValueError:
            pass  # a damaged store: as if it had kept none
    try:
        return TASKS.usual(task, home)
    except ClpsError:
        return bare_facts(task)
