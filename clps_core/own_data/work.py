"""What runs of a person's own data do: classify, translate or continue, by the family of their model.

Translations are scored by BLEU and chrF as well; the others write no whole answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.data.bleu import written_scores, written_signatures
from clps_core.work import Loss, Scores, classes, continuation, translation
from clps_core.work.answers import Answer, Opened
from clps_core.work.losses import token_loss as loss

__all__ = ["answer", "loss", "scores", "written_scores", "written_signatures"]

BY_FAMILY: Mapping[str, Any] = {"encoder": classes, "encoder_decoder": translation, "decoder": continuation}


def scores(config: RunConfig, loss: Loss, /) -> Scores:
    """New scores for an evaluation."""
    found: Scores = BY_FAMILY[config.model.family].scores(config, loss)
    return found


def answer(run: Opened, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The class, the translation or the continuation."""
    found: Answer = BY_FAMILY[run.config.model.family].answer(run, inputs, target_text, options, loops)
    return found
