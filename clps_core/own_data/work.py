"""What runs of a person's own data do: classify, translate, continue or fill masks, by family and head of the model.

Translations are scored by BLEU and chrF as well; the others write no whole answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clps_core.config import RunConfig
from clps_core.data.base import Array, Batch
from clps_core.data.bleu import written_scores, written_signatures
from clps_core.own_data.speech import work as speech
from clps_core.work import Loss, Scores, classes, continuation, masked, spans, translation
from clps_core.work.answers import Answer, Opened
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import labels_that_count, token_loss

__all__ = ["answer", "counted", "loss", "scores", "written_scores", "written_signatures"]

BY_FAMILY: Mapping[str, Any] = {"encoder": classes, "encoder_decoder": translation, "decoder": continuation}


class _Pictures:
    """Of pictures: as ``classes``, with the share of right classes among the first answers."""

    scores = staticmethod(classes.top_scores)
    answer = staticmethod(classes.answer)


def _of(config: RunConfig) -> Any:
    """The module of what models like that of ``config`` do."""
    model = config.model
    if model.output == "span":
        return spans
    if model.output == "ctc":
        return speech
    if (model.family, model.output) == ("encoder", "classes") and model.patch_dim is not None:
        return _Pictures
    return masked if (model.family, model.output) == ("encoder", "lm") else BY_FAMILY[model.family]


def loss(output: Any, batch: DeviceBatch, config: RunConfig, /) -> Any:
    """That of marked answers, else the mean cross-entropy of the labels that count, of the model's tensor."""
    return _usual_loss(config)(output, batch, config)


def counted(batch: Batch, config: RunConfig, /) -> int:
    """How many things ``loss`` is the mean over: answers where such are marked, else labels that count."""
    return spans.counted(batch, config) if config.model.output == "span" else labels_that_count(batch)


def _usual_loss(config: RunConfig) -> Loss:
    own: Mapping[str, Loss] = {"span": spans.loss, "ctc": speech.loss}
    return own.get(config.model.output, token_loss)


def scores(config: RunConfig, measured: Loss, /) -> Scores:
    """New scores for an evaluation."""
    usual = measured is loss  # its parts are known to be sums over what counts
    found: Scores = _of(config).scores(config, _usual_loss(config) if usual else measured)
    return found


def answer(run: Opened, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The class, the translation, the continuation or the filled text."""
    found: Answer = _of(run.config).answer(run, inputs, target_text, options, loops)
    return found
