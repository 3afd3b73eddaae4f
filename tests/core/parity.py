"""The same weights in an independent implementation and in ours. Start at copy_weights.

Sizes of both models stand in the tests; here are the names of both sides, and what equal means. A ``Same``
says which of their parameters holds which of ours; outputs and gradients then follow from calculus:
where they keep copies of what we tie, our gradient is the sum of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clps_core.model.transformer import Transformer

TOLERANCE = 1e-5
NO_EFFECT = (".k.", ".cross_k.")
"""Biases of these move every score of a row alike, so their gradient is rounding only."""


@dataclass(frozen=True)
class Same:
    """Their parameter ``theirs`` is ours, stacked by rows where there are several, times ``scale`` plus ``shift``."""

    theirs: str
    ours: tuple[str, ...]
    scale: float = 1.0
    shift: float = 0.0


def same(theirs: str, *ours: str, scale: float = 1.0, shift: float = 0.0) -> Same:
    return Same(theirs, ours, scale, shift)


def both(theirs: str, *ours: str, bias: bool = True) -> list[Same]:
    """Weight and bias of one module."""
    tensors = ("weight", "bias") if bias else ("weight",)
    return [same(f"{theirs}.{tensor}", *(f"{name}.{tensor}" for name in ours)) for tensor in tensors]


def layers(
    model: Transformer,
    stack: str,
    prefix: Callable[[int], str],
    names: Mapping[str, str],
    *,
    bias: bool = True,
) -> list[Same]:
    """Every component of every executed layer: ``prefix(layer)`` + ``names[component]`` is theirs."""
    found: dict[Same, None] = {}
    for site, slot in model.map.items():
        if site.stack == stack:
            found |= dict.fromkeys(both(prefix(site.layer) + names[site.component], f"bank.{slot}", bias=bias))
    return list(found)


def copy_weights(model: Transformer, theirs: nn.Module, pairs: Iterable[Same], *, seed: int = 1) -> None:
    """Shake ours (norms start at 1, biases at 0), copy them over; no parameter of either side may be left out."""
    pairs = list(pairs)
    draw = torch.Generator().manual_seed(seed)
    their_parameters = dict(theirs.named_parameters())
    assert {pair.theirs for pair in pairs} ^ set(their_parameters) == set()
    assert len(pairs) == len(their_parameters)
    assert {name for pair in pairs for name in pair.ours} ^ {name for name, _ in model.named_parameters()} == set()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.05)
        for pair in pairs:
            whole = torch.cat([model.get_parameter(name) for name in pair.ours]) * pair.scale + pair.shift
            their_parameters[pair.theirs].copy_(whole.view_as(their_parameters[pair.theirs]))


def loss(output: Tensor, mask: Tensor | None = None) -> Tensor:
    """A number that depends on every output that counts, differently."""
    chosen = output if mask is None else output[mask]
    return (chosen * torch.linspace(-1, 1, chosen.numel()).view(chosen.shape)).sum() / chosen.shape[0]


def assert_close(ours: Tensor, theirs: Tensor, what: str = "output") -> None:
    assert ours.shape == theirs.shape, what
    assert (ours - theirs).abs().max().item() < TOLERANCE, what


def assert_same_gradients(model: Transformer, theirs: nn.Module, pairs: Iterable[Same]) -> None:
    """Every parameter's gradient: the sum over their copies of what we store once."""
    expected: dict[str, Tensor] = {}
    their_parameters = dict(theirs.named_parameters())
    for pair in pairs:
        gradient = their_parameters[pair.theirs].grad
        assert gradient is not None, pair.theirs
        ours = [model.get_parameter(name) for name in pair.ours]
        whole = gradient.reshape(-1, *ours[0].shape[1:]) * pair.scale
        for name, part in zip(pair.ours, whole.split([len(one) for one in ours]), strict=True):
            expected[name] = expected.get(name, torch.zeros_like(part)) + part
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert_close(parameter.grad, expected[name], name)
        if not (name.endswith("bias") and any(part in name for part in NO_EFFECT)):
            # Two gradients of nothing would be equal too.
            assert expected[name].abs().max() > 100 * TOLERANCE, name
