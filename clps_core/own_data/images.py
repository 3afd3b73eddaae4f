"""Pictures by class as a medium of people's own data: see ``media.Medium``. Start at facts.

``image_files`` finds them, ``image_keeping`` keeps them, ``image_batches`` cuts them into patches, ``image_told`` says
what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.data.base import SPLITS, digest
from clps_core.data.scores import top_metrics
from clps_core.errors import ConfigError, DataError
from clps_core.own_data.image_sizes import SIDES, patch_sizes, usual_patch
from clps_core.own_data.media import Asked, Found, Preview
from clps_core.own_data.record import DataSet
from clps_core.tasks import DataLike, TaskFacts, TaskWords
from clps_core.words import _, either

if TYPE_CHECKING:
    from clps_core.config import RunConfig
    from clps_core.data.base import TaskData
    from clps_core.own_data.told import About

__all__ = ["about", "facts", "keep", "load", "preview", "samples", "warnings"]

LARGEST_DRAWN = 32
"""Pixels across the largest grey pictures that can be drawn: a drawing stands in an address, a sign for each pixel."""
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.1},
    "optim": {"learning_rate": 2e-3, "warmup_steps": 60},
    "train": {"steps": 800, "batch_size": 64, "eval_every": 100, "eval_examples": 500},
}


def facts(data: DataLike, known: DataSet, _home: Path) -> TaskFacts:
    """Those of the stored pictures with patches of ``data.patch_size``."""
    sizes = patch_sizes(checked(known).stored["side"])
    patch = usual_patch(known.stored["side"]) if data.patch_size is None else data.patch_size
    if patch not in sizes:
        raise ConfigError(
            _(
                "data.patch_size of task {task} must be {sizes}. Got {got}. Change it, or leave it out.",
                task=known.task,
                sizes=either(map(str, sizes)),
                got=patch,
            )
        )
    return _facts(_Known(known), patch)


def checked(known: DataSet) -> DataSet:
    """``known`` if its record has all that is kept of pictures; it comes from a file. Raises ``DataError``."""
    stored, figures = known.stored, known.statistics
    try:
        channels, classes = stored["channels"], len(known.classes)
        whole = stored["side"] in SIDES and channels in (1, 3) and 0 <= stored["ground"] <= 255 and classes >= 2
        whole &= all(len(figures["scale"][name]) == channels for name in ("mean", "deviation"))
        whole &= all(0 < one <= 1 for one in figures["scale"]["deviation"])
        whole &= all(0 <= one <= 1 for one in figures["scale"]["mean"])
        whole &= all(len(figures["classes"][split]) == classes for split in SPLITS)
        whole &= all(isinstance(figures[name], dict) for name in ("duplicates", "across", "sizes"))
        for split in SPLITS[1:]:
            whole &= all(0 <= figures["baselines"][split][one] < 100 for one in ("accuracy", *top_metrics(classes)))
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise DataError(
            _("the record of data set {name} is damaged. Remove the data set and add it again.", name=known.name)
        )
    return known


class _Known:
    """A record that is compared by what it is made of."""

    def __init__(self, value: DataSet) -> None:
        self.value = value

    def __hash__(self) -> int:
        return hash(self.value.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.value == other.value


@lru_cache(maxsize=256)
def _facts(known: _Known, patch: int) -> TaskFacts:
    data = known.value
    side, channels = data.stored["side"], data.stored["channels"]
    baselines = data.statistics["baselines"]
    tests = data.splits["test"]
    return TaskFacts(
        name=data.task,
        words=_Words(data, patch),
        family="encoder",
        metric="accuracy",
        metrics=("loss", "accuracy", *top_metrics(len(data.classes))),
        baseline=float(baselines["validation"]["accuracy"]),
        test_baseline=float(baselines["test"]["accuracy"]),
        test_size=max(1, tests),
        max_source_len=(side // patch) ** 2,
        num_classes=len(data.classes),
        patch_dim=patch**2 * channels,
        input_kind="image",
        patch_size=patch,
        patch_sizes=patch_sizes(side),
        drawing=(side, side) if channels == 1 and side <= LARGEST_DRAWN else None,
        own_pictures=True,
        takes=("augment",),
        fingerprint=digest(data.fingerprint, *data.classes),
        example_inputs=tuple(str(number) for number in sorted({0, tests // 3, tests - 1}) if 0 <= number < tests),
        defaults=DEFAULTS,
    )


class _Words:
    """What people read of a data set of pictures, in their language."""

    def __init__(self, data: DataSet, patch: int) -> None:
        self.data, self.patch = data, patch

    def __call__(self) -> TaskWords:
        data, side = self.data, self.data.stored["side"]
        values: dict[str, Any] = {
            "n": data.rows, "side": side, "classes": len(data.classes), "count": (side // self.patch) ** 2,
            "patch": self.patch,
        }  # fmt: skip
        return TaskWords(
            title=data.name,
            summary=_(
                "Your own data: {n:,} pictures of {side}x{side} pixels in colour, each in one of {classes:,} classes, "
                "cut into {count} patches of {patch}x{patch} pixels.", **values)
            if data.stored["channels"] == 3
            else _(
                "Your own data: {n:,} grey pictures of {side}x{side} pixels, each in one of {classes:,} classes, cut "
                "into {count} patches of {patch}x{patch} pixels.", **values),
            baseline=_("always the most frequent class"),
            source=data.source,
            licence=data.licence or _("not stated"),
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Words) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.data.fingerprint, self.patch))


def preview(found: Found, asked: Asked, /) -> Preview:
    """The first pictures, the size that they would be kept in, and their classes."""
    from clps_core.own_data import image_told

    return image_told.preview(found, asked)


def keep(folder: Path, found: Found, asked: Asked, about: Mapping[str, Any], /) -> DataSet:
    """Read and keep all of them."""
    from clps_core.own_data import image_keeping

    return image_keeping.keep(folder, found, asked, about)


def load(
    config: RunConfig,
    facts: TaskFacts,
    known: DataSet,
    *,
    home: Path,
    cache_folder: Path | None,  # noqa: ARG001
) -> TaskData:
    """The stored pictures in patches; nothing else is kept for it."""
    from clps_core.own_data import image_batches

    return image_batches.load(config, facts, checked(known), home=home)


def about(home: Path, known: DataSet, /) -> About:
    """Everything about the stored pictures."""
    from clps_core.own_data import image_told

    return image_told.about(home, checked(known))


def samples(home: Path, known: DataSet, count: int, split: str, /) -> list[dict[str, str]]:
    """Pictures of ``split`` by number, with their classes."""
    from clps_core.own_data import image_told

    return image_told.samples(home, checked(known), count, split)


def warnings(known: DataSet, /) -> list[str]:
    """What a person should know before training."""
    from clps_core.own_data import image_told

    return image_told.warnings(checked(known))
