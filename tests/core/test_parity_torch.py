"""Without sharing, the model is torch's own Transformer: outputs and gradients."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from parity import assert_close
from tiny_models import tiny
from torch import Tensor, nn

from clps_core.model.layer import Layer
from clps_core.model.transformer import Transformer

KINDS = [(norm, activation) for norm in ("pre", "post") for activation in ("relu", "gelu")]


def same_weights(ours: Layer, theirs: nn.Module) -> Iterator[tuple[list[Tensor], Tensor]]:
    """(our tensors, torch's tensor that stacks them) for every weight of one layer."""
    attentions = [("", theirs.self_attn)]
    norms = ["norm_attn", "norm_ffn"]
    if "cross_q" in ours.weights:
        attentions.append(("cross_", theirs.multihead_attn))
        norms.insert(1, "norm_cross")
    for prefix, attention in attentions:
        for tensor in ("weight", "bias"):
            three = [ours.weights[prefix + name].get_parameter(tensor) for name in "qkv"]
            yield three, attention.get_parameter(f"in_proj_{tensor}")
            yield [ours.weights[f"{prefix}o"].get_parameter(tensor)], attention.get_parameter(f"out_proj.{tensor}")
    modules = [("ffn_in", theirs.linear1), ("ffn_out", theirs.linear2)]
    modules += [(name, getattr(theirs, f"norm{number}")) for number, name in enumerate(norms, 1)]
    for name, module in modules:
        for tensor in ("weight", "bias"):
            yield [ours.weights[name].get_parameter(tensor)], module.get_parameter(tensor)


def torch_stack(model: Transformer, stack: str) -> nn.Module:
    """torch's stack with the same weights."""
    config = model.config
    crossed = stack == "decoder" and config.family == "encoder_decoder"
    kind = nn.TransformerDecoderLayer if crossed else nn.TransformerEncoderLayer
    layers = model.get_submodule(f"{stack}_layers")
    theirs = nn.ModuleList(
        kind(
            config.d_model,
            config.num_heads,
            config.d_ff,
            dropout=0.0,
            activation=config.activation,
            batch_first=True,
            norm_first=config.norm_position == "pre",
        )
        for _layer in layers
    )
    with torch.no_grad():
        for ours, layer in zip(layers, theirs, strict=True):
            for parts, whole in same_weights(ours, layer):
                # Norms start at 1 and biases at 0: make them tell.
                for part in parts:
                    part.add_(torch.randn_like(part) * 0.1)
                whole.copy_(torch.cat(parts))
    return theirs


def torch_norm(model: Transformer, stack: str) -> nn.Module:
    """torch's norm after the last layer, with the same weights; nothing for post-norm."""
    ours = model._modules.get(f"{stack}_final_norm")
    if ours is None:
        return nn.Identity()
    theirs = nn.LayerNorm(model.config.d_model)
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
            theirs.get_parameter(name).copy_(parameter)
    return theirs


def assert_same_gradients(model: Transformer, stack: str, theirs: nn.Module, norm: nn.Module) -> None:
    for name, parameter in norm.named_parameters():
        assert_close(model.get_parameter(f"{stack}_final_norm.{name}").grad, parameter.grad)
    for ours, layer in zip(model.get_submodule(f"{stack}_layers"), theirs, strict=True):
        for parts, whole in same_weights(ours, layer):
            assert whole.grad is not None
            assert_close(torch.cat([part.grad for part in parts]), whole.grad)


def loss(output: Tensor) -> Tensor:
    return (output * torch.linspace(-1, 1, output.numel()).view(output.shape)).sum() / output.shape[0]


def padding(examples: int, length: int) -> Tensor:
    """True for real tokens; example b has b positions of padding."""
    return torch.arange(length)[None] < length - torch.arange(examples)[:, None]


@pytest.mark.parametrize(("norm", "activation"), KINDS)
@pytest.mark.parametrize("padded", [False, True])
def test_an_unshared_encoder_equals_torchs_with_and_without_padding(norm: str, activation: str, padded: bool) -> None:
    torch.manual_seed(0)
    model = tiny(family="encoder", patch_dim=6, norm_position=norm, activation=activation, num_layers=3)
    theirs, norm_after = torch_stack(model, "encoder"), torch_norm(model, "encoder")
    embedding = copy.deepcopy(model.embedding)
    inputs = torch.randn(4, 9, 6)
    mask = padding(4, 9) if padded else None
    ours = model(inputs, input_mask=mask)
    states = embedding(inputs)
    for layer in theirs:
        states = layer(states, src_key_padding_mask=None if mask is None else ~mask)
    states = norm_after(states)
    assert_close(ours, states)
    loss(ours).backward()
    loss(states).backward()
    assert_same_gradients(model, "encoder", theirs, norm_after)
    for name, parameter in embedding.named_parameters():
        assert_close(model.embedding.get_parameter(name).grad, parameter.grad)


@pytest.mark.parametrize(("norm", "activation"), KINDS)
@pytest.mark.parametrize("padded", [False, True])
def test_an_unshared_decoder_equals_torchs_causal_stack(norm: str, activation: str, padded: bool) -> None:
    torch.manual_seed(0)
    model = tiny(family="decoder", norm_position=norm, activation=activation, num_layers=3)
    theirs, norm_after = torch_stack(model, "decoder"), torch_norm(model, "decoder")
    embedding = copy.deepcopy(model.embedding)
    tokens = torch.randint(0, 11, (4, 9))
    mask = padding(4, 9) if padded else None
    ours = model(tokens, input_mask=mask)
    states = embedding(tokens)
    future = torch.ones(9, 9, dtype=torch.bool).triu(1)
    for layer in theirs:
        states = layer(states, src_mask=future, src_key_padding_mask=None if mask is None else ~mask)
    states = norm_after(states)
    logits = states @ embedding.tokens.weight.T
    assert_close(ours, logits)
    loss(ours).backward()
    loss(logits).backward()
    assert_same_gradients(model, "decoder", theirs, norm_after)
    assert_close(model.embedding.tokens.weight.grad, embedding.tokens.weight.grad)


@pytest.mark.parametrize(("norm", "activation"), KINDS)
@pytest.mark.parametrize("padded", [False, True])
def test_an_unshared_encoder_decoder_equals_torchs(norm: str, activation: str, padded: bool) -> None:
    torch.manual_seed(0)
    model = tiny(family="encoder_decoder", norm_position=norm, activation=activation, num_decoder_layers=3)
    encoder, decoder = torch_stack(model, "encoder"), torch_stack(model, "decoder")
    norm_of_memory, norm_after = torch_norm(model, "encoder"), torch_norm(model, "decoder")
    embedding = copy.deepcopy(model.embedding)
    inputs, targets = torch.randint(0, 11, (4, 9)), torch.randint(0, 11, (4, 6))
    mask = padding(4, 9) if padded else None
    ignored = None if mask is None else ~mask
    ours = model(inputs, input_mask=mask, decoder_inputs=targets)
    memory, states = embedding(inputs), embedding(targets)
    for layer in encoder:
        memory = layer(memory, src_key_padding_mask=ignored)
    memory = norm_of_memory(memory)
    future = torch.ones(6, 6, dtype=torch.bool).triu(1)
    for layer in decoder:
        states = layer(states, memory, tgt_mask=future, memory_key_padding_mask=ignored)
    states = norm_after(states)
    logits = states @ embedding.tokens.weight.T
    assert_close(ours, logits)
    loss(ours).backward()
    loss(logits).backward()
    assert_same_gradients(model, "encoder", encoder, norm_of_memory)
    assert_same_gradients(model, "decoder", decoder, norm_after)
    assert_close(model.embedding.tokens.weight.grad, embedding.tokens.weight.grad)
