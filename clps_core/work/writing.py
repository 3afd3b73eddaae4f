"""The whole answers that a model writes to a batch, token by token. Start at written_tokens."""

from __future__ import annotations

from collections.abc import Iterator

from clps_core.data.base import IGNORED, Array, TaskData
from clps_core.model.generate import generate
from clps_core.model.transformer import Transformer
from clps_core.work.batch import DeviceBatch

__all__ = ["written_pairs", "written_tokens"]


def written_tokens(model: Transformer, data: TaskData, batch: DeviceBatch, loops: int | None = None) -> list[Array]:
    """The greedy answer to each example: int64 [<= longest], its eos among them if it ended."""
    longest = data.facts.max_target_len or batch.labels.shape[1]
    tokens = generate(model, batch.inputs, batch.input_mask, data.bos_id, data.eos_id, longest, loops=loops)
    return list(tokens.cpu().numpy())


def written_pairs(
    model: Transformer, data: TaskData, batch: DeviceBatch, loops: int | None = None
) -> Iterator[tuple[str, str]]:
    """(greedy answer, right answer) to each example, as text."""
    labels = batch.labels.cpu().numpy()
    for said, right in zip(written_tokens(model, data, batch, loops), labels, strict=True):
        yield data.decode(said), data.decode(right[right != IGNORED])
