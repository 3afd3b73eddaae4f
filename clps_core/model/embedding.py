"""From tokens or patches to the first layer's input. Start at Embedding.

Shape letters: B examples, T positions, E embedding width, D d_model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clps_core.config import ModelConfig
from clps_core.errors import DataError
from clps_core.model.bank import make_module
from clps_core.model.dropout import drop
from clps_core.shapes import OuterShape
from clps_core.words import _

__all__ = ["Embedding", "sinusoids"]


class Embedding(nn.Module):
    """Tokens (or patches) + positions (+ token type 0), then norm, dropout and projection, where there are any.

    A class token stands before the patches and has a position like them (ViT, arXiv 2010.11929, equation 1).
    Everything is added in the embedding width E. Tables are drawn with variance 1/E, which is the
    right scale for a tied output layer, and multiplied by sqrt(E) on the way in (Vaswani et al.
    2017, section 3.4), so that tokens, learned positions and the sinusoids (mean square 1/2) meet on
    one scale.
    """

    def __init__(self, config: ModelConfig, shapes: Mapping[str, OuterShape], max_positions: int) -> None:
        super().__init__()
        self.width = config.embedding_width
        self.dropout = config.dropout
        self.max_positions = max_positions
        for name, outer in shapes.items():
            if name in ("tokens", "class_token", "positions", "token_types"):
                rows, width = dict(outer.shapes)["weight"]
                # Not drawn on the meta device first, as unset_linear is: there normal_ imports torch's compiler.
                empty = torch.empty(rows, width)
                self.add_module(name, nn.Embedding.from_pretrained(empty, freeze=False))  # type: ignore[no-untyped-call]
            else:
                self.add_module(name, make_module(outer.shapes, config.norm, config.norm_eps))
        table = sinusoids(self.max_positions, self.width) if config.positions == "sinusoidal" else None
        self.register_buffer("sinusoids", table, persistent=False)

    @property
    def table(self) -> Tensor:
        """The token table ``[vocab_size, E]``, which a tied output layer reads."""
        return self.get_parameter("tokens.weight")

    def summands(self, inputs: Tensor) -> tuple[Tensor, Tensor] | None:
        """Of ``[B, T]`` tokens from position 0 on: what the tokens and what the positions add, ``[B, T, D]`` each.

        ``None`` where that sum is not what ``forward`` gives: for patches, a norm, a projection or token types.
        """
        parts = self._modules
        if "tokens" not in parts or {"norm", "projection", "token_types"} & set(parts):
            return None
        tokens = F.embedding(inputs, self.table) * math.sqrt(self.width)
        positions = torch.zeros_like(tokens)
        if "positions" in parts:
            positions = positions + self.get_parameter("positions.weight")[: inputs.shape[1]] * math.sqrt(self.width)
        if isinstance(self.sinusoids, Tensor):
            positions = positions + self.sinusoids[: inputs.shape[1]]
        return tokens, positions

    def forward(self, inputs: Tensor, start: int = 0) -> Tensor:
        """``[B, T]`` tokens or ``[B, T, patch_dim]`` patches, at positions from ``start`` on -> ``[B, T, D]``.

        With a class token ``[B, 1 + T, D]``.
        """
        parts = self._modules
        stop = start + inputs.shape[1] + ("class_token" in parts)
        if stop > self.max_positions:
            raise DataError(
                _(
                    "an input must have at most {limit} positions. Got {got}. Shorten it, or raise max_positions.",
                    limit=self.max_positions,
                    got=stop,
                )
            )
        scale = math.sqrt(self.width)
        tables = 0.0 if "positions" not in parts else self.get_parameter("positions.weight")[start:stop]
        if "token_types" in parts:
            tables = tables + self.get_parameter("token_types.weight")[0]
        if "tokens" in parts:
            x_BTE = (F.embedding(inputs, self.table) + tables) * scale
        else:
            # Under autocast a product is 16 bits wide; the residual stream that begins here is not.
            x_BTE = self.get_submodule("patches")(inputs).to(inputs.dtype)
            if "class_token" in parts:
                token_11E = self.get_parameter("class_token.weight")[None] * scale
                x_BTE = torch.cat([token_11E.expand(len(x_BTE), 1, -1), x_BTE], 1)
            x_BTE = x_BTE + tables * scale
        if isinstance(self.sinusoids, Tensor):
            x_BTE = x_BTE + self.sinusoids[start:stop]
        if "norm" in parts:
            x_BTE = self.get_submodule("norm")(x_BTE)
        x_BTE = drop(x_BTE, self.dropout, self.training)
        if "projection" not in parts:
            return x_BTE
        # As wide as the sum of the embeddings, also under autocast.
        return cast(Tensor, self.get_submodule("projection")(x_BTE)).to(x_BTE.dtype)


def sinusoids(num_positions: int, width: int) -> Tensor:
    """``[num_positions, width]`` of Vaswani et al. 2017, section 3.5: sines on even, cosines on odd columns."""
    position = torch.arange(num_positions, dtype=torch.float64)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width))
    table = torch.zeros(num_positions, width, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate[: width // 2])
    return table.float()
