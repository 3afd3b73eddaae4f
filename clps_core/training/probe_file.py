"""The kept attention of one step, read with suspicion: sizes before memory, and no torch. Start at read_probe.

A probe file is a zip of arrays. Of a few hundred bytes it can declare gigabytes, so what the zip and each array declare
is held against the model's layers and heads first.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import CheckpointError
from clps_core.files import open_regular
from clps_core.home import place_in_home
from clps_core.words import _

__all__ = ["ProbeRecord", "read_probe"]

MOST_INPUTS = 8
MOST_POSITIONS = 128
"""Probe inputs are cut to 64 tokens; a class token may come before them."""
MOST_LAYERS, MOST_HEADS = 4096, 1024
MAX_FILE_BYTES = 64 << 20
MAX_ATTENTION_BYTES = 256 << 20
"""All arrays of a file: 512 layers of 32 heads over 64 positions are a quarter of it."""
MAX_TEXT_BYTES = 1 << 20
"""A text or the labels of an input: four bytes a character."""


@dataclass(frozen=True)
class ProbeRecord:
    """What one input's probe file holds.

    ``attention``: kind (``encoder``, ``decoder``, ``cross``) -> uint8 [layer, head, query, key],
    255 = all attention. The decoder was given the right target.
    """

    text: str
    source_labels: tuple[str, ...]
    target_labels: tuple[str, ...]
    attention: dict[str, NDArray[np.uint8]]


def read_probe(path: Path, shapes: Mapping[str, tuple[int, int]] | None = None) -> tuple[int, tuple[ProbeRecord, ...]]:
    """(step, one record per probe input) of a file of ``write_probe``, in ``<run's folder>/probes``.

    ``shapes``: kind -> (layers, heads) that the run's model has. Raises ``CheckpointError`` for a damaged file, one
    that is not the run's own, and one that declares more than a probe can hold.
    """
    try:
        with (
            open_regular(path.parent.parent, path.parent.name, path.name, limit=MAX_FILE_BYTES) as file,
            zipfile.ZipFile(file) as archive,
        ):
            arrays = _Arrays(archive)
            count = int(arrays.plain("count"))
            if not 0 <= count <= MOST_INPUTS:
                raise ValueError(_("{got} inputs; at most {most} are allowed", got=count, most=MOST_INPUTS))
            step = int(arrays.plain("step"))
            return step, tuple(_record(arrays, number, shapes) for number in range(count))
    except OSError as error:
        raise CheckpointError(_not_probes(path, error.strerror or type(error).__name__)) from error
    except KeyError as error:
        raise CheckpointError(_not_probes(path, _("a part is missing"))) from error
    except (
        ValueError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise CheckpointError(_not_probes(path, str(error).partition("\n")[0][:120])) from error


def _record(arrays: _Arrays, number: int, shapes: Mapping[str, tuple[int, int]] | None) -> ProbeRecord:
    prefix = f"{number}.attention."
    kinds = [name.removeprefix(prefix) for name in arrays.names if name.startswith(prefix)]
    record = ProbeRecord(
        text=str(arrays.text(f"{number}.text")),
        source_labels=tuple(map(str, arrays.text(f"{number}.source").reshape(-1).tolist())),
        target_labels=tuple(map(str, arrays.text(f"{number}.target").reshape(-1).tolist())),
        attention={kind: arrays.attention(prefix + kind) for kind in kinds},
    )
    for kind, weights in record.attention.items():
        queries, keys = _lengths(record, kind)
        wanted = (*(shapes.get(kind, (0, 0)) if shapes is not None else weights.shape[:2]), queries, keys)
        if weights.shape != wanted:
            raise ValueError(_("attention of another model or input"))
    return record


def _lengths(record: ProbeRecord, kind: str) -> tuple[int, int]:
    source, target = len(record.source_labels), len(record.target_labels)
    if kind == "cross":
        return target, source
    own = target if kind == "decoder" and target else source
    return own, own


class _Arrays:
    """The arrays of a zip, each checked before it is read; together at most ``MAX_ATTENTION_BYTES``."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._left = archive, MAX_ATTENTION_BYTES
        self.names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    def plain(self, name: str) -> NDArray[Any]:
        """One whole number."""
        return self._read(name, "iu", 8, lambda shape: shape == ())

    def text(self, name: str) -> NDArray[Any]:
        """A text, or a list of them."""
        return self._read(name, "U", MAX_TEXT_BYTES, lambda shape: shape == () or shape <= (MOST_POSITIONS,))

    def attention(self, name: str) -> NDArray[np.uint8]:
        """[layer, head, query, key] at 8 bits."""
        most = (MOST_LAYERS, MOST_HEADS, MOST_POSITIONS, MOST_POSITIONS)

        def fits(shape: tuple[int, ...]) -> bool:
            return len(shape) == 4 and all(got <= limit for got, limit in zip(shape, most, strict=True))

        return self._read(name, "u", self._left, fits).astype(np.uint8, copy=False)

    def _read(self, name: str, kinds: str, limit: int, fits: Any) -> NDArray[Any]:
        info = self._archive.getinfo(f"{name}.npy")
        with self._archive.open(info) as member:
            shape, kind, nbytes = _declared(member)
            text = kind.kind not in kinds or (kinds == "u" and kind != np.uint8)
            if text or not fits(shape) or nbytes > min(limit, self._left) or info.file_size > nbytes + 20_000:
                raise ValueError(_("an array that does not belong in a probe file, or is too large"))
            self._left -= nbytes
        with self._archive.open(info) as member:
            return np.lib.format.read_array(member, allow_pickle=False)


def _declared(member: Any) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, type and bytes that an array's own header tells of."""
    version = np.lib.format.read_magic(member)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(_("an array of an unknown format"))
    shape, _order, kind = read(member)
    return shape, kind, math.prod(shape) * kind.itemsize


def _not_probes(path: Path, problem: str) -> str:
    return _("{path} is not a valid probe file: {problem}.", path=place_in_home(path), problem=problem)
