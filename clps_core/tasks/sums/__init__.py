"""Add two long numbers, digit by digit from the right. The facts; ``rules.py``, ``data.py`` and ``work.py``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _, ngettext

__all__ = ["FAR", "LEAST", "TASK", "facts", "grades"]

USUAL, LEAST, MOST = 12, 3, 20
FAR = 5
"""Carries that are decided this many digits back, or more, are scored together."""
EVALUATED, TESTED = 500, 2000


def _share(back: int, *, or_more: bool) -> Metric:
    def called() -> str:
        if or_more:
            return _("Accuracy, carry decided {n} or more digits earlier", n=back)
        return ngettext("Accuracy, carry decided {n} digit earlier", "Accuracy, carry decided {n} digits earlier", back)

    return Metric(f"back_{back}", called, True, "%", lowest=0.0, highest=1.0, usual=0.1)


def grades(digits: int) -> dict[str, int]:
    """Metric -> how many digits back a carry is decided, of numbers with this many digits."""
    return {f"back_{back}": back for back in range(1, min(FAR, digits) + 1)}


def _words(digits: int) -> TaskWords:
    return TaskWords(
        title=_("Addition"),
        summary=_(
            "Add two numbers of {n} digits, the last digit first. A carry may depend on digits many places earlier. "
            "No test sum has the same last two digits as a training sum.",
            n=digits,
        ),
        baseline=_("add, with a carry from the previous digit only"),
        source=_("Generated: sums of two numbers"),
        licence="CC0-1.0",
        difficulty=_("Digits"),
        grade=_("Digits earlier"),
    )


@cache
def facts(digits: int = USUAL) -> TaskFacts:
    """The same for every config with numbers of that many digits."""
    from clps_core.tasks.sums import rules  # numpy, for who asks only

    graded = tuple(grades(digits))
    sums = {split: rules.held_out(split, digits) for split in ("validation", "test")}
    return TaskFacts(
        name="sums",
        words=partial(_words, digits),
        family="decoder",
        metric="accuracy",
        metrics=("loss", "accuracy", *graded),
        own_metrics=tuple(_share(back, or_more=back == FAR < digits) for back in grades(digits).values()),
        graded=graded,
        graded_or_more=digits > FAR,
        baseline=rules.guessed_shares(sums["validation"][:EVALUATED])[0],
        test_baseline=rules.guessed_shares(sums["test"][:TESTED])[0],
        test_size=len(sums["test"].digits),
        vocab_size=rules.VOCABULARY,
        max_source_len=rules.WIDTH * (digits + 1),
        example_inputs=tuple(rules.line(one) for one in sums["test"].digits[:3]),
        difficulty=digits,
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


TASK = Task("sums", _facts, f"{__name__}.data", f"{__name__}.work", place=6)
