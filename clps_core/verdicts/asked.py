"""Verdicts for the command line and scripts: of stored runs, by task, called after strategies. Start at judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clps_core.config.telling import told_apart
from clps_core.errors import NotFoundError
from clps_core.store import Run, Store
from clps_core.store.designs import REPLICATES, config_table
from clps_core.verdicts.contenders import Contender, contenders
from clps_core.verdicts.judging import BEST, Verdicts, verdicts
from clps_core.verdicts.plain import as_plain
from clps_core.verdicts.sentences import basis, sentence
from clps_core.words import _, shown

__all__ = ["Judged", "judged"]


@dataclass(frozen=True)
class Judged:
    """The designs of one task against a reference. ``names``: what each is called, by its key."""

    task: str
    designs: tuple[Contender, ...]
    names: dict[str, str]
    verdicts: Verdicts

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence or more for each design but the reference, the most important first."""
        return tuple(sentence(one, self.verdicts, self.names) for one in self.verdicts.found)

    @property
    def basis(self) -> str:
        """How the verdicts were made."""
        return basis(self.verdicts)

    def as_plain(self) -> dict[str, Any]:
        """JSON-ready data; see ``verdicts.plain.as_plain``."""
        return {"task": self.task, **as_plain(self.verdicts, self.names)}


def judged(store: Store, runs: Sequence[Run], reference: str | None = None) -> list[Judged]:
    """The verdicts on ``runs``, task by task, in the order of the first run of each.

    ``reference``: a design by its key, its name, its strategy or a run's id, or ``best``; by default the first design
    of each task. Raises ``NotFoundError`` for one that no task has.
    """
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task, []).append(run)
    found, matched = [], reference in (None, BEST)
    for task, members in by_task.items():
        designs = contenders(store, members)
        names = _names(designs)
        against = BEST if reference == BEST else _called(designs, names, reference)
        matched = matched or against is not None
        found.append(Judged(task, tuple(designs), names, verdicts(designs, against)))
    if not matched:
        known = ", ".join(name for one in found for name in one.names.values())
        raise NotFoundError(
            _(
                "the reference must be best, a design's name or key, its strategy or a run's id. Got {got}. The "
                "designs are: {known}.",
                got=shown(reference),
                known=known,
            )
        )
    return found


def _names(designs: Sequence[Contender]) -> dict[str, str]:
    """Strategies, told apart by the fields that differ; a fork is called one."""
    plain = [_("{name}, fork", name=one.run.strategy) if one.run.start_from else one.run.strategy for one in designs]
    told = told_apart(plain, [config_table(one.run) for one in designs], REPLICATES)
    return {one.key: name for one, name in zip(designs, told, strict=True)}


def _called(designs: Sequence[Contender], names: dict[str, str], text: str | None) -> str | None:
    """The key of the design that ``text`` means: the first that fits."""
    if text is None:
        return None
    for fits in (
        lambda one: text in (one.key, names[one.key]),
        lambda one: text == one.run.strategy,
        lambda one: any(run.id.startswith(text) for run in one.runs),
    ):
        if found := next((one.key for one in designs if fits(one)), None):
            return found
    return None
