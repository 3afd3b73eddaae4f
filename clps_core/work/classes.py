"""Loss, scores and answer of a classifier. Start at answer."""

from __future__ import annotations

from collections.abc import Mapping

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, image_of, ranked, refuse_target
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores

__all__ = ["ClassScores", "answer", "loss", "scores"]


class ClassScores(TokenScores):
    """``loss`` and ``accuracy``."""

    def values(self) -> dict[str, float]:
        """By metric."""
        return {"loss": self.loss, "accuracy": self.accuracy}


def scores(config: RunConfig, loss: Loss, /) -> ClassScores:
    """New scores for an evaluation."""
    return ClassScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The classes by probability."""
    data = run.data
    refuse_target(data, target_text)
    found = capture(run.model, inputs, loops=loops)
    has_classes = run.config.model.output == "classes"
    guesses = ranked(found.logits, lambda label: data.decode([label])) if has_classes else ()
    return Answer(
        found,
        prediction=guesses[0].label if guesses else "",
        guesses=guesses,
        image=image_of(inputs) if data.facts.input_kind == "image" else None,
    )
