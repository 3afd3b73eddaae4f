"""One process at a time makes what a data set keeps. Start at one_at_a_time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["one_at_a_time"]

_threads = threading.Lock()


def _opened(folder: Path) -> TextIO:
    try:
        return (folder / "lock").open("w")
    except OSError as error:
        if folder.is_dir():
            why = error.strerror or type(error).__name__
            raise DataError(
                _(
                    "the tokens or vocabulary of a data set cannot be saved in {folder}: {why}. Free some space "
                    "there.",
                  folder=folder, why=why)
            ) from error  # fmt: skip
        raise DataError(
            _("the data set {name} was removed while it was being measured. Choose another one.",
              name=folder.name)
        ) from None  # fmt: skip


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Inside, nobody else makes something in ``folder``; the lock dies with its holder.

    Windows has no such lock between processes. What is made is put in place as a whole, so a second maker wastes time
    and harms nothing.
    """
    with _threads, _opened(folder) as file:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
