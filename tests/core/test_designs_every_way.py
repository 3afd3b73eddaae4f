"""Any design computes the same in every way the engine has of computing it: watched, in pieces, from its own text."""

from __future__ import annotations

import torch
from example_counts import examples
from hypothesis import given, settings
from random_designs import designs
from tiny_models import batch_for, shaken
from torch import Tensor

from clps_core.config import SharingConfig, sharing_plan
from clps_core.model.transformer import Transformer
from clps_core.sharing import parse_strategy


class Recorder:
    """Holds rows of attention to sum to 1, and counts them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
        sums = probabilities.sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums))
        self.seen.append((kind, layer))

    def hidden(self, stack: str, index: int, states: Tensor) -> None:
        pass

    def after(self, stack: str, index: int, states: Tensor) -> None:
        pass


def built(design) -> tuple[Transformer, dict[str, Tensor]]:
    """In double precision, so that equal means equal."""
    model = shaken(Transformer(design[0], sharing_plan(*design))).double().eval()
    batch = batch_for(model, source=5, target=5)
    if model.config.patch_dim is not None:
        batch["inputs"] = batch["inputs"].double()
    return model, batch


@settings(max_examples=examples(20))
@given(designs(beside=True))
@torch.no_grad()
def test_a_watched_model_computes_what_an_unwatched_one_does(design) -> None:
    model, batch = built(design)
    recorder = Recorder()
    torch.testing.assert_close(model(**batch, recorder=recorder), model(**batch), rtol=1e-9, atol=1e-11)
    for stack in model.map.stacks:
        layers = [layer for kind, layer in recorder.seen if kind == stack]
        assert layers == list(range(model.map.num_layers(stack)))


@settings(max_examples=examples(20))
@given(designs(beside=True).filter(lambda design: design[0].family != "encoder"))
@torch.no_grad()
def test_a_decoder_fed_in_pieces_computes_what_it_does_at_once(design) -> None:
    model, batch = built(design)
    if model.config.family == "decoder":
        tokens, expected = batch["inputs"], model(batch["inputs"])
        state = model.start_decoding(None, keep_past=True)
    else:
        tokens, expected = batch["decoder_inputs"], model(**batch)
        memory = model.encode(batch["inputs"], batch["input_mask"])
        state = model.start_decoding(memory, batch["input_mask"], keep_past=True)
    pieces = [model.logits(model.decode(piece, state)) for piece in tokens.split([2, 1, 2], 1)]
    torch.testing.assert_close(torch.cat(pieces, 1), expected, rtol=1e-9, atol=1e-11)


@settings(max_examples=examples(60))
@given(designs(beside=True))
def test_the_text_of_a_strategy_means_the_same_plan(design) -> None:
    model, sharing = design
    text = parse_strategy(sharing.strategy).text
    assert parse_strategy(text).text == text
    assert sharing_plan(model, SharingConfig(strategy=text)) == sharing_plan(model, sharing)
