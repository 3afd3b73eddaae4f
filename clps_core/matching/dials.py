"""What a dial turns, and the values that it has. Start at Point and turned.

* *depth*: ``num_layers`` (with ``num_decoder_layers``, where that is given, in proportion);
* *width*: ``d_model``, in steps that the heads divide; ``d_ff`` keeps its part of the width;
* *d_ff*: the width of the feed-forward network, in steps of 8 from 1024 on, else of 1: it fills in between widths;
* *steps*: ``train.steps``, so that the whole schedule, warm-up included, ends at the original's operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from clps_core.analysis.counts import Counts, count
from clps_core.analysis.steps import tokens_per_step
from clps_core.config import (
    ModelConfig,
    RunConfig,
    SharingConfig,
    build_config,
    completed,
    longest_input,
    sharing_plan,
    validated,
)
from clps_core.config.fitting import MOST_WIDTH
from clps_core.matching.limits import NO_LIMITS, Limits

__all__ = ["DIALS", "Dial", "Point", "counted_model", "current", "grid_of", "turned"]

Dial = Literal["depth", "width", "d_ff", "steps"]
DIALS: tuple[Dial, ...] = ("depth", "width", "d_ff", "steps")
"""In the order in which they are turned."""
MOST_DEPTH, MOST_FFN, MOST_STEPS = 512, 262_144, 10_000_000
COARSE_FFN, FFN_STEP = 1024, 8
"""From this width on, feed-forward networks go in steps that matrix units like."""


def counted_model(config: RunConfig) -> ModelConfig:
    """The model to count: with a vocabulary of its own (a paper's) as it is, else what the task completes.

    Raises ``ConfigError`` where model and task do not fit.
    """
    if config.model.vocab_size is None:
        return completed(config).model
    if config.model.max_positions is None:
        return config.model.model_copy(update={"max_positions": longest_input(config)})
    return config.model


@dataclass(frozen=True)
class Point:
    """One design on the way: what people gave (``config``), its complete ``model``, and the ``tokens`` of a step."""

    config: RunConfig
    model: ModelConfig
    tokens: int

    @classmethod
    def of(cls, config: RunConfig) -> Point:
        """Where a search begins; raises ``ConfigError`` where model and task do not fit."""
        model = counted_model(config)
        return cls(config, model, tokens_per_step(config.model_copy(update={"model": model})))

    def with_model(self, sizes: Mapping[str, Any]) -> Point:
        """With other sizes, which are not checked before something is counted."""
        given = self.config.model.model_copy(update=dict(sizes))
        config = self.config.model_copy(update={"model": given})
        return replace(self, config=config, model=self.model.model_copy(update=dict(sizes)))

    def with_strategy(self, strategy: str) -> Point:
        """With another scheme."""
        return replace(self, config=self.config.model_copy(update={"sharing": SharingConfig(strategy=strategy)}))

    def with_steps(self, steps: int) -> Point:
        """A warm-up that followed from the number of steps follows from the new one; another stays, if it fits."""
        optim, train = self.config.optim, self.config.train
        warmup = min(optim.warmup_steps, steps)
        if optim.warmup_steps == _usual_warmup(self.config.data.task, train.steps):
            warmup = _usual_warmup(self.config.data.task, steps)
        update = {
            "train": train.model_copy(update={"steps": steps}),
            "optim": optim.model_copy(update={"warmup_steps": warmup}),
        }
        return replace(self, config=self.config.model_copy(update=update))

    def counts(self) -> Counts:
        """Raises ``ConfigError`` where model and scheme do not fit."""
        model = validated(ModelConfig, self.model.model_dump())
        return count(model, sharing_plan(model, self.config.sharing))


def _usual_warmup(task: str, steps: int) -> int:
    return build_config({"data": {"task": task}, "train": {"steps": steps}}).optim.warmup_steps


def grid_of(dial: Dial, point: Point, limits: Limits = NO_LIMITS) -> range:
    """The values that a dial has, at the sizes of ``point``: at each the model itself is a valid one."""
    model = point.model
    if dial == "depth":
        deepest = max(model.num_layers, model.decoder_layers)
        return range(1, min(MOST_DEPTH * model.num_layers // deepest, max(32, 2 * model.num_layers)) + 1)
    if dial == "width":
        step = 1 if model.head_dim else model.num_heads * (2 if model.positions == "rotary" else 1)
        least = max(step, model.embedding_size or 1)
        most = min(MOST_WIDTH, MOST_FFN * model.d_model // model.d_ff)
        return range(-(-least // step) * step, most + 1, step)
    if dial == "d_ff":
        step = FFN_STEP if model.d_ff >= COARSE_FFN and model.d_ff % FFN_STEP == 0 else 1
        return range(step, MOST_FFN + 1, step)
    return range(1, min(MOST_STEPS, limits.steps or MOST_STEPS) + 1)


def turned(dial: Dial, point: Point, value: int) -> Point:
    """``point`` with one dial at ``value``, and what follows from it."""
    model = point.model
    if dial == "depth":
        sizes = {"num_layers": value}
        if model.num_decoder_layers is not None:
            sizes["num_decoder_layers"] = max(1, _in_proportion(model.num_decoder_layers, value, model.num_layers))
        return point.with_model(sizes)
    if dial == "width":
        return point.with_model({"d_model": value, "d_ff": max(1, _in_proportion(model.d_ff, value, model.d_model))})
    return point.with_model({"d_ff": value}) if dial == "d_ff" else point.with_steps(value)


def current(dial: Dial, point: Point) -> int:
    """Where the dial stands."""
    model = point.model
    return {
        "depth": model.num_layers,
        "width": model.d_model,
        "d_ff": model.d_ff,
        "steps": point.config.train.steps,
    }[dial]


def _in_proportion(size: int, after: int, before: int) -> int:
    """``size`` times ``after / before``, rounded half up, in whole numbers."""
    return (2 * size * after + before) // (2 * before)
