"""What runs of ``pairs`` do: they say the value of a pair."""

from clps_core.work.positions import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
