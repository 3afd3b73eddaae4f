"""Reuse, LoRA, depth signals and loops do what the papers say, held against a plain re-computation."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_models import batch_for, loss_of, shaken, tiny
from torch import Tensor

from clps_core.errors import ConfigError
from clps_core.model.embedding import sinusoids
from clps_core.model.transformer import Transformer

SCHEMES = [
    "none",
    "k=@q",
    "q=all,k=@q",
    "kv_source=every:2",
    "cycle:2,kv_source=upper:2",
    "attention_source=0-0-2-2",
    "all,lora=2",
    "cycle:2,lora.attention=3,norms=own",
    "all,depth_embedding=sinusoidal",
    "all,depth_embedding=learned,layer_scale=own",
    "loop:1/1/1,inject=add",
    "loop:1/1/1,inject=concat,depth_embedding=sinusoidal",
]


def plain_decoder(model: Transformer, tokens: Tensor, loops: int | None = None) -> Tensor:
    """A pre-norm decoder written out with loops over layers and heads; reads names of the state dict only."""
    state, plan, config = model.state_dict(), model.plan, model.config
    reuse, execution, extras = plan.reuse["decoder"], plan.execution["decoder"], plan.extras
    length, width, d = tokens.shape[1], config.head_size, config.d_model

    def weight(layer: int, component: str, x: Tensor) -> Tensor:
        slot = plan.map.slot("decoder", layer, component)
        y = x @ state[f"bank.{slot}.weight"].T + state[f"bank.{slot}.bias"]
        down = state.get(f"extras.decoder.{layer}.{component}.down.weight")
        return y if down is None else y + x @ down.T @ state[f"extras.decoder.{layer}.{component}.up.weight"].T

    def norm(layer: int, name: str, x: Tensor) -> Tensor:
        slot = plan.map.slot("decoder", layer, name)
        return F.layer_norm(x, (d,), state[f"bank.{slot}.weight"], state[f"bank.{slot}.bias"], config.norm_eps)

    def scale(layer: int, name: str) -> Tensor | float:
        return state.get(f"extras.decoder.{layer}.scale_{name}.weight", 1.0)

    x = state["embedding.tokens.weight"][tokens] * math.sqrt(d) + sinusoids(length, d)
    kept: dict[int, Any] = {}
    begin = x
    for place, layer in enumerate(execution.layers(loops)):
        if extras.inject != "none" and place in execution.starts(loops):
            first = place == min(execution.starts(loops))
            begin = x if first else begin
            if extras.inject == "concat":
                x = torch.cat([x, begin], -1) @ state["extras.decoder.injection.weight"].T
            elif not first:
                x = x + begin
        if extras.depth_embedding == "sinusoidal":
            x = x + sinusoids(place + 2, d)[place + 1]
        if extras.depth_embedding == "learned":
            x = x + state[f"extras.decoder.{layer}.depth.weight"]
        h = norm(layer, "norm_attn", x)
        k_from, p_from = reuse.source("kv_source", layer), reuse.source("attention_source", layer)
        k = weight(layer, "k", h) if k_from == layer and p_from == layer else None
        v = weight(layer, "v", h) if k_from == layer else kept[k_from][1]
        k = kept[k_from][0] if k_from != layer else k
        mixed, found = [], []
        for head in range(config.num_heads):
            part = slice(head * width, (head + 1) * width)
            if p_from == layer:
                scores = weight(layer, "q", h)[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(width)
                unseen = torch.ones(length, length, dtype=torch.bool).triu(1)
                found.append(scores.masked_fill(unseen, -torch.inf).softmax(-1))
            else:
                found.append(kept[p_from][2][head])
            mixed.append(found[-1] @ v[..., part])
        kept[layer] = k, v, found
        x = x + weight(layer, "o", torch.cat(mixed, -1)) * scale(layer, "attn")
        h = F.gelu(weight(layer, "ffn_in", norm(layer, "norm_ffn", x)))
        x = x + weight(layer, "ffn_out", h) * scale(layer, "ffn")
    last = F.layer_norm(x, (d,), state["decoder_final_norm.weight"], state["decoder_final_norm.bias"], config.norm_eps)
    return last @ state["embedding.tokens.weight"].T


@pytest.mark.parametrize("strategy", SCHEMES)
def test_every_scheme_equals_a_plain_recomputation(strategy: str) -> None:
    model = shaken(tiny(strategy, num_layers=4))
    tokens = torch.randint(0, 11, (3, 7), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        torch.testing.assert_close(model(tokens), plain_decoder(model, tokens), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("loops", [1, 3, 7])
@pytest.mark.parametrize(
    "strategy", ["all", "loop:1/1/1,inject=add", "loop:1/1/1,inject=concat,depth_embedding=sinusoidal"]
)
def test_another_number_of_loops_equals_a_plain_recomputation(strategy: str, loops: int) -> None:
    model = shaken(tiny(strategy, num_layers=4))
    tokens = torch.randint(0, 11, (3, 7), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        torch.testing.assert_close(
            model(tokens, loops=loops), plain_decoder(model, tokens, loops), atol=1e-5, rtol=1e-5
        )


def test_more_loops_are_a_deeper_model_with_the_same_weights() -> None:
    shallow, deep = tiny("middle_cycle:3", num_layers=4), tiny("middle_cycle:3", num_layers=7)
    deep.load_state_dict(shallow.state_dict())
    tokens = torch.randint(0, 11, (2, 6), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.equal(shallow(tokens, loops=5), deep(tokens))


@pytest.mark.parametrize("family", ["decoder", "encoder", "encoder_decoder"])
@pytest.mark.parametrize(
    "extras", ["lora=2", "layer_scale=own", "depth_embedding=learned", "lora.ffn=1,layer_scale=own"]
)
def test_a_loosened_model_begins_equal_to_the_tied_one(family: str, extras: str) -> None:
    tied, loosened = (
        tiny("cycle:2", family=family, num_layers=4),
        tiny(f"cycle:2,{extras}", family=family, num_layers=4),
    )
    batch = batch_for(tied)
    with torch.no_grad():
        torch.testing.assert_close(tied(**batch), loosened(**batch), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("family", ["decoder", "encoder", "encoder_decoder"])
@pytest.mark.parametrize("strategy", SCHEMES)
def test_every_weight_of_every_scheme_gets_a_gradient(family: str, strategy: str) -> None:
    model = shaken(tiny(strategy, family=family, num_layers=4, activation="swiglu", norm="rmsnorm"))
    loss_of(model, batch_for(model)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # Softmax is blind to what all keys have in common, so key biases have none.
        assert parameter.grad.abs().sum() > 0 or ((name.endswith("bias") and ".k." in name) or "cross_k" in name), name


@pytest.mark.parametrize("family", ["encoder", "encoder_decoder"])
@pytest.mark.parametrize("strategy", ["kv_source=every:2", "attention_source=0-0-2-2", "cycle:2,lora=2"])
def test_schemes_run_in_every_family_and_record_every_executed_layer(family: str, strategy: str) -> None:
    model = shaken(tiny(strategy, family=family, num_layers=4))
    seen: list[tuple[str, int]] = []

    class Recorder:
        def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
            seen.append((kind, layer))
            torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:-1]))

        def hidden(self, stack: str, index: int, states: Tensor) -> None:
            pass

        def after(self, stack: str, index: int, states: Tensor) -> None:
            pass

    batch = batch_for(model)
    with torch.no_grad():
        recorded = model(**batch, recorder=Recorder())
        torch.testing.assert_close(recorded, model(**batch), atol=1e-5, rtol=1e-5)
    assert [layer for kind, layer in seen if kind == "encoder"] == [0, 1, 2, 3]


@pytest.mark.parametrize("strategy", ["none", "all,lora=2", "all,norms=own", "kv_source=every:2"])
def test_a_model_whose_loops_are_fixed_says_so(strategy: str) -> None:
    model = tiny(strategy, num_layers=4)
    with pytest.raises(ConfigError, match="must stay"):
        model(torch.zeros(1, 3, dtype=torch.int64), loops=2)


class Dtypes:
    """A recorder of the types of the residual stream."""

    def __init__(self) -> None:
        self.found: set[torch.dtype] = set()

    def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
        """Not asked here."""

    def hidden(self, stack: str, index: int, states: Tensor) -> None:
        self.found.add(states.dtype)

    def after(self, stack: str, index: int, states: Tensor) -> None:
        self.found.add(states.dtype)


@pytest.mark.parametrize(
    ("strategy", "fields"), [("loop:1/1/1,inject=concat", {"num_layers": 4}), ("none", {"embedding_size": 4})]
)
def test_the_residual_stream_is_in_full_precision_where_products_are_not(strategy: str, fields: dict[str, Any]) -> None:
    model, seen = tiny(strategy, family="decoder", **fields), Dtypes()
    with torch.autocast("cpu", torch.bfloat16):
        model(torch.zeros(1, 4, dtype=torch.int64), recorder=seen)
    assert seen.found == {torch.float32}


def test_every_depth_that_training_draws_has_its_signal_at_hand_and_it_is_the_same_beyond() -> None:
    text = "loop:1/1/1,depth_embedding=sinusoidal"
    drawn, usual = tiny(f"{text},train_loops=1-6", num_layers=3), tiny(text, num_layers=3)
    between = drawn.get_submodule("decoder_between")
    assert len(between.signal) == len(between.order(6)) == 8
    batch = batch_for(drawn)
    assert torch.equal(drawn(**batch, loops=6), usual(**batch, loops=6))
