"""What runs of ``dates`` do: they translate."""

from clps_core.work.translation import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
