"""A task, and the catalogue of those that are installed. Start at Task, then Tasks. No torch, and no task, here.

A task is one folder: ``facts`` and ``data``, which need no torch, and ``work``, which may. The last two are modules
that are imported when they are asked for (``clps_core/work`` says what they offer). A built-in task is found by its
folder beside this file; an installed package names its own under the entry point group ``clps_lab.tasks``. Tasks that
lie in the home, one for each data set that somebody added, belong to a ``TaskFamily``: their names begin alike.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from clps_core.errors import ClpsError, ConfigError
from clps_core.home import default_home
from clps_core.metrics import keep_metric
from clps_core.suggestions import nearest
from clps_core.tasks.facts import DataLike, TaskFacts
from clps_core.words import _

__all__ = ["ENTRY_POINTS", "Task", "TaskFamily", "Tasks"]

ENTRY_POINTS = "clps_lab.tasks"
"""The group of entry points under which other packages offer their tasks."""


@dataclass(frozen=True)
class Task:
    """One task.

    ``facts``: from the data config and the home, in which data sets may lie; cheap, since pages ask often. ``data``,
    ``work``: the dotted names of the modules that load the data, and that score and answer. ``place``: where it
    stands among the others when people choose.
    """

    name: str
    facts: Callable[[DataLike, Path], TaskFacts]
    data: str
    work: str
    place: int = 100


@dataclass(frozen=True)
class TaskFamily:
    """Tasks whose names begin with ``prefix`` and that lie in the home.

    ``module``: the dotted name of what offers ``task(name)`` and ``names(home)``, imported when it is asked.
    """

    prefix: str
    module: str


@dataclass(frozen=True)
class _Usual:
    """The data config of a person who only names the task."""

    task: str
    seq_len: int | None = None
    seed: int = 0
    tokenizer: str | None = None
    difficulty: int | None = None
    folds: int | None = None
    by_length: bool | None = None
    clutter: int | None = None
    patch_size: int | None = None
    augment: str | None = None


class Tasks(Mapping[str, Task]):
    """Name -> task, in the order in which people are shown them. ``find`` is called once, at the first question.

    ``problems``: what could not be used -> a sentence why.
    """

    def __init__(self, find: Callable[[Tasks], None] | None = None) -> None:
        self._find, self._finding, self._looking = find, threading.RLock(), False
        self._tasks: dict[str, Task] = {}
        self._families: dict[str, TaskFamily] = {}
        self._problems: dict[str, str] = {}
        self._saying: dict[str, threading.RLock] = {}

    def register(self, task: Task) -> None:
        """Add ``task``, or put it in the place of the one of its name."""
        self._found()[task.name] = task

    def register_family(self, family: TaskFamily) -> None:
        """Add all tasks whose names begin with the family's prefix; they are no part of the mapping."""
        self._found()
        self._families[family.prefix] = family

    def forget(self, name: str) -> None:
        """Take a task away again."""
        self._found().pop(name, None)

    @property
    def problems(self) -> Mapping[str, str]:
        """What was offered and could not be used -> why, in a sentence."""
        self._found()
        return dict(self._problems)

    def refuse(self, name: str, why: object) -> None:
        """Note that what is offered under ``name`` cannot be used."""
        self._problems[name] = _("the task {name} cannot be used: {why}", name=str(name)[:60], why=str(why)[:300])

    def __getitem__(self, name: str) -> Task:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._found()))

    def __len__(self) -> int:
        return len(self._found())

    def facts(self, data: DataLike, home: Path | None = None) -> TaskFacts:
        """The facts of ``data.task`` for this data config, with the data sets of ``home`` (default: the usual one).

        Raises ``ConfigError`` that lists the tasks there are, and what the task says where its data are missing.
        """
        task = self._task(data.task)
        if task is None:
            raise ConfigError(self._unknown(data.task))
        try:
            with self._turn(task.name):
                facts = task.facts(data, home or default_home())
        except ClpsError:
            raise
        except Exception as error:  # of a task that somebody else wrote: a page must go on
            raise ConfigError(
                _(
                    "task {name} failed to describe its facts: {why}. Correct its package, or choose another task.",
                  name=task.name, why=_reason(error))
            ) from error  # fmt: skip
        for metric in facts.own_metrics:
            keep_metric(metric)
        return facts

    def _turn(self, name: str) -> AbstractContextManager[object]:
        """An installed task works out its facts once, however many threads ask for the first time together."""
        return self._saying.setdefault(name, threading.RLock()) if name in self._found() else nullcontext()

    def usual(self, name: str, home: Path | None = None) -> TaskFacts:
        """The facts of the task for a config that says no more of its data than its name; raises as ``facts``."""
        return self.facts(_Usual(name), home)

    def usable(self, home: Path | None = None, *, own: bool = False) -> dict[str, TaskFacts]:
        """Name -> ``usual`` facts of the installed tasks that can say them now.

        ``own``: also of those of the families, that is, of the data sets in the home. A form offers these as well.
        """
        found = {}
        for name in [*self, *(self.own(home) if own else ())]:
            try:
                found[name] = self.usual(name, home)
            except ClpsError:
                continue
        return found

    def own(self, home: Path | None = None) -> list[str]:
        """The names of the families' tasks that lie in ``home`` (default: the usual one)."""
        self._found()
        return [
            name
            for family in self._families.values()
            for name in importlib.import_module(family.module).names(home or default_home())
        ]

    def of_family(self, family: str, preferred: str = "") -> str:
        """The name of a task for models of ``family``: ``preferred`` if it is one, else the first there is.

        Raises ``ConfigError`` where there is none.
        """
        fitting = [name for name, facts in self.usable().items() if facts.family == family]
        if not fitting:
            raise ConfigError(_("no installed task trains a model of family {family}. Install one.", family=family))
        return preferred if preferred in fitting else fitting[0]

    def data(self, name: str) -> Any:
        """The module that loads the task's data (``work.DataModule``); no torch. Raises as ``work``."""
        return self._module(name, "data")

    def work(self, name: str) -> Any:
        """The module that scores and answers for the task (``work.Work``); it may import torch.

        Raises ``ConfigError`` for a task that is not installed, or whose module cannot be imported.
        """
        return self._module(name, "work")

    def _module(self, name: str, part: str) -> Any:
        task = self._task(name)
        if task is None:
            raise ConfigError(self._gone(name))
        try:
            return importlib.import_module(getattr(task, part))
        except Exception as error:
            raise ConfigError(
                _("task {name} cannot be imported: {why}. Install it again.", name=name, why=_reason(error))
            ) from error

    def _task(self, name: str) -> Task | None:
        installed = self._found().get(name)
        if installed is not None:
            return installed
        for prefix, family in self._families.items():
            if name.startswith(prefix):
                found: Task = importlib.import_module(family.module).task(name)
                return found
        return None

    def _unknown(self, name: str) -> str:
        likely = nearest(str(name), self)
        hint = _(" Did you mean {name}?", name=likely) if likely else ""
        return _(
            "task must be one of {known}. Got {name!r}.{hint}", known=", ".join(self), name=str(name)[:60], hint=hint
        )

    def _gone(self, name: str) -> str:
        return _(
            "the task {name} of this run is not installed. Installed tasks: {known}. Install the package that has it.",
            name=str(name)[:60],
            known=", ".join(self),
        )

    def _found(self) -> dict[str, Task]:
        if self._find is not None:
            with self._finding:  # other threads wait for all of them; what ``find`` registers comes through here, too
                if self._find is not None and not self._looking:
                    self._looking = True
                    self._find(self)
                    self._find = None
        return self._tasks


def _reason(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0][:200].rstrip(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def find_installed(tasks: Tasks) -> None:
    """The folders beside this file, then what other packages offer; what is broken becomes a problem."""
    tasks.register_family(TaskFamily("data:", "clps_core.own_data.catalogue"))
    package = importlib.import_module("clps_core.tasks")
    built_in = []
    for folder in pkgutil.iter_modules(package.__path__):
        if folder.ispkg:
            found = _offer(tasks, folder.name, partial(_task_in, f"{package.__name__}.{folder.name}"))
            built_in += [found] if found is not None else []
    for task in sorted(built_in, key=lambda one: (one.place, one.name)):
        tasks.register(task)
    for offered in entry_points(group=ENTRY_POINTS):
        new = _offer(tasks, offered.name, offered.load)
        if new is not None and new.name in tasks:
            tasks.refuse(offered.name, _("there is another task {name}.", name=new.name))
        elif new is not None:
            tasks.register(new)


def _task_in(module: str) -> object:
    return importlib.import_module(module).TASK


def _offer(tasks: Tasks, name: str, load: Callable[[], object]) -> Task | None:
    """What ``load`` gives, if it is a task; else ``None``, and a problem is noted."""
    try:
        found = load()
    except Exception as error:  # whatever the package of somebody else does
        tasks.refuse(name, _reason(error))
        return None
    if isinstance(found, Task):
        return found
    tasks.refuse(name, _("it is {got}, not a Task.", got=type(found).__name__))
    return None
