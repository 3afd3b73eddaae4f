"""One position through one layer: what is told is what the model computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.analysis.capture import capture
from clps_core.errors import ConfigError, DataError
from clps_core.look import Look
from clps_core.model.transformer import Transformer
from clps_core.opened import open_run
from clps_core.tracing import LayerTrace, trace_of_run

HOPS = "3 1 7 0 2 6 4 5"
SAMPLES = Path(__file__).parents[2] / "clps_core" / "samples" / "runs"
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


def loosen(model: Transformer) -> None:
    """Norms, biases and LoRA that begin as nothing take part."""
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.1)


def check_steps(found: LayerTrace, *, crossed: bool = False) -> None:
    """Every step follows from the one before; ``crossed``: cross-attention comes before the FFN."""
    assert found.seen[found.position] == 1
    scores = np.where(found.seen == 1, found.scores, -np.inf)
    exponents = np.exp(scores - scores.max())
    np.testing.assert_allclose(found.weights, exponents / exponents.sum(), **CLOSE)
    assert found.weights.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found.weights @ found.values, found.mixed, **CLOSE)
    size = len(found.mixed)
    np.testing.assert_array_equal(found.heads[found.head * size : (found.head + 1) * size], found.mixed)
    if found.pre_norm:
        np.testing.assert_allclose(found.enters + found.attention_adds, found.between, **CLOSE)
        if not crossed:
            np.testing.assert_allclose(found.between + found.ffn_adds, found.leaves, **CLOSE)


@pytest.mark.parametrize(
    ("strategy", "model"),
    [
        ("none", {}),
        ("all,lora=2", {"positions": "rotary", "activation": "swiglu", "norm": "rmsnorm"}),
        ("cycle:2", {"num_kv_heads": 1, "norm_position": "post", "activation": "relu"}),
        ("none,kv_source=every:2", {"positions": "sinusoidal", "bias": False}),
    ],
)
def test_the_steps_of_every_layer_are_those_of_the_models_own_pass(
    tmp_path: Path, strategy: str, model: dict[str, Any]
) -> None:
    folder = untrained_run(tmp_path, small_config("hops", strategy, **model), plant=loosen)
    look = Look(folder, HOPS)
    with open_run(folder) as run:
        inputs = run.data.encode_source(HOPS)
        own = capture(run.model, inputs)
        for layer, (position, head) in enumerate([(0, 0), (5, 1), (15, 0), (-1, 1)]):
            found = trace_of_run(look, stack="decoder", layer=layer, head=head, position=position)
            at = found.position
            assert (found.layer, found.head, at) == (layer, head, position % 16)
            assert found.labels == tuple(run.data.token_labels(inputs[0]))
            np.testing.assert_array_equal(found.weights, own.attention["decoder"][layer, head, at])
            np.testing.assert_array_equal(found.enters, own.hidden["decoder"][layer, at])
            np.testing.assert_array_equal(found.leaves, own.outputs["decoder"][layer, at])
            np.testing.assert_array_equal(found.follows, own.hidden["decoder"][layer + 1, at])
            np.testing.assert_array_equal(found.follows, found.leaves)
            weights = run.model.get_submodule("decoder_layers")[found.ran.layers[layer]].weights  # type: ignore[index]
            with torch.inference_mode():
                projected = weights["o"](torch.from_numpy(found.heads)).numpy()
                normed = weights["norm_attn"](torch.from_numpy(found.enters)).numpy()
            if "lora" not in strategy:
                np.testing.assert_allclose(projected, found.attention_adds, **CLOSE)
            np.testing.assert_allclose(found.reads, normed if found.pre_norm else found.enters, **CLOSE)
            assert found.token is not None
            assert found.place is not None
            if layer == 0:
                np.testing.assert_allclose(found.token + found.place, found.enters, **CLOSE)
            check_steps(found)


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_both_stacks_are_followed_and_an_encoder_sees_what_comes_later(tmp_path: Path, stack: str) -> None:
    folder = untrained_run(tmp_path, small_config("dates", "all"), plant=loosen)
    look = Look(folder, "May 3, 1990", {"language": "fr"}, target_text="3 mai")
    found = trace_of_run(look, stack=stack, layer=1, head=0, position=1)
    check_steps(found, crossed=stack == "decoder")
    assert found.seen.all() == (stack == "encoder")
    assert found.same == (0, 1, 2, 3)
    assert bool((found.weights[2:] > 0).any()) == (stack == "encoder")


def test_a_loop_uses_the_same_tensors_with_other_inputs() -> None:
    look = Look(SAMPLES / "sample-hops-3-all-0", HOPS, loops=5)
    found = [trace_of_run(look, stack="decoder", layer=layer, head=1) for layer in range(5)]
    assert [one.same for one in found] == [(0, 1, 2, 3, 4)] * 5
    assert all(not np.array_equal(one.query, found[0].query) for one in found[1:])
    assert trace_of_run(
        Look(SAMPLES / "sample-hops-3-none-0", HOPS), stack="decoder", layer=1, head=0
    ).same == (1,)  # fmt: skip


def test_pictures_have_no_tokens_to_add(tmp_path: Path) -> None:
    found = trace_of_run(
        Look(untrained_run(tmp_path, small_config("digits", "all")), "5"), stack="encoder", layer=0, head=0
    )
    assert (found.token, found.place) == (None, None)
    check_steps(found)


def test_what_there_is_not_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path, small_config("hops", "none,attention_source=every:2"))
    asked: dict[str, Any] = {"stack": "decoder", "layer": 0, "head": 0}
    for change, sentence in (
        ({"layer": 4}, "layer must be from 0 to 3. Got 4"),
        ({"head": -1}, "head must be from 0 to 1. Got -1"),
        ({"position": 16}, "position must be from 0 to 15. Got 16"),
        ({"stack": "encoder"}, "the stack must be one that"),
        ({"layer": 1}, "layer 1 reads the attention of another layer"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            trace_of_run(Look(folder, HOPS), **{**asked, **change})
    with pytest.raises(DataError):
        trace_of_run(Look(folder, "no numbers"), **asked)


def test_steps_are_told_in_recorded_passes_alone_and_change_nothing() -> None:
    told: list[str] = []
    with open_run(SAMPLES / "sample-hops-3-all-0") as run, torch.inference_mode():
        inputs = run.data.encode_source(HOPS)
        with run.model.parts_read_by(lambda _stack, _place, name, _tensor: told.append(name)):
            plain = run.model(torch.from_numpy(inputs)).numpy()
            assert told == []
            recorded = capture(run.model, inputs)
        steps = ["q", "k", "v", "mixed", "attn.reads", "attn.adds", "attn.state"]
        assert told == [*steps, "hidden", "ffn.reads", "ffn.adds", "ffn.state"] * 3
        np.testing.assert_allclose(recorded.logits, plain[0], **CLOSE)
        capture(run.model, inputs)
        assert len(told) == 33, "nobody reads any more"
