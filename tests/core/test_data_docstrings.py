"""The docstrings task: bytes as tokens, texts split by file. What windows are is tested with python-docs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clps_core.config import build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.registry import load_task
from clps_core.tasks.docstrings.data import Docstrings
from clps_core.tasks.libraries.data import Libraries
from clps_core.work.batch import to_device
from clps_core.work.continuation import TextScores
from clps_core.work.losses import token_loss


@pytest.fixture(scope="module")
def data() -> Docstrings:
    found = load_task(resolve(build_config({"data": {"task": "docstrings"}})).config)
    assert isinstance(found, Docstrings)
    return found


def test_every_byte_is_a_token(data: Docstrings) -> None:
    text = "Größe 😀 of [name]"
    tokens = data.encode_source(text)
    assert tokens.shape == (1, 1 + len(text.encode()))
    assert data.decode(tokens) == text
    assert data.facts.vocab_size == data.tokenizer.get_vocab_size() == 259
    assert data.token_bytes.tolist() == [0, 0, 0, *[1] * 256]


def test_a_document_is_a_file_and_each_is_in_one_split(data: Docstrings) -> None:
    texts = Libraries(seed=0)
    for split in SPLITS:
        files = {file for file, _library, _text in texts.sentences(split)}
        assert (data.tokens(split) == data.bos_id).sum() == len(files)
        spelt = sum(len(text.encode()) for _file, _library, text in texts.sentences(split))
        between = 2 * (len(texts.sentences(split)) - len(files))
        assert data.token_bytes[data.tokens(split)].sum() == spelt + between


def test_a_model_that_knows_nothing_needs_a_bit_for_each_doubling_of_the_vocabulary(data: Docstrings) -> None:
    import torch

    batch = to_device(next(data.evaluation("test", 4, 4)), "cpu")
    scores = TextScores(resolve(build_config({"data": {"task": "docstrings"}})).config, token_loss)
    scores.add(torch.zeros(*batch.labels.shape, 259), batch)
    spelt = int(np.asarray(batch.label_bytes).sum())
    assert scores.values()["bits_per_byte"] == pytest.approx(math.log2(259) * batch.labels.numel() / spelt, rel=1e-6)
