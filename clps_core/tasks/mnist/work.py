"""What runs of ``mnist`` do: they say which digit an image shows."""

from clps_core.work.classes import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
