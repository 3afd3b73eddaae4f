"""What runs of ``cups`` do: they say where the ball is after each swap.

``late_accuracy``: of the last third of the swaps; ``swap_1`` ...: of each swap.
"""

from clps_core.tasks.cups.rules import late
from clps_core.work.positions import answer, counted, loss, part_scores

__all__ = ["answer", "loss", "scores"]


def _parts(batch):  # type: ignore[no-untyped-def]  # its types need torch
    swaps = batch.labels.shape[1] - 1
    number = counted(batch).cumsum(1)  # 0 at the first cup, then 1, 2, ...
    each = {f"swap_{one}": number == one for one in range(1, swaps + 1)}
    return {"late_accuracy": number > swaps - late(swaps), **each}


scores = part_scores(_parts)
