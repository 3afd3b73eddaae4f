"""Weights and optimiser on disk, such that one good file exists at every instant. Start at save_last.

A checkpoint is one safetensors file: tensors ``model.*`` and ``optimiser.*``, and one JSON text in its
header with the facts (step, seconds, best ...) and a checksum over facts and tensors. It is written
under a temporary name, synced, and renamed; before that, the former ``last`` becomes ``previous``.
``best`` holds weights only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from clps_core.errors import CheckpointError
from clps_core.files import parsed_json
from clps_core.home import place_in_home
from clps_core.training.optimiser import OPTIMISER_PREFIX
from clps_core.training.saved import checkpoint_path
from clps_core.training.tensor_file import open_tensors
from clps_core.words import _, shown

__all__ = [
    "MODEL_PREFIX",
    "Checkpoint",
    "checkpoint_path",
    "latest",
    "read",
    "restore_weights",
    "save_best",
    "save_last",
    "weights",
]

logger = logging.getLogger(__name__)

MODEL_PREFIX = "model."
HEADER_KEY = "clps"
FORMAT = 1

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds: tensors by name, and plain facts (at least ``step``)."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def step(self) -> int:
        """Updates done when it was written."""
        return int(self.facts["step"])


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """The model's tensors under their names in a checkpoint; tied weights come once."""
    return {MODEL_PREFIX + name: tensor for name, tensor in model.state_dict().items()}


def save_last(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write ``last``; the former one becomes ``previous``. Raises ``CheckpointError`` if it cannot.

    Whenever the process dies, ``last`` or ``previous`` is whole: the new file is complete and synced
    before the old ones move, and between the two renames ``previous`` is the former ``last``.
    """
    path, previous = checkpoint_path(folder, "last"), checkpoint_path(folder, "previous")
    with _new_file(path) as temporary:
        _serialise(temporary, checkpoint)
        if path.exists():
            path.replace(previous)
            _sync(path.parent)
    return path


def save_best(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write ``best`` in the place of the former one. Raises ``CheckpointError`` if it cannot."""
    path = checkpoint_path(folder, "best")
    with _new_file(path) as temporary:
        _serialise(temporary, checkpoint)
    return path


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; what is written there takes the place of ``path`` at the end."""
    temporary = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
        _sync(path.parent)
    except (OSError, SafetensorError) as raised:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        error = _as_os_error(raised)
        raise CheckpointError(
            _(
                "the checkpoint cannot be written to {folder}: {problem}. Earlier checkpoints are intact: free some "
                "space there, then resume the run.",
                folder=place_in_home(path.parent),
                problem=error.strerror or error,
            )
        ) from error


def _as_os_error(error: OSError | SafetensorError) -> OSError:
    """safetensors tells the system's errors in its own words, but with their number."""
    if isinstance(error, OSError):
        return error
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError(str(error))


def _serialise(path: Path, checkpoint: Checkpoint) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    facts = {"format": FORMAT, **checkpoint.facts}
    header = {"facts": facts, "checksum": _checksum(facts, tensors)}
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(header, sort_keys=True)})
    _sync(path)


def _checksum(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 over everything that counts: safetensors itself notices a cut file, but not a changed byte."""
    value = zlib.crc32(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(tensors):
        value = zlib.crc32(name.encode(), value)
        value = zlib.crc32(tensors[name].flatten().view(torch.uint8).numpy().data, value)
    return value


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path, shapes: Shapes | None = None) -> Checkpoint:
    """The checkpoint at ``path`` (``<run's folder>/checkpoints/<name>``), its checksum verified; tensors on the CPU.

    ``shapes``: name -> shape of the tensors of the model it must fit (``analysis.tensors.stored_shapes``). Given
    these, a file of other sizes is refused before any memory is taken for it. Raises ``FileNotFoundError`` where
    there is none and ``CheckpointError`` where it is damaged or does not fit.
    """
    try:
        with open_tensors(path.parent.parent, path.parent.name, path.name) as file:
            if shapes is not None:
                _check_shapes(file.shapes, shapes)
            _check_memory(path, file.nbytes)
            header = parsed_json(file.metadata[HEADER_KEY], finite=False)  # a metric may be infinite
            facts, checksum = dict(header["facts"]), header["checksum"]
            _check_format(path, facts["format"])
            tensors = file.tensors()
        whole = checksum == _checksum(facts, tensors) and isinstance(facts["step"], int) and facts["step"] >= 0
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CheckpointError(_damaged(path, error.strerror or type(error).__name__)) from error
    except (KeyError, TypeError) as error:
        raise CheckpointError(_damaged(path, _("its header does not describe a run"))) from error
    except ValueError as error:
        raise CheckpointError(_damaged(path, str(error))) from error
    if not whole:
        raise CheckpointError(_damaged(path, _("its checksum does not match its content")))
    return Checkpoint(tensors, facts)


def _check_format(path: Path, got: object) -> None:
    if got != FORMAT:
        raise CheckpointError(
            _(
                "a checkpoint must have format {known}. Got {got} in {path}. Use the version that wrote it.",
                known=FORMAT,
                got=shown(got),
                path=place_in_home(path),
            )
        )


def _check_shapes(got: Shapes, model: Shapes) -> None:
    """Hold what a file declares against the tensors of its model and, for each, the optimiser's."""
    wanted = {MODEL_PREFIX + name: shape for name, shape in model.items()}
    for name in [*wanted, *(name for name in got if name.startswith(MODEL_PREFIX))]:
        if wanted.get(name) != got.get(name):
            raise CheckpointError(_misfit(name, wanted.get(name), got.get(name)))
    for name, shape in got.items():
        if name.startswith(MODEL_PREFIX):
            continue
        prefix, _dot, rest = name.partition(".")
        of = rest.rpartition("/")[0]
        if f"{prefix}." != OPTIMISER_PREFIX or shape != model.get(of):
            raise CheckpointError(_misfit(name, model.get(of), shape))


def _check_memory(path: Path, nbytes: int) -> None:
    free = psutil.virtual_memory().available
    if nbytes > free:
        raise CheckpointError(
            _(
                "{path} does not fit into memory: it has {got:.1f} GiB, and {free:.1f} GiB are free. Use a machine "
                "with more memory.",
                path=place_in_home(path),
                got=nbytes / 2**30,
                free=free / 2**30,
            )
        )


def _damaged(path: Path, problem: str) -> str:
    return _("the checkpoint {path} is damaged: {problem}.", path=place_in_home(path), problem=problem)


def latest(folder: Path, shapes: Shapes | None = None, *, set_aside: bool = False) -> Checkpoint | None:
    """The newest whole checkpoint to resume from; ``None`` for a run that has none yet.

    A damaged ``last`` is named in the log and ``previous`` is taken; with ``set_aside`` (for the one
    process that trains the run) it is also renamed, so that the next save does not push it over the
    whole ``previous``. ``shapes`` as in ``read``. Raises ``CheckpointError`` if there are files but none is whole.
    """
    problems = []
    for name in ("last", "previous"):
        try:
            found = read(checkpoint_path(folder, name), shapes)
        except FileNotFoundError:
            continue
        except CheckpointError as error:
            logger.warning("%s", error)
            problems.append(str(error))
            continue
        if problems:
            logger.warning("%s", _("The previous checkpoint, of step {step}, is used.", step=found.step))
            if set_aside:
                checkpoint_path(folder, "last").replace(checkpoint_path(folder, "damaged"))
        return found
    if problems:
        raise CheckpointError(
            _(
                "the run has no complete checkpoint to resume from. {problems} Start the run again from the beginning.",
                problems=" ".join(problems),
            )
        )
    return None


def restore_weights(model: torch.nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy ``model.*`` of ``tensors`` into ``model``, in place; every name and shape must fit.

    Raises ``CheckpointError`` that names the first tensor that does not.
    """
    own = weights(model)
    given = {name: tensor for name, tensor in tensors.items() if name.startswith(MODEL_PREFIX)}
    for name in [*own, *given]:
        want, got = (tuple(one[name].shape) if name in one else None for one in (own, given))
        if want != got:
            raise CheckpointError(_misfit(name, want, got))
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])


def _misfit(name: str, want: tuple[int, ...] | None, got: tuple[int, ...] | None) -> str:
    return _(
        "a checkpoint must fit its model. {name} must be {want}. Got {got}. Use the run's own config.",
        name=name[:120],
        want=_shape(want),
        got=_shape(got),
    )


def _shape(shape: tuple[int, ...] | None) -> str:
    return _("absent") if shape is None else "x".join(map(str, shape)) or _("a number")
