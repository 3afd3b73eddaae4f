"""Sizes and kinds of one Transformer. Start at ModelConfig."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clps_core.words import _, ngettext

__all__ = ["Fraction", "Frozen", "ModelConfig", "PositiveInt", "usual_sizes"]

MOST_HEADS, MOST_WIDTH = 1024, 65536

PositiveInt = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Frozen(BaseModel):
    """A part of a config: never changed, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


WIDTH_OF_HEAD = 64
GATED = "swiglu"


def usual_sizes(d_model: int, activation: str = "gelu") -> dict[str, int]:
    """``d_ff`` and ``num_heads`` that models of this width usually have.

    ``d_ff`` is 4 d_model (Vaswani et al. 2017, arXiv 1706.03762). A gated network has a third matrix, so that
    8/3 d_model makes it as large (Shazeer 2020, arXiv 2002.05202), rounded up to a multiple of 256 as in LLaMA
    (Touvron et al. 2023, arXiv 2302.13971), of 64 below d_model 1024. A head is 64 wide, or as near to that from
    above as divides ``d_model``.
    """
    d_ff = 4 * d_model
    if activation == GATED:
        step = 256 if d_model >= 1024 else 64
        d_ff = -(-8 * d_model // 3 // step) * step
    most = max(1, d_model // WIDTH_OF_HEAD)
    return {"d_ff": d_ff, "num_heads": next((n for n in range(most, 0, -1) if d_model % n == 0), 1)}


def _either(numbers: Sequence[int]) -> str:
    return _(" or ").join(map(str, numbers))


def _heads(numbers: Sequence[int]) -> str:
    return ngettext("{numbers} head", "{numbers} heads", numbers[-1], numbers=_either(numbers))


class ModelConfig(Frozen):
    """Sizes and kinds of one Transformer; fields left ``None`` are filled in by ``resolve``."""

    family: Literal["decoder", "encoder_decoder", "encoder"] = "decoder"
    num_layers: Annotated[int, Field(ge=1, le=512)] = 4
    """Executed layers of the (only, or encoder) stack."""
    num_decoder_layers: Annotated[int, Field(ge=1, le=512)] | None = None
    """Executed decoder layers of an encoder-decoder; ``num_layers`` if not given."""
    d_model: Annotated[int, Field(ge=1, le=65536)] = 128
    d_ff: Annotated[int, Field(ge=1, le=262144)] = 512
    """Width of the feed-forward network; by ``usual_sizes`` where ``d_model`` alone is given."""
    num_heads: Annotated[int, Field(ge=1, le=1024)] = 4
    """Attention heads; by ``usual_sizes`` where ``d_model`` alone is given."""
    num_kv_heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Heads of keys and values (grouped-query attention); ``num_heads`` if not given."""
    head_dim: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Width of one head; ``d_model / num_heads`` if not given."""
    vocab_size: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    embedding_size: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Width of the embedding table before it is projected to ``d_model``; ``d_model`` if not given."""
    max_positions: Annotated[int, Field(ge=1, le=1_048_576)] | None = None
    """Longest input in tokens (for learned positions: rows of their table)."""
    token_types: Annotated[int, Field(ge=0, le=64)] = 0
    """Rows of a token-type (segment) embedding; 0 for none."""
    patch_dim: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Numbers in one image patch; ``None`` for models of tokens."""
    num_classes: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    class_token: bool = False
    """A learned vector before the patches; classes are read off its position (ViT, arXiv 2010.11929)."""
    positions: Literal["sinusoidal", "learned", "rotary", "none"] = "sinusoidal"
    activation: Literal["relu", "gelu", "swiglu"] = "gelu"
    norm: Literal["layernorm", "rmsnorm"] = "layernorm"
    norm_position: Literal["pre", "post"] = "pre"
    norm_eps: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    final_norm: bool | None = None
    """A norm after the last layer of each stack; by default with pre-norm only."""
    embedding_norm: bool = False
    """A norm on the sum of the embeddings (BERT, ALBERT)."""
    bias: bool = True
    """Biases in linear layers and layer norms."""
    dropout: Fraction = 0.0
    pooler: bool = False
    """A tanh layer on the first position (BERT)."""
    head: Literal["lm", "classes", "none"] | None = None
    """What stands on top; by default ``classes`` for an encoder with classes, ``lm`` for decoders."""
    tie_embeddings: Literal["none", "output", "all"] = "all"
    """``output``: the output layer is the (decoder's) embedding; ``all``: the encoder's as well."""
    rotary_base: Annotated[float, Field(gt=0)] = 10_000.0

    @property
    def decoder_layers(self) -> int:
        """Executed decoder layers: ``num_decoder_layers``, or ``num_layers``."""
        return self.num_decoder_layers or self.num_layers

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.num_kv_heads or self.num_heads

    @property
    def head_size(self) -> int:
        """Width of one head."""
        return self.head_dim or self.d_model // self.num_heads

    @property
    def embedding_width(self) -> int:
        """Width of the embedding table."""
        return self.embedding_size or self.d_model

    @property
    def has_final_norm(self) -> bool:
        """Whether each stack ends in a norm."""
        return self.final_norm if self.final_norm is not None else self.norm_position == "pre"

    @property
    def output(self) -> str:
        """What stands on top of the last layer: ``lm``, ``classes`` or ``none``."""
        if self.head is not None:
            return self.head
        if self.family != "encoder":
            return "lm"
        return "classes" if self.num_classes else "none"

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: Any) -> Any:
        """A model of a width goes by the usual rule where it says nothing else, not by another width's sizes."""
        if not isinstance(given, Mapping) or not isinstance(given.get("d_model"), int):
            return given
        heads = given.get("num_heads") or (given.get("head_dim") and cls.model_fields["num_heads"].default)
        usual = usual_sizes(given["d_model"], str(given.get("activation", "")))
        return {"d_ff": usual["d_ff"], "num_heads": heads or usual["num_heads"], **given}

    def _heads_that_fit(self) -> list[int]:
        """The numbers of heads nearest to ``num_heads`` that divide ``d_model``: one, or two that are as near."""
        step = self.num_kv_heads or 1
        fitting = [n for n in range(step, MOST_HEADS + 1, step) if self.d_model % n == 0]
        nearest = min((abs(n - self.num_heads) for n in fitting), default=0)
        return [n for n in fitting if abs(n - self.num_heads) == nearest] or [1]

    def _widths_that_fit(self) -> list[int]:
        """The multiples of ``num_heads`` below and above ``d_model``."""
        below = self.d_model // self.num_heads * self.num_heads
        return [n for n in (below, below + self.num_heads) if 1 <= n <= MOST_WIDTH]

    @model_validator(mode="after")
    def _sizes_fit(self) -> ModelConfig:
        if self.head_dim is None and self.d_model % self.num_heads:
            raise ValueError(
                _(
                    "d_model must be divisible by num_heads. Got {d_model} and {num_heads}. "
                    "Take {heads}, or a d_model of {widths}, or set head_dim.",
                    d_model=self.d_model,
                    num_heads=self.num_heads,
                    heads=_heads(self._heads_that_fit()),
                    widths=_either(self._widths_that_fit()),
                )
            )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                _(
                    "num_heads must be a multiple of num_kv_heads. Got {heads} and {kv_heads}. Change one of them.",
                    heads=self.num_heads,
                    kv_heads=self.kv_heads,
                )
            )
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(
                _(
                    "rotary positions need an even width of a head. Got {got}. Change d_model, num_heads or head_dim.",
                    got=self.head_size,
                )
            )
        if self.embedding_width > self.d_model:
            raise ValueError(
                _(
                    "embedding_size must be at most d_model ({d_model}). Got {got}. Lower it.",
                    d_model=self.d_model,
                    got=self.embedding_size,
                )
            )
        if self.num_decoder_layers is not None and self.family != "encoder_decoder":
            raise ValueError(
                _(
                    "num_decoder_layers belongs to family encoder_decoder. Got family {family}. Leave it out.",
                    family=self.family,
                )
            )
        if self.family == "encoder" and self.output == "lm":
            raise ValueError(
                _("an encoder's head must be classes or none. Got lm. Use family decoder for a language model.")
            )
        if self.output == "classes" and self.family != "encoder":
            raise ValueError(_("head classes needs family encoder. Got {family}. Use head lm.", family=self.family))
        if self.patch_dim is not None and self.family != "encoder":
            raise ValueError(_("image patches need family encoder. Got {family}.", family=self.family))
        if self.class_token and (self.family != "encoder" or (self.patch_dim is None and self.vocab_size is not None)):
            raise ValueError(
                _("a class token must stand before the patches of an encoder. Got a model of tokens. Leave it out.")
            )
        if self.pooler and self.family != "encoder":
            raise ValueError(_("a pooler needs family encoder. Got {family}. Leave it out.", family=self.family))
        return self
