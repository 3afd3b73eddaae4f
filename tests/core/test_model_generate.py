"""Decoding with kept keys and values equals decoding from scratch, for every scheme and number of loops."""

from __future__ import annotations

import pytest
import torch
from tiny_models import shaken, tiny
from torch import Tensor

from clps_core.errors import ConfigError, DataError
from clps_core.model.generate import Sampling, generate, probabilities
from clps_core.model.transformer import DecoderState, Transformer


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
    found = generate(model, inputs, mask, bos_id=1, eos_id=-1, max_len=7)
    assert torch.equal(found, from_scratch(model, inputs, mask, 7))


def test_a_finished_row_holds_its_end_and_all_finished_rows_stop_the_search() -> None:
    model = tiny(family="encoder_decoder", seed=2)
    inputs = torch.randint(0, 11, (6, 5), generator=torch.Generator().manual_seed(0))
    free = generate(model, inputs, None, 1, -1, 10)
    end = int(free[0, 1])
    found = generate(model, inputs, None, 1, end, 10)
    for row, unbounded in zip(found, free, strict=True):
        hits = (unbounded == end).nonzero()
        length = int(hits[0]) + 1 if len(hits) else 10
        assert torch.equal(row[:length], unbounded[:length])
        assert (row[length:] == end).all()
    assert generate(model, inputs[:1], None, 1, end, 10).shape[1] == int((free[0] == end).nonzero()[0]) + 1


def test_greedy_never_outruns_the_positions() -> None:
    assert generate(tiny(), torch.zeros(1, 9, dtype=torch.int64), None, 1, -1, 50).shape == (1, 4)
    assert generate(tiny(), torch.zeros(1, 9, dtype=torch.int64), None, 1, -1, 0).shape == (1, 0)


def test_greedy_ignores_dropout_and_leaves_the_mode_as_it_was() -> None:
    model = tiny(dropout=0.5)
    prompt = torch.zeros(1, 3, dtype=torch.int64)
    assert torch.equal(generate(model, prompt, None, 1, -1, 8), generate(model, prompt, None, 1, -1, 8))
    assert model.training


def test_an_encoder_and_padded_prompts_are_refused() -> None:
    prompt = torch.zeros(1, 3, dtype=torch.int64)
    with pytest.raises(DataError, match="Got an encoder"):
        generate(tiny(family="encoder"), prompt, None, 1, 2, 3)
    with pytest.raises(DataError, match="the same length"):
        generate(tiny(), prompt, torch.tensor([[True, True, False]]), 1, 2, 3)


SCHEMES = ["none", "cycle:2", "kv_source=every:2", "attention_source=0-0-2-2", "cycle:2,lora=2", "k=@q"]
LOOPED = ["all", "loop:1/1/1,inject=concat,depth_embedding=sinusoidal"]


@pytest.mark.parametrize("family", ["decoder", "encoder_decoder"])
@pytest.mark.parametrize(
    ("strategy", "loops"),
    [*((text, None) for text in SCHEMES), *((text, loops) for text in LOOPED for loops in (1, 6))],
)
def test_states_with_kept_keys_equal_full_recomputation(family: str, strategy: str, loops: int | None) -> None:
    model = shaken(tiny(strategy, family=family, num_layers=4, num_kv_heads=2, positions="rotary")).eval()
    inputs = torch.randint(0, 11, (3, 5), generator=torch.Generator().manual_seed(0))
    tokens = torch.randint(0, 11, (3, 9), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        if family == "decoder":
            whole = model(tokens, loops=loops)
            state = DecoderState(None, None, keep_past=True, loops=loops)
        else:
            whole = model(inputs, decoder_inputs=tokens, loops=loops)
            state = model.start_decoding(model.encode(inputs, loops=loops), keep_past=True, loops=loops)
        pieces = [model.logits(model.decode(piece, state)) for piece in torch.split(tokens, [3, 1, 1, 2, 2], 1)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-5, rtol=1e-5)


def test_layers_that_read_keys_keep_none_of_their_own() -> None:
    model = tiny("kv_source=every:2", family="decoder", num_layers=4).eval()
    state = DecoderState(None, None, keep_past=True)
    with torch.inference_mode():
        model.decode(torch.zeros(1, 3, dtype=torch.int64), state)
    assert state.past is not None
    assert sorted(state.past) == [0, 2]


@pytest.mark.parametrize("family", ["decoder", "encoder_decoder"])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(1.0, seed=3), Sampling(0.7, 4), Sampling(1.5, None, 0.8, 9)])
def test_drawn_texts_do_not_depend_on_what_is_kept(family: str, sampling: Sampling) -> None:
    model = shaken(tiny("all", family=family, num_layers=3))
    inputs = torch.randint(0, 11, (4, 5), generator=torch.Generator().manual_seed(0))
    kept = generate(model, inputs, None, 1, -1, 6, sampling=sampling, loops=5)
    assert torch.equal(kept, generate(model, inputs, None, 1, -1, 6, sampling=sampling, loops=5, keep_past=False))


def test_a_seed_gives_one_text_and_another_seed_another() -> None:
    model = tiny(family="decoder", max_positions=40)
    prompt = torch.zeros(1, 2, dtype=torch.int64)
    texts = {
        tuple(generate(model, prompt, None, 1, -1, 30, sampling=Sampling(1.0, seed=seed))[0].tolist())
        for seed in (1, 1, 2)
    }
    assert len(texts) == 2


LOGITS = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()[None]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(1.0), [0.4, 0.3, 0.2, 0.1]),
        (Sampling(0.5), [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        (Sampling(1.0, top_k=2), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(1.0, top_k=9), [0.4, 0.3, 0.2, 0.1]),
        (Sampling(1.0, top_p=0.65), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(1.0, top_p=0.01), [1.0, 0.0, 0.0, 0.0]),
        (Sampling(1.0, top_k=3, top_p=0.5), [4 / 7, 3 / 7, 0, 0]),
    ],
)
def test_what_is_drawn_from_is_what_temperature_top_k_and_top_p_say(sampling: Sampling, expected: list[float]) -> None:
    torch.testing.assert_close(probabilities(LOGITS, sampling)[0], torch.tensor(expected))


@pytest.mark.parametrize("values", [{"temperature": -1}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.1}, {"seed": -1}])
def test_sampling_out_of_range_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        Sampling(**values)  # type: ignore[arg-type]
