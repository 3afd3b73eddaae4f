"""A run's model and data, opened to be asked something. Start at open_run.

torch is imported only when a run is opened: code that only shows answers needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from clps_core.errors import DataError
from clps_core.files import read_regular
from clps_core.home import home_of
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import RunConfig
    from clps_core.data.base import TaskData
    from clps_core.model.transformer import Transformer
    from clps_core.tasks import TaskFacts

__all__ = ["LONGEST_TEXT", "OpenRun", "Opener", "Which", "check_length", "one_thread", "open_run", "without"]

LONGEST_TEXT = 4_000
"""Longer typed texts are refused before anything is loaded."""

Which = Literal["best", "last"]


@dataclass(frozen=True)
class OpenRun:
    """What a run left, in memory: ``model`` in evaluation mode with the weights of ``step``."""

    model: Transformer
    config: RunConfig
    data: TaskData
    step: int


Opener = Callable[[Path, Which], AbstractContextManager[OpenRun]]
"""``open_run``, or what keeps opened runs for the next question."""


@contextmanager
def open_run(folder: Path, which: Which = "best") -> Iterator[OpenRun]:
    """The run in ``folder``, on the CPU with one thread as long as the context lasts.

    Raises ``CheckpointError`` where there are no weights yet, and ``DataError`` where the installed data
    have other tokens than those it was trained with.
    """
    with one_thread():
        from clps_core.data.registry import load_task
        from clps_core.training.loading import load_model
        from clps_core.training.run_folder import read_facts

        model, config, step = load_model(folder, which)
        data = load_task(config, home=home_of(folder))
        _check_same_facts(read_facts(folder), data.facts)
        _check_same_tokens(folder, data)
        yield OpenRun(model, config, data, step)


@contextmanager
def without(run: OpenRun, left_out: Sequence[str], loops: int | None) -> Iterator[None]:
    """Change the run's model as ``left_out`` says (``edits.read_changes``); ``ConfigError`` where it cannot be."""
    from clps_core.analysis.edits import Edits, read_changes

    heads = run.config.model.num_heads
    edits = read_changes(left_out, run.model.plan, heads, loops)
    with run.model.edited(Edits(edits, heads) if edits else None):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """One browser must not take every core of the server from the others, nor from the training."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_length(*texts: str) -> None:
    """Refuse texts beyond all use before anything is loaded for them."""
    for text in texts:
        if len(text) > LONGEST_TEXT:
            raise DataError(
                _(
                    "the text must have at most {longest} characters. Got {got}. Shorten it.",
                    longest=LONGEST_TEXT,
                    got=len(text),
                )
            )


def _check_same_facts(before: TaskFacts | None, now: TaskFacts) -> None:
    """Refuse a task that has other tokens or classes than those that the run was trained with."""
    if before is None:
        return
    names = {"vocab_size": _("tokens"), "num_classes": _("classes"), "patch_dim": _("numbers in a patch")}
    for name, called in names.items():
        was, is_now = getattr(before, name), getattr(now, name)
        if was != is_now:
            raise DataError(
                _(
                    "the data of task {task} have changed since this run was trained with {before} {called}: now "
                    "there are {now}. Train the run again, or restore the data.",
                    task=before.name,
                    before=was or 0,
                    called=called,
                    now=is_now or 0,
                )
            )
    if before.fingerprint != now.fingerprint:
        raise DataError(
            _(
                "the data of task {task} have changed since this run was trained: its tokens or classes have another "
                "meaning now. Train the run again, or restore the data.",
                task=before.name,
            )
        )


def _check_same_tokens(folder: Path, data: TaskData) -> None:
    """Refuse to read a text with other tokens than those the run was trained with: its answer would be noise."""
    wanted = data.tokenizer_json().encode()
    try:
        before = read_regular(folder, "tokenizer.json", limit=len(wanted))
    except FileNotFoundError:
        before = b""
    except OSError:  # too long to be the same, or nothing that a run wrote
        before = b"?"
    if before != wanted:
        raise DataError(
            _(
                "the run was trained with other tokens: another version of the data's source is installed now. Train "
                "it again, or install the version in constraints.txt."
            )
        )
