"""Which kinds of jobs there are: what each does, asks for and needs. Plain data, no torch. Start at KINDS.

Queue, store, supervisor and pages know a kind by its name alone; what differs between kinds stands here. A new one is
one entry in ``BUILT_IN``; a package of your own offers a ``Kind`` under the entry point group ``clps_lab.jobs``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.errors import ConfigError
from clps_core.store.records import TRAINING
from clps_core.words import N_, Worded, _, shown

if TYPE_CHECKING:
    from clps_core.config import RunConfig
    from clps_core.jobs.sink import StopSignal
    from clps_core.store import Job
    from clps_core.store.queue import Queue

__all__ = ["ENTRY_POINTS", "KINDS", "Kind", "Kinds", "Values", "Work"]

ENTRY_POINTS = "clps_lab.jobs"

Values = Callable[[str], Mapping[str, float]]
"""An opened evaluation: the values (name -> number) at one key."""


@dataclass(frozen=True)
class Work:
    """One attempt at ``job`` by this process; ``folder`` is the job's own, ``stop`` hears SIGTERM."""

    queue: Queue
    job: Job
    number: int
    folder: Path
    stop: StopSignal


@dataclass(frozen=True)
class Kind:
    """What a job of this kind is. Functions are named as ``module:function`` and imported when they are needed.

    ``title``: what it is called. ``work``: what its process does, given a ``Work``; returns (status, reason).
    ``memory``: bytes it needs, given a config and ``gpu=``. ``on_gpu``: it works on the GPU that the config asks for.

    Of kinds that evaluate a trained run: ``keys`` checks what is asked for, given the run's config and keys; returns
    them as they are kept, or raises ``ConfigError``. ``values`` opens a run for its evaluation, given its folder and
    a function that is called before each batch and may raise: a context of ``Values``. ``key_title`` is what the keys
    are called.
    """

    name: str
    title: Worded = Worded()
    work: str = "clps_core.jobs.evaluating:evaluate"
    memory: str = "clps_core.analysis.memory:estimate_evaluation_memory"
    on_gpu: bool = False
    keys: str = ""
    values: str = ""
    key_title: Worded = Worded("")

    def function(self) -> Callable[[Work], tuple[str, str | None]]:
        """``work``, imported."""
        found: Callable[[Work], tuple[str, str | None]] = _imported(self.work)
        return found

    def needs(self, config: RunConfig, *, gpu: bool = False) -> int:
        """Bytes that a job with ``config`` is expected to need, of a GPU or of the machine."""
        return int(_imported(self.memory)(config, gpu=gpu))

    def checked(self, config: RunConfig, asked: Sequence[str]) -> tuple[str, ...]:
        """The keys that are asked for, as they are kept; raises ``ConfigError``."""
        if not self.keys:
            raise ConfigError(_("a job of kind {kind} cannot be started for a run.", kind=self.name))
        return tuple(_imported(self.keys)(config, asked))

    def opened(self, folder: Path, before_batch: Callable[[], None]) -> AbstractContextManager[Values]:
        """The run in ``folder``, opened to be evaluated."""
        found: AbstractContextManager[Values] = _imported(self.values)(folder, before_batch)
        return found


BUILT_IN = (
    Kind(
        TRAINING,
        title=N_("Training"),
        work="clps_core.jobs.training:train_run",
        memory="clps_core.analysis.memory:estimate_training_memory",
        on_gpu=True,
    ),
    Kind(
        "depths",
        title=N_("Depth evaluation"),
        keys="clps_core.depth:checked_keys",
        values="clps_core.depth:values_at",
        key_title=N_("split:loops"),
    ),
    Kind(
        "ablations",
        title=N_("Ablations"),
        keys="clps_core.ablation:checked_keys",
        values="clps_core.ablation:values_at",
        key_title=N_("split:examples:part"),
    ),
)


class Kinds(Mapping[str, Kind]):
    """Name -> kind: the built-in ones, and those that installed packages offer, looked for when first asked."""

    def __init__(self, built_in: Sequence[Kind] = ()) -> None:
        self._kinds = {kind.name: kind for kind in built_in}
        self._looked = False
        self._looking = threading.Lock()

    def __getitem__(self, name: str) -> Kind:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._found()))

    def __len__(self) -> int:
        return len(self._found())

    def find(self, name: str) -> Kind:
        """The kind of this name; raises ``ConfigError`` where none is installed."""
        if (kind := self.get(name)) is not None:
            return kind
        raise ConfigError(
            _(
                "a job's kind must be one of {known}. Got {got}. Install the package that provides it.",
                known=", ".join(self),
                got=shown(name),
            )
        )

    def register(self, kind: Kind) -> None:
        """Know ``kind`` from now on, in this process."""
        self._found()[kind.name] = kind

    def forget(self, name: str) -> None:
        """Know it no more."""
        self._found().pop(name, None)

    def _found(self) -> dict[str, Kind]:
        with self._looking:
            if not self._looked:
                self._looked = True
                for offered in entry_points(group=ENTRY_POINTS):
                    kind = _offered(offered.load)
                    if kind is not None:
                        self._kinds.setdefault(kind.name, kind)
        return self._kinds


def _offered(load: Callable[[], object]) -> Kind | None:
    try:
        found = load()
    except Exception:  # whatever the package of somebody else does: its jobs then say that their kind is missing
        return None
    return found if isinstance(found, Kind) else None


def _imported(place: str) -> Callable[..., Any]:
    module, _colon, name = place.partition(":")
    try:
        found: Callable[..., Any] = getattr(import_module(module), name)
    except Exception as error:  # of a package that somebody else wrote, or that is gone
        raise ConfigError(
            _(
                "{place} cannot be imported, so jobs of its kind cannot run: {why}. Install its package again.",
                place=place,
                why=type(error).__name__,
            )
        ) from error
    return found


KINDS = Kinds(BUILT_IN)
"""The kinds of this installation."""
