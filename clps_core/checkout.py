"""Which state of the project's source is at work, where it is a git checkout. Start at commit."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["commit", "commit_of"]

PATIENCE = 10.0


@cache
def commit() -> str | None:
    """The commit of this project's checkout, ``+changes`` behind it where files differ; ``None`` without a checkout."""
    return commit_of(Path(__file__).parents[1])


def commit_of(folder: Path) -> str | None:
    """The same for any folder. A folder inside another project's checkout (an installed package) has none."""
    root = _git(folder, "rev-parse", "--show-toplevel")
    if root is None or Path(root).resolve() != folder.resolve():
        return None
    head = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if head is None or changes is None:
        return None
    return f"{head}+changes" if changes else head


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or ``None`` where there is no git, or it refuses (a checkout of somebody else, say)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
