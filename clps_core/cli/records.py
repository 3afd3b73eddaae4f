"""Runs as plain data for JSON and tables. Start at run_records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clps_core.store.metrics import TEST
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.store import Run, Store
    from clps_core.store.records import FinalScore

__all__ = ["run_records", "said_quality", "said_status", "test_in_words"]

FACTS = (
    "id", "name", "comparison_id", "status", "stop_requested", "reason", "owner", "parent_id", "start_from", "priority",
    "queue_position", "task", "strategy", "seed", "unique_parameters", "executed_parameters", "step", "steps",
    "seconds", "cpu_seconds", "tokens_per_second", "device", "threads", "attempts", "created_at", "started_at",
    "finished_at", "tags", "notes", "archived_at",
)  # fmt: skip


def run_records(store: Store, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Runs as JSON-ready data, in their order.

    ``quality``: the task's metric on validation, with its ``best`` value (by which everything ranks) and its
    ``last``, each with the step of that evaluation, or ``null`` before the first. ``metrics``: the latest value of
    every curve: validation metrics under their own names, those of other splits with the split before
    (``train_loss``). ``test``: the one score on the test split, ``null`` before there is one.
    """
    ids = [run.id for run in runs]
    latest, scores = store.latest(ids), store.final_scores(ids)
    bests = store.bests(runs)
    names = store.comparison_names(run.comparison_id for run in runs if run.comparison_id)
    return [_record(run, latest.get(run.id, {}), bests.get(run.id), scores.get(run.id), names) for run in runs]


def _record(
    run: Run,
    latest: Mapping[str, tuple[int, float]],
    best: tuple[int, float] | None,
    score: FinalScore | None,
    names: Mapping[str, str],
) -> dict[str, Any]:
    metrics = {}
    for name, (_step, value) in latest.items():
        split, _dot, short = name.partition(".")
        if split != TEST:
            metrics[short if split == "validation" else f"{split}_{short}"] = value
    metric = run.facts.judged_by
    quality = {
        "metric": metric.name,
        "higher_is_better": metric.higher_is_better,
        "best": _evaluation(best),
        "last": _evaluation(latest.get(f"validation.{metric.name}")),
    }
    found: dict[str, Any] = {}
    for fact in FACTS:
        found[fact] = getattr(run, fact)
        if fact == "comparison_id":
            found["comparison"] = names.get(run.comparison_id or "")
        if fact == "steps":
            found |= {"quality": quality, "metrics": metrics, "test": _score(score)}
    return found


def _evaluation(point: tuple[int, float] | None) -> dict[str, Any] | None:
    return None if point is None else {"value": point[1], "step": point[0]}


def _score(score: FinalScore | None) -> dict[str, Any] | None:
    return None if score is None else {"step": score.step, "examples": score.examples, **score.values}


def test_in_words(test: Mapping[str, Any]) -> str:
    """The ``test`` of a record, such as ``exact_match 0.965, loss 0.01 (step 550, 2,000 test examples)``."""
    values = ", ".join(f"{name} {value:.4g}" for name, value in test.items() if name not in ("step", "examples"))
    where = _("step {step}, {examples} test examples", step=test["step"], examples=f"{test['examples']:,}")
    return f"{values} ({where})"


def said_quality(record: Mapping[str, Any], which: str) -> str:
    """The ``best`` or ``last`` evaluation of a record in words, such as ``0.93 at 450``; empty before the first."""
    one = record["quality"][which]
    return "" if one is None else _("{value} at {step}", value=f"{one['value']:.4g}", step=one["step"])


def said_status(record: Mapping[str, Any]) -> str:
    """A record's status; a run that has been asked to stop is ``stopping`` until it has."""
    return _("stopping") if record["status"] == "running" and record.get("stop_requested") else str(record["status"])
