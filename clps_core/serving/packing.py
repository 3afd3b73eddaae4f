"""Dataclasses as what a frame can carry, and back by their own type hints. Start at packed and unpacked.

A dataclass becomes a JSON object of its fields, an array a number: its place among the frame's arrays. What comes back
has exactly the types that the dataclass says, or there is a ``FrameError``.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from clps_core.serving.frames import Frame, FrameError

__all__ = ["packed", "unpacked"]

One = TypeVar("One")


def packed(one: Any, **more: Any) -> Frame:
    """A frame of the dataclass ``one`` under ``value``, and of ``more``, which JSON must be able to hold."""
    arrays: list[NDArray[Any]] = []
    return Frame({"value": _plain(one, arrays), **more}, tuple(arrays))


def unpacked(kind: type[One], frame: Frame) -> One:
    """The ``kind`` that ``packed`` made a frame of."""
    if not isinstance(frame.head, dict) or "value" not in frame.head:
        raise FrameError("a frame must carry a value.")
    made: One = _built(kind, frame.head["value"], frame.arrays)
    return made


def _plain(one: Any, arrays: list[NDArray[Any]]) -> Any:
    if isinstance(one, np.ndarray):
        arrays.append(one)
        return len(arrays) - 1
    if dataclasses.is_dataclass(one):
        return {field.name: _plain(getattr(one, field.name), arrays) for field in dataclasses.fields(one)}
    if isinstance(one, Mapping):
        return {str(name): _plain(value, arrays) for name, value in one.items()}
    if isinstance(one, tuple | list):
        return [_plain(value, arrays) for value in one]
    if isinstance(one, np.generic):
        return one.item()
    return str(one) if isinstance(one, Path) else one


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _built(kind: Any, plain: Any, arrays: tuple[NDArray[Any], ...]) -> Any:
    """``plain`` as ``kind``: a dataclass, an array, a tuple, a mapping, a choice, or what JSON has itself."""
    origin = get_origin(kind) or kind
    if origin in (Union, types.UnionType):
        if plain is None and type(None) in get_args(kind):
            return None
        (kind,) = (one for one in get_args(kind) if one is not type(None))
        return _built(kind, plain, arrays)
    if origin is Literal:
        return _checked(plain in get_args(kind), plain, kind)
    if origin is np.ndarray:
        known = isinstance(plain, int) and not isinstance(plain, bool) and 0 <= plain < len(arrays)
        return arrays[_checked(known, plain, kind)]
    if isinstance(origin, type) and dataclasses.is_dataclass(origin):
        fields = _fields(origin)
        _checked(isinstance(plain, dict) and set(plain) == set(fields), plain, kind)
        return origin(**{name: _built(one, plain[name], arrays) for name, one in fields.items()})
    if origin is tuple:
        return _tuple(kind, _checked(isinstance(plain, list), plain, kind), arrays)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _checked(isinstance(plain, dict), plain, kind)
        return {name: _built(get_args(kind)[1], value, arrays) for name, value in plain.items()}
    if origin is Path:
        return Path(_checked(isinstance(plain, str), plain, kind))
    if origin is float:
        return float(_checked(isinstance(plain, int | float) and not isinstance(plain, bool), plain, kind))
    return _checked(type(plain) is origin and origin in (str, int, bool), plain, kind)


def _tuple(kind: Any, plain: list[Any], arrays: tuple[NDArray[Any], ...]) -> tuple[Any, ...]:
    kinds = get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_built(kinds[0], one, arrays) for one in plain)
    _checked(len(plain) == len(kinds), plain, kind)
    return tuple(_built(one, value, arrays) for one, value in zip(kinds, plain, strict=True))


def _checked(right: bool, plain: Any, kind: Any) -> Any:
    if not right:
        raise FrameError(f"a value must be {kind}. Got {str(plain)[:60]!r}.")
    return plain
