"""Loss, scores and answer of an encoder-decoder that turns one text into another. Start at answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.model.generate import generate
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, best_next
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores

__all__ = ["TranslationScores", "answer", "loss", "scores"]


class TranslationScores(TokenScores):
    """``loss``, ``token_accuracy`` and ``exact_match``.

    ``token_accuracy``: share of positions whose most likely token is right, given the right tokens before it.
    ``exact_match``: share of examples whose *greedy decoding* is right as a whole. That needs no decoding: a greedy
    answer equals the target exactly if each most likely token, given the target's tokens before it, is the target's
    next one (by induction over positions).
    """

    def values(self) -> dict[str, float]:
        """By metric."""
        return {"loss": self.loss, "token_accuracy": self.accuracy, "exact_match": self.exact}


def scores(config: RunConfig, loss: Loss, /) -> TranslationScores:
    """New scores for an evaluation."""
    return TranslationScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The greedy answer, and attention under that answer or the typed target."""
    data = run.data
    longest = data.facts.max_target_len or run.config.model.max_positions or 1
    tokens = torch.from_numpy(inputs)
    said = generate(run.model, tokens, None, data.bos_id, data.eos_id, longest, loops=loops)[0].tolist()
    if target_text:
        decoder_inputs = data.encode_target(target_text, options=options)
    else:
        ended = said[: said.index(data.eos_id)] if data.eos_id in said else said
        # The last token of an answer that never ended is not read by the decoder: it has no position left.
        decoder_inputs = np.array([[data.bos_id, *ended][:longest]], dtype=np.int64)
    found = capture(run.model, inputs, decoder_inputs=decoder_inputs, loops=loops)
    return Answer(
        found,
        prediction=data.decode(said),
        target="typed" if target_text else "greedy",
        target_labels=tuple(data.token_labels(decoder_inputs[0])),
        next_tokens=best_next(found.logits, data),
        decoder_inputs=decoder_inputs,
    )
