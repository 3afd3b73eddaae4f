"""What runs of ``spoken-digits`` do: they write the digits at the positions where they are heard."""

from clps_core.work.ctc import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
