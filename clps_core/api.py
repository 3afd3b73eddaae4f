"""What scripts and notebooks ask of trained runs: functions that take a run's id and answer with plain data.

::

    from clps_core import api

    for one in api.predict("r73887vz", ["Friday, May 29, 1953"], options={"language": "fr"}):
        print(one.answer, one.is_right)

They read the lab's home (``CLPS_HOME``) and work in the caller's own process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.ablation import Ablation, Effect
from clps_core.ablation import ablate as ablate_folder
from clps_core.api_take import diff, export, snapshot
from clps_core.predicting import Prediction
from clps_core.predicting import predict as predict_folder
from clps_core.predicting_split import AnsweredExample
from clps_core.predicting_split import predict_split as predict_folder_split
from clps_core.store import open_store

if TYPE_CHECKING:
    from clps_core.model.generate import Sampling

__all__ = [
    "Ablation",
    "AnsweredExample",
    "Effect",
    "Prediction",
    "ablate",
    "diff",
    "export",
    "predict",
    "predict_split",
    "snapshot",
]


def predict(
    run_id: str,
    texts: Sequence[str],
    *,
    options: Mapping[str, str] | None = None,
    sampling: Sampling | None = None,
    loops: int | None = None,
    max_tokens: int | None = None,
    home: Path | None = None,
) -> tuple[Prediction, ...]:
    """What a run (its id or the beginning of it) answers to each of ``texts``; see ``predicting.predict``."""
    return predict_folder(
        _folder(run_id, home), texts, options=options, sampling=sampling, loops=loops, max_tokens=max_tokens
    )


def predict_split(
    run_id: str, split: str = "test", limit: int | None = None, *, loops: int | None = None, home: Path | None = None
) -> Iterator[AnsweredExample]:
    """What it answers to held-out examples, with the right answers; see ``predicting_split.predict_split``."""
    return predict_folder_split(_folder(run_id, home), split, limit, loops=loops)


def ablate(
    run_id: str,
    split: str = "validation",
    *,
    examples: int | None = None,
    heads: bool = False,
    home: Path | None = None,
) -> Ablation:
    """What its held-out metrics become without each of its parts in turn; see ``ablation.ablate``."""
    return ablate_folder(_folder(run_id, home), split, examples=examples, heads=heads)


def _folder(run_id: str, home: Path | None) -> Path:
    with closing(open_store(home)) as store:
        return store.run_folder(store.run(run_id).id)
