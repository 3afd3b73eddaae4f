"""A sound on the attention page: its spectrogram, what was written where, and where that was read from."""

from __future__ import annotations

import streamlit as st

from app.attention.source import Question, Turned, inspect
from app.sound.spectrogram import drawn, read_from
from clps_core.inspection import Inspection
from clps_core.store import Run
from clps_core.words import _

__all__ = ["heard"]

MOST_WEIGHTS = 20_000_000
"""Attention weights that are read for the strips; of a model with more, the maps of single layers show them."""


def heard(run: Run, question: Question, turned: Turned, answer: Inspection, *, with_attention: bool) -> None:
    """The spectrogram of ``answer`` with its alignment, and below it where each part of the answer is read from."""
    assert answer.spectrogram is not None
    if answer.target_labels:
        _written(run, question, turned, answer, with_attention=with_attention)
        return
    positions, layers = len(answer.source_labels), len(answer.ran["encoder"])
    small = layers * run.config.model.num_heads * positions**2 <= MOST_WEIGHTS
    if not (with_attention and small and answer.aligned):
        drawn(answer.spectrogram, answer.aligned)
        return
    found = inspect(run, question, turned).attention["encoder"]
    drawn(answer.spectrogram, answer.aligned, read_from(found, answer.aligned))
    st.caption(
        _(
            "Below the sound, one strip for each layer: each row is one part of the answer, and shows from where the "
            "positions that write it read, as the mean of the heads. Each strip has its own scale."
        )
    )


def _written(run: Run, question: Question, turned: Turned, answer: Inspection, *, with_attention: bool) -> None:
    """Below the sound, where a decoder reads when it writes each part; these are what it reads next itself."""
    assert answer.spectrogram is not None
    parts = answer.target_labels[1:]
    layers, heads = len(answer.ran["decoder"]), run.config.model.num_heads
    small = layers * heads * (len(parts) + 1) * len(answer.source_labels) <= MOST_WEIGHTS
    if not (with_attention and small and parts):
        drawn(answer.spectrogram, (), written=parts)
        return
    found = inspect(run, question, turned).attention["cross"]
    drawn(answer.spectrogram, (), found[:, :, : len(parts)].mean(axis=1), parts)
    st.caption(
        _(
            "Each token of the answer stands where in the sound the decoder reads most when it writes that token "
            "(cross-attention, the mean of all heads and layers). Below the sound, one strip for each layer of the "
            "decoder, with a row for each token, as the mean of the heads. Each strip has its own scale."
        )
    )
