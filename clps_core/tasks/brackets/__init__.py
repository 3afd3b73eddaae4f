"""Which bracket is still open? The facts; ``rules.py``, ``data.py`` and ``work.py``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _, ngettext

__all__ = ["FAR", "TASK", "USUAL", "facts", "grades"]

USUAL, LEAST, MOST = 8, 2, 12
FAR = 5
"""Answers behind brackets that are nested this many levels deep, or more, are scored together."""
EVALUATED, TESTED = 500, 2000


def _share(levels: int, *, or_more: bool) -> Metric:
    def called() -> str:
        if or_more:
            return _("Accuracy, {n} or more levels closed in between", n=levels)
        return ngettext("Accuracy, {n} level closed in between", "Accuracy, {n} levels closed in between", levels)

    return Metric(f"levels_{levels}", called, True, "%", lowest=0.0, highest=1.0, usual=0.1)


def grades(deepest: int) -> dict[str, int]:
    """Metric -> how many levels of closed brackets an answer lies behind, in lines that are at most so deep."""
    return {f"levels_{levels}": levels for levels in range(1, min(FAR, deepest) + 1)}


def _words(deepest: int) -> TaskWords:
    return TaskWords(
        title=_("Brackets"),
        summary=_(
            "After each closing bracket: which bracket is still open? Lines of 32 brackets of four kinds, nested at "
            "most {n} deep. No test line starts with the same six opening brackets as a training line.",
            n=deepest,
        ),
        baseline=_("remove pairs of adjacent brackets, then choose the last opening bracket"),
        source=_("Generated: lines of brackets"),
        licence="CC0-1.0",
        difficulty=_("Nesting depth"),
        grade=_("Levels closed in between"),
    )


@cache
def facts(deepest: int = USUAL) -> TaskFacts:
    """The same for every config with lines that are at most so deep."""
    from clps_core.tasks.brackets import rules  # numpy, for who asks only

    graded = tuple(grades(deepest))
    lines = {split: rules.held_out(split, deepest) for split in ("validation", "test")}
    return TaskFacts(
        name="brackets",
        words=partial(_words, deepest),
        family="decoder",
        metric="accuracy",
        metrics=("loss", "accuracy", *graded),
        own_metrics=tuple(_share(levels, or_more=levels == FAR < deepest) for levels in grades(deepest).values()),
        graded=graded,
        graded_or_more=deepest > FAR,
        baseline=rules.guessed_shares(lines["validation"][:EVALUATED])[0],
        test_baseline=rules.guessed_shares(lines["test"][:TESTED])[0],
        test_size=len(lines["test"]),
        vocab_size=rules.VOCABULARY,
        max_source_len=rules.LENGTH,
        example_inputs=tuple(rules.text(one) for one in lines["test"][:3]),
        difficulty=deepest,
        difficulties=(LEAST, MOST),
        defaults={
            "model": {
                "num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "rotary",
                "tie_embeddings": "none",
            },
            "optim": {"learning_rate": 3e-3, "warmup_steps": 50},
            "train": {"steps": 500, "batch_size": 64, "eval_every": 50, "eval_examples": EVALUATED,
                      "test_examples": TESTED},
        },
    )  # fmt: skip


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("brackets", _facts, f"{__name__}.data", f"{__name__}.work", place=6)
