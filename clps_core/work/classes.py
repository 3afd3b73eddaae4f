"""Loss, scores and answer of a classifier. Start at answer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from clps_core.analysis.capture import capture
from clps_core.config import RunConfig
from clps_core.data.base import Array
from clps_core.data.scores import macro_f1, top_metrics
from clps_core.work import Loss
from clps_core.work.answers import Answer, Opened, image_of, ranked, refuse_target
from clps_core.work.batch import DeviceBatch
from clps_core.work.losses import token_loss as loss
from clps_core.work.scores import TokenScores

__all__ = ["ClassScores", "MacroScores", "TopScores", "answer", "loss", "macro_scores", "scores", "top_scores"]


class ClassScores(TokenScores):
    """``loss`` and ``accuracy``; ``confusion`` counts which class was taken for which."""

    _counts: Tensor | None = None

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, C] and their labels [B]."""
        super().add(output, batch)
        classes = output.shape[-1]
        if self._counts is None:
            self._counts = torch.zeros(classes**2, dtype=torch.int64, device=output.device)
        pairs = batch.labels * classes + output.argmax(-1)
        self._counts.index_add_(0, pairs, torch.ones_like(pairs))  # unlike bincount, waits for no GPU

    @property
    def confusion(self) -> Array:
        """int64 [C, C]: (right, said) classes of all batches; [1, 1] before the first."""
        counts = np.zeros(1, dtype=np.int64) if self._counts is None else self._counts.cpu().numpy()
        side = math.isqrt(len(counts))
        return counts.reshape(side, side)

    def values(self) -> dict[str, float]:
        """By metric."""
        return {"loss": self.loss, "accuracy": self.accuracy}


def scores(config: RunConfig, loss: Loss, /) -> ClassScores:
    """New scores for an evaluation."""
    return ClassScores(config, loss)


class TopScores(ClassScores):
    """``loss``, ``accuracy`` and, of many classes, the share of examples whose class is among the first answers."""

    def __init__(self, config: RunConfig, loss: Loss) -> None:
        super().__init__(config, loss)
        self._hits: dict[str, Tensor] = {}
        self._examples = 0

    def add(self, output: Tensor, batch: DeviceBatch, /) -> None:
        """Take in logits [B, C] and their labels [B]."""
        super().add(output, batch)
        self._examples += len(output)
        for name, first in top_metrics(self.config.model.num_classes or 0).items():
            hit = (output.topk(first, dim=-1).indices == batch.labels[:, None]).sum()
            self._hits[name] = self._hits[name] + hit if name in self._hits else hit

    def values(self) -> dict[str, float]:
        """By metric."""
        shares = {name: float(hits) / max(1, self._examples) for name, hits in self._hits.items()}
        return {**super().values(), **shares}


def top_scores(config: RunConfig, loss: Loss, /) -> TopScores:
    """New scores for an evaluation, with the share of right classes among the first answers."""
    return TopScores(config, loss)


class MacroScores(ClassScores):
    """``loss``, ``accuracy`` and ``macro_f1``, which gives rare classes the weight of frequent ones."""

    def values(self) -> dict[str, float]:
        """By metric."""
        return {**super().values(), "macro_f1": macro_f1(self.confusion)}


def macro_scores(config: RunConfig, loss: Loss, /) -> MacroScores:
    """New scores for an evaluation, with ``macro_f1``."""
    return MacroScores(config, loss)


def answer(run: Opened, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None, /) -> Answer:
    """The classes by probability."""
    data = run.data
    refuse_target(data, target_text)
    found = capture(run.model, inputs, loops=loops)
    has_classes = run.config.model.output == "classes"
    guesses = ranked(found.logits, lambda label: data.decode([label])) if has_classes else ()
    return Answer(
        found,
        prediction=guesses[0].label if guesses else "",
        guesses=guesses,
        image=image_of(inputs, data) if data.facts.input_kind == "image" else None,
    )
