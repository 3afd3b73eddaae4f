"""What runs of people's own sounds do that write at positions: CTC over characters, scored by words and characters."""

from __future__ import annotations

from clps_core.config import RunConfig
from clps_core.work import Loss
from clps_core.work.ctc import CtcScores, answer, loss

__all__ = ["CharacterScores", "answer", "loss", "scores"]

BASE = 0x10000
"""Labels are compared as the characters from here on: none of them is a blank."""


class CharacterScores(CtcScores):
    """``loss``, word and character error rate and ``exact_match`` of labels that are characters."""

    def spelt(self, labels: list[int], classes: int, *, right: bool) -> str:
        """``labels`` as a text whose words and characters can be compared: label 0 is the blank between words.

        The last of the ``classes`` stands for characters that training does not have: as a ``right`` answer it is
        another sign than as one that was written, so that it is an error whatever a model writes.
        """
        return "".join(
            " " if one == 0 else chr(BASE + one + (classes if right and one == classes - 1 else 0)) for one in labels
        )


def scores(config: RunConfig, loss: Loss, /) -> CharacterScores:
    """New scores for an evaluation."""
    return CharacterScores(config, loss)
