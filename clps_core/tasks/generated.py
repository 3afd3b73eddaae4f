"""What generated tasks share: a hash of contents that says what is held out. numpy only, since facts need it too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import ConfigError
from clps_core.tasks.facts import DataLike
from clps_core.words import _

__all__ = ["HELD_OUT_PERCENT", "dial", "mixed", "split_by_content"]

HELD_OUT_PERCENT = 5
"""Percent of all contents that are for validation, and as many for tests."""

Array = NDArray[Any]


def mixed(keys: Array, salt: int = 0) -> NDArray[np.uint64]:
    """A hash of each of ``keys`` (whole numbers of at least 0): the finaliser of SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) + np.uint64(salt + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def split_by_content(keys: Array) -> Mapping[str, Array]:
    """Split -> which of ``keys`` it holds, as their hash says; in the order of another hash, training as it was."""
    place = mixed(keys) % np.uint64(100)
    validation = keys[place < HELD_OUT_PERCENT]
    test = keys[(place >= HELD_OUT_PERCENT) & (place < 2 * HELD_OUT_PERCENT)]
    return {
        "train": keys[place >= 2 * HELD_OUT_PERCENT],
        "validation": validation[np.argsort(mixed(validation, 1))],
        "test": test[np.argsort(mixed(test, 1))],
    }


def dial(data: DataLike, usual: int, least: int, most: int) -> int:
    """``data.difficulty``, by default ``usual``; raises ``ConfigError`` outside of ``least`` to ``most``."""
    value = usual if data.difficulty is None else data.difficulty
    if not least <= value <= most:
        raise ConfigError(
            _(
                "data.difficulty of task {task} must be from {least} to {most}. Got {got}. Change it, or leave it out.",
                task=data.task,
                least=least,
                most=most,
                got=value,
            )
        )
    return value
