"""Greedy decoding with kept keys and values equals decoding from scratch."""

from __future__ import annotations

import pytest
import torch
from tiny_models import tiny
from torch import Tensor

from clps_core.errors import DataError
from clps_core.model.generate import greedy
from clps_core.model.transformer import Transformer


def from_scratch(model: Transformer, inputs: Tensor, mask: Tensor | None, steps: int) -> Tensor:
    """One full forward per token; no end."""
    two = model.config.family == "encoder_decoder"
    tokens = torch.full((inputs.shape[0], 1), 1) if two else inputs
    with torch.no_grad():
        for _step in range(steps):
            logits = model(inputs, input_mask=mask, decoder_inputs=tokens) if two else model(tokens)
            tokens = torch.cat([tokens, logits[:, -1].argmax(-1)[:, None]], 1)
    return tokens[:, -steps:]


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
@pytest.mark.parametrize("family", ["decoder", "encoder_decoder"])
@pytest.mark.parametrize("strategy", ["none", "all", "cycle_rev:2"])
def test_greedy_finds_what_full_forwards_find(family: str, strategy: str, positions: str) -> None:
    """A cache kept per slot instead of per executed layer would fail here."""
    model = tiny(strategy, family=family, num_layers=3, positions=positions, num_kv_heads=1, seed=2)
    inputs = torch.randint(0, 11, (4, 5), generator=torch.Generator().manual_seed(0))
    mask = None
    if family == "encoder_decoder":
        mask = torch.arange(5)[None] < torch.tensor([5, 4, 3, 2])[:, None]
    found = greedy(model, inputs, mask, bos_id=1, eos_id=-1, max_len=7)
    assert torch.equal(found, from_scratch(model, inputs, mask, 7))


def test_a_finished_row_holds_its_end_and_all_finished_rows_stop_the_search() -> None:
    model = tiny(family="encoder_decoder", seed=2)
    inputs = torch.randint(0, 11, (6, 5), generator=torch.Generator().manual_seed(0))
    free = greedy(model, inputs, None, 1, -1, 10)
    end = int(free[0, 1])
    found = greedy(model, inputs, None, 1, end, 10)
    for row, unbounded in zip(found, free, strict=True):
        hits = (unbounded == end).nonzero()
        length = int(hits[0]) + 1 if len(hits) else 10
        assert torch.equal(row[:length], unbounded[:length])
        assert (row[length:] == end).all()
    assert greedy(model, inputs[:1], None, 1, end, 10).shape[1] == int((free[0] == end).nonzero()[0]) + 1


def test_greedy_never_outruns_the_positions() -> None:
    assert greedy(tiny(), torch.zeros(1, 9, dtype=torch.int64), None, 1, -1, 50).shape == (1, 4)
    assert greedy(tiny(), torch.zeros(1, 9, dtype=torch.int64), None, 1, -1, 0).shape == (1, 0)


def test_greedy_ignores_dropout_and_leaves_the_mode_as_it_was() -> None:
    model = tiny(dropout=0.5)
    prompt = torch.zeros(1, 3, dtype=torch.int64)
    assert torch.equal(greedy(model, prompt, None, 1, -1, 8), greedy(model, prompt, None, 1, -1, 8))
    assert model.training


def test_an_encoder_and_padded_prompts_are_refused() -> None:
    prompt = torch.zeros(1, 3, dtype=torch.int64)
    with pytest.raises(DataError, match="Got an encoder"):
        greedy(tiny(family="encoder"), prompt, None, 1, 2, 3)
    with pytest.raises(DataError, match="one length"):
        greedy(tiny(), prompt, torch.tensor([[True, True, False]]), 1, 2, 3)
