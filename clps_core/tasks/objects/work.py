"""What runs of ``objects`` do: they say which digits a picture shows, and where."""

from clps_core.work.boxes import answer, counted, loss, scores

__all__ = ["answer", "counted", "loss", "scores"]
