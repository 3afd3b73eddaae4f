"""What goes over the wire to the attention grid."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attention.grid import GridView, grid_payload, head_payload
from app.attention.layers import LayersView, layers_payload, most_different_head
from clps_core.analysis.thumbnails import FULL_LIMIT, THUMBNAIL_SIDE, max_pooled

HOSTILE = ["</script>", "<img src=x onerror=alert(1)>", '"', "'", "😀", "שלום", "\u2028", "\ud800"]


def view_of(layers: int, heads: int, queries: int, keys: int, labels: list[str] | None = None) -> GridView:
    weights = np.random.default_rng(0).integers(0, 256, (layers, heads, queries, keys), dtype=np.uint8)
    names = labels or [f"k{i}" for i in range(keys)]
    return GridView("cross", "one", weights, names[:queries], names, ["A"] * layers, ["#2676c4"] * layers)


def unpacked(payload: bytes) -> tuple[dict[str, Any], np.ndarray]:
    length = struct.unpack("<I", payload[:4])[0]
    return json.loads(payload[4 : 4 + length]), np.frombuffer(payload[4 + length :], np.uint8)


def test_a_small_view_carries_every_head_in_full() -> None:
    view = view_of(4, 4, 20, 30)
    header, body = unpacked(grid_payload(view, (1, 2), "grid"))
    assert header["thumb"] is None
    assert header["full"] == list(range(16))
    assert header["selected"] == [1, 2]
    np.testing.assert_array_equal(body.reshape(view.weights.shape), view.weights)


def test_a_large_view_carries_thumbnails_and_the_selected_head() -> None:
    view = view_of(12, 12, 128, 128)
    header, body = unpacked(grid_payload(view, (11, 3), "grid"))
    assert view.weights.nbytes > FULL_LIMIT
    assert header["full"] == [11 * 12 + 3]
    assert header["thumb"] == [THUMBNAIL_SIDE, THUMBNAIL_SIDE]
    thumbs, full = body[: header["full_at"]], body[header["full_at"] :]
    np.testing.assert_array_equal(full.reshape(128, 128), view.weights[11, 3])
    pooled = view.weights.reshape(12, 12, 64, 2, 64, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(thumbs.reshape(12, 12, 64, 64), pooled)


def test_another_head_travels_alone_and_leaves_the_overview_as_it_was() -> None:
    view = view_of(12, 12, 128, 128)
    overview, _bytes = unpacked(grid_payload(view, (0, 0), "grid"))
    header, body = unpacked(head_payload(view, (11, 3), (0, 0), "grid"))
    assert header["full"] == [11 * 12 + 3]
    np.testing.assert_array_equal(body.reshape(128, 128), view.weights[11, 3])
    assert [header[name] for name in ("key", "view", "stamp")] == [overview[name] for name in ("key", "view", "stamp")]
    again, nothing = unpacked(head_payload(view, (0, 0), (0, 0), "grid"))
    assert (again["selected"], again["full"], len(nothing)) == ([0, 0], [], 0)


def test_only_a_led_grid_goes_where_another_one_went() -> None:
    view = view_of(4, 4, 20, 30)
    leads = {
        led: {unpacked(head_payload(view, chosen, (0, 0), "grid", led=led))[0]["lead"] for chosen in ((1, 2), (3, 3))}
        for led in (False, True)
    }
    assert (len(leads[False]), len(leads[True])) == (1, 2)


def test_a_long_view_that_is_small_carries_both() -> None:
    header, body = unpacked(grid_payload(view_of(2, 2, 100, 100), (0, 0), "grid"))
    assert header["full"] == [0, 1, 2, 3]
    assert len(body) == header["full_at"] + 2 * 2 * 100 * 100


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 64))
def test_a_thumbnail_never_loses_the_strongest_weight(rows: int, columns: int, side: int) -> None:
    weights = np.random.default_rng(rows).integers(0, 256, (rows, columns), dtype=np.uint8)
    small = max_pooled(weights, side)
    assert small.shape == (min(rows, side), min(columns, side))
    assert small.max() == weights.max()


def test_labels_arrive_as_they_are_or_marked_where_they_cannot_be_written() -> None:
    header, _body = unpacked(grid_payload(view_of(1, 1, 2, len(HOSTILE), HOSTILE), (0, 0), "grid"))
    assert header["keys"] == [*HOSTILE[:-2], "\\u2028", "\\ud800"]


def test_the_comparison_carries_one_head_of_each_layer() -> None:
    weights = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 6), dtype=np.uint8)
    similarities = np.array([[1.0, 1, 1, 1], [0.9, 0.2, 0.8, 1], [0.5, 0.6, 0.1, 1]])
    names = [str(i) for i in range(6)]
    view = LayersView("cross", "one", "A", "#2676c4", [0, 2, 4], weights, range(4), similarities, names[:5], names)
    header, body = unpacked(layers_payload(view, 2))
    assert header["layers"] == [0, 2, 4]
    assert header["similarities"][2] == [1, 0.8, 0.1]
    np.testing.assert_array_equal(body.reshape(4, 3, 5, 6), weights.swapaxes(0, 1))
    assert most_different_head(similarities) == 2


@pytest.mark.parametrize(("tokens", "limit"), [(40, 30_000), (128, 700_000), (512, 900_000)])
def test_the_wire_stays_light_however_long_the_text(tokens: int, limit: int) -> None:
    layers = 4 if tokens == 40 else 12
    assert len(grid_payload(view_of(layers, layers, tokens, tokens), (0, 0), "grid")) < limit
