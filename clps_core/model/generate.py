"""Decoding token by token: greedy, or drawn at random. Start at generate, then write_on and Sampling.

Keys and values of every *executed* layer are kept, so a token costs one position and not the whole
text; ``keep_past=False`` computes everything again, which must give the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clps_core.errors import ConfigError, DataError
from clps_core.model.initial import seed_of
from clps_core.model.transformer import DecoderState, Transformer
from clps_core.words import _

__all__ = ["GREEDY", "Generated", "Sampling", "generate", "probabilities", "write_on"]


COLDEST = 0.01
"""Logits that are divided by less may be no numbers any more; 0 is what is meant."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen; the default takes the most probable one.

    ``temperature``: 0 is greedy; logits are divided by it. ``top_k``: only the k most probable tokens (Fan
    et al. 2018, arXiv 1805.04833). ``top_p``: only the fewest most probable tokens whose probabilities
    sum to at least p (nucleus sampling, Holtzman et al. 2019, arXiv 1904.09751); taken after ``top_k``.
    ``seed``: of the draws; a token's draw depends on it and on the token's place, so that a text can be written piece
    by piece. Raises ``ConfigError`` for values out of range.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature != 0 and not COLDEST <= self.temperature <= 100:
            raise ConfigError(
                _("temperature must be 0 or from {coldest} to 100. Got {got}.", coldest=COLDEST, got=self.temperature)
            )
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(_("top_k must be 1 or more. Got {got}. Leave it out for all tokens.", got=self.top_k))
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(_("top_p must be above 0 and at most 1. Got {got}.", got=self.top_p))
        if not 0 <= self.seed < 2**63:
            raise ConfigError(_("seed must be 0 or more. Got {got}.", got=self.seed))


GREEDY = Sampling()


@dataclass(frozen=True)
class Generated:
    """``tokens``: int64 ``[B, T]``; ``logits``: per token ``[B, V]``, from which it was chosen (none if not kept)."""

    tokens: Tensor
    logits: tuple[Tensor, ...] = ()


def generate(
    model: Transformer,
    inputs: Tensor,
    input_mask: Tensor | None,
    bos_id: int,
    eos_id: int,
    max_len: int,
    *,
    sampling: Sampling = GREEDY,
    loops: int | None = None,
    keep_past: bool = True,
) -> Tensor:
    """One next token after the other -> int64 ``[B, <= max_len]``.

    Encoder-decoder: translates ``inputs`` ``[B, S]``, starting from ``bos_id`` (not returned).
    Decoder: continues the prompts ``inputs``, which must be of one length (``bos_id`` is not used).
    After its first ``eos_id`` (which is returned) a row holds nothing but ``eos_id``. ``loops``: how often
    the core runs. The model runs in evaluation mode and is left in the mode it was in. Raises
    ``DataError`` for unequal prompts or an encoder, ``ConfigError`` for loops that cannot be.
    """
    return write_on(
        model, inputs, input_mask, bos_id, eos_id, max_len,
        sampling=sampling, loops=loops, keep_past=keep_past, keep_logits=False,
    ).tokens  # fmt: skip


@torch.inference_mode()
def write_on(
    model: Transformer,
    inputs: Tensor,
    input_mask: Tensor | None,
    bos_id: int,
    eos_id: int,
    max_len: int,
    *,
    so_far: Tensor | None = None,
    sampling: Sampling = GREEDY,
    loops: int | None = None,
    keep_past: bool = True,
    keep_logits: bool = True,
) -> Generated:
    """As ``generate``, with the logits, and going on after the tokens ``so_far`` ``[B, P]``, which have no end in them.

    What is written does not depend on where it was cut.
    """
    was_training = model.training
    model.eval()
    try:
        state, tokens = _start(model, inputs, input_mask, bos_id, loops, keep_past=keep_past)
        written = 0 if so_far is None else so_far.shape[1]
        if so_far is not None:
            tokens = torch.cat([tokens, so_far.to(tokens)], 1)
        room = model.longest_answer - tokens.shape[1] + 1
        found = _continue(model, state, tokens, eos_id, min(max_len, room), sampling, written, keep_logits=keep_logits)
    finally:
        model.train(was_training)
    return found


def _start(
    model: Transformer, inputs: Tensor, input_mask: Tensor | None, bos_id: int, loops: int | None, *, keep_past: bool
) -> tuple[DecoderState, Tensor]:
    if model.config.num_queries:
        raise DataError(_("text generation needs a decoder that reads tokens. Got one of learned queries."))
    if model.config.family == "encoder_decoder":
        memory = model.encode(inputs, input_mask, loops=loops)
        first = torch.full((inputs.shape[0], 1), bos_id, dtype=torch.int64, device=inputs.device)
        return model.start_decoding(memory, input_mask, keep_past=keep_past, loops=loops), first
    if model.config.family == "encoder":
        raise DataError(_("text generation needs a decoder or an encoder-decoder. Got an encoder."))
    if input_mask is not None and not bool(input_mask.all()):
        raise DataError(_("prompts of one batch must have the same length. Got padding. Pass them one by one."))
    return DecoderState(None, None, keep_past=keep_past, loops=loops), inputs


def _continue(
    model: Transformer,
    state: DecoderState,
    tokens: Tensor,
    eos_id: int,
    max_len: int,
    sampling: Sampling,
    written: int,
    *,
    keep_logits: bool,
) -> Generated:
    finished = torch.zeros(tokens.shape[0], dtype=torch.bool, device=tokens.device)
    found: list[Tensor] = []
    seen: list[Tensor] = []
    while len(found) < max_len and not bool(finished.all()):
        states = model.decode(tokens, state)
        logits = model.logits(states[:, -1])
        chosen = _choose(logits, sampling, written + len(found)).masked_fill(finished, eos_id)
        finished = finished | (chosen == eos_id)
        found.append(chosen)
        if keep_logits:
            seen.append(logits)
        tokens = chosen[:, None] if state.past is not None else torch.cat([tokens, chosen[:, None]], 1)
    if not found:
        return Generated(torch.empty(tokens.shape[0], 0, dtype=torch.int64, device=tokens.device))
    return Generated(torch.stack(found, 1), tuple(seen))


def _choose(logits_BV: Tensor, sampling: Sampling, place: int) -> Tensor:
    if sampling.temperature == 0:
        return logits_BV.argmax(-1)
    # Drawn on the CPU: one seed gives one text on every device (up to rounding of the logits).
    generator = torch.Generator().manual_seed(seed_of(sampling.seed, f"draw {place}"))
    drawn = torch.multinomial(probabilities(logits_BV, sampling).cpu(), 1, generator=generator)
    return drawn[:, 0].to(logits_BV.device)


def probabilities(logits_BV: Tensor, sampling: Sampling) -> Tensor:
    """What ``sampling`` (of a temperature above 0) draws from: fp32 ``[B, V]``, rows sum to 1."""
    scaled = logits_BV.float() / sampling.temperature
    if sampling.top_k is not None and sampling.top_k < scaled.shape[-1]:
        least = scaled.topk(sampling.top_k, -1).values[:, -1:]
        scaled = scaled.masked_fill(scaled < least, -torch.inf)
    found = scaled.softmax(-1)
    if sampling.top_p is not None and sampling.top_p < 1:
        ordered, places = found.sort(-1, descending=True)
        # A token goes if those before it already reach p; the first one always stays.
        surplus = ordered.cumsum(-1) - ordered >= sampling.top_p
        found = found.masked_fill(surplus.scatter(-1, places, surplus), 0)
        found = found / found.sum(-1, keepdim=True)
    return found
