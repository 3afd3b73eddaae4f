"""Counting neighbours on the task ``masked-docs``: how far a table gets, against always one token.

Run ``python benchmarks/masked_neighbours.py``: at each mask the token that stands most often between the same two
neighbours in the training documents; where nothing does, or a neighbour is masked too, the most frequent one after the
token on the left, then before the one on the right, then anywhere.
"""

from __future__ import annotations

import time
from typing import cast

import numpy as np

from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED, Array
from clps_core.data.masked_text import MaskedText
from clps_core.data.registry import load_task
from clps_core.tasks.python_docs.data import PythonDocs
from report import write_table

Table = tuple[Array, Array]
"""Sorted keys, and the most frequent token of each."""


def most_frequent(keys: Array, tokens: Array, vocabulary: int) -> Table:
    pairs, counts = np.unique(keys.astype(np.int64) * vocabulary + tokens, return_counts=True)
    order = np.lexsort((-counts, pairs // vocabulary))
    sorted_keys, said = pairs[order] // vocabulary, pairs[order] % vocabulary
    first = np.append(True, sorted_keys[1:] != sorted_keys[:-1])
    return sorted_keys[first], said[first]


def looked_up(table: Table, keys: Array) -> Array:
    """The table's token for each key; -1 where it has none."""
    at = np.searchsorted(table[0], keys).clip(0, len(table[0]) - 1)
    return np.where(table[0][at] == keys, table[1][at], -1)


def main() -> None:
    data = cast("MaskedText", load_task(resolve(build_config({"data": {"task": "masked-docs"}}))))
    text = cast("PythonDocs", data.source).tokens("train")
    size, mask = data.facts.vocab_size or 0, data.mask_id
    started = time.perf_counter()
    between = most_frequent(text[:-2] * size + text[2:], text[1:-1], size)
    after, before = most_frequent(text[:-1], text[1:], size), most_frequent(text[1:], text[:-1], size)
    anywhere = int(np.bincount(text).argmax())
    right = asked = 0
    for batch in data.evaluation("test", 10**9, 64):
        padded = np.pad(batch.inputs, ((0, 0), (1, 1)), constant_values=mask)
        left, behind = padded[:, :-2], padded[:, 2:]
        said = looked_up(between, left * size + behind)
        said = np.where(said < 0, looked_up(after, left), said)
        said = np.where(said < 0, looked_up(before, behind), said)
        said = np.where(said < 0, anywhere, said)
        scored = batch.labels != IGNORED
        right += int((said == batch.labels)[scored].sum())
        asked += int(scored.sum())
    seconds = time.perf_counter() - started
    constant = data.baselines("test")["masked_accuracy"]
    rows = [
        ["most frequent token between the same neighbours", f"{right / asked:.1%}", f"{seconds:.1f}"],
        ["always the most frequent token", f"{constant:.1%}", "0"],
    ]
    write_table(
        "masked_neighbours",
        "Gaps in Python's documentation, filled without a Transformer",
        ("answer", "masked accuracy", "s"),
        rows,
        f"{asked} masked tokens of the test documents; counted in {len(text)} training tokens.",
    )


if __name__ == "__main__":
    main()
