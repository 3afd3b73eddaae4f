"""A run with weights, a typed input, and what is asked about them. Start at Question and look_of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.look.formatting import strategy_name
from app.runs.names import unusual
from app.services import models, store
from clps_core.heads import RunHeads
from clps_core.inspection import Inspection
from clps_core.lens import RunLens
from clps_core.maps import RunMaps
from clps_core.patching import Patching
from clps_core.serving import DrawHeadView, InspectRun, ReadHeads, ReadLens, ReadMaps
from clps_core.serving.head_view import HeadView, Which
from clps_core.store import Run
from clps_core.training.saved import weights_stamp
from clps_core.words import _

__all__ = [
    "AS_TRAINED",
    "Question",
    "Turned",
    "have_gone",
    "head_view",
    "inspect",
    "kept_inspection",
    "look_of",
    "no_weights",
    "read_apart",
    "read_heads",
    "read_lens",
    "read_maps",
    "run_label",
    "runs_with_weights",
    "weights_of",
]

MOST_RUNS = 300


@dataclass(frozen=True)
class Question:
    """One typed input, to be shown to one or more runs of a task."""

    text: str
    options: dict[str, str] = field(default_factory=dict)
    target_text: str = ""

    def name(self, *more: str) -> str:
        """A short text that another question, or other ``more``, does not have."""
        parts = (*more, self.text, *self.options.items(), self.target_text)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True)
class Turned:
    """How a run is looked into: ``loops`` of its core (as in training by default), and what is changed inside.

    ``missing``: changes that were asked for, in words, and that this run cannot have.
    """

    loops: int | None = None
    left_out: tuple[str, ...] = ()
    patching: Patching | None = None
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.loops} {' '.join(self.left_out)} {self.patching or ''}"

    @property
    def changes(self) -> bool:
        """Whether anything is changed inside."""
        return bool(self.left_out) or self.patching is not None


AS_TRAINED = Turned()


def runs_with_weights() -> list[Run]:
    """Runs that have a checkpoint, newest comparison first."""
    return [run for run in store().runs(limit=MOST_RUNS) if weights_of(run) is not None]


def weights_of(run: Run) -> tuple[Literal["best", "last"], tuple[int, int]] | None:
    """Which weights of ``run`` are shown, and a stamp that changes with the file; ``None`` without any."""
    which: Literal["best", "last"] = "last" if run.active else "best"
    stamp = weights_stamp(store().run_folder(run.id), which)
    return (which, stamp) if stamp is not None else None


def have_gone(run_ids: Sequence[str]) -> bool:
    """Whether one of these runs was deleted, or has no weights any more."""
    runs = store().some_runs(run_ids)
    return len(runs) < len(run_ids) or any(weights_of(run) is None for run in runs)


def no_weights(run: Run) -> str:
    """Why ``run``, which has no weights, cannot be looked into."""
    if run.active:
        return _(
            "{run} has no weights yet. Wait for its first checkpoint, or choose another run.",
            run=run_label(run),
        )
    return _("{run} has no weights and is not being trained. Choose another run.", run=run_label(run))


def run_label(run: Run) -> str:
    """A run in one line: what is unusual in its config tells designs apart, the id all others.

    A browser answers with a label, so nothing is in it that changes by itself, such as a status.
    """
    parts = [
        run.facts.title,
        strategy_name(run.strategy),
        *([_("fork")] if run.start_from else []),
        *unusual(run),
        _("seed {seed}", seed=run.seed),
        run.id.partition("-")[0][:8],
    ]
    return " · ".join(parts)


def inspect(run: Run, question: Question, turned: Turned = AS_TRAINED, *, attention: bool = True) -> Inspection:
    """What ``run`` does with ``question``; answers are kept and shared between all browsers.

    Without ``attention``, all but that: it is what fills memory, and ``read_maps`` gives what is shown of it.
    """
    return models().ask(look_of(run, question, turned, attention=attention))


def kept_inspection(
    run: Run, question: Question, turned: Turned = AS_TRAINED, *, attention: bool = True
) -> Inspection | None:
    """The same where it is known already; never waits for a model."""
    return models().kept_answer(look_of(run, question, turned, attention=attention))


def read_maps(
    run: Run,
    question: Question,
    kind: str,
    how: str = "heads",
    *,
    turned: Turned = AS_TRAINED,
    at: tuple[int, int] | None = None,
    exact: bool = False,
) -> RunMaps:
    """Attention of one ``kind``, put together as ``how`` says; with ``at`` (row, column) one map in full."""
    look = look_of(run, question, turned)
    return models().ask(ReadMaps(look.folder, look.stamp, look, kind, how, at, exact=exact))


def read_apart(
    run: Run,
    question: Question,
    kind: str,
    *,
    turned: Turned = AS_TRAINED,
    layers: Sequence[int] = (),
    other: tuple[Run, Turned] | None = None,
    at: tuple[int, int] | None = None,
    exact: bool = False,
) -> RunMaps:
    """The difference of ``run``'s attention to that of ``other``, or of ``layers[1:]`` to that of ``layers[0]``."""
    look = look_of(run, question, turned)
    beside = None if other is None else look_of(other[0], question, other[1])
    given = look.folder, look.stamp, look, kind, "heads", at, tuple(layers), beside, exact
    return models().ask(ReadMaps(*given))


def read_heads(run: Run, question: Question, kind: str, turned: Turned = AS_TRAINED) -> RunHeads:
    """Every head of one ``kind`` in figures."""
    look = look_of(run, question, turned)
    return models().ask(ReadHeads(look.folder, look.stamp, look, kind))


def head_view(
    run: Run, question: Question, turned: Turned, kind: str, which: Which, layer: int, limit: int
) -> HeadView:
    """BertViz's head or model view of one kind of attention in what ``inspect`` finds."""
    look = look_of(run, question, turned)
    return models().ask(DrawHeadView(look.folder, look.stamp, look, kind, layer, limit, which))


def read_lens(run: Run, question: Question, turned: Turned) -> RunLens:
    """What ``run`` would answer to ``question`` after each of its layers."""
    look = look_of(run, question, turned)
    return models().ask(ReadLens(look.folder, look.stamp, look))


def look_of(run: Run, question: Question, turned: Turned = AS_TRAINED, *, attention: bool = True) -> InspectRun:
    """How ``inspect`` looks into ``run``: other questions about a run name it so."""
    which, stamp = weights_of(run) or ("best", (0, 0))
    options = tuple(sorted(question.options.items()))
    folder = store().run_folder(run.id)
    return InspectRun(
        folder,
        stamp,
        question.text,
        options,
        question.target_text,
        which,
        turned.loops,
        attention=attention,
        left_out=turned.left_out,
        patching=turned.patching,
    )
