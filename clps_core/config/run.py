"""One training: what to build, on what data, how, with which seed. Start at RunConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from clps_core.config.model import Fraction, Frozen, ModelConfig, PositiveInt
from clps_core.errors import ConfigError
from clps_core.sharing import parse_strategy
from clps_core.words import _, shown

__all__ = ["SCHEMA_VERSION", "DataConfig", "OptimConfig", "RunConfig", "SharingConfig", "TrainConfig", "flat"]

SCHEMA_VERSION = 1


class SharingConfig(Frozen):
    """How layers share weights, in the notation of ``sharing/grammar.py``."""

    strategy: str = "none"

    @field_validator("strategy", mode="before")
    @classmethod
    def _read(cls, value: object) -> str:
        try:
            # Only plain scalars are turned to text: YAML aliases make lists whose text would fill the memory.
            return parse_strategy(
                (value if isinstance(value, str) else shown(value, 4096)) if isinstance(value, (str, int)) else ""
            ).text
        except ConfigError as error:
            raise ValueError(str(error)) from None


class DataConfig(Frozen):
    """Which task, and how much of an input a model sees."""

    task: str = "dates"
    seq_len: Annotated[int, Field(ge=2, le=65536)] | None = None
    """Tokens per training window of a language model; the task's own length if not given."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the batches: runs with one data seed see the same batches at every step. No seed moves a split."""
    folds: Annotated[int, Field(ge=2, le=50)] | None = None
    """Cross-validation: training and validation examples together are cut into so many parts; the test split stays."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Which of the ``folds`` parts, counted from 0, is validation; the others are training."""

    @model_validator(mode="after")
    def _fold_is_one_of_folds(self) -> DataConfig:
        if (self.folds is None) != (self.fold is None):
            raise ValueError(_("data.folds and data.fold must be given together. Add the other, or leave both out."))
        if self.folds is not None and self.fold is not None and self.fold >= self.folds:
            raise ValueError(
                _(
                    "data.fold must be less than data.folds ({folds}): it counts from 0. Got {fold}. Lower it.",
                    folds=self.folds,
                    fold=self.fold,
                )
            )
        return self


class OptimConfig(Frozen):
    """AdamW with linear warm-up and a cosine down to ``final_ratio`` of the rate."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 50
    final_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01
    beta1: Fraction = 0.9
    beta2: Fraction = 0.98
    eps: Annotated[float, Field(gt=0, lt=1)] = 1e-8
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    label_smoothing: Fraction = 0.0


class TrainConfig(Frozen):
    """How long, how often, and on what."""

    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 600
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    log_every: PositiveInt = 5
    eval_every: PositiveInt = 50
    eval_examples: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """At most so many validation examples are scored at each evaluation; the best evaluation chooses the weights."""
    test_examples: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """At most so many test examples are scored, once, with the chosen weights after training."""
    checkpoint_every: PositiveInt = 50
    probe_count: Annotated[int, Field(ge=0, le=64)] = 12
    """How many log-spaced steps leave the attention of the probe inputs behind."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads of the run; chosen when the run starts if not given."""
    patience: PositiveInt | None = None
    """End the run after so many evaluations without a better one than the best before; by default never."""


class RunConfig(Frozen):
    """One training: what to build, on what data, how, with which seed."""

    schema_version: Literal[1] = 1
    model: ModelConfig = ModelConfig()
    sharing: SharingConfig = SharingConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of initial weights and dropout."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data that ``validated(RunConfig, ...)`` reads back."""
        return self.model_dump(mode="json")

    def as_yaml(self) -> str:
        """The same as YAML."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False)


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain data as one table: ``{"model": {"num_layers": 4}}`` -> ``{"model.num_layers": 4}``."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
