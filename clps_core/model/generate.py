"""Greedy decoding. Start at greedy."""

from __future__ import annotations

import torch
from torch import Tensor

from clps_core.errors import DataError
from clps_core.model.transformer import DecoderState, Transformer
from clps_core.words import _

__all__ = ["greedy"]


@torch.inference_mode()
def greedy(
    model: Transformer, inputs: Tensor, input_mask: Tensor | None, bos_id: int, eos_id: int, max_len: int
) -> Tensor:
    """The most probable next token, again and again -> int64 ``[B, <= max_len]``.

    Encoder-decoder: translates ``inputs`` ``[B, S]``, starting from ``bos_id`` (not returned).
    Decoder: continues the prompts ``inputs``, which must be of one length (``bos_id`` is not used).
    After its first ``eos_id`` (which is returned) a row holds nothing but ``eos_id``. The model runs in
    evaluation mode and is left in the mode it was in. Raises ``DataError`` for unequal prompts or
    an encoder.
    """
    was_training = model.training
    model.eval()
    try:
        state, tokens = _start(model, inputs, input_mask, bos_id)
        room = (model.config.max_positions or 0) - tokens.shape[1] + 1
        return _continue(model, state, tokens, eos_id, min(max_len, room))
    finally:
        model.train(was_training)


def _start(model: Transformer, inputs: Tensor, input_mask: Tensor | None, bos_id: int) -> tuple[DecoderState, Tensor]:
    if model.config.family == "encoder_decoder":
        memory = model.encode(inputs, input_mask)
        first = torch.full((inputs.shape[0], 1), bos_id, dtype=torch.int64, device=inputs.device)
        return model.start_decoding(memory, input_mask, keep_past=True), first
    if model.config.family == "encoder":
        raise DataError(_("only a decoder or an encoder-decoder can generate. Got an encoder."))
    if input_mask is not None and not bool(input_mask.all()):
        raise DataError(_("prompts of one batch must be of one length. Got padding. Give them one by one."))
    return DecoderState(None, None, keep_past=True), inputs


def _continue(model: Transformer, state: DecoderState, tokens: Tensor, eos_id: int, max_len: int) -> Tensor:
    finished = torch.zeros(tokens.shape[0], dtype=torch.bool, device=tokens.device)
    found: list[Tensor] = []
    while len(found) < max_len and not bool(finished.all()):
        states = model.decode(tokens, state)
        best = model.logits(states[:, -1]).argmax(-1).masked_fill(finished, eos_id)
        finished = finished | (best == eos_id)
        found.append(best)
        tokens = best[:, None]
    if not found:
        return torch.empty(tokens.shape[0], 0, dtype=torch.int64, device=tokens.device)
    return torch.stack(found, 1)
