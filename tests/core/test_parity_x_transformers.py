"""Layers in any order, as x-transformers executes them, are plain integers of ours: outputs and gradients.

x-transformers stores sub-layers (attention and feed-forward by turns) and takes a list of those to execute.
A list that alternates is a pair of maps here, one for attention and one for the feed-forward network.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace

import pytest
import torch
from parity import Same, assert_close, assert_same_gradients, both, copy_weights, loss, same
from tiny_models import tiny
from torch import nn

from clps_core.model.transformer import Transformer

with warnings.catch_warnings():
    # It decorates functions with torch.jit.script, which new versions of torch warn of.
    warnings.simplefilter("ignore", DeprecationWarning)
    from x_transformers import Decoder, Encoder

NAMES = {
    "q": "1.to_q", "k": "1.to_k", "v": "1.to_v", "o": "1.to_out",
    "ffn_in": "1.ff.0.0", "ffn_out": "1.ff.2",
}  # fmt: skip
ORDERS = [
    # Whole layers: 0 1 0.
    (0, 1, 2, 3, 0, 1),
    # Attention 0 1 0 with feed-forward networks 0 0 1.
    (0, 1, 2, 1, 0, 3),
    # Attention 0 2 2 1 with feed-forward networks 1 0 2 2: every part in an order of its own.
    (0, 3, 4, 1, 4, 5, 2, 5),
]
REAL = torch.ones(2, 9, dtype=torch.bool)
REAL[1, 6:] = False


def strategy(order: tuple[int, ...]) -> str:
    """The notation for an alternating order of sub-layers: even numbers are attention, odd ones feed-forward."""
    attention, ffn = ("-".join(str(one // 2) for one in order[start::2]) for start in (0, 1))
    return f"attention={attention},ffn={ffn}"


def norm(theirs: str, ours: str) -> Same:
    """Their weight of a norm is what is added to 1."""
    return same(f"{theirs}.gamma", f"{ours}.weight", shift=-1.0)


def pairs_of(model: Transformer, stack: str, order: tuple[int, ...]) -> list[Same]:
    """Their sub-layer ``order[2 * layer]`` holds attention and its norm, the next one the feed-forward network."""
    found = dict.fromkeys([norm("final_norm", f"{stack}_final_norm")])
    for site, slot in model.map.items():
        number = order[2 * site.layer + (site.component in ("ffn_in", "ffn_out", "norm_ffn"))]
        if site.component.startswith("norm"):
            found[norm(f"layers.{number}.0.0", f"bank.{slot}")] = None
        else:
            found |= dict.fromkeys(both(f"layers.{number}.{NAMES[site.component]}", f"bank.{slot}", bias=False))
    return list(found)


@pytest.mark.parametrize("order", ORDERS, ids=["whole", "parts", "any"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("family", ["encoder", "decoder"])
def test_an_execution_order_is_a_map(family: str, padded: bool, order: tuple[int, ...]) -> None:
    # Between 1 and all, heads of keys serve other queries there: h modulo K instead of h divided by H / K.
    sizes = {"num_heads": 4, "num_kv_heads": 1 if family == "decoder" else 4}
    model = tiny(strategy(order), family=family, num_layers=len(order) // 2, bias=False, **sizes)
    theirs = (Decoder if family == "decoder" else Encoder)(
        dim=16, depth=len(set(order)) // 2, heads=4, attn_dim_head=4, attn_kv_heads=sizes["num_kv_heads"],
        ff_mult=1.5, ff_no_bias=True, layers_execute_order=order,
    )  # fmt: skip
    embedding = copy.deepcopy(model.embedding)
    whole = nn.ModuleDict({"embedding": embedding, "stack": theirs})
    pairs = [same("embedding.tokens.weight", "embedding.tokens.weight")]
    pairs += [replace(pair, theirs=f"stack.{pair.theirs}") for pair in pairs_of(model, family, order)]
    copy_weights(model, whole, pairs)
    tokens = torch.randint(0, 11, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = REAL if padded else torch.ones_like(REAL)
    ours, expected = model(tokens, input_mask=mask), theirs(embedding(tokens), mask=mask)
    if family == "decoder":
        expected = expected @ embedding.tokens.weight.T
    assert_close(ours[mask], expected[mask])
    loss(ours, mask).backward()
    loss(expected, mask).backward()
    assert_same_gradients(model, whole, pairs)
