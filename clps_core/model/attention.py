"""Attention: masks, rotary positions, and the two ways to mix values. Start at attend.

Shape letters: B examples, H heads, K heads of keys and values, T queries, S keys, C width of a head.
Heads come first, so that heads and examples merge into one batch of matrix products without a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Mask", "attend", "explicit_is_faster", "make_mask", "remix", "rotary_tables", "rotate"]

EXPLICIT_UP_TO_KEYS = 128
"""Up to this many keys, plain matmul-softmax beats the fused kernel on a CPU.

Measured 2026-11-21, torch 2.13, AMD EPYC (AVX2), fp32, forward and backward, 1 and 2 threads, with and
without masks: 0.4-1.0 of the fused kernel's time at 16-128 keys, 1.0-1.2 at 256, 1.3-2.3 at 512 and more.
"""


@dataclass(frozen=True)
class Mask:
    """Who may look at whom.

    ``additive`` ``[B or 1, 1, T or 1, S]`` is added to the scores of every head: 0 where a query may look, a
    large negative number elsewhere (finite, so that a row that may look nowhere gives no NaN).
    ``causal`` stands for the plain causal mask where the fused kernel builds it by itself.
    """

    additive: Tensor | None = None
    causal: bool = False


def explicit_is_faster(device: torch.device, num_keys: int) -> bool:
    """Whether matmul-softmax is the fast path; a fact of device and shape only, so that runs repeat exactly."""
    return device.type == "cpu" and num_keys <= EXPLICIT_UP_TO_KEYS


def make_mask(
    real_BS: Tensor | None, num_queries: int, num_keys: int, *, causal: bool, like: Tensor, explicit: bool
) -> Mask:
    """The mask of one stack and forward.

    ``real_BS``: True where a key is a real token, ``None`` for all. ``causal``: query t sees keys up to
    ``num_keys - num_queries + t``. ``like`` gives device and type of the scores.
    """
    if real_BS is not None and real_BS.device.type == "cpu" and bool(real_BS.all()):
        real_BS = None
    causal = causal and num_queries > 1
    if real_BS is None and causal and not explicit and num_queries == num_keys:
        return Mask(causal=True)
    dtype = torch.get_autocast_dtype(like.device.type) if torch.is_autocast_enabled(like.device.type) else like.dtype
    refused = max(torch.finfo(dtype).min / 2, -1e30)
    additive: Tensor | None = None
    if causal:
        full = torch.full((num_queries, num_keys), refused, dtype=dtype, device=like.device)
        additive = full.triu(num_keys - num_queries + 1)[None, None]
    if real_BS is not None:
        padding = torch.zeros(real_BS.shape, dtype=dtype, device=like.device).masked_fill_(~real_BS, refused)
        padding = padding[:, None, None, :]
        additive = padding if additive is None else torch.minimum(padding, additive)
    return Mask(additive)


def attend(
    q_HBTC: Tensor,
    k_KBSC: Tensor,
    v_KBSC: Tensor,
    mask: Mask,
    *,
    explicit: bool,
    told: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, equation 1) -> ``[B, T, H * C]``.

    Query head h reads key head ``h // (H / K)`` (grouped-query attention, arXiv 2305.13245). ``told``
    gets the probabilities ``[B, H, T, S]`` and gives back those that are used; it needs ``explicit``.
    """
    assert explicit or told is None
    groups = q_HBTC.shape[0] // k_KBSC.shape[0]
    if groups > 1:
        k_KBSC, v_KBSC = k_KBSC.repeat_interleave(groups, 0), v_KBSC.repeat_interleave(groups, 0)
    if explicit:
        mixed_HBTC = _mix(q_HBTC, k_KBSC, v_KBSC, mask, told)
        return mixed_HBTC.permute(1, 2, 0, 3).flatten(2)
    q, k, v = (heads.transpose(0, 1) for heads in (q_HBTC, k_KBSC, v_KBSC))
    mixed_BHTC = F.scaled_dot_product_attention(q, k, v, mask.additive, is_causal=mask.causal)
    return mixed_BHTC.transpose(1, 2).flatten(2)


def _mix(q: Tensor, k: Tensor, v: Tensor, mask: Mask, told: Callable[[Tensor], Tensor] | None) -> Tensor:
    """The explicit path: scores, softmax, weighted sum; one matrix product for all heads and examples each."""
    assert not mask.causal
    heads, examples, queries, width = q.shape
    # The mask enters as the matrix that the product is added to: no pass of its own over the scores.
    added = q.new_empty(()) if mask.additive is None else _per_head(mask.additive, heads)
    scores = torch.baddbmm(
        added,
        q.flatten(0, 1),
        k.flatten(0, 1).transpose(1, 2),
        beta=0 if mask.additive is None else 1,
        alpha=width**-0.5,
    )
    probabilities = scores.softmax(-1)
    if told is not None:
        used = told(probabilities.view(heads, examples, queries, -1).transpose(0, 1))
        probabilities = used.transpose(0, 1).flatten(0, 1)
    return torch.bmm(probabilities.to(v.dtype), v.flatten(0, 1)).view(heads, examples, queries, width)


def remix(probabilities_BHTS: Tensor, v_KBSC: Tensor) -> Tensor:
    """Values mixed by probabilities that another layer has computed -> ``[B, T, H * C]``."""
    examples, heads, queries, _keys = probabilities_BHTS.shape
    if heads > v_KBSC.shape[0]:
        v_KBSC = v_KBSC.repeat_interleave(heads // v_KBSC.shape[0], 0)
    flat = probabilities_BHTS.transpose(0, 1).flatten(0, 1).to(v_KBSC.dtype)
    mixed_HBTC = torch.bmm(flat, v_KBSC.flatten(0, 1)).view(heads, examples, queries, -1)
    return mixed_HBTC.permute(1, 2, 0, 3).flatten(2)


def _per_head(additive_B1TS: Tensor, heads: int) -> Tensor:
    """``[B, 1, T or 1, S]`` -> ``[H * B or 1, T or 1, S]``."""
    of_examples = additive_B1TS[:, 0]
    return of_examples if of_examples.shape[0] == 1 else of_examples.repeat(heads, 1, 1)


def rotary_tables(num_positions: int, head_size: int, base: float) -> Tensor:
    """Cosines and sines ``[2, num_positions, head_size]`` (RoFormer, arXiv 2104.09864, equation 34)."""
    rate = base ** (-torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angle = torch.arange(num_positions, dtype=torch.float64)[:, None] * rate
    angle = torch.cat([angle, angle], -1)
    return torch.stack([angle.cos(), angle.sin()]).float()


def rotate(x_HBTC: Tensor, tables_2TC: Tensor) -> Tensor:
    """Turn each pair (c, c + C/2) of a head by its position's angle."""
    first, second = x_HBTC.chunk(2, -1)
    cosine, sine = tables_2TC
    turned = torch.cat([-second, first], -1)
    return torch.add(x_HBTC * cosine, turned * sine).to(x_HBTC.dtype)
