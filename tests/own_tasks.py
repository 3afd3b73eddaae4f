"""Tasks of a test's own among the installed ones. Start at registered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clps_core.tasks import ENTRY_POINTS, TASKS, Task, TaskFacts


@contextmanager
def registered(task: Task) -> Iterator[Task]:
    """``task`` is installed inside, instead of one of its name if there is one."""
    before = TASKS.get(task.name)
    TASKS.register(task)
    try:
        yield task
    finally:
        if before is not None:
            TASKS.register(before)
        else:
            TASKS.forget(task.name)


def other_facts(facts: TaskFacts) -> Task:
    """The task of ``facts``' name with these in the place of its own."""
    known = TASKS[facts.name]
    return Task(facts.name, lambda _data, _home: facts, known.data, known.work, known.place)


STARTED = """from clps_core.sharing import RULES
from clps_core.words import add_language
from own_language import FAKE, Marked
from own_rule import RULE

RULES[RULE.name] = RULE
add_language(FAKE, Marked())
"""
"""What a process does first that is to know the rule and the language of tests, too."""


def offered(folder: Path, *, started: str = "", **entry_points: str) -> str:
    """A folder for ``sys.path`` with an installed package that offers tasks, such as ``codes="module:TASK"``.

    ``started``: Python that every process with this folder in its ``PYTHONPATH`` runs first.
    """
    about = folder / "site" / "own_tasks-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own-tasks\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entry_points.items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINTS}]", *lines, ""]))
    if started:
        (about.parent / "sitecustomize.py").write_text(started)
    return str(about.parent)
