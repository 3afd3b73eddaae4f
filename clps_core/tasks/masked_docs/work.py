"""What runs of ``masked-docs`` do: they fill masked tokens."""

from clps_core.work.masked import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
