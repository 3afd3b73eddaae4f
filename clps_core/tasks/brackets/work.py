"""What runs of ``brackets`` do: they say after each closing bracket which one is still open.

``levels_1`` ...: of the answers behind closed brackets that were nested this many levels deep.
"""

from clps_core.tasks.brackets import USUAL, grades
from clps_core.work.positions import answer, graded_scores, loss

__all__ = ["answer", "loss", "scores"]

scores = graded_scores(lambda config: grades(config.data.difficulty or USUAL))
