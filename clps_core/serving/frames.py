"""What goes between the dashboard and its model process: a JSON head and raw arrays, no pickle. Start at Frame.

On the wire: ``CLPS``, the length of the head (4 bytes, big-endian), the head as JSON, then the bytes of each array in
the order of the head. Every length is checked before memory is taken for it, so that neither side can fill the other's.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.files import parsed_json

__all__ = ["FRAME_BYTES", "HEAD_BYTES", "Frame", "FrameError", "read_frame", "wire_parts"]

HEAD_BYTES = 32 << 20
FRAME_BYTES = 512 << 20
"""Of all arrays of one frame together: attention of 24 layers with 16 heads over 512 tokens has 400 MiB."""
MOST_ARRAYS = 64
MOST_AXES = 8
TYPES = {name: np.dtype(name) for name in ("bool", "uint8", "int32", "int64", "float16", "float32", "float64")}

_PREFIX = struct.Struct(">4sI")
_MAGIC = b"CLPS"

Fill = Callable[[memoryview], None]
"""Fills the whole view with what comes next; raises ``EOFError`` where the stream ends before."""


class FrameError(ValueError):
    """What came is no frame, or one that is larger than it may be."""


@dataclass(frozen=True)
class Frame:
    """``head``: whatever JSON can hold; ``arrays``: in any number of axes, of the ``TYPES``."""

    head: Any
    arrays: tuple[NDArray[Any], ...] = ()


def wire_parts(frame: Frame, limit: int = FRAME_BYTES) -> list[bytes | memoryview]:
    """The bytes of ``frame``, in order and without a copy of its arrays. ``FrameError`` where it is too large."""
    facts = [[one.dtype.name, list(one.shape)] for one in frame.arrays]
    _check_arrays(facts, limit)
    head = json.dumps({"head": frame.head, "arrays": facts}, separators=(",", ":")).encode()
    if len(head) > HEAD_BYTES:
        raise FrameError(f"a head must have at most {HEAD_BYTES:,} bytes. Got {len(head):,}.")
    return [_PREFIX.pack(_MAGIC, len(head)), head, *(_bytes_of(np.ascontiguousarray(one)) for one in frame.arrays)]


def read_frame(fill: Fill, limit: int = FRAME_BYTES) -> Frame:
    """The next frame of a stream whose arrays have at most ``limit`` bytes.

    Raises ``FrameError`` where no such frame comes, and ``EOFError`` where the stream ends before or within it.
    """
    prefix = bytearray(_PREFIX.size)
    fill(memoryview(prefix))
    magic, length = _PREFIX.unpack(prefix)
    if magic != _MAGIC or length > HEAD_BYTES:
        raise FrameError(f"a frame must begin with its mark and a head of at most {HEAD_BYTES:,} bytes.")
    text = bytearray(length)
    fill(memoryview(text))
    try:
        facts = parsed_json(bytes(text), finite=False)
    except ValueError as error:  # a UnicodeDecodeError is one, too
        raise FrameError(f"a frame's head must be JSON. {error}") from error
    if not isinstance(facts, dict) or set(facts) != {"head", "arrays"}:
        raise FrameError("a frame's head must tell of itself and its arrays.")
    arrays = [np.empty(shape, TYPES[name]) for name, shape in _check_arrays(facts["arrays"], limit)]
    for one in arrays:
        fill(_bytes_of(one))
    return Frame(facts["head"], tuple(arrays))


def _bytes_of(array: NDArray[Any]) -> memoryview:
    flat: Any = array.reshape(-1).view(np.uint8)  # a buffer, which numpy's types do not say
    return memoryview(flat)


def _check_arrays(facts: Any, limit: int) -> Sequence[tuple[str, list[int]]]:
    """The type and shape of each array, if all of them may be taken in."""
    if not isinstance(facts, list) or len(facts) > MOST_ARRAYS:
        raise FrameError(f"a frame must have at most {MOST_ARRAYS} arrays.")
    total = 0
    for one in facts:
        if not isinstance(one, list) or len(one) != 2 or not isinstance(one[0], str) or one[0] not in TYPES:
            raise FrameError("an array must have a known type and a shape.")
        shape = one[1]
        if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(_is_size(size) for size in shape):
            raise FrameError(f"a shape must have at most {MOST_AXES} sizes.")
        total += math.prod(shape) * TYPES[one[0]].itemsize
        # An empty array may have huge sizes beside its 0, which numpy would refuse in words of its own.
        if max(total, *shape, 0) > limit:
            raise FrameError(f"the arrays of a frame must have at most {limit:,} bytes. Got {total:,}.")
    return [(name, shape) for name, shape in facts]


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= 2**40
