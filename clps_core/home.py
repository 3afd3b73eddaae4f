"""Where the lab keeps what it has: ``CLPS_HOME``. Start at default_home."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["cache_of", "default_home", "home_of", "place_in_home"]

RUNS = "runs"


def default_home() -> Path:
    """``CLPS_HOME``, or the usual place for a person's application data."""
    return Path(os.environ.get("CLPS_HOME") or platformdirs.user_data_dir("clps")).expanduser().absolute()


def cache_of(home: Path) -> Path:
    """Where what is slow to build is kept for the next process; it may be deleted at any time. ``CLPS_CACHE``, or in
    ``home``.
    """
    return Path(os.environ.get("CLPS_CACHE") or home / "cache").expanduser().absolute()


def home_of(run_folder: Path) -> Path:
    """The home that a run's folder lies in; the default one for a folder elsewhere."""
    return run_folder.absolute().parent.parent if run_folder.absolute().parent.name == RUNS else default_home()


def place_in_home(path: Path) -> str:
    """``path`` of a run, for a sentence: from the home on, such as ``runs/<id>/plan.json``; elsewhere as it is.

    Where a shared server keeps its home is nobody's business who reads that one of its files is damaged.
    """
    folder = next((one for one in (path, *path.parents) if one.parent.name == RUNS), None)
    return str(path if folder is None else path.relative_to(folder.parent.parent))
