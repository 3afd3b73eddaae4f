"""What runs of ``spoken-digits-seq2seq`` do: a decoder writes digits down, one after the other."""

from clps_core.work.transcription import answer, loss, scores

__all__ = ["answer", "loss", "scores"]
