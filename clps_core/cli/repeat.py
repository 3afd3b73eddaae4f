"""What repeats a run: its config as YAML, a command, and what it was made with. Start at as_yaml."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from clps_core.errors import ClpsError
from clps_core.spec import to_spec
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import RunConfig
    from clps_core.store import Run, Store

__all__ = ["as_yaml", "command", "gone", "versions_of"]

LARGEST = 64_000


def as_yaml(store: Store, run: Run) -> str:
    """A file for ``clps train --config`` whose run has the config of ``run``; comments say what else it takes."""
    same = command(run.config)
    about = [
        _("{name} (run {id})", name=run.name, id=run.id),
        _("To repeat it, save this as run.yaml, then run: clps train --config run.yaml"),
        _("With the defaults of this version, this does the same: {command}", command=same)
        if same
        else gone(run.config),
    ]
    if run.start_from:
        about.append(
            _(
                "A fork: it started with the {which} weights of run {parent}. 'clps runs fork' makes another one. "
                "This file trains its config from new weights.",
                which=run.start_from,
                parent=run.parent_id or _("(deleted)"),
            )
        )
    versions = versions_of(store, run)
    about += [f"{name}: {value}" for name, value in versions.items()]
    if not versions:
        about.append(_("Versions and commit are recorded when a run starts; this run has none yet."))
    elif "commit" not in versions:
        about.append(_("commit: none, since CLPS Lab did not run from a git checkout"))
    # One line each: a name is somebody's text, and a line of its own would be read as a field.
    return "".join(f"# {' '.join(line.split())}\n" for line in about) + _from_new_weights(run.config).as_yaml()


def _from_new_weights(config: RunConfig) -> RunConfig:
    """``config`` for a run that begins with new weights, and so at the first step."""
    return config.model_copy(update={"train": config.train.model_copy(update={"begin_step": 0})})


def command(config: RunConfig) -> str | None:
    """``clps train`` with all that differs from the defaults of the task in this version.

    ``None`` where the task is gone, as after a person's data set was removed.
    """
    try:
        _version, task, *settings = to_spec(_from_new_weights(config)).split(";")
    except ClpsError:
        return None
    parts = ["clps", "train", "--task", task.partition("=")[2]]
    for setting in settings:
        parts += ["--set", setting]
    return shlex.join(parts)


def gone(config: RunConfig) -> str:
    """What to say in place of the command."""
    return _("Its task {task} is gone: add the data set again first.", task=config.data.task)


def versions_of(store: Store, run: Run) -> dict[str, str]:
    """What the run was made with, as its folder notes it: packages, machine, data, commit. Empty before it starts."""
    path = store.run_folder(run.id) / "versions.json"
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
