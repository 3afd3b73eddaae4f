"""What runs of ``hops`` do: they say where each number leads.

``moved_accuracy``: of the questions whose answer is not the number asked.
"""

from clps_core.tasks.hops.rules import NUMBERS
from clps_core.work.positions import answer, counted, loss, part_scores

__all__ = ["answer", "loss", "scores"]

scores = part_scores(
    lambda batch: {"moved_accuracy": counted(batch) & (batch.labels != batch.inputs - NUMBERS)},
)
