"""What lies beside the checkpoints in a run's folder: config, versions, tokenizer, placement.

Written once, when the run begins; a later attempt must find the same. Start at open_folder.
"""

from __future__ import annotations

import json
import logging
import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch

import clps_core
from clps_core.checkout import commit
from clps_core.config import RunConfig, flat, validated
from clps_core.data.base import TaskData
from clps_core.errors import CheckpointError, DataError
from clps_core.files import MAX_JSON_BYTES, read_json, read_regular
from clps_core.home import place_in_home
from clps_core.tasks import LONGEST_FACTS, TaskFacts, frozen, thawed
from clps_core.training.device import Placement, available_cuda, choose
from clps_core.words import _

__all__ = [
    "FACTS",
    "cpu_placement",
    "fixed_placement",
    "open_folder",
    "read_config",
    "read_facts",
    "read_placement",
    "versions",
]

logger = logging.getLogger(__name__)

FACTS = "facts.json"
"""The facts of its task that the run is trained with."""


def versions(data: TaskData) -> dict[str, str]:
    """What a run's numbers depend on besides its config; the commit where the project is a git checkout."""
    found = {
        "clps": clps_core.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "machine": f"{platform.system()} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "data": data.fingerprint,
    }
    source = commit()
    return found if source is None else {**found, "commit": source}


def open_folder(folder: Path, config: RunConfig, data: TaskData) -> None:
    """Write config, versions, facts and tokenizer, or hold them against what an earlier attempt wrote.

    Raises ``CheckpointError`` where the folder belongs to another config and ``DataError`` where the
    data have changed since (held-out examples could have been trained on).
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "config.json").exists():
        _check_same_config(folder, config)
    now = versions(data)
    if (folder / "versions.json").exists():
        _check_same_data(_read_json(folder / "versions.json"), now)
    else:
        _write(folder / "versions.json", json.dumps(now, indent=2))
    _write(folder / FACTS, frozen(data.facts))
    if tokenizer := data.tokenizer_json():
        _write(folder / "tokenizer.json", tokenizer)
    # Last: where it stands, the rest stands too.
    _write(folder / "config.json", json.dumps(config.as_dict(), indent=2))


def read_config(folder: Path) -> RunConfig:
    """The resolved config of the run in ``folder``; raises ``CheckpointError`` where there is none."""
    path = folder / "config.json"
    if not os.path.lexists(path):
        raise CheckpointError(
            _("{folder} is not the folder of a run: it has no config.json.", folder=place_in_home(folder))
        )
    return validated(RunConfig, _read_json(path))


def read_facts(folder: Path) -> TaskFacts | None:
    """The facts that the run in ``folder`` was trained with; ``None`` for one of an earlier version, which kept none.

    Raises ``CheckpointError`` where they cannot be read.
    """
    if not os.path.lexists(folder / FACTS):
        return None
    try:
        return thawed(read_regular(folder, FACTS, limit=LONGEST_FACTS * 4).decode("utf-8"))
    except OSError as error:
        raise CheckpointError(_unreadable(folder / FACTS, error.strerror or type(error).__name__)) from None
    except ValueError:
        raise CheckpointError(_unreadable(folder / FACTS, _("it does not contain the facts of a task"))) from None


def read_placement(folder: Path) -> Placement:
    """The placement of the run's first attempt; raises ``CheckpointError`` where there is none that can be read."""
    try:
        return Placement.from_json(read_regular(folder, "plan.json", limit=MAX_JSON_BYTES))
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise CheckpointError(_unreadable(folder / "plan.json", problem)) from None


def cpu_placement(folder: Path) -> Placement:
    """For a look at the run in ``folder``: the CPU with one thread, in the run's precision if that was a CPU's.

    Raises ``CheckpointError`` where its placement cannot be read.
    """
    here = Placement("cpu", "fp32", 1, "")
    if not os.path.lexists(folder / "plan.json"):
        return here
    stored = read_placement(folder)
    return replace(here, precision=stored.precision) if stored.device == "cpu" else here


def fixed_placement(folder: Path, config: RunConfig, wanted: Placement | None) -> Placement:
    """The placement of the run's first attempt; else ``wanted``, or one chosen now, which is then stored.

    A run that began on a GPU and finds none goes on with a new placement, and the log says that it is no
    longer exact.
    """
    path = folder / "plan.json"
    if os.path.lexists(path):
        stored = read_placement(folder)
        if stored.device == "cpu" or available_cuda().available:
            return stored
        logger.warning(
            "%s",
            _(
                "The run started on a GPU that is not available any more: it continues, but results are not "
                "bit-identical."
            ),
        )
    placement = wanted or choose(config, torch.get_num_threads())
    _write(path, placement.as_json())
    return placement


def _check_same_config(folder: Path, config: RunConfig) -> None:
    before, now = flat(read_config(folder).as_dict()), flat(config.as_dict())
    changed = [name for name in before | now if before.get(name) != now.get(name)]
    if changed:
        raise CheckpointError(
            _(
                "a run must keep the config it started with. {names} changed. Start a new run instead.",
                names=", ".join(changed[:5]),
            )
        )


def _check_same_data(before: dict[str, Any], now: dict[str, str]) -> None:
    if before.get("data") != now["data"]:
        raise DataError(
            _(
                "a run must keep the data it started with. They have changed (another version of their source is "
                "installed). Start a new run, or install the version in constraints.txt."
            )
        )
    for name in ("clps", "torch", "machine"):
        if before.get(name) != now[name]:
            logger.warning(
                "%s",
                _(
                    "The run started with {name} {before} and continues with {now}: results are not bit-identical.",
                    name=name,
                    before=before.get(name),
                    now=now[name],
                ),
            )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path.parent, path.name)
    except OSError as error:
        raise CheckpointError(_unreadable(path, error.strerror or type(error).__name__)) from None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise CheckpointError(
            _("{path} is damaged: it is not a JSON object. Start a new run.", path=place_in_home(path))
        )
    return data


def _unreadable(path: Path, problem: str) -> str:
    return _("the run's file {path} cannot be read: {problem}.", path=place_in_home(path), problem=problem)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a run may be killed at any instant."""
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # a name that a power cut leaves must not stand for an empty file
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(
            _(
                "the run cannot write to {path}: {problem}. Free some space there.",
                path=place_in_home(path),
                problem=error.strerror,
            )
        ) from error
