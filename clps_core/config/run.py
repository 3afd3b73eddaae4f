"""One training: what to build, on what data, how, with which seed. Start at RunConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from clps_core.config.model import Fraction, Frozen, ModelConfig, PositiveInt, about
from clps_core.errors import ConfigError
from clps_core.sharing import parse_strategy
from clps_core.words import N_, _, shown

__all__ = ["SCHEMA_VERSION", "DataConfig", "OptimConfig", "RunConfig", "SharingConfig", "TrainConfig", "flat"]

SCHEMA_VERSION = 1


class SharingConfig(Frozen):
    """How layers share weights, in the notation of ``sharing/grammar.py``."""

    strategy: Annotated[
        str,
        about(
            N_("How layers share weights: none, all, cycle:3, attention=all,ffn=none ... 'clps schemes' explains all.")
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


class DataConfig(Frozen):
    """Which task, and how much of an input a model sees."""

    task: Annotated[str, about(N_("What is learned: the name of an installed task."))] = "dates"
    seq_len: Annotated[
        Annotated[int, Field(ge=2, le=65536)] | None,
        about(
            N_(
                "Tokens of a training window of a language model; of your own data also where longer texts are cut. "
                "Not given: the task's length."
            ),
            N_("tokens"),
        ),
    ] = None
    tokenizer: Annotated[
        Annotated[str, Field(min_length=1, max_length=40)] | None,
        about(
            N_(
                "How texts become tokens, for your own data only: bytes, characters, words:5000, bpe:2000, "
                "wordpiece:2000, unigram:2000 or file. Not given: that of the data set."
            )
        ),
    ] = None
    by_length: Annotated[
        bool | None,
        about(
            N_(
                "Whether a training batch holds texts of about one length, which saves padding; for task sentences, "
                "and for your own data unless they are a running text. Not given: sentences yes, your own data no; "
                "new runs of text to text have true."
            )
        ),
    ] = None
    seed: Annotated[
        int,
        Field(ge=0, lt=2**31),
        about(
            N_(
                "Seed of the batches: runs with one data seed see the same batches at every step. "
                "No seed moves a split."
            ),
            N_("seed"),
        ),
    ] = 0
    difficulty: Annotated[
        Annotated[int, Field(ge=1, le=1_000_000)] | None,
        about(
            N_(
                "How hard a generated task is: hops to follow, swaps of the cups, pairs to store, sentences that an "
                "answer needs, digits to add. "
                "Not given: the task's."
            ),
            N_("hops, swaps, pairs, sentences or digits"),
        ),
    ] = None
    folds: Annotated[
        Annotated[int, Field(ge=2, le=50)] | None,
        about(
            N_(
                "Cross-validation: training and validation examples together are cut into so many parts; the test "
                "split stays. Not given: none."
            ),
            N_("parts"),
        ),
    ] = None
    fold: Annotated[
        Annotated[int, Field(ge=0)] | None,
        about(
            N_(
                "Which of the folds is validation, counted from 0; the others are training. Given with data.folds only."
            ),
            N_("number of a part"),
        ),
    ] = None

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
    """AdamW, alone or beside Muon; a linear warm-up, then a schedule; if wanted, an average of the weights."""

    learning_rate: Annotated[
        float,
        Field(gt=0, le=10),
        about(N_("The highest learning rate, reached at the end of the warm-up."), N_("per step")),
    ] = 1e-3
    name: Annotated[
        Literal["adamw", "muon"],
        about(
            N_(
                "adamw updates all weights by AdamW; muon the matrices of the layers by Muon, and everything else "
                "(embeddings, norms, biases, head, LoRA) by AdamW."
            )
        ),
    ] = "adamw"
    warmup_steps: Annotated[
        int,
        Field(ge=0),
        about(
            N_(
                "Steps of linear warm-up, at most train.steps. "
                "Not given: the task's, but at most a tenth of train.steps."
            ),
            N_("steps"),
        ),
    ] = 50
    schedule: Annotated[
        Literal["cosine", "constant", "linear", "wsd"],
        about(
            N_(
                "The rate after the warm-up: cosine and linear fall until the last step; constant stays; wsd (warm-up, "
                "stable, decay) stays, then falls linearly over the last decay_fraction of the steps."
            )
        ),
    ] = "cosine"
    decay_fraction: Annotated[
        float,
        Field(gt=0, le=1),
        about(N_("Schedule wsd only: the part of all steps, at their end, in which the rate falls."), N_("part")),
    ] = 0.2
    final_ratio: Annotated[
        float,
        Field(ge=0, le=1),
        about(
            N_("The part of learning_rate that the schedule ends at; constant never falls."),
            N_("part"),
        ),
    ] = 0.1
    weight_decay: Annotated[
        float,
        Field(ge=0, le=10),
        about(N_("Decoupled decay of matrices; norms, biases and embedding tables have none."), N_("part of the rate")),
    ] = 0.01
    beta1: Annotated[Fraction, about(N_("Decay of AdamW's mean of the gradients."), N_("part per step"))] = 0.9
    beta2: Annotated[Fraction, about(N_("Decay of AdamW's mean of their squares."), N_("part per step"))] = 0.98
    eps: Annotated[
        float, Field(gt=0, lt=1), about(N_("What AdamW adds to the root of the mean square."), N_("gradient"))
    ] = 1e-8
    clip_norm: Annotated[
        float,
        Field(gt=0),
        about(N_("Longer gradients (norm over all weights) are shortened to this."), N_("gradient norm")),
    ] = 1.0
    muon_learning_rate: Annotated[
        Annotated[float, Field(gt=0, le=10)] | None,
        about(
            N_(
                "The highest rate of the matrices that Muon updates. Its updates are scaled to the size of AdamW's, so "
                "AdamW's rate fits. Not given: learning_rate."
            ),
            N_("per step"),
        ),
    ] = None
    muon_momentum: Annotated[Fraction, about(N_("Decay of Muon's mean of the gradients."), N_("part per step"))] = 0.95
    ema_decay: Annotated[
        Fraction,
        about(
            N_(
                "Decay of a running average of the weights, which evaluations, the best checkpoint, attention probes "
                "and the test score then use in place of the weights themselves. Early steps average over fewer. "
                "0: no average."
            ),
            N_("part per step"),
        ),
    ] = 0.0
    label_smoothing: Annotated[
        Fraction,
        about(N_("Part of each target that is spread over all classes in training; never in evaluation."), N_("part")),
    ] = 0.0


class TrainConfig(Frozen):
    """How long, how often, and on what."""

    steps: Annotated[int, Field(ge=1, le=10_000_000), about(N_("Optimiser steps, each on one batch."), N_("steps"))] = (
        600
    )
    batch_size: Annotated[
        int,
        Field(ge=1, le=65536),
        about(N_("Examples of a step, all micro-batches together."), N_("examples")),
    ] = 32
    accumulate: Annotated[
        int,
        Field(ge=1, le=65536),
        about(
            N_(
                "Micro-batches that the batch of a step is cut into, worked through one after the other. The gradient "
                "is that of the whole batch, its mean over all real tokens, so results are the same up to rounding; "
                "only one micro-batch fills memory at a time. At most batch_size."
            ),
            N_("micro-batches"),
        ),
    ] = 1
    log_every: Annotated[
        PositiveInt,
        about(N_("Training loss, gradient norm, rate and speed are logged every so many steps."), N_("steps")),
    ] = 5
    eval_every: Annotated[
        PositiveInt,
        about(
            N_("The model is evaluated on validation every so many steps, before the first, and after the last."),
            N_("steps"),
        ),
    ] = 50
    eval_examples: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        about(
            N_("Validation examples of an evaluation, always the first ones; at most as many as there are."),
            N_("examples"),
        ),
    ] = 200
    test_examples: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        about(
            N_("Test examples that are scored once, after training, with the best weights; at most all of them."),
            N_("examples"),
        ),
    ] = 2000
    checkpoint_every: Annotated[
        PositiveInt,
        about(N_("A checkpoint to go on from is written every so many steps, and at the end."), N_("steps")),
    ] = 50
    probe_count: Annotated[
        int,
        Field(ge=0, le=64),
        about(
            N_(
                "At about so many steps, evenly spaced by their logarithm, the attention of fixed inputs is kept; "
                "0 is never."
            ),
            N_("steps"),
        ),
    ] = 12
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        about(N_("Where to train; auto takes a CUDA GPU where there is one, else the CPU.")),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        about(N_("Number format of matrix products; auto takes bf16 on a GPU that computes in it, else fp32.")),
    ] = "auto"
    threads: Annotated[
        Annotated[int, Field(ge=1, le=1024)] | None,
        about(
            N_("CPU threads of the run; not given: chosen when it starts, by the cores and runs there are."),
            N_("threads"),
        ),
    ] = None
    patience: Annotated[
        PositiveInt | None,
        about(
            N_("End the run after so many evaluations without a better one than the best before. Not given: never."),
            N_("evaluations"),
        ),
    ] = None
    begin_step: Annotated[
        int,
        Field(ge=0, le=10_000_000),
        about(
            N_(
                "Of a run that trains on from another with its optimiser: the steps that were done before. Batches, "
                "dropout and learning rate go on from there. Set by 'clps runs train-on' only."
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

    schema_version: Annotated[Literal[1], about(N_("Version of this format."))] = 1
    model: ModelConfig = ModelConfig()
    sharing: SharingConfig = SharingConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    seed: Annotated[
        int,
        Field(ge=0, lt=2**31),
        about(N_("Seed of initial weights and dropout, and of the numbers of loops where they are drawn."), N_("seed")),
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
