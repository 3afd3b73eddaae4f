"""Let other processes go first. The standard library only. Start at behind_others.

A desktop Linux shares the processors among sessions first (``sched_autogroup_enabled``): the nice value of a process
then counts only against others of its own session. A run and the model process each lead a session, so without more
they would get as much time as the whole dashboard, whatever their nice value is. Such a session has a nice value too,
in ``/proc/PID/autogroup`` (``man 7 sched``). Where there are no such groups that value has no effect.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["RUNS", "behind_others", "lower_session"]

RUNS = 5
"""How far runs stand behind the dashboard."""
TRIES, PAUSE = 5, 0.15
"""The system takes one change per 0.1 s from all who are not root together."""


def behind_others(steps: int) -> None:
    """Raise this process's nice value by ``steps``, and that of its session if it leads one."""
    os.nice(steps)
    lower_session(0)


def lower_session(steps: int) -> None:
    """Give the session that this process leads its nice value and ``steps``; does nothing where it leads none.

    The session of a terminal, say, is led by the shell and stays as it is.
    """
    if os.getsid(0) != os.getpid():
        return
    value = min(19, os.getpriority(os.PRIO_PROCESS, 0) + steps)
    for _ in range(TRIES):
        try:
            Path("/proc/self/autogroup").write_text(str(value))
            return
        except BlockingIOError:
            time.sleep(PAUSE)
        except OSError:  # another system, or one without such groups
            return
