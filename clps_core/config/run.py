"""One training: what to build, on what data, how, with which seed. Start at RunConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator

from clps_core.config.data import DataConfig
from clps_core.config.model import Fraction, Frozen, ModelConfig, PositiveInt, about
from clps_core.errors import ConfigError
from clps_core.sharing import parse_strategy
from clps_core.words import N_, shown

__all__ = ["SCHEMA_VERSION", "OptimConfig", "RunConfig", "SharingConfig", "TrainConfig", "flat"]

SCHEMA_VERSION = 1


class SharingConfig(Frozen):
    """How layers share weights, in the notation of ``sharing/grammar.py``."""

    strategy: Annotated[
        str,
        about(
            N_(
                "Which layers share weights: none, all, cycle:3, attention=all,ffn=none ... 'clps schemes' explains "
                "all strategies."
            )
        ),
    ] = "none"

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


class OptimConfig(Frozen):
    """AdamW, alone or beside Muon; a linear warm-up, then a schedule; if wanted, an average of the weights."""

    learning_rate: Annotated[
        float,
        Field(gt=0, le=10),
        about(N_("Peak learning rate, reached at the end of the warm-up."), N_("per step")),
    ] = 1e-3
    name: Annotated[
        Literal["adamw", "muon"],
        about(
            N_(
                "adamw: AdamW updates all weights. muon: Muon updates the matrices of the layers, and AdamW "
                "everything else (embeddings, norms, biases, head, LoRA)."
            )
        ),
    ] = "adamw"
    warmup_steps: Annotated[
        int,
        Field(ge=0),
        about(
            N_(
                "Steps of linear warm-up, at most train.steps. If not given: the task's default, but at most a "
                "tenth of train.steps."
            ),
            N_("steps"),
        ),
    ] = 50
    schedule: Annotated[
        Literal["cosine", "constant", "linear", "wsd"],
        about(
            N_(
                "Learning rate after the warm-up. cosine and linear fall until the last step; constant does not "
                "fall; wsd (warm-up, stable, decay) is constant, then falls linearly over the last decay_fraction of "
                "the steps."
            )
        ),
    ] = "cosine"
    decay_fraction: Annotated[
        float,
        Field(gt=0, le=1),
        about(
            N_("For schedule wsd only: fraction of all steps, at the end, in which the learning rate falls."),
            N_("part"),
        ),
    ] = 0.2
    final_ratio: Annotated[
        float,
        Field(ge=0, le=1),
        about(
            N_("Final learning rate, as a fraction of learning_rate. The schedule constant never falls."),
            N_("part"),
        ),
    ] = 0.1
    weight_decay: Annotated[
        float,
        Field(ge=0, le=10),
        about(
            N_("Decoupled weight decay of matrices. Norms, biases and embedding tables have none."),
            N_("fraction of the rate"),
        ),
    ] = 0.01
    beta1: Annotated[Fraction, about(N_("AdamW's beta1: decay of the mean of gradients."), N_("fraction per step"))] = (
        0.9
    )
    beta2: Annotated[
        Fraction, about(N_("AdamW's beta2: decay of the mean of squared gradients."), N_("fraction per step"))
    ] = 0.98
    eps: Annotated[
        float, Field(gt=0, lt=1), about(N_("AdamW's epsilon, added to the root of the mean square."), N_("gradient"))
    ] = 1e-8
    clip_norm: Annotated[
        float,
        Field(gt=0),
        about(
            N_("Gradient clipping: larger gradients are scaled down to this norm (over all weights)."),
            N_("gradient norm"),
        ),
    ] = 1.0
    muon_learning_rate: Annotated[
        Annotated[float, Field(gt=0, le=10)] | None,
        about(
            N_(
                "Peak learning rate of the matrices that Muon updates. Muon's updates are scaled to the size of "
                "AdamW's, so the same rate works. If not given: learning_rate."
            ),
            N_("per step"),
        ),
    ] = None
    muon_momentum: Annotated[
        Fraction, about(N_("Muon's momentum: decay of its mean of gradients."), N_("fraction per step"))
    ] = 0.95
    ema_decay: Annotated[
        Fraction,
        about(
            N_(
                "Decay of a running average of the weights (EMA). Evaluations, the best checkpoint, attention probes "
                "and the test score then use this average instead of the weights. Early steps average over fewer "
                "steps. 0: no average."
            ),
            N_("fraction per step"),
        ),
    ] = 0.0
    label_smoothing: Annotated[
        Fraction,
        about(
            N_("Label smoothing: fraction of each target that is spread over all classes, in training only."),
            N_("part"),
        ),
    ] = 0.0


class TrainConfig(Frozen):
    """How long, how often, and on what."""

    steps: Annotated[
        int, Field(ge=1, le=10_000_000), about(N_("Number of optimiser steps, each on one batch."), N_("steps"))
    ] = 600
    batch_size: Annotated[
        int,
        Field(ge=1, le=65536),
        about(N_("Examples per step, over all micro-batches."), N_("examples")),
    ] = 32
    accumulate: Annotated[
        int,
        Field(ge=1, le=65536),
        about(
            N_(
                "Gradient accumulation: number of micro-batches into which each step's batch is split. They are "
                "processed one after the other, so only one of them is in memory. The gradient is that of the whole "
                "batch (the mean over all real tokens), so results are the same up to rounding. At most batch_size."
            ),
            N_("micro-batches"),
        ),
    ] = 1
    log_every: Annotated[
        PositiveInt,
        about(N_("Steps between log entries of training loss, gradient norm, learning rate and speed."), N_("steps")),
    ] = 5
    eval_every: Annotated[
        PositiveInt,
        about(
            N_(
                "Steps between evaluations on validation. The model is also evaluated before the first and after the "
                "last step."
            ),
            N_("steps"),
        ),
    ] = 50
    eval_examples: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        about(
            N_("Number of validation examples in an evaluation, always the first ones; at most as many as there are."),
            N_("examples"),
        ),
    ] = 200
    test_examples: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        about(
            N_(
                "Number of test examples that are scored once, after training, with the best weights; at most as "
                "many as there are."
            ),
            N_("examples"),
        ),
    ] = 2000
    checkpoint_every: Annotated[
        PositiveInt,
        about(N_("Steps between checkpoints from which a run can resume. The last step also writes one."), N_("steps")),
    ] = 50
    probe_count: Annotated[
        int,
        Field(ge=0, le=64),
        about(
            N_(
                "About how many times the attention of fixed inputs is saved, at steps spaced evenly on a "
                "logarithmic scale; 0 is never."
            ),
            N_("steps"),
        ),
    ] = 12
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        about(N_("Device for training. auto uses a CUDA GPU if there is one, else the CPU.")),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        about(N_("Number format of matrix products. auto uses bf16 on a GPU that computes in bf16, else fp32.")),
    ] = "auto"
    threads: Annotated[
        Annotated[int, Field(ge=1, le=1024)] | None,
        about(
            N_("CPU threads of the run. If not given: chosen at the start, from the number of cores and runs."),
            N_("threads"),
        ),
    ] = None
    patience: Annotated[
        PositiveInt | None,
        about(
            N_("Early stopping: end the run after this many evaluations without a new best one. If not given: never."),
            N_("evaluations"),
        ),
    ] = None
    begin_step: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        about(
            N_(
                "For a run that continues the training of another run with its optimiser: the number of steps done "
                "before. Batches, dropout and learning rate continue from there. Only 'clps runs train-on' sets it."
            ),
            N_("steps"),
        ),
    ] = 0

    @property
    def micro_batch(self) -> int:
        """Examples that are in memory at a time: the largest part when a batch is cut into ``accumulate``."""
        return -(-self.batch_size // self.accumulate)

    @property
    def end_step(self) -> int:
        """The step that the schedule ends at, counted from the first of all trainings that this one continues."""
        return self.begin_step + self.steps


class RunConfig(Frozen):
    """One training: what to build, on what data, how, with which seed."""

    schema_version: Annotated[Literal[1], about(N_("Version of the config format."))] = 1
    model: ModelConfig = ModelConfig()
    sharing: SharingConfig = SharingConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    seed: Annotated[
        int,
        Field(ge=0, lt=2**31),
        about(
            N_("Seed of the initial weights, of dropout, and of how many loops run where that is drawn at random."),
            N_("seed"),
        ),
    ] = 0

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
