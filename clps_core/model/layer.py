"""The one block of every family. Start at Layer.

Shape letters: B examples, T positions (queries), S keys, D d_model, H heads, K key heads, C width of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clps_core.config import ModelConfig
from clps_core.model.attention import Mask, attend, rotate
from clps_core.model.bank import Joined
from clps_core.model.dropout import drop

__all__ = ["Layer", "Recorder", "StackPass"]

KeyValue = tuple[Tensor, Tensor]


class Recorder(Protocol):
    """Told what happens inside; with one, attention takes the explicit path."""

    def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
        """``kind`` is ``encoder``, ``decoder`` or ``cross``; ``probabilities`` are ``[B, H, T, S]``."""

    def hidden(self, stack: str, index: int, states: Tensor) -> None:
        """``states`` ``[B, T, D]`` before layer ``index``; after the last layer for ``index == num_layers``."""


@dataclass
class StackPass:
    """What the layers of one stack have in common during one pass.

    ``past`` (greedy decoding only) holds keys and values per *executed* layer: layers with the same
    weights still see different inputs. ``memory_kv`` is different: the memory is the same for all
    layers, so layers that share cross_k and cross_v share the projected memory too.
    """

    stack: str
    mask: Mask
    explicit: bool
    joined: Joined
    rotary: Tensor | None = None
    memory: Tensor | None = None
    memory_mask: Mask = field(default_factory=Mask)
    memory_explicit: bool = False
    memory_kv: dict[tuple[nn.Linear, ...], KeyValue] = field(default_factory=dict)
    recorder: Recorder | None = None
    past: dict[int, KeyValue] | None = None


class Layer(nn.Module):
    """One executed layer. Owns no parameters: ``weights`` refers to modules of the bank, unregistered.

    Self-attention, then cross-attention where there are ``cross_`` weights, then the feed-forward network,
    each in a residual branch with its norm before (pre) or after the addition (post). Dropout falls
    on each branch's end, as in Vaswani et al. 2017, section 5.4.
    """

    def __init__(self, config: ModelConfig, stack: str, index: int, weights: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.stack, self.index = stack, index
        self.heads, self.kv_heads, self.head_size = config.num_heads, config.kv_heads, config.head_size
        self.pre_norm = config.norm_position == "pre"
        self.activation = config.activation
        self.dropout = config.dropout
        # A plain dict, not a ModuleDict: the bank alone registers parameters.
        self.weights = dict(weights)

    def extra_repr(self) -> str:
        """What ``repr`` says of a layer."""
        return f"{self.stack} {self.index}: {', '.join(self.weights)}"

    def forward(self, x_BTD: Tensor, run: StackPass) -> Tensor:
        """``[B, T, D]`` -> ``[B, T, D]``."""
        x_BTD = self._branch(x_BTD, "norm_attn", partial(self._self_attention, run=run))
        if "cross_q" in self.weights:
            x_BTD = self._branch(x_BTD, "norm_cross", partial(self._cross_attention, run=run))
        return self._branch(x_BTD, "norm_ffn", partial(self._feed_forward, run=run))

    def _branch(self, x_BTD: Tensor, norm_name: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
        norm = self.weights[norm_name]
        change = compute(norm(x_BTD) if self.pre_norm else x_BTD)
        total = x_BTD + drop(change, self.dropout, self.training)
        return total if self.pre_norm else cast(Tensor, norm(total))

    def _self_attention(self, x_BTD: Tensor, run: StackPass) -> Tensor:
        # q, k and v come from one wide product; their heads stand side by side in its output.
        heads = self._project(x_BTD, ("q", "k", "v"), run.joined)
        q, k, v = torch.split(heads, [self.heads, self.kv_heads, self.kv_heads])
        if run.rotary is not None:
            turned = rotate(heads[: self.heads + self.kv_heads], run.rotary)
            q, k = torch.split(turned, [self.heads, self.kv_heads])
        if run.past is not None:
            if self.index in run.past:
                past_k, past_v = run.past[self.index]
                k, v = torch.cat([past_k, k], 2), torch.cat([past_v, v], 2)
            run.past[self.index] = k, v
        mixed = attend(q, k, v, run.mask, explicit=run.explicit, record=self._record(self.stack, run))
        return cast(Tensor, self.weights["o"](mixed))

    def _cross_attention(self, x_BTD: Tensor, run: StackPass) -> Tensor:
        q = self._project(x_BTD, ("cross_q",), run.joined)
        key = self._linears(("cross_k", "cross_v"))
        if key not in run.memory_kv:
            assert run.memory is not None
            k, v = torch.split(self._project(run.memory, ("cross_k", "cross_v"), run.joined), self.kv_heads)
            run.memory_kv[key] = k, v
        k, v = run.memory_kv[key]
        record = self._record("cross", run)
        mixed = attend(q, k, v, run.memory_mask, explicit=run.memory_explicit, record=record)
        return cast(Tensor, self.weights["cross_o"](mixed))

    def _feed_forward(self, x_BTD: Tensor, run: StackPass) -> Tensor:
        if self.activation == "swiglu":
            weight, bias = run.joined(self._linears(("ffn_gate", "ffn_in")))
            gate, value = F.linear(x_BTD, weight, bias).chunk(2, -1)
            inner = F.silu(gate) * value  # arXiv 2002.05202, equation 6
        else:
            inner = self.weights["ffn_in"](x_BTD)
            inner = F.relu(inner) if self.activation == "relu" else F.gelu(inner)
        return cast(Tensor, self.weights["ffn_out"](inner))

    def _project(self, x_BTD: Tensor, names: tuple[str, ...], joined: Joined) -> Tensor:
        """The heads of several projections one after the other, ``[heads, B, T, C]``."""
        weight, bias = joined(self._linears(names))
        projected = F.linear(x_BTD, weight, bias)
        return projected.view(*projected.shape[:-1], -1, self.head_size).permute(2, 0, 1, 3).contiguous()

    def _linears(self, names: tuple[str, ...]) -> tuple[nn.Linear, ...]:
        return tuple(cast(nn.Linear, self.weights[name]) for name in names)

    def _record(self, kind: str, run: StackPass) -> Callable[[Tensor], None] | None:
        return None if run.recorder is None else partial(run.recorder.attention, kind, self.index)
