"""What one training step reads and computes, by the config alone. Start at operations_per_step. No torch.

Charts count every input at its full length, whatever the batches were. What a step really computes, and so its time,
is ``operations_at`` the length that batches are padded to.
"""

from __future__ import annotations

from functools import lru_cache

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, RunConfig, SharingConfig

__all__ = ["operations_at", "operations_per_step", "tokens_per_step"]


def operations_per_step(config: RunConfig) -> float:
    """Training operations of one step, all inputs as long as the longest: comparable between runs of one task."""
    per_token, tokens = _per_example(config.model, config.sharing)
    return float(per_token) * tokens * config.train.batch_size


def operations_at(config: RunConfig, length: float) -> float:
    """Training operations of one step, with inputs of ``length`` tokens; of an encoder-decoder of texts, both."""
    stacks = _stacks_of_tokens(config.model)
    per_token = _per_token(config.model, config.sharing, max(1, round(length)))
    return float(per_token) * length * stacks * config.train.batch_size


def _stacks_of_tokens(model: ModelConfig) -> int:
    """How many stacks have as many positions as an input has tokens: a decoder has its own number, or as many."""
    return 2 if model.family == "encoder_decoder" and model.decoder_positions is None else 1


@lru_cache(maxsize=512)
def _per_token(model: ModelConfig, sharing: SharingConfig, length: int) -> int:
    return count(model, sharing, context=length).train_flops_per_token


def tokens_per_step(config: RunConfig) -> int:
    """Tokens that one step reads at the model's full length, padding among them: see ``flops`` on what a token is."""
    return _per_example(config.model, config.sharing)[1] * config.train.batch_size


@lru_cache(maxsize=512)
def _per_example(model: ModelConfig, sharing: SharingConfig) -> tuple[int, int]:
    """Operations of one token, and tokens of one example."""
    counts = count(model, sharing)
    stacks = _stacks_of_tokens(model)
    return counts.train_flops_per_token, counts.context_length * stacks
