"""Questions about a story: where is everything? The facts; ``rules.py``, ``reading.py``, ``data.py``, ``work.py``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _, ngettext

__all__ = ["TASK", "facts"]

USUAL, LEAST, MOST = 3, 2, 4
EVALUATED, TESTED = 250, 1000


def _share(number: int) -> Metric:
    def called() -> str:
        return ngettext("Accuracy, {n} sentence needed", "Accuracy, {n} sentences needed", number)

    return Metric(f"needs_{number}", called, True, "%", lowest=0.0, highest=1.0, usual=0.1)


def _words(most: int) -> TaskWords:
    return TaskWords(
        title=_("Questions about a story"),
        summary=_(
            "Three people move and carry things: where is each person or thing now? An answer needs up to {n} "
            "sentences. Similar to bAbI, with other words and rules. No test story starts like a training story.",
            n=most,
        ),
        baseline=_("where the person went last; for a thing, the place named last"),
        source=_("Generated: stories of three people, four things and six places"),
        licence="CC0-1.0",
        difficulty=_("Sentences needed"),
    )


@cache
def facts(most: int = USUAL) -> TaskFacts:
    """The same for every config with that dial."""
    from clps_core.tasks.stories import reading, rules  # numpy, for who asks only

    graded = tuple(f"needs_{number}" for number in range(1, most + 1))
    told = {split: rules.held_out(split, most) for split in ("validation", "test")}
    return TaskFacts(
        name="stories",
        words=partial(_words, most),
        family="decoder",
        metric="accuracy",
        metrics=("loss", "accuracy", *graded),
        own_metrics=tuple(_share(number) for number in range(1, most + 1)),
        graded=graded,
        baseline=rules.guessed_shares(told["validation"][:EVALUATED], most)[0],
        test_baseline=rules.guessed_shares(told["test"][:TESTED], most)[0],
        test_size=rules.HELD_OUT,
        vocab_size=rules.VOCABULARY,
        max_source_len=rules.LENGTH,
        input_kind="text",
        example_inputs=tuple(reading.written(row) for row in told["test"].tokens[:3]),
        difficulty=most,
        difficulties=(LEAST, MOST),
        defaults={
            "model": {
                "num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "rotary",
                "tie_embeddings": "none",
            },
            "optim": {"learning_rate": 3e-3, "warmup_steps": 50},
            "train": {"steps": 1000, "batch_size": 64, "eval_every": 50, "eval_examples": EVALUATED,
                      "test_examples": TESTED},
        },
    )  # fmt: skip


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("stories", _facts, f"{__name__}.data", f"{__name__}.work", place=6)
