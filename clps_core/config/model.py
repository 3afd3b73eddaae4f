"""Sizes and kinds of one Transformer. Start at ModelConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clps_core.config.fitting import MOST_HEADS, MOST_WIDTH, check_fits
from clps_core.words import N_

__all__ = ["Fraction", "Frozen", "ModelConfig", "PositiveInt", "about", "usual_sizes"]

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


def about(text: str, unit: str = "") -> Any:
    """What a field means, for its reference (``reference.py``), and the ``unit`` of its value; names have none."""
    return Field(description=text, json_schema_extra={"unit": unit})


class ModelConfig(Frozen):
    """Sizes and kinds of one Transformer; fields left ``None`` are filled in by ``resolve``."""

    family: Annotated[
        Literal["decoder", "encoder_decoder", "encoder"],
        about(N_("Which stacks there are: a language model, a translator, or an encoder. Each task has its own.")),
    ] = "decoder"
    num_layers: Annotated[
        int,
        Field(ge=1, le=512),
        about(
            N_(
                "Executed layers of the only stack, or of the encoder. The strategy decides how many of them are "
                "stored."
            ),
            N_("layers"),
        ),
    ] = 4
    num_decoder_layers: Annotated[
        Annotated[int, Field(ge=1, le=512)] | None,
        about(N_("Executed decoder layers of an encoder-decoder. If not given: num_layers."), N_("layers")),
    ] = None
    d_model: Annotated[
        int,
        Field(ge=1, le=MOST_WIDTH),
        about(N_("Width of the model: the length of the vector for one token."), N_("numbers")),
    ] = 128
    d_ff: Annotated[
        int, Field(ge=1, le=262144), about(N_("Width of the feed-forward network inside each layer."), N_("numbers"))
    ] = 512
    num_heads: Annotated[
        int,
        Field(ge=1, le=MOST_HEADS),
        about(N_("Number of attention heads. d_model must be divisible by it, unless head_dim is given."), N_("heads")),
    ] = 4
    num_kv_heads: Annotated[
        Annotated[int, Field(ge=1, le=MOST_HEADS)] | None,
        about(
            N_(
                "Number of key-value heads (grouped-query attention). num_heads must be a multiple of it. If not "
                "given: num_heads."
            ),
            N_("heads"),
        ),
    ] = None
    head_dim: Annotated[
        Annotated[int, Field(ge=1, le=4096)] | None,
        about(N_("Width of one head. If not given: d_model / num_heads."), N_("numbers")),
    ] = None
    vocab_size: Annotated[
        Annotated[int, Field(ge=1, le=10_000_000)] | None,
        about(
            N_("Size of the vocabulary: rows of the token table. If not given: the task's vocabulary."), N_("tokens")
        ),
    ] = None
    embedding_size: Annotated[
        Annotated[int, Field(ge=1, le=65536)] | None,
        about(
            N_(
                "Width of the embedding table, which is then projected to d_model; at most d_model. If not "
                "given: d_model."
            ),
            N_("numbers"),
        ),
    ] = None
    max_positions: Annotated[
        Annotated[int, Field(ge=1, le=1_048_576)] | None,
        about(
            N_(
                "Longest input, including a class token; for learned positions, the rows of their table. If not "
                "given: the task's longest input."
            ),
            N_("positions"),
        ),
    ] = None
    token_types: Annotated[
        int,
        Field(ge=0, le=64),
        about(
            N_("Rows of a token-type (segment) table as in BERT; 0 for no table. Training uses row 0 only."), N_("rows")
        ),
    ] = 0
    patch_dim: Annotated[
        Annotated[int, Field(ge=1, le=65536)] | None,
        about(N_("Numbers in one image patch, for models of images only. If not given: the task's."), N_("numbers")),
    ] = None
    num_classes: Annotated[
        Annotated[int, Field(ge=1, le=1_000_000)] | None,
        about(N_("Number of classes of an encoder's classifier. If not given: the task's."), N_("classes")),
    ] = None
    num_queries: Annotated[
        Annotated[int, Field(ge=1, le=1024)] | None,
        about(
            N_(
                "Number of learned queries that the decoder of an encoder-decoder reads in place of tokens, all at "
                "once; each answers with one box and its class, or with no object (DETR, arXiv 2005.12872). If "
                "not given: the task's."
            ),
            N_("queries"),
        ),
    ] = None
    max_target_positions: Annotated[
        Annotated[int, Field(ge=1, le=1_048_576)] | None,
        about(
            N_(
                "Longest answer, with its end, that the decoder of an encoder-decoder of frames or patches writes. If "
                "not given: the task's longest answer."
            ),
            N_("positions"),
        ),
    ] = None
    class_token: Annotated[
        bool,
        about(
            N_(
                "A learned vector before the patches of an image; the class is predicted from its last state "
                "(ViT, arXiv 2010.11929)."
            )
        ),
    ] = False
    positions: Annotated[
        Literal["sinusoidal", "learned", "rotary", "none"], about(N_("How the model gets the order of its input."))
    ] = "sinusoidal"
    activation: Annotated[
        Literal["relu", "gelu", "swiglu"],
        about(N_("Activation of the feed-forward network; swiglu has a third matrix, the gate (arXiv 2002.05202).")),
    ] = "gelu"
    norm: Annotated[Literal["layernorm", "rmsnorm"], about(N_("Type of all norms."))] = "layernorm"
    norm_position: Annotated[
        Literal["pre", "post"],
        about(
            N_("pre: the norm is at the input of each block, inside the residual branch; post: after the residual sum.")
        ),
    ] = "pre"
    norm_eps: Annotated[
        float,
        Field(gt=0, lt=1),
        about(
            N_("Small number that norms add to the variance before they take the square root."),
            N_("squared activation"),
        ),
    ] = 1e-5
    final_norm: Annotated[
        bool | None, about(N_("A norm after the last layer of each stack. If not given: only with norm_position pre."))
    ] = None
    embedding_norm: Annotated[bool, about(N_("A norm on the sum of the embeddings (BERT, ALBERT)."))] = False
    bias: Annotated[bool, about(N_("Biases in linear layers and layer norms."))] = True
    dropout: Annotated[
        Fraction,
        about(N_("Dropout on the embeddings and on each block's output, in training only."), N_("probability")),
    ] = 0.0
    pooler: Annotated[bool, about(N_("A linear layer with tanh on the first position of an encoder (BERT)."))] = False
    head: Annotated[
        Literal["lm", "classes", "span", "ctc", "boxes", "none"] | None,
        about(
            N_(
                "Head of the model. If not given: classes for an encoder with classes, none for other encoders, boxes "
                "for a decoder of learned queries, lm for other decoders. An encoder with lm fills in masked "
                "tokens; with ctc, it gives each position one of the classes or a blank."
            )
        ),
    ] = None
    tie_embeddings: Annotated[
        Literal["none", "output", "all"],
        about(
            N_(
                "Weight tying. output: the output layer uses the token table of the (last) stack; all: the encoder "
                "uses the same token table, too; none: no tying."
            )
        ),
    ] = "all"
    rotary_base: Annotated[
        float,
        Field(gt=0),
        about(
            N_(
                "Base of the rotary angles: with a larger base, the angles grow more slowly with the position (arXiv "
                "2104.09864)."
            ),
            N_("ratio"),
        ),
    ] = 10_000.0

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

    def is_causal(self, kind: str) -> bool:
        """Whether attention of ``kind`` (``encoder``, ``decoder``, ``cross``) sees earlier positions only."""
        return kind == "decoder" and not self.num_queries

    @property
    def reads_frames(self) -> bool:
        """Whether an encoder reads frames or patches, and a decoder above it writes tokens."""
        return self.family == "encoder_decoder" and self.patch_dim is not None and not self.num_queries

    @property
    def decoder_positions(self) -> int | None:
        """Positions of a decoder that are not as many as the encoder's: learned queries, or the longest answer."""
        return self.num_queries or (self.max_target_positions if self.reads_frames else None)

    @property
    def has_final_norm(self) -> bool:
        """Whether each stack ends in a norm."""
        return self.final_norm if self.final_norm is not None else self.norm_position == "pre"

    @property
    def output(self) -> str:
        """What stands on the last layer: ``lm``, ``classes``, ``span`` (begin and end), ``ctc``, ``boxes`` or
        ``none``.
        """
        if self.head is not None:
            return self.head
        if self.family != "encoder":
            return "boxes" if self.num_queries else "lm"
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

    @model_validator(mode="after")
    def _fits(self) -> ModelConfig:
        check_fits(self)
        return self
