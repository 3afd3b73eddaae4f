"""How every weight starts. Start at the table, then initialise.

================================================  ===========================================
weight                                            drawn from
================================================  ===========================================
q, k, v, cross_q/k/v, ffn_in, ffn_gate            N(0, 1 / in_features)
o, cross_o, ffn_out (they end a residual branch)  N(0, 1 / (in_features x branches))
biases                                            0
norms                                             weight 1, bias 0
tokens, class token, learned positions, types     N(0, 1 / width), then scaled by sqrt(width)
patches, projection, pooler, head, injection      N(0, 1 / in_features)
LoRA                                              down N(0, 1 / in_features), up 0
learned depth embedding, layer scale              0, 1
================================================  ===========================================

``branches`` counts the residual branches a stack *executes* (2 per layer, 3 with cross-attention),
not the stored ones: a residual stream that adds one branch twelve times grows as if there were
twelve (GPT-2, Radford et al. 2019, section 2.3). Tokens, learned positions and token types are on
one scale; mixed scales can keep a model from learning to look at positions at all.

Every slot is drawn in fp32 on the CPU from a generator of its own, seeded by (seed, first site), and
everything outside the map by (seed, name). Two strategies with one seed therefore start from equal
weights wherever they both have a slot with the same first site.
"""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from clps_core.sharing import SharingMap

__all__ = ["initialise", "seed_of"]

ENDS_BRANCH = ("o", "cross_o", "ffn_out")


def seed_of(seed: int, name: str) -> int:
    """A 63-bit seed that depends on both; equal on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big") >> 1


@torch.no_grad()
def initialise(model: nn.Module, sharing_map: SharingMap, seed: int) -> None:
    """Set every parameter of ``model`` (a ``Transformer``) in place, by the table above."""
    inside = {f"bank.{slot}": sharing_map.sites(slot)[0] for slot in sharing_map.slots}
    for name, module in model.named_modules():
        if not module._parameters:
            continue
        site = inside.get(name)
        generator = torch.Generator().manual_seed(seed_of(seed, name if site is None else str(site)))
        divisor = 1
        if site is not None and site.component in ENDS_BRANCH:
            branches = 3 if "cross_o" in sharing_map.components(site.stack) else 2
            divisor = branches * sharing_map.num_layers(site.stack)
        _fill(module, generator, divisor)
        if name.startswith("extras.") and name.endswith((".up", ".depth")):
            # A loosened model starts equal to the tied one.
            module.get_parameter("weight").zero_()


def _fill(module: nn.Module, generator: torch.Generator, divisor: int) -> None:
    weight = module.get_parameter("weight")
    if isinstance(module, nn.Linear | nn.Embedding):
        weight.copy_(torch.randn(weight.shape, generator=generator) * (weight.shape[1] * divisor) ** -0.5)
    else:
        weight.fill_(1.0)
    bias = module._parameters.get("bias")
    if bias is not None:
        bias.zero_()
