"""A comparison as one HTML file: asked of the dashboard's code in a process of its own. Start at write_snapshot.

The engine knows no dashboard, and the file is drawn by the dashboard's own components (``app/snapshot``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import clps_core
from clps_core.errors import ConfigError, JobError
from clps_core.words import _

__all__ = ["bundle", "write_snapshot"]


def bundle() -> Path:
    """The folder that holds ``app``, ``pages`` and ``.streamlit``: inside a wheel, or the checkout."""
    package = Path(clps_core.__file__).resolve().parent
    # The wheel first: beside an installed package (site-packages) any other project may have put an app/.
    for folder in (package / "_dashboard", package.parent):
        if (folder / "app" / "main.py").is_file() and (folder / "pages").is_dir():
            return folder
    raise ConfigError(
        _(
            "the dashboard's pages are missing from {folder}. Install CLPS Lab again.",
            folder=package,
        )
    )


def write_snapshot(home: Path, out: Path, *, comparison: str | None = None, runs: Sequence[str] = ()) -> None:
    """Write ``out``: of the comparison with this id, or of ``runs`` by their ids.

    Raises ``JobError`` with the sentence that says why there is none.
    """
    chosen = ["--comparison", comparison] if comparison is not None else ["--", *runs]
    command = [sys.executable, "-m", "app.snapshot", "--home", str(home), "--out", str(out.absolute()), *chosen]
    # -m looks for app in the working folder first: the bundle's, not one of another project.
    done = subprocess.run(
        command, cwd=bundle(), env=os.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        said = lines[-1] if done.returncode == 2 and lines else _("the snapshot could not be made")
        raise JobError(said)
