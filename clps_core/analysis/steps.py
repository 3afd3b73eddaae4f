"""What one training step reads and computes, by the config alone. Start at operations_per_step. No torch."""

from __future__ import annotations

from functools import lru_cache

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, RunConfig, SharingConfig

__all__ = ["operations_per_step", "tokens_per_step"]


def operations_per_step(config: RunConfig) -> float:
    """Training operations of one step, padding included: comparable between runs of one task."""
    per_token, tokens = _per_example(config.model, config.sharing)
    return float(per_token) * tokens * config.train.batch_size


def tokens_per_step(config: RunConfig) -> int:
    """Tokens that one step reads, source and target, all at the model's full length: padding counts."""
    return _per_example(config.model, config.sharing)[1] * config.train.batch_size


@lru_cache(maxsize=512)
def _per_example(model: ModelConfig, sharing: SharingConfig) -> tuple[int, int]:
    """Operations of one token, and tokens of one example."""
    counts = count(model, sharing)
    stacks = 2 if model.family == "encoder_decoder" else 1
    return counts.train_flops_per_token, counts.context_length * stacks
