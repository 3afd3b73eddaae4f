"""The shell game: where is the ball after each swap? The facts; ``rules.py``, ``data.py`` and ``work.py``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]

USUAL, LEAST, MOST = 12, 6, 32
EVALUATED, TESTED = 500, 2000


def _share(name: str, swap: int | None) -> Metric:
    def called() -> str:
        return _("Accuracy, late swaps") if swap is None else _("Accuracy after swap {n}", n=swap)

    return Metric(name, called, True, "%", lowest=0.0, highest=1.0, usual=0.1)


def _words(swaps: int) -> TaskWords:
    return TaskWords(
        title=_("Shell game"),
        summary=_(
            "Three cups, one ball, {n} swaps: where is the ball after each swap? No test game starts like a training "
            "game. Late swaps are the last third.",
            n=swaps,
        ),
        baseline=_("always the same cup after each swap"),
        source=_("Generated: games with three cups"),
        licence="CC0-1.0",
        difficulty=_("Swaps"),
    )


@cache
def facts(swaps: int = USUAL) -> TaskFacts:
    """The same for every config with that many swaps."""
    from clps_core.tasks.cups import rules  # numpy, for who asks only

    graded = tuple(f"swap_{number}" for number in range(1, swaps + 1))
    games = {split: rules.held_out(split, swaps) for split in ("validation", "test")}
    places = {split: rules.ball(one.starts, one.swaps) for split, one in games.items()}
    return TaskFacts(
        name="cups",
        words=partial(_words, swaps),
        family="decoder",
        metric="accuracy",
        metrics=("loss", "accuracy", "late_accuracy", *graded),
        own_metrics=(_share("late_accuracy", None), *(_share(name, place + 1) for place, name in enumerate(graded))),
        graded=graded,
        baseline=rules.constant_accuracy(places["validation"][:EVALUATED]),
        test_baseline=rules.constant_accuracy(places["test"][:TESTED]),
        test_size=len(places["test"]),
        vocab_size=rules.CUPS + len(rules.SWAPS),
        max_source_len=swaps + 1,
        example_inputs=tuple(
            rules.line(int(games["test"].starts[place]), games["test"].swaps[place]) for place in range(3)
        ),
        difficulty=swaps,
        difficulties=(LEAST, MOST),
        defaults={
            "model": {
                "num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "learned",
                "tie_embeddings": "none",
            },
            "optim": {"learning_rate": 2e-3, "warmup_steps": 50},
            "train": {"steps": 1000, "batch_size": 64, "eval_every": 50, "eval_examples": EVALUATED,
                      "test_examples": TESTED},
        },
    )  # fmt: skip


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("cups", _facts, f"{__name__}.data", f"{__name__}.work", place=5)
