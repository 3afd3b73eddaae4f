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
from clps_core.model.attention import Mask, attend, remix, rotate
from clps_core.model.bank import Joined
from clps_core.model.dropout import drop
from clps_core.model.extras import LayerExtras
from clps_core.shapes import merging_is_cheaper
from clps_core.sharing.sources import Reuse

__all__ = ["Editor", "KeyValue", "Layer", "PartReader", "Recorder", "StackPass"]

KeyValue = tuple[Tensor | None, Tensor]
PartReader = Callable[[str, int, str, Tensor], None]
"""Told of each step inside a layer: stack, executed position, name of the step, tensor.

Steps of a branch (``attn``, ``cross``, ``ffn``): ``attn.reads`` [B, T, D] is what it computes from, ``attn.adds`` what
it adds, ``attn.state`` the state after it. Self-attention also tells ``q`` [H, B, T, C], ``k`` and ``v`` [K, B, S, C],
as they meet, and ``mixed`` [B, T, H * C]; the feed-forward network ``hidden`` [B, T, d_ff], after its activation.
"""


class Recorder(Protocol):
    """Told what happens inside; with one, attention takes the explicit path."""

    def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
        """``kind`` is ``encoder``, ``decoder`` or ``cross``; ``probabilities`` are ``[B, H, T, S]``."""

    def hidden(self, stack: str, index: int, states: Tensor) -> None:
        """``states`` ``[B, T, D]`` before layer ``index``; after the last layer for ``index == num_layers``."""

    def after(self, stack: str, index: int, states: Tensor) -> None:
        """``states`` ``[B, T, D]`` after layer ``index``: the next one's without its depth signal or injected input."""


class Editor(Protocol):
    """Changes what happens inside, at executed position ``place``; gives back what it gets where nothing changes."""

    def heads(self, kind: str, place: int, mixed: Tensor) -> Tensor:
        """The heads' mixed values side by side ``[B, T, H * C]``; ``kind`` as in ``Recorder.attention``."""

    def branch(self, stack: str, place: int, sublayer: str, change: Tensor) -> Tensor:
        """What ``attention``, ``cross_attention`` or ``ffn`` adds to the state, ``[B, T, D]``."""

    def layer(self, stack: str, place: int, before: Tensor, after: Tensor, first: int) -> Tensor:
        """The layer's output ``after`` for its input ``before``, both ``[B, T, D]``; ``first``: position of state 0."""

    def order(self, stack: str, order: tuple[int, ...]) -> tuple[int, ...]:
        """For each executed position the layer that runs there, where ``order`` is the model's own."""

    def changes_patterns(self, stack: str) -> bool:
        """Whether ``pattern`` changes anything in this stack: its attention then takes the explicit path."""

    def pattern(self, kind: str, place: int, probabilities: Tensor, first: int) -> Tensor:
        """The attention ``[B, H, T, S]``; ``kind`` as in ``Recorder.attention``, ``first`` the position of query 0."""


SUBLAYER_OF_NORM = {"attn": "attention", "cross": "cross_attention", "ffn": "ffn"}


@dataclass
class StackPass:
    """What the layers of one stack have in common during one pass.

    ``past`` (decoding only) holds keys and values per *executed* layer: layers with the same weights still
    see different inputs, in every loop. Layers that read another's keys hold nothing there. ``first``: the position of
    the first state, after those of ``past``.
    ``memory_kv`` is different: the memory is the same for all layers, so layers that share cross_k and
    cross_v share the projected memory too. ``kv`` and ``probabilities`` hold, during one pass, what later
    layers read.
    """

    stack: str
    mask: Mask
    explicit: bool
    joined: Joined
    rotary: Tensor | None = None
    memory: Tensor | None = None
    memory_mask: Mask = field(default_factory=Mask)
    memory_explicit: bool = False
    memory_kv: dict[tuple[nn.Module, ...], tuple[Tensor, Tensor]] = field(default_factory=dict)
    recorder: Recorder | None = None
    editor: Editor | None = None
    parts: PartReader | None = None
    past: dict[int, KeyValue] | None = None
    first: int = 0
    kv: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    probabilities: dict[int, Tensor] = field(default_factory=dict)


class Layer(nn.Module):
    """One layer. Owns no parameters: ``weights`` and ``extras`` refer to modules registered elsewhere.

    Self-attention, then cross-attention where there are ``cross_`` weights, then the feed-forward network,
    each in a residual branch with its norm before (pre) or after the addition (post). Dropout falls
    on each branch's end, as in Vaswani et al. 2017, section 5.4. ``reuse`` says which earlier layer's
    keys and values, or probabilities, are read.
    """

    def __init__(
        self,
        config: ModelConfig,
        stack: str,
        index: int,
        weights: Mapping[str, nn.Module],
        reuse: Reuse,
        extras: LayerExtras,
    ) -> None:
        super().__init__()
        self.stack, self.index = stack, index
        self.heads, self.kv_heads, self.head_size = config.num_heads, config.kv_heads, config.head_size
        self.pre_norm = config.norm_position == "pre"
        self.activation = config.activation
        self.dropout = config.dropout
        self.kv_from = reuse.source("kv_source", index)
        self.attention_from = reuse.source("attention_source", index)
        self.kv_is_read = index in reuse.read("kv_source")
        self.attention_is_read = index in reuse.read("attention_source")
        # Plain dicts, not ModuleDicts: the bank alone registers parameters.
        self.weights = dict(weights)
        self.lora = dict(extras.lora)
        self.scales = dict(extras.scales)
        self.projected = tuple(name for name in ("q", "k", "v") if name in self.weights)

    def extra_repr(self) -> str:
        """What ``repr`` says of a layer."""
        return f"{self.stack} {self.index}: {', '.join(self.weights)}"

    def forward(self, x_BTD: Tensor, run: StackPass, place: int) -> Tensor:
        """``[B, T, D]`` -> ``[B, T, D]``; ``place`` is the executed position, ``index`` in an unchanged order."""
        before, branch = x_BTD, partial(self._branch, run=run, place=place)
        x_BTD = branch(x_BTD, "attn", partial(self._self_attention, run=run, place=place))
        if "cross_q" in self.weights:
            x_BTD = branch(x_BTD, "cross", partial(self._cross_attention, run=run, place=place))
        x_BTD = branch(x_BTD, "ffn", partial(self._feed_forward, run=run, place=place))
        return x_BTD if run.editor is None else run.editor.layer(self.stack, place, before, x_BTD, run.first)

    def _branch(
        self, x_BTD: Tensor, name: str, compute: Callable[[Tensor], Tensor], *, run: StackPass, place: int
    ) -> Tensor:
        norm = self.weights[f"norm_{name}"]
        reads = norm(x_BTD) if self.pre_norm else x_BTD
        change = compute(reads)
        if name in self.scales:
            change = change * self.scales[name].weight
        if run.editor is not None:
            change = run.editor.branch(self.stack, place, SUBLAYER_OF_NORM[name], change)
        total = x_BTD + drop(change, self.dropout, self.training)
        total = total if self.pre_norm else cast(Tensor, norm(total))
        self._tell(run, place, {f"{name}.reads": reads, f"{name}.adds": change, f"{name}.state": total})
        return total

    def _tell(self, run: StackPass, place: int, steps: Mapping[str, Tensor | None]) -> None:
        """Hand the steps that there are to who reads them."""
        if run.parts is not None:
            for name, tensor in steps.items():
                if tensor is not None:
                    run.parts(self.stack, place, name, tensor)

    def _self_attention(self, x_BTD: Tensor, run: StackPass, place: int) -> Tensor:
        q, k, v = self._queries_keys_values(x_BTD, run, place)
        if q is None:
            probabilities = run.probabilities[self.attention_from]
            if run.editor is not None:
                probabilities = run.editor.pattern(self.stack, place, probabilities, run.first)
            mixed = remix(probabilities, v)
            if run.recorder is not None:
                run.recorder.attention(self.stack, place, probabilities)
        else:
            assert k is not None
            told = self._told(self.stack, run, place)
            mixed = attend(q, k, v, run.mask, explicit=run.explicit, told=told)
        mixed = mixed if run.editor is None else run.editor.heads(self.stack, place, mixed)
        self._tell(run, place, {"q": q, "k": k, "v": v, "mixed": mixed})
        return self._linear("o", mixed)

    def _queries_keys_values(
        self, x_BTD: Tensor, run: StackPass, place: int
    ) -> tuple[Tensor | None, Tensor | None, Tensor]:
        """Heads of queries ``[H, B, T, C]``, keys and values ``[K, B, S, C]``, of this layer or of the one it reads.

        No queries and keys where probabilities are read.
        """
        # q, k and v come from one wide product; their heads stand side by side in its output.
        heads = self._project(x_BTD, self.projected, run.joined)
        queries = self.heads if "q" in self.projected else 0
        keys = self.kv_heads if "k" in self.projected else 0
        if run.rotary is not None and queries:
            turned = rotate(heads[: queries + keys], run.rotary)
            q, k = torch.split(turned, [queries, keys])
            v = heads[queries + keys :]
        else:
            q, k, v = torch.split(heads, [queries, keys, heads.shape[0] - queries - keys])
        if self.kv_from != self.index:
            return (q, *run.kv[self.kv_from])
        k_BTC, v = self._with_past(k if keys else None, v, run, place)
        if self.kv_is_read:
            assert k_BTC is not None
            run.kv[place] = k_BTC, v
        return q if queries else None, k_BTC, v

    def _with_past(self, k: Tensor | None, v: Tensor, run: StackPass, place: int) -> KeyValue:
        """Keys and values with those of the positions before, which this executed layer has seen."""
        if run.past is None:
            return k, v
        if place in run.past:
            past_k, past_v = run.past[place]
            v = torch.cat([past_v, v], 2)
            if k is not None and past_k is not None:
                k = torch.cat([past_k, k], 2)
        run.past[place] = k, v
        return k, v

    def _cross_attention(self, x_BTD: Tensor, run: StackPass, place: int) -> Tensor:
        q = self._project(x_BTD, ("cross_q",), run.joined)
        names = ("cross_k", "cross_v")
        loosened = [module for name in names if name in self.lora for module in self.lora[name]]
        key = (*self._linears(names), *loosened)
        if key not in run.memory_kv:
            assert run.memory is not None
            k, v = torch.split(self._project(run.memory, names, run.joined), self.kv_heads)
            run.memory_kv[key] = k, v
        k, v = run.memory_kv[key]
        told = self._told("cross", run, place)
        mixed = attend(q, k, v, run.memory_mask, explicit=run.memory_explicit, told=told)
        return self._linear("cross_o", mixed if run.editor is None else run.editor.heads("cross", place, mixed))

    def _feed_forward(self, x_BTD: Tensor, run: StackPass, place: int) -> Tensor:
        if self.activation == "swiglu":
            gate, value = self._joined(x_BTD, ("ffn_gate", "ffn_in"), run.joined).chunk(2, -1)
            inner = F.silu(gate) * value  # arXiv 2002.05202, equation 6
        else:
            inner = self._linear("ffn_in", x_BTD)
            inner = F.relu(inner) if self.activation == "relu" else F.gelu(inner)
        self._tell(run, place, {"hidden": inner})
        return self._linear("ffn_out", inner)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        """One linear component, with its LoRA where it has one."""
        module = cast(nn.Linear, self.weights[name])
        if name not in self.lora:
            return cast(Tensor, module(x))
        if _merging_is_cheaper(x, module):
            return F.linear(x, self._loosened(name), module.bias)
        return cast(Tensor, module(x)) + self._low_rank(name, x)

    def _joined(self, x: Tensor, names: tuple[str, ...], joined: Joined) -> Tensor:
        """Several linear components of one input side by side, in one product."""
        linears = self._linears(names)
        weight, bias = joined(linears)
        loosened = [name in self.lora for name in names]
        if not any(loosened):
            return F.linear(x, weight, bias)
        if _merging_is_cheaper(x, linears[0]):
            own = [
                self._loosened(name) if name in self.lora else linear.weight
                for name, linear in zip(names, linears, strict=True)
            ]
            return F.linear(x, torch.cat(own) if len(own) > 1 else own[0], bias)
        parts = torch.split(F.linear(x, weight, bias), [linear.out_features for linear in linears], -1)
        changed = [
            part + self._low_rank(name, x) if name in self.lora else part
            for name, part in zip(names, parts, strict=True)
        ]
        return torch.cat(changed, -1)

    def _loosened(self, name: str) -> Tensor:
        """``W + B A`` (LoRA, arXiv 2106.09685, equation 3, unscaled), ``[out, in]``."""
        down, up = self.lora[name]
        return torch.addmm(cast(Tensor, self.weights[name].weight), up.weight, down.weight)

    def _low_rank(self, name: str, x: Tensor) -> Tensor:
        """``B A x``, without the large matrix."""
        down, up = self.lora[name]
        return cast(Tensor, up(down(x)))

    def _project(self, x_BTD: Tensor, names: tuple[str, ...], joined: Joined) -> Tensor:
        """The heads of several projections one after the other, ``[heads, B, T, C]``."""
        projected = self._joined(x_BTD, names, joined)
        return projected.view(*projected.shape[:-1], -1, self.head_size).permute(2, 0, 1, 3).contiguous()

    def _linears(self, names: tuple[str, ...]) -> tuple[nn.Linear, ...]:
        return tuple(cast(nn.Linear, self.weights[name]) for name in names)

    def _told(self, kind: str, run: StackPass, place: int) -> Callable[[Tensor], Tensor] | None:
        """What ``attend`` does with the probabilities; ``None`` where nobody wants them."""
        recorder = run.recorder
        editor = run.editor if run.editor is not None and run.editor.changes_patterns(self.stack) else None
        kept = kind != "cross" and self.attention_is_read
        if recorder is None and editor is None and not kept:
            return None

        def told(probabilities: Tensor) -> Tensor:
            if editor is not None:
                probabilities = editor.pattern(kind, place, probabilities, run.first)
            if kept:
                run.probabilities[place] = probabilities
            if recorder is not None:
                recorder.attention(kind, place, probabilities)
            return probabilities

        return told


def _merging_is_cheaper(x: Tensor, linear: nn.Linear) -> bool:
    """``merging_is_cheaper`` for the product of ``x`` and the matrix of ``linear``."""
    rows, columns = linear.weight.shape
    return merging_is_cheaper(x.numel() // columns, rows, columns)
