"""What runs of ``python-docs`` do: they continue a text."""

from clps_core.work.continuation import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
