"""The attention that runs kept of their fixed examples, small and in full, as base64. Start at kept_attention."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import ClpsError
from clps_core.shapes import stack_layers
from clps_core.sharing.shared_with import KIND_SITES
from clps_core.shown import visible
from clps_core.store import Run, Store
from clps_core.training.probe_file import ProbeRecord, read_probe

__all__ = ["MOST_ATTENTION_BYTES", "kept_attention"]

MOST_ATTENTION_BYTES = 2_400_000
"""Of all runs together, before base64 makes four bytes of three."""
MOST_EXAMPLES = 4
MOST_SHOWN = 16
"""Layers and heads of one kind that are shown."""
SIDE = 16
"""Pixels of a small map."""

Array = NDArray[np.uint8]


def kept_attention(store: Store, runs: Sequence[Run], names: Mapping[str, str]) -> tuple[list[dict[str, Any]], bool]:
    """The last kept attention of each run, and whether any was left out for its size.

    A run that kept none, or whose file is damaged, is not among them.
    """
    found, cut = [], False
    probed = [(run, one) for run in runs if (one := _last(store, run)) is not None]
    for run, (step, records) in probed:
        left = MOST_ATTENTION_BYTES // len(probed)
        examples = []
        for record in records[:MOST_EXAMPLES]:
            example, left, whole = _example(record, left)
            cut = cut or not whole
            if example is not None:
                examples.append(example)
        cut = cut or len(records) > MOST_EXAMPLES
        if examples:
            found.append({"run": names[run.id], "id": run.id, "step": step, "examples": examples})
    return found, cut


def _last(store: Store, run: Run) -> tuple[int, tuple[ProbeRecord, ...]] | None:
    """Step and records of the newest probe that can be read."""
    model = run.config.model
    layers = stack_layers(model)
    shapes = {kind: (layers.get(stack, 0), model.num_heads) for kind, (stack, _parts) in KIND_SITES.items()}
    for artefact in sorted(store.artefacts(run.id, "probe"), key=lambda one: one.step, reverse=True):
        try:
            return read_probe(artefact.path, shapes)
        except ClpsError:
            continue
    return None


def _example(record: ProbeRecord, left: int) -> tuple[dict[str, Any] | None, int, bool]:
    """One example as plain data, what is left of the bytes, and whether it is all of it."""
    kinds, whole = [], True
    for kind, weights in record.attention.items():
        shown = weights[:MOST_SHOWN, :MOST_SHOWN]
        layers, heads, queries, keys = shown.shape
        small = _small(shown)
        if 0 in shown.shape or small.nbytes > left:
            whole = False
            continue
        left -= small.nbytes
        # In full: the first head of each layer, then the second ..., while there is room.
        places = [(layer, head) for head in range(heads) for layer in range(layers)]
        places = places[: left // (queries * keys)]
        full = np.stack([shown[place] for place in places]) if places else np.zeros((0, queries, keys), np.uint8)
        left -= full.nbytes
        whole = whole and len(places) == layers * heads and shown.shape == weights.shape
        rows = record.source_labels if kind == "encoder" or not record.target_labels else record.target_labels
        columns = record.source_labels if kind != "decoder" or not record.target_labels else record.target_labels
        kinds.append(
            {
                "kind": kind,
                "layers": layers,
                "heads": heads,
                "rows": [visible(label) for label in rows],
                "columns": [visible(label) for label in columns],
                "side": [small.shape[2], small.shape[3]],
                "small": _base64(small),
                "full": _base64(full),
                "at": [list(place) for place in places],
            }
        )
    return ({"text": visible(record.text)[:400], "kinds": kinds} if kinds else None), left, whole


def _small(maps: Array) -> Array:
    """[layer, head, q, k] -> maps of at most ``SIDE`` pixels a side: the most attention in each pixel."""
    for axis in (2, 3):
        size = maps.shape[axis]
        if size > SIDE:
            starts = (np.arange(SIDE) * size) // SIDE
            maps = np.maximum.reduceat(maps, starts, axis=axis)
    return np.ascontiguousarray(maps)


def _base64(array: Array) -> str:
    return base64.b64encode(array.tobytes()).decode()
