"""A safetensors file read with suspicion: its header first, then only what it says truly. Start at open_tensors.

The format is eight bytes with the header's length, the header (JSON: name -> type, shape and place), and the numbers.
The library's reader believes the shapes; a file of a few bytes can declare terabytes (a sparse one can even have their
size), and a named pipe makes it wait for ever. Here the header is compared with what the caller expects before any
memory is taken.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from clps_core.files import open_regular, parsed_json
from clps_core.words import _

__all__ = ["MAX_HEADER_BYTES", "TensorFile", "open_tensors"]

MAX_HEADER_BYTES = 16 << 20
"""About 100 bytes a tensor: more than 100,000 of them."""
METADATA = "__metadata__"
TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class _Entry:
    kind: torch.dtype
    shape: tuple[int, ...]
    begin: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.kind.itemsize


class TensorFile:
    """An open file whose header is sound: its tensors follow each other without gaps up to the file's end."""

    def __init__(self, file: BinaryIO, entries: Mapping[str, _Entry], metadata: Mapping[str, Any]) -> None:
        self._file, self._entries, self.metadata = file, entries, metadata

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape, as the header declares them; nothing is loaded."""
        return {name: entry.shape for name, entry in self._entries.items()}

    @property
    def nbytes(self) -> int:
        """What all tensors take in memory."""
        return sum(entry.nbytes for entry in self._entries.values())

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, in memory of their own, on the CPU. Raises ``OSError`` and ``ValueError`` where it is cut.

        They are read, not mapped: a view into the file would have its alignment, and kernels that choose their path
        by alignment could round differently after a resume.
        """
        return {name: self._tensor(entry) for name, entry in self._entries.items()}

    def _tensor(self, entry: _Entry) -> Tensor:
        tensor = torch.empty(entry.shape, dtype=entry.kind)
        if entry.nbytes:
            self._file.seek(entry.begin)
            into = tensor.reshape(-1).view(torch.uint8).numpy().data.cast("B")
            while into:
                if not (got := self._file.readinto(into)):  # type: ignore[attr-defined]
                    raise ValueError(_("it ends too early"))
                into = into[got:]
        return tensor


@contextlib.contextmanager
def open_tensors(folder: Path, *names: str) -> Iterator[TensorFile]:
    """The file ``names`` below ``folder`` as long as the context lasts.

    Raises ``FileNotFoundError`` where there is none, ``OSError`` for what is no regular file of that folder, and
    ``ValueError`` for a header that is not sound.
    """
    with open_regular(folder, *names) as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
            raise ValueError(_("its header is truncated or too long"))
        header = parsed_json(file.read(length))
        if not isinstance(header, dict) or not isinstance(metadata := header.pop(METADATA, {}), dict):
            raise ValueError(_("its header is not a safetensors header"))
        yield TensorFile(file, _entries(header, 8 + length, size), metadata)


def _entries(header: Mapping[str, Any], start: int, size: int) -> dict[str, _Entry]:
    found, end = {}, start
    try:
        for name, one in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            shape, (begin, until) = tuple(one["shape"]), one["data_offsets"]
            if not all(type(number) is int and 0 <= number <= size for number in (*shape, begin, until)):
                raise ValueError
            entry = _Entry(TYPES[one["dtype"]], shape, start + begin)
            if entry.begin != end or start + until != end + entry.nbytes or until > size:
                raise ValueError
            found[name], end = entry, start + until
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(_("its header does not match its content")) from None
    if end != size:
        raise ValueError(_("it has {got:,} bytes, and its header says {want:,}", got=size, want=end))
    return found
