"""Whether sizes and kinds of one Transformer fit each other: one check for each part. Start at check_fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clps_core.words import _, either, ngettext

if TYPE_CHECKING:
    from clps_core.config.model import ModelConfig

__all__ = ["MOST_HEADS", "MOST_WIDTH", "check_fits"]

MOST_HEADS, MOST_WIDTH = 1024, 65536


def check_fits(model: ModelConfig) -> None:
    """Raise ``ValueError`` with one sentence for the first thing about ``model`` that does not fit."""
    _check_heads(model)
    _check_widths(model)
    _check_decoder_sizes(model)
    checks = {"lm": _check_lm, "classes": _check_classes, "span": _check_span, "ctc": _check_ctc}
    if model.output in checks:
        checks[model.output](model)
    _check_queries(model)
    _check_inputs(model)


def _check_heads(model: ModelConfig) -> None:
    if model.head_dim is None and model.d_model % model.num_heads:
        raise ValueError(
            _(
                "d_model must be divisible by num_heads. Got {d_model} and {num_heads}. Use {heads}, or a "
                "d_model of {widths}, or set head_dim.",
                d_model=model.d_model,
                num_heads=model.num_heads,
                heads=_heads(_heads_that_fit(model)),
                widths=_either(_widths_that_fit(model)),
            )
        )
    if model.num_heads % model.kv_heads:
        raise ValueError(
            _(
                "num_heads must be a multiple of num_kv_heads. Got {heads} and {kv_heads}. Change one of them.",
                heads=model.num_heads,
                kv_heads=model.kv_heads,
            )
        )


def _check_widths(model: ModelConfig) -> None:
    if model.positions == "rotary" and model.head_size % 2:
        raise ValueError(
            _(
                "with rotary positions, the width of a head must be even. Got {got}. Change d_model, num_heads "
                "or head_dim.",
                got=model.head_size,
            )
        )
    if model.embedding_width > model.d_model:
        raise ValueError(
            _(
                "embedding_size must be at most d_model ({d_model}). Got {got}. Lower it.",
                d_model=model.d_model,
                got=model.embedding_size,
            )
        )


def _check_decoder_sizes(model: ModelConfig) -> None:
    if model.num_decoder_layers is not None and model.family != "encoder_decoder":
        raise ValueError(
            _(
                "num_decoder_layers must only be given for family encoder_decoder. Got family {family}. Leave it out.",
                family=model.family,
            )
        )
    of_tokens = model.patch_dim is None and model.vocab_size is not None  # the task has not filled it in otherwise
    only_frames = model.family == "encoder_decoder" and not model.num_queries and not of_tokens
    if model.max_target_positions is not None and not only_frames:
        raise ValueError(
            _(
                "max_target_positions must only be given for an encoder-decoder of frames or patches that writes "
                "tokens. Got {got}. Leave it out.",
                got=model.max_target_positions,
            )
        )


def _check_lm(model: ModelConfig) -> None:
    if model.family == "encoder" and (model.patch_dim is not None or model.pooler):
        got = _("image patches") if model.patch_dim is not None else _("a pooler")
        raise ValueError(
            _(
                "an encoder with head lm predicts tokens at every position: it must read tokens, and must "
                "not have a pooler. Got {got}. Remove that, or use head classes or none.",
                got=got,
            )
        )


def _check_classes(model: ModelConfig) -> None:
    if model.family != "encoder":
        raise ValueError(
            _("head classes must only be used with family encoder. Got {family}. Use head lm.", family=model.family)
        )


def _check_span(model: ModelConfig) -> None:
    """Head span needs tokens to mark, and no parts that nothing would read."""
    got = {
        _("family {family}", family=model.family): model.family != "encoder",
        _("image patches"): model.patch_dim is not None,
        _("a class token"): model.class_token,
        _("a pooler"): model.pooler,
    }
    if bad := next((name for name, is_so in got.items() if is_so), None):
        raise ValueError(
            _(
                "head span marks tokens of the input: it must only be used with an encoder that reads "
                "tokens. Got {got}. Use another head.",
                got=bad,
            )
        )


def _check_ctc(model: ModelConfig) -> None:
    if model.family != "encoder" or model.class_token or model.pooler:
        raise ValueError(
            _(
                "head ctc gives each position of an encoder one of the classes or a blank: it must be used with "
                "family encoder, without a class token and without a pooler. Got family {family}. Change that, or "
                "use another head.",
                family=model.family,
            )
        )


def _check_queries(model: ModelConfig) -> None:
    """Queries, an encoder-decoder and head boxes come together."""
    if model.num_queries is not None and model.family != "encoder_decoder":
        raise ValueError(
            _(
                "num_queries must only be given for family encoder_decoder. Got family {family}. Leave it out.",
                family=model.family,
            )
        )
    if model.num_queries is not None and model.output != "boxes":
        raise ValueError(
            _("learned queries must be used with head boxes. Got head {head}. Leave it out.", head=model.output)
        )
    if model.num_queries is None and model.output == "boxes":
        raise ValueError(
            _("head boxes must be used with learned queries. Got none. Set num_queries, or use another head.")
        )


def _check_inputs(model: ModelConfig) -> None:
    """Patches, a class token and a pooler are parts of an encoder."""
    if model.patch_dim is not None and model.family == "decoder":
        raise ValueError(
            _(
                "image patches and sound frames must only be used with a model that has an encoder. Got family "
                "{family}. Use encoder or encoder_decoder.",
                family=model.family,
            )
        )
    if model.class_token and (model.family != "encoder" or (model.patch_dim is None and model.vocab_size is not None)):
        raise ValueError(_("a class token must only be used with image patches. Got a model of tokens. Leave it out."))
    if model.pooler and model.family != "encoder":
        raise ValueError(
            _("a pooler must only be used with family encoder. Got {family}. Leave it out.", family=model.family)
        )


def _heads_that_fit(model: ModelConfig) -> list[int]:
    """The numbers of heads nearest to ``num_heads`` that divide ``d_model``: one, or two that are as near."""
    step = model.num_kv_heads or 1
    fitting = [n for n in range(step, MOST_HEADS + 1, step) if model.d_model % n == 0]
    nearest = min((abs(n - model.num_heads) for n in fitting), default=0)
    return [n for n in fitting if abs(n - model.num_heads) == nearest] or [1]


def _widths_that_fit(model: ModelConfig) -> list[int]:
    """The multiples of ``num_heads`` below and above ``d_model``."""
    below = model.d_model // model.num_heads * model.num_heads
    return [n for n in (below, below + model.num_heads) if 1 <= n <= MOST_WIDTH]


def _either(numbers: Sequence[int]) -> str:
    return either(map(str, numbers))


def _heads(numbers: Sequence[int]) -> str:
    return ngettext("{numbers} head", "{numbers} heads", numbers[-1], numbers=_either(numbers))
