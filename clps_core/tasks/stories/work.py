"""What runs of ``stories`` do: they say where what is asked for is.

``needs_1`` ...: of the questions whose answer needs this many sentences.
"""

from clps_core.tasks.stories.rules import LEAST
from clps_core.work.positions import answer, graded_scores, loss

__all__ = ["answer", "loss", "scores"]

scores = graded_scores(
    lambda config: {f"needs_{number}": number for number in range(1, (config.data.difficulty or LEAST) + 1)}
)
