"""What scripts and notebooks do: train designs, compare them, and ask what trained runs answer.

::

    from clps_core import api

    runs = api.wait(api.submit(api.configs(["none", "all"], seeds=[0, 1, 2], task="dates")))
    print(api.compare(runs))
    for sentence in api.verdict(runs).sentences:
        print(sentence)
    for one in api.predict(runs[0], ["Friday, May 29, 1953"], options={"language": "fr"}):
        print(one.answer, one.is_right)

``examples/notebook.py`` shows all of it. Everything reads the lab's home (``CLPS_HOME``). Runs are trained by
background processes; everything else works in the caller's own process. A run is given as a ``Run``, by its id or by
the beginning of its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.ablation import Ablation, Effect
from clps_core.ablation import ablate as ablate_folder
from clps_core.api_lens import lens
from clps_core.api_runs import compare, configs, curves, ids_of, ready, runs, submit, wait
from clps_core.api_shelf import archive, find_runs, note, tag
from clps_core.api_take import diff, export, snapshot
from clps_core.errors import ConfigError, NotFoundError
from clps_core.lens import LensRow, RunLens
from clps_core.matching import Dial, Match, Measure
from clps_core.matching import match as match_config
from clps_core.predicting import Prediction
from clps_core.predicting import predict as predict_folder
from clps_core.predicting_split import AnsweredExample
from clps_core.predicting_split import predict_split as predict_folder_split
from clps_core.store import Run, open_store
from clps_core.sweeps.importance import Importance
from clps_core.verdicts.asked import Judged, judged
from clps_core.words import _, shown

if TYPE_CHECKING:
    from clps_core.model.generate import Sampling

__all__ = [
    "Ablation",
    "AnsweredExample",
    "Effect",
    "Importance",
    "Judged",
    "LensRow",
    "Match",
    "Prediction",
    "RunLens",
    "ablate",
    "archive",
    "compare",
    "configs",
    "curves",
    "diff",
    "export",
    "find_runs",
    "importance",
    "lens",
    "match",
    "note",
    "predict",
    "predict_split",
    "ready",
    "runs",
    "snapshot",
    "submit",
    "tag",
    "verdict",
    "wait",
]


def predict(
    run: Run | str,
    texts: Sequence[str],
    *,
    options: Mapping[str, str] | None = None,
    sampling: Sampling | None = None,
    loops: int | None = None,
    max_tokens: int | None = None,
    home: Path | None = None,
) -> tuple[Prediction, ...]:
    """What a run answers to each of ``texts``; see ``predicting.predict``."""
    return predict_folder(
        _folder(run, home), texts, options=options, sampling=sampling, loops=loops, max_tokens=max_tokens
    )


def predict_split(
    run: Run | str, split: str = "test", limit: int | None = None, *, loops: int | None = None, home: Path | None = None
) -> Iterator[AnsweredExample]:
    """What it answers to held-out examples, with the right answers; see ``predicting_split.predict_split``."""
    return predict_folder_split(_folder(run, home), split, limit, loops=loops)


def ablate(
    run: Run | str,
    split: str = "validation",
    *,
    examples: int | None = None,
    heads: bool = False,
    home: Path | None = None,
) -> Ablation:
    """What its held-out metrics become without each of its parts in turn; see ``ablation.ablate``."""
    return ablate_folder(_folder(run, home), split, examples=examples, heads=heads)


def match(
    run: Run | str,
    scheme: str,
    measure: Measure = "parameters",
    change: Sequence[Dial] | None = None,
    *,
    home: Path | None = None,
) -> Match:
    """The design of ``scheme`` that stores, computes or caches as much as a run's; see ``matching.match``."""
    with closing(open_store(home)) as store:
        return match_config(store.run(*ids_of([run])).config, scheme, measure, change)


def verdict(runs: Sequence[Run | str], reference: str | None = None, *, home: Path | None = None) -> Judged:
    """Which of the designs of these runs is better: each against ``reference``, over pairs of runs with one seed.

    ``reference``: a design's strategy, name or key, a run's id, or ``best``; the first run's design by default.
    ``Judged.sentences`` says it in words, ``Judged.verdicts.found`` in figures. Raises ``NotFoundError`` for a run or
    reference that is not there, and ``ConfigError`` for no run or runs of several tasks.
    """
    with closing(open_store(home)) as store:
        found = judged(store, [store.run(one) for one in ids_of(runs)], reference)
    if len(found) != 1:
        tasks = ", ".join(one.task for one in found) or _("no run")
        raise ConfigError(_("a verdict must compare runs of one task. Got {tasks}.", tasks=tasks))
    return found[0]


def importance(comparison_id: str, *, home: Path | None = None) -> Importance:
    """How much each field matters in which a sweep's or comparison's designs differ; see ``sweeps.importance``."""
    from clps_core.sweeps.importance import importance as importance_of
    from clps_core.sweeps.results import sweep_state

    with closing(open_store(home)) as store:
        known = next((one for one in store.comparisons() if one.id == comparison_id), None)
        if known is None:
            raise NotFoundError(
                _("there is no sweep {got}. 'clps sweep list' shows the ids.", got=shown(comparison_id))
            )
        return importance_of(sweep_state(store, known, 1).configurations)


def _folder(run: Run | str, home: Path | None) -> Path:
    with closing(open_store(home)) as store:
        return store.run_folder(store.run(*ids_of([run])).id)
