"""Key-value facts to learn by heart: memory. The facts; ``rules.py``, ``data.py`` and ``work.py`` do the rest."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.errors import ConfigError
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]

USUAL, LEAST, MOST = 4096, 64, 4096


def _words(pairs: int) -> TaskWords:
    return TaskWords(
        title=_("Key-value facts"),
        summary=_(
            "{n} pairs of symbols, each with a random value out of 64. It measures memory: the model is scored on "
            "the pairs it was trained on.",
            n=f"{pairs:,}",
        ),
        baseline=_("the most frequent value of the first symbol"),
        source=_("Generated: random values"),
        licence="CC0-1.0",
        difficulty=_("Pairs"),
    )


@cache
def facts(pairs: int = USUAL) -> TaskFacts:
    """The same for every config with that many pairs."""
    from clps_core.tasks.pairs import rules  # numpy, for who asks only

    halves = {split: rules.halves(pairs)[split] for split in ("validation", "test")}
    return TaskFacts(
        name="pairs",
        words=partial(_words, pairs),
        family="decoder",
        metric="accuracy",
        metrics=("loss", "accuracy"),
        baseline=rules.frequent(halves["validation"]),
        test_baseline=rules.frequent(halves["test"]),
        test_size=len(halves["test"]),
        vocab_size=2 * rules.SYMBOLS,
        max_source_len=2,
        memory=True,
        example_inputs=tuple(rules.line(pair) for pair in halves["test"][:3].tolist()),
        difficulty=pairs,
        difficulties=(LEAST, MOST),
        defaults={
            "model": {
                "num_layers": 4, "d_model": 32, "d_ff": 64, "num_heads": 2, "positions": "learned",
                "tie_embeddings": "none",
            },
            "optim": {"learning_rate": 3e-3, "warmup_steps": 50},
            "train": {"steps": 800, "batch_size": 512, "eval_every": 50, "eval_examples": MOST // 2,
                      "test_examples": MOST // 2},
        },
    )  # fmt: skip


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    if data.folds is not None:
        raise ConfigError(
            _("task pairs has no folds, since a run is trained on all its pairs. Leave out data.folds and data.fold.")
        )
    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("pairs", _facts, f"{__name__}.data", f"{__name__}.work", place=6)
