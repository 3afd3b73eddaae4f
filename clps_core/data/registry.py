"""From a config to the data of its task. Start at load_task.

Each task's module is imported when it is asked for, so that one task never pays for another.
"""

from __future__ import annotations

from pathlib import Path

from clps_core.config import Resolved, RunConfig, build_config, resolve
from clps_core.data.base import TaskData
from clps_core.home import cache_of, default_home
from clps_core.tasks import TASKS

__all__ = ["load_task", "task_samples"]


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


def task_samples(name: str, count: int = 5) -> list[dict[str, str]]:
    """Held-out examples of an installed task as rows: ``text``, and ``target`` where it has a right answer to type.

    Raises as ``load_task``.
    """
    examples = load_task(resolve(build_config({"data": {"task": name}}))).examples(count)
    return [{"text": one.text, **({} if one.target_text is None else {"target": one.target_text})} for one in examples]
