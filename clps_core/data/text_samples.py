"""What a language model wrote while it was trained: a few fixed beginnings, continued. Start at kept_samples.

A run appends to ``FILE`` in its folder. The file may come from anybody: lines that cannot be read are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clps_core.files import read_regular
from clps_core.shown import visible

__all__ = ["FILE", "TEMPERATURE", "TextSample", "keep_samples", "kept_samples", "writes_at"]

FILE = "text_samples.jsonl"
LARGEST = 1 << 20
MOST = 500
TEMPERATURE = 0.8
"""Of the draws: the most probable tokens alone repeat themselves (Holtzman et al. 2019, arXiv 1904.09751)."""
LONGEST = 2000
"""Characters of a beginning, and of what follows it."""


@dataclass(frozen=True)
class TextSample:
    """After ``step`` updates the model continued ``beginning`` with ``said``, drawn at ``TEMPERATURE``."""

    step: int
    beginning: str
    said: str


def writes_at(step: int, every: int, last: int) -> bool:
    """Whether samples are written at this evaluation: before training, after 1, 2, 4, 8, ..., at step ``last``."""
    number, rest = divmod(step, every)
    return step in (0, last) or (rest == 0 and number & (number - 1) == 0)


def keep_samples(folder: Path, samples: Iterable[TextSample]) -> None:
    """Append to the run's file; raises ``OSError``."""
    lines = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in samples]
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write("".join(lines))


def kept_samples(folder: Path) -> tuple[TextSample, ...]:
    """The samples in a run's folder by step, as text without control characters; none where there is no such file.

    A run that went on from a checkpoint writes some of them again: the last ones count.
    """
    try:
        lines = read_regular(folder, FILE, limit=LARGEST).decode("utf-8", "replace").split("\n")
    except OSError:
        return ()
    found: dict[tuple[int, str], TextSample] = {}
    for line in lines[:MOST]:
        if (one := _read(line)) is not None:
            found[one.step, one.beginning] = one
    return tuple(sorted(found.values(), key=lambda one: one.step))


def _read(line: str) -> TextSample | None:
    try:
        plain: Any = json.loads(line)
        step, texts = plain["step"], (plain["beginning"], plain["said"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if type(step) is not int or not 0 <= step < 2**53 or not all(isinstance(text, str) for text in texts):
        return None
    beginning, said = (visible(text[:LONGEST], "\n") for text in texts)
    return TextSample(step, beginning, said)
