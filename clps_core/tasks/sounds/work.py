"""What runs of ``sounds`` do: they write the phones of a word."""

from collections.abc import Sequence

from clps_core.data.scores import error_rate
from clps_core.work.translation import answer, loss, scores

__all__ = ["answer", "loss", "scores", "written_scores"]


def written_scores(pairs: Sequence[tuple[str, str]], /) -> dict[str, float]:
    """``phone_error_rate`` of (written, right) phones with spaces between."""
    return {"phone_error_rate": error_rate((said.split(), right.split()) for said, right in pairs)}
