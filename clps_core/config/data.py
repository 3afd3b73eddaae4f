"""Which task a run trains on, and how its data are made. Start at DataConfig."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from clps_core.config.model import Frozen, about
from clps_core.words import N_, _

__all__ = ["MOST_CLUTTER", "USUAL_AUGMENT", "DataConfig"]

USUAL_AUGMENT = "shifts"
"""How images of tasks that take ``data.augment`` are varied where nobody says it."""
MOST_CLUTTER = 12
"""Fragments in a picture of the task ``objects``."""
USUAL_AUGMENT = "shifts"
"""How images of tasks that take ``data.augment`` are varied where nobody says it."""


class DataConfig(Frozen):
    """Which task, and how much of an input a model sees."""

    task: Annotated[str, about(N_("Name of the task to train on."))] = "dates"
    seq_len: Annotated[
        Annotated[int, Field(ge=2, le=65536)] | None,
        about(
            N_(
                "Length of a training window of a language model, in tokens. For your own data, longer texts are "
                "cut at this length. If not given: the task's length."
            ),
            N_("tokens"),
        ),
    ] = None
    tokenizer: Annotated[
        Annotated[str, Field(min_length=1, max_length=40)] | None,
        about(
            N_(
                "Tokenizer, for your own data only: bytes, characters, words:5000, bpe:2000, wordpiece:2000, "
                "unigram:2000 or file. If not given: the data set's tokenizer."
            )
        ),
    ] = None
    by_length: Annotated[
        bool | None,
        about(
            N_(
                "Put texts of similar length into one training batch, which saves padding. For task sentences, "
                "and for your own data unless they are a continuous text. If not given: true for sentences, "
                "false for your own data; new text-to-text runs are created with true."
            )
        ),
    ] = None
    seed: Annotated[
        int,
        Field(ge=0, lt=2**31),
        about(
            N_(
                "Seed of the batches: runs with the same data seed see the same batches at every step. Seeds never "
                "change the splits."
            ),
            N_("seed"),
        ),
    ] = 0
    difficulty: Annotated[
        Annotated[int, Field(ge=1, le=1_000_000)] | None,
        about(
            N_(
                "Difficulty of a generated task: hops to follow, swaps of the cups, pairs to store, sentences "
                "needed for an answer, digits to add, objects in a picture. If not given: the task's default."
            ),
            N_("hops, swaps, pairs, sentences, digits or objects"),
        ),
    ] = None
    clutter: Annotated[
        Annotated[int, Field(ge=0, le=MOST_CLUTTER)] | None,
        about(
            N_(
                "Fragments of digits that are no objects, in each picture. For task objects only. If not given: the "
                "task's default."
            ),
            N_("fragments"),
        ),
    ] = None
    patch_size: Annotated[
        Annotated[int, Field(ge=1, le=1024)] | None,
        about(
            N_(
                "Pixels across a patch of an image, for task mnist (2, 4, 7 or 14) and for your own pictures (a "
                "divisor of their size). Smaller patches make a longer input. If not given: the task's default."
            ),
            N_("pixels"),
        ),
    ] = None
    augment: Annotated[
        Literal["none", "shifts", "mirror"] | None,
        about(
            N_(
                "How training images are varied, for your own pictures: none; shifts: moved by a few pixels, "
                "differently at each step; mirror: shifts, and half of them are mirrored, which turns letters and "
                "digits into wrong ones. If not given: shifts."
            )
        ),
    ] = None
    vary_sounds: Annotated[
        bool | None,
        about(
            N_(
                "Vary the training sounds of your own data, differently at each step: faster or slower by up to 15 %, "
                "and with noise. If not given: true."
            )
        ),
    ] = None
    folds: Annotated[
        Annotated[int, Field(ge=2, le=50)] | None,
        about(
            N_(
                "Number of folds for cross-validation: the training and validation examples together are cut "
                "into this many parts. The test split does not change. If not given: no cross-validation."
            ),
            N_("parts"),
        ),
    ] = None
    fold: Annotated[
        Annotated[int, Field(ge=0)] | None,
        about(
            N_(
                "Number of the fold used for validation, counted from 0; the other folds are for training. Given with "
                "data.folds only."
            ),
            N_("number of a fold"),
        ),
    ] = None

    @model_validator(mode="after")
    def _fold_is_one_of_folds(self) -> DataConfig:
        if (self.folds is None) != (self.fold is None):
            raise ValueError(
                _(
                    "data.folds and data.fold must be given together. Got only one of them. Add the other, or "
                    "leave both out."
                )
            )
        if self.folds is not None and self.fold is not None and self.fold >= self.folds:
            raise ValueError(
                _(
                    "data.fold must be less than data.folds ({folds}), since folds are counted from 0. Got {fold}. "
                    "Lower it.",
                    folds=self.folds,
                    fold=self.fold,
                )
            )
        return self
