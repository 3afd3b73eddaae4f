"""From a config to the data of its task. Start at load_task.

Each task's module is imported when it is asked for, so that one task never pays for another.
"""

from __future__ import annotations

from pathlib import Path

from clps_core.config import Resolved, RunConfig
from clps_core.data.base import TaskData
from clps_core.home import cache_of, default_home
from clps_core.tasks import TASKS

__all__ = ["load_task"]


def load_task(config: RunConfig | Resolved, *, home: Path | None = None) -> TaskData:
    """The data of a complete ``config``, with the data sets of ``home`` (default: the usual one).

    What was built stays in memory for the life of the process. What is slow to build (the documentation's tokenizer
    and tokens) is also kept for the next process, in ``home.cache_of``. Raises ``DataError`` where the data are
    missing, ``ConfigError`` for a task that is not installed.
    """
    home = home or default_home()
    complete = config.config if isinstance(config, Resolved) else config
    module = TASKS.data(complete.data.task)  # first: it says best that a task is not installed
    facts = config.facts if isinstance(config, Resolved) else TASKS.facts(complete.data, home)
    found: TaskData = module.load(complete, facts, home=home, cache_folder=cache_of(home))
    return found
