"""What goes between the dashboard and its model process comes back as it was, or is refused before it takes memory."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clps_core.inspection import Guess, Inspection
from clps_core.serving.frames import HEAD_BYTES, TYPES, Frame, FrameError, read_frame, wire_parts
from clps_core.serving.packing import packed, unpacked
from clps_core.serving.questions import DrawHeadView, InspectRun

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
array = st.sampled_from(sorted(TYPES)).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


def sent(frame: Frame, limit: int = 10**6) -> bytes:
    return b"".join(bytes(part) for part in wire_parts(frame, limit))


def received(wire: bytes, limit: int = 10**6) -> Frame:
    place = 0

    def fill(view: memoryview) -> None:
        nonlocal place
        part = wire[place : place + len(view)]
        place += len(view)
        if len(part) < len(view):
            raise EOFError
        view[:] = part

    found = read_frame(fill, limit)
    assert place == len(wire), "nothing is left for the next frame to stumble over"
    return found


def wire_of(head: object, tail: bytes = b"") -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack(">4sI", b"CLPS", len(text)) + text + tail


@given(plain, st.lists(array, max_size=4))
def test_a_frame_comes_back_as_it_was(head: object, arrays: list[np.ndarray]) -> None:
    found = received(sent(Frame(head, tuple(arrays))))
    assert found.head == head
    assert len(found.arrays) == len(arrays)
    for one, other in zip(found.arrays, arrays, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)


@given(plain, st.lists(array, max_size=3), st.data())
def test_a_frame_that_is_cut_anywhere_is_no_frame(head: object, arrays: list[np.ndarray], data: st.DataObject) -> None:
    wire = sent(Frame(head, tuple(arrays)))
    with pytest.raises(EOFError):
        received(wire[: data.draw(st.integers(0, len(wire) - 1))])


@given(st.binary(max_size=60) | st.binary(max_size=60).map(wire_of))
def test_whatever_comes_is_a_frame_or_refused(wire: bytes) -> None:
    with pytest.raises((FrameError, EOFError)):
        received(wire)


@pytest.mark.parametrize(
    "wire",
    [
        struct.pack(">4sI", b"CLPS", HEAD_BYTES + 1),
        struct.pack(">4sI", b"CLPS", 2**32 - 1),
        struct.pack(">4sI", b"HTTP", 2) + b"{}",
        wire_of(b"[" * 200_000),
        wire_of({"head": 1}),
        wire_of({"head": 1, "arrays": [["float64", [10**6]]]}),
        wire_of({"head": 1, "arrays": [["float64", [2**40, 2**40]]]}),
        wire_of({"head": 1, "arrays": [["float64", [0, 2**40]]]}),
        wire_of({"head": 1, "arrays": [["uint8", [600_000]], ["uint8", [600_000]]]}),
        wire_of({"head": 1, "arrays": [["uint8", [-1]]]}),
        wire_of({"head": 1, "arrays": [["uint8", [True]]]}),
        wire_of({"head": 1, "arrays": [["object", [1]]]}),
        wire_of({"head": 1, "arrays": [["uint8", [1] * 9]]}),
        wire_of({"head": 1, "arrays": [["uint8", [0]]] * 65}),
        wire_of({"head": 1, "arrays": {"uint8": [1]}}),
    ],
)
def test_a_head_that_asks_for_too_much_is_refused_before_any_array_is_made(wire: bytes) -> None:
    with pytest.raises(FrameError):
        received(wire)


def test_what_is_too_large_is_not_sent() -> None:
    view = np.broadcast_to(np.zeros(1), (2**40,))  # 8 TiB, of which only a number is there
    with pytest.raises(FrameError, match="at most"):
        wire_parts(Frame(None, (view,)))
    with pytest.raises(FrameError, match="known type"):
        wire_parts(Frame(None, (np.array([object()]),)))


# Dataclasses

QUESTION = InspectRun(Path("/home/\udcff/runs/a"), (1, 2), "a \ud800 b", (("language", "de"),), loops=3)


def test_a_question_comes_back_equal_and_with_the_same_hash() -> None:
    asked = DrawHeadView(QUESTION.folder, QUESTION.stamp, QUESTION, "cross", 1, 48)
    for question in (QUESTION, asked):
        found = unpacked(type(question), received(sent(packed(question, kind="x", seconds=1.0))))
        assert found == question
        assert hash(found) == hash(question)


def test_an_answer_comes_back_with_its_arrays_tuples_and_mappings() -> None:
    weights = np.random.default_rng(0).random((2, 3, 4, 4), np.float32)
    answer = Inspection(
        task="dates",
        step=3,
        text="<script>",
        options={"language": "de"},
        attention={"encoder": weights, "cross": weights[:, :, :0]},
        groups={"encoder": (0, 1)},
        source_labels=("a", "b"),
        target_labels=(),
        ran={"encoder": (0, 0)},
        target="none",
        prediction="",
        guesses=(Guess("x", 0.1 + 0.2),),
        image=weights[0, 0],
    )
    found = unpacked(Inspection, received(sent(packed(answer))))
    assert found.guesses == answer.guesses
    assert (found.groups, found.ran, found.source_labels) == (answer.groups, answer.ran, answer.source_labels)
    assert found.right_answer is None
    for kind, values in answer.attention.items():
        np.testing.assert_array_equal(found.attention[kind], values)
    assert found.image is not None
    np.testing.assert_array_equal(found.image, answer.image)
    assert found.nbytes == answer.nbytes


@dataclass(frozen=True)
class Small:
    number: int
    name: Literal["a", "b"]
    parts: tuple[float, ...] = ()
    pair: tuple[int, str] | None = None


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "1"},
        {"number": True},
        {"number": None},
        {"name": "c"},
        {"parts": {"0": 1.0}},
        {"parts": ["1"]},
        {"pair": [1]},
        {"pair": ["x", 1]},
        {"more": 1},
    ],
)
def test_what_does_not_have_the_types_of_the_dataclass_is_refused(wrong: dict[str, object]) -> None:
    right = {"number": 1, "name": "a", "parts": [1, 2.5], "pair": [1, "x"]}
    assert unpacked(Small, Frame({"value": right})) == Small(1, "a", (1.0, 2.5), (1, "x"))
    with pytest.raises(FrameError):
        unpacked(Small, Frame({"value": right | wrong}))
    for head in ({"value": [right]}, {}, [right]):
        with pytest.raises(FrameError):
            unpacked(Small, Frame(head))


def test_an_array_that_did_not_come_is_refused() -> None:
    frame = packed(Small(1, "a"))
    with pytest.raises(FrameError):
        unpacked(Inspection, frame)
    for place in (0, -1, True, "0"):
        with pytest.raises(FrameError):
            unpacked(_WithArray, Frame({"value": {"values": place}}))


@dataclass(frozen=True)
class _WithArray:
    values: np.ndarray
