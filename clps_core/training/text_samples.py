"""A language model continues a few fixed beginnings while it is trained. Start at write_samples."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from clps_core.data.base import Array, TaskData
from clps_core.data.text_samples import TEMPERATURE, TextSample, keep_samples
from clps_core.model.generate import Sampling, generate
from clps_core.model.transformer import Transformer
from clps_core.words import _

__all__ = ["Beginning", "beginnings", "write_samples"]

logger = logging.getLogger(__name__)

BEGINNINGS = 2
LONGEST = 64
"""Tokens that follow a beginning."""
DRAWN = Sampling(TEMPERATURE)
"""Its draws have a generator of their own: training goes on as if nothing had been written."""


@dataclass(frozen=True)
class Beginning:
    """A text to continue: ``inputs`` are its tokens, int64 [1, S]."""

    text: str
    inputs: Array


def beginnings(data: TaskData) -> tuple[Beginning, ...]:
    """The first held-out beginnings of a task whose models continue texts; none of other tasks."""
    if not (data.facts.windows and data.facts.writes):
        return ()
    return tuple(Beginning(one.text, data.encode_source(one.text)) for one in data.examples(BEGINNINGS))


def write_samples(folder: Path, step: int, model: Transformer, data: TaskData, texts: Sequence[Beginning]) -> None:
    """Continue ``texts`` and keep what comes; a full disk is no reason to end a training."""
    device = next(model.parameters()).device
    found = []
    for one in texts:
        tokens = torch.from_numpy(one.inputs).to(device)
        said = generate(model, tokens, None, data.bos_id, data.eos_id, LONGEST, sampling=DRAWN)[0].tolist()
        found.append(TextSample(step, one.text, data.decode(said)))
    try:
        keep_samples(folder, found)
    except OSError as error:
        logger.warning("%s", _("The texts that the model wrote are not kept: {why}", why=error.strerror))
