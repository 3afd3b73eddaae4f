"""What runs of ``sums`` do: they say the digits of a sum, last one first.

``back_1`` ...: of the digits whose carry is decided this many digits back.
"""

from clps_core.tasks.sums import USUAL, grades
from clps_core.work.positions import answer, graded_scores, loss

__all__ = ["answer", "loss", "scores"]

scores = graded_scores(lambda config: grades(config.data.difficulty or USUAL))
