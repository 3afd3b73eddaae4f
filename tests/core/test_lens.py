"""The lens reads after each layer what a model that ends there would answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import batch_for, shaken, tiny
from untrained_runs import small_config, untrained_run

from clps_core.analysis.capture import Capture, capture
from clps_core.analysis.lens import Read, Readings, lens
from clps_core.errors import ConfigError, DataError
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.model.transformer import Transformer

SAMPLES = Path(__file__).parents[2] / "clps_core" / "samples" / "runs"
HOPS = "3 1 7 0 2 6 4 5"


def stack_of(model: Transformer) -> str:
    return "encoder" if model.config.family == "encoder" else "decoder"


def seen(model: Transformer) -> tuple[Capture, np.ndarray]:
    """One example without padding, and what the lens reads of it."""
    batch = {name: tensor[:1] for name, tensor in batch_for(model).items() if name != "input_mask"}
    found = capture(model, **batch)
    stack = stack_of(model)
    return found, np.concatenate([found.hidden[stack][:1], found.outputs[stack]])


def read(model: Transformer) -> tuple[np.ndarray, Readings]:
    found, states = seen(model)
    return np.atleast_2d(found.logits), lens(reader(model), states, [1] * len(np.atleast_2d(found.logits)))


def reader(model: Transformer) -> Read:
    return lambda states: torch.atleast_2d(model.read_out(states)[0])


DESIGNS = {
    "a decoder": ("none", {"family": "decoder"}),
    "norms behind the branches": ("all", {"family": "decoder", "norm_position": "post"}),
    "two stacks": ("cycle:2", {"family": "encoder_decoder", "num_layers": 3}),
    "a depth signal and the input again": ("loop:1/1/1,inject=concat,depth_embedding=learned", {"num_layers": 4}),
    "classes": ("all", {"family": "encoder", "num_classes": 7}),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_the_last_row_is_the_models_own_answer(design: str) -> None:
    strategy, sizes = DESIGNS[design]
    logits, found = read(shaken(tiny(strategy, **sizes)))
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    np.testing.assert_array_equal(found.tokens[-1, :, 0], logits.argmax(-1))
    np.testing.assert_allclose(found.probabilities[-1], np.sort(probabilities, -1)[:, ::-1][:, :5], rtol=1e-4)
    np.testing.assert_allclose(found.entropy[-1], -(probabilities * np.log2(probabilities)).sum(-1), rtol=1e-4)
    np.testing.assert_array_equal(found.rank[-1], 1 + (logits > logits[:, 1:2]).sum(-1))
    np.testing.assert_allclose(found.wanted_probability[-1], probabilities[:, 1], rtol=1e-4)


@pytest.mark.parametrize("design", DESIGNS)
def test_each_row_is_the_answer_of_a_model_that_ends_there(design: str) -> None:
    strategy, sizes = DESIGNS[design]
    model = shaken(tiny(strategy, **sizes))
    _found, states = seen(model)
    rows = lens(reader(model), states, [1] * (1 if model.config.output == "classes" else states.shape[1]))
    layers = model.get_submodule(f"{stack_of(model)}_layers")
    between = model.get_submodule(f"{stack_of(model)}_between")
    order = between.order(None)
    for ends in range(1, len(order)):
        between.order = lambda _loops, ends=ends: order[:ends]
        logits = np.atleast_2d(seen_again(model))
        np.testing.assert_array_equal(rows.tokens[ends, :, 0], logits.argmax(-1))
        np.testing.assert_array_equal(rows.rank[ends], 1 + (logits > logits[:, 1:2]).sum(-1))
    assert len(layers) >= len(order) == len(rows.tokens) - 1


def seen_again(model: Transformer) -> np.ndarray:
    return seen(model)[0].logits


def test_a_flip_is_another_most_probable_token_and_settled_is_where_the_last_one_stays() -> None:
    best = np.array([[1, 4, 2], [1, 4, 3], [2, 4, 3], [1, 4, 2]])[..., None]
    nothing = np.zeros(best.shape[:2])
    found = Readings(best, nothing[..., None], nothing, np.full(3, -1), nothing.astype(int), nothing)
    assert found.flips.tolist() == [[False, False, True], [True, False, False], [True, False, True]]
    assert found.settled.tolist() == [3, 0, 3]


def test_nothing_wanted_has_no_rank() -> None:
    model = tiny(family="decoder")
    _found, states = seen(model)
    found = lens(lambda states: model.read_out(states)[0, [6, 2]], states, [-1, 3])
    assert found.tokens.shape == (3, 2, 5)
    assert (found.rank[:, 0] == 0).all()
    assert (found.wanted_probability[:, 0] == 0).all()
    assert (found.rank[:, 1] > 0).all()


def test_a_model_without_a_head_cannot_be_read() -> None:
    with pytest.raises(ConfigError, match="must have a head"):
        tiny(family="encoder").read_out(torch.zeros(1, 3, 16))


# Runs


def test_a_looped_run_finds_the_second_hop_in_its_second_loop() -> None:
    found = lens_of_run(Look(SAMPLES / "sample-hops-3-all-0", HOPS))
    assert found.wanted_is == "right"
    assert found.wanted == tuple(found.prediction.split())
    assert (found.rank[-1] == 1).all()
    assert (found.rank[0] == 1).sum() < 4 < (found.rank[2] == 1).sum()
    assert found.positions == tuple(f"{number}→?" for number in range(8))
    assert (found.layers, found.loops, found.groups) == ((0, 1, 2), (1, 2, 3), (0, 0, 0))
    assert [found.names[place] for place in found.top[-1, :, 0]] == list(found.wanted)


def test_more_loops_are_more_rows() -> None:
    found = lens_of_run(Look(SAMPLES / "sample-hops-3-all-0", HOPS, loops=5))
    assert found.loops == (1, 2, 3, 4, 5)
    assert len(found.top) == 6


def test_a_translation_is_read_under_its_own_answer_or_under_the_typed_target(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", small_config("dates", "cycle:2"))
    own = lens_of_run(Look(folder, "July 20, 1969"))
    assert (own.stack, own.wanted_is, own.positions[0]) == ("decoder", "own", "<bos>")
    assert (own.rank[-1] == 1).all()
    typed = lens_of_run(Look(folder, "July 20, 1969", target_text="Sonntag"))
    assert typed.wanted_is == "right"
    assert typed.wanted == (*"Sonntag", "<eos>")
    assert typed.positions == ("<bos>", *"Sonntag")
    assert own.groups == (0, 1, 0, 1)


def test_a_text_wants_its_own_next_tokens_and_a_picture_its_class(tmp_path: Path) -> None:
    text = lens_of_run(Look(untrained_run(tmp_path / "docs", small_config("python-docs")), "Return the number"))
    assert text.wanted_is == "right"
    assert text.wanted == (*text.positions[1:], "")
    assert (text.rank[:, -1] == 0).all()
    picture = lens_of_run(Look(untrained_run(tmp_path / "digits", small_config("digits")), "17"))
    assert picture.positions == ("",)
    assert picture.top.shape == (5, 1, 5)
    assert picture.wanted[0].isdigit()


def test_a_text_that_the_task_cannot_read_is_refused() -> None:
    with pytest.raises(DataError):
        lens_of_run(Look(SAMPLES / "sample-hops-3-all-0", "1 2 3"))
