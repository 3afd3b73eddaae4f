"""What runs of ``docstrings`` do: they continue a text."""

from clps_core.work.continuation import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
