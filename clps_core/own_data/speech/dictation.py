"""What runs of people's own sounds do that write one character after the other: an encoder-decoder."""

from clps_core.work.transcription import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
