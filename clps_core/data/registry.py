"""From a task's name to its data. Start at load_task.

Each task's module is imported when it is asked for, so that one task never pays for another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clps_core.config import RunConfig
from clps_core.data.base import Fold, TaskData
from clps_core.tasks import get_task

__all__ = ["load_task"]


def load_task(config: RunConfig, cache_folder: Path | None = None) -> TaskData:
    """The data of a resolved ``config``.

    What was built stays in memory for the life of the process. ``cache_folder``, if given, also keeps
    what is slow to build (the documentation's tokenizer and tokens) for the next process; it may be
    deleted at any time. Raises ``DataError`` where the data are missing, ``ConfigError`` for an
    unknown task.
    """
    return _LOADERS[get_task(config.data.task).name](config, cache_folder)


def _fold(config: RunConfig) -> Fold | None:
    data = config.data
    return None if data.folds is None or data.fold is None else Fold(data.fold, data.folds)


def _dates(config: RunConfig, _cache_folder: Path | None) -> TaskData:
    from clps_core.data.dates import Dates

    return Dates(seed=config.data.seed, fold=_fold(config))


def _python_docs(config: RunConfig, cache_folder: Path | None) -> TaskData:
    from clps_core.data.python_docs import PythonDocs

    length = config.data.seq_len or get_task("python-docs").max_source_len
    return PythonDocs(seed=config.data.seed, seq_len=length, cache_folder=cache_folder, fold=_fold(config))


def _digits(config: RunConfig, _cache_folder: Path | None) -> TaskData:
    from clps_core.data.digits import Digits

    return Digits(seed=config.data.seed, fold=_fold(config))


_LOADERS: dict[str, Callable[[RunConfig, Path | None], TaskData]] = {
    "dates": _dates,
    "digits": _digits,
    "python-docs": _python_docs,
}
