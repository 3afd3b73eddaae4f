"""What the store hands out: frozen records. Start at Run and Point."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clps_core.errors import NotFoundError
from clps_core.tasks import TaskFacts, facts_kept
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import RunConfig

__all__ = [
    "ACTIVE",
    "STATUSES",
    "TRAINING",
    "ActiveJob",
    "Artefact",
    "Comparison",
    "Evaluation",
    "FinalScore",
    "Job",
    "Point",
    "Run",
    "check_run_id",
    "is_run_id",
    "new_id",
]

STATUSES = ("queued", "running", "finished", "failed", "cancelled", "paused")
ACTIVE = ("queued", "running")
"""Statuses in which something will still happen without a person."""

TRAINING = "training"
"""The kind of job that makes a run; what the others do, ``jobs/kinds.py`` says."""

IMPORTED = "imported-"
"""How the ids of comparisons begin whose runs were brought in from elsewhere."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_RUN_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def new_id() -> str:
    """Eight random characters that can be read out loud: 40 bits."""
    return "".join(secrets.choice(_ALPHABET) for _position in range(8))


def is_run_id(text: object) -> bool:
    """Whether ``text`` may be a run's id; only then may it become part of a path."""
    return isinstance(text, str) and _RUN_ID.fullmatch(text) is not None


def check_run_id(text: object) -> str:
    """``text`` if it may be a run's id; raises ``NotFoundError`` otherwise."""
    if isinstance(text, str) and is_run_id(text):
        return text
    raise NotFoundError(
        _(
            "a run's id must have letters, digits and hyphens only. Got {got}. 'clps runs' lists the ids.",
            got=repr(text)[:60],
        )
    )


class Point(NamedTuple):
    """One value of one curve; ``seconds`` is training time so far.

    Where ``forgets`` is true it is not a value but news: the run went back to a checkpoint, so drop all
    you hold of this run beyond ``step``. It always comes before the points that replace the dropped ones.
    """

    run_id: str
    split: str
    name: str
    step: int
    value: float
    seconds: float

    @property
    def forgets(self) -> bool:
        """Whether this says "drop what you hold of this run beyond ``step``"."""
        return not self.split


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work of the queue; ``kind`` says which (``jobs/kinds.py``). Times are UTC seconds since the epoch.

    ``status`` is one of ``STATUSES``; ``reason`` is a sentence where there is something to say (why it failed, that it
    was retried). ``step`` of ``steps`` are done, in ``seconds`` of work. ``queue_position`` is 1 for the next job to
    start and ``None`` for jobs that do not wait; a queued job does not start before ``not_before``. A job that is no
    training has the config of the run it is about.
    """

    id: str
    kind: str = TRAINING
    name: str
    owner: str
    status: str
    reason: str | None
    config_text: str = field(repr=False)
    strategy: str
    task: str
    seed: int
    step: int
    steps: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    seconds: float
    device: str | None
    threads: int | None
    attempts: int
    stop_requested: str | None = None
    priority: int = 0
    not_before: float | None = None
    facts_text: str | None = field(default=None, repr=False)
    queue_position: int | None = None

    @cached_property
    def config(self) -> RunConfig:
        """The resolved config. Read on first use: a table of a thousand runs needs none of them."""
        return _config(self.config_text)

    @property
    def facts(self) -> TaskFacts:
        """The facts of its task that it was trained with, whatever has become of the task.

        Of a run of an earlier version, which kept none, those of its task today.
        """
        return facts_kept(self.task, self.facts_text)

    @property
    def active(self) -> bool:
        """Whether the job is waiting or working."""
        return self.status in ACTIVE

    @property
    def progress(self) -> float:
        """Part of the steps that is done, 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0


@lru_cache(maxsize=1024)
def _config(text: str) -> RunConfig:
    """Kept, since a page that ticks has new records of the same runs every second; a config cannot be changed."""
    from clps_core.config import RunConfig, validated

    return validated(RunConfig, json.loads(text))


@dataclass(frozen=True, kw_only=True)
class Run(Job):
    """One training; ``seconds`` is time spent training.

    A fork has a ``parent_id`` and begins with its parent's weights, ``start_from`` (best or last); what was
    spent on these, ``jobs.ancestry`` reads. With ``pinned_at`` it stays on
    Start: on everybody's, or on that of ``pinned_for``. ``notes`` is Markdown that people wrote. With ``archived_at``
    lists leave it out. ``cpu_seconds``: CPU time of its processes while training, ``None`` where it was not recorded.
    """

    comparison_id: str | None
    parent_id: str | None
    tokens_per_second: float | None
    unique_parameters: int | None
    executed_parameters: int | None
    start_from: str | None = None
    ancestry_text: str | None = field(default=None, repr=False)
    pinned_at: float | None = None
    pinned_for: str | None = None
    notes: str | None = field(default=None, repr=False)
    tags_text: str | None = field(default=None, repr=False)
    archived_at: float | None = None
    cpu_seconds: float | None = None

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Words that people gave it, in alphabetical order."""
        return () if self.tags_text is None else tuple(json.loads(self.tags_text))

    @property
    def imported(self) -> bool:
        """Whether it was trained elsewhere (``archive.import_run``): its speed says nothing of this machine."""
        return (self.comparison_id or "").startswith(IMPORTED)


@dataclass(frozen=True, kw_only=True)
class Evaluation(Job):
    """A job about the trained run ``about_id``; one for each kind and run. Its steps are its ``keys``.

    ``keys``: what it is asked for, such as numbers of loops; ``stamp``: of the weights that its results are of
    (``training.saved.weights_stamp`` as text), ``None`` before the first.
    """

    about_id: str
    keys: tuple[str, ...]
    stamp: str | None = None


class ActiveJob(NamedTuple):
    """What the queue needs to know of a job that waits or works; fields as in ``Job``, but without its config.

    ``comparison_id`` is that of a training. ``not_before`` is ``None`` once it is over.
    ``place`` is 1 for the next job to start and ``None`` for one that is running.
    """

    id: str
    kind: str
    name: str
    comparison_id: str | None
    owner: str
    status: str
    reason: str | None
    strategy: str
    step: int
    steps: int
    seconds: float
    not_before: float | None
    place: int | None = None

    @property
    def trains(self) -> bool:
        """Whether it is a training: what people call a run."""
        return self.kind == TRAINING


@dataclass(frozen=True)
class Comparison:
    """Runs that were launched together, in the order they were given. Pinned as a ``Run`` is."""

    id: str
    name: str
    created_at: float
    run_ids: tuple[str, ...]
    owner: str = "local"
    ready: bool = False
    sweep_text: str | None = field(default=None, repr=False)
    pinned_at: float | None = None
    pinned_for: str | None = None
    notes: str | None = field(default=None, repr=False)
    archived_at: float | None = None

    @cached_property
    def sweep(self) -> dict[str, Any] | None:
        """What a sweep was expanded from, as plain data; ``None`` for runs that were given one by one."""
        return None if self.sweep_text is None else dict(json.loads(self.sweep_text))


@dataclass(frozen=True)
class FinalScore:
    """A run's score on the test split: ``values`` by metric, of the weights of ``step``, on this many ``examples``."""

    step: int
    values: Mapping[str, float]
    examples: int


@dataclass(frozen=True)
class Artefact:
    """A file that a run left: ``kind`` is for example ``best``, ``last`` or ``probe``."""

    kind: str
    step: int
    path: Path
