"""Runs and the model process stand behind the dashboard, also where the system shares processors among sessions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GROUP = Path("/proc/self/autogroup")
SCRIPT = f"""
import os
from pathlib import Path
from clps_core.niceness import behind_others
before = Path("{GROUP}").read_text().strip()
behind_others(3)
print(before, Path("{GROUP}").read_text().strip(), os.getpriority(os.PRIO_PROCESS, 0), sep="\\n")
"""

pytestmark = pytest.mark.skipif(not GROUP.exists(), reason="this system does not group processes by session")


def values(own_session: bool) -> tuple[str, str, int]:
    """Of a new process: what the system says of its session before and after (maybe nothing), its own nice value."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], start_new_session=own_session, capture_output=True, text=True, check=True
    )
    before, after, own = done.stdout.splitlines()
    return before, after, int(own)


def test_a_session_of_its_own_is_lowered_with_the_process() -> None:
    _before, after, own = values(own_session=True)
    assert own >= 3
    assert after.endswith(f" nice {own}")


def test_the_session_of_others_stays_as_it_is() -> None:
    before, after, own = values(own_session=False)
    assert after == before
    assert own >= 3
