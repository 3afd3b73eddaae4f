"""How much processor time the dashboard gets beside runs, with and without lowering the runs' session.

Run ``python benchmarks/niceness.py``. One busy process per processor stands for the dashboard and its readers; twice
as many, each leading a session, stand for runs. Only their shares are compared, so that other work does not matter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from report import write_table

SECONDS = 10.0
CORES = os.cpu_count() or 1
BUSY = "while True: pass"
RUN = {
    "nice value of the process only": f"import os; os.nice(5)\n{BUSY}",
    "process and session": f"from clps_core.niceness import behind_others; behind_others(5)\n{BUSY}",
}


def share(run: str) -> float:
    """Of the time that all of them get, the dashboard's part."""
    runs = [subprocess.Popen([sys.executable, "-c", run], start_new_session=True) for _ in range(2 * CORES)]
    pages = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(CORES)]
    try:
        time.sleep(2)  # until all of them are busy
        before = [used(one) for one in (*pages, *runs)]
        time.sleep(SECONDS)
        spent = [used(one) - then for one, then in zip((*pages, *runs), before, strict=True)]
        return sum(spent[:CORES]) / sum(spent)
    finally:
        for one in (*pages, *runs):
            one.kill()
            one.wait()


def used(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def main() -> None:
    switch = Path("/proc/sys/kernel/sched_autogroup_enabled")
    grouped = switch.exists() and switch.read_text().strip() == "1"
    rows = [[name, f"{share(code):.0%}"] for name, code in RUN.items()]
    write_table(
        "niceness",
        "The dashboard's share of processor time beside runs",
        ("what is lowered", "share of the dashboard"),
        rows,
        f"{CORES} busy processes for the dashboard, {2 * CORES} for runs. "
        f"The system {'shares' if grouped else 'does not share'} processors among sessions (sched_autogroup_enabled).",
    )


if __name__ == "__main__":
    main()
