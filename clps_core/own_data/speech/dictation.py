"""What runs of people's own sounds do that write one character after the other: an encoder-decoder."""

from __future__ import annotations

from clps_core.config import RunConfig
from clps_core.own_data.speech.spelling import UNKNOWN
from clps_core.work import Loss
from clps_core.work.transcription import TranscriptionScores, answer, loss

__all__ = ["DictationScores", "answer", "loss", "scores"]

WRITTEN = "\0"
"""What the sign for unknown characters is compared as where a model wrote it: it is no right answer."""


class DictationScores(TranscriptionScores):
    """``loss``, word and character error rate and ``exact_match``; a character that training lacks is an error."""

    def values(self) -> dict[str, float]:
        """By metric."""
        self._pairs = [(said.replace(UNKNOWN, WRITTEN), right) for said, right in self._pairs]
        return super().values()


def scores(config: RunConfig, loss: Loss, /) -> DictationScores:
    """New scores for an evaluation."""
    return DictationScores(config, loss)
