"""Look up a number several times: f(f(x)) of a permutation f. The facts; ``rules.py``, ``data.py`` and ``work.py``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _, ngettext

__all__ = ["TASK", "facts"]

USUAL, LEAST, MOST = 2, 1, 8
EVALUATED, TESTED = 500, 2000
MOVED = Metric(
    "moved_accuracy", lambda: _("Accuracy where the answer is not x"), True, "%", lowest=0.0, highest=1.0, usual=0.1
)


def _words(hops: int) -> TaskWords:
    return TaskWords(
        title=_("Multi-hop lookup"),
        summary=ngettext(
            "Look a number x up in a random permutation of 8 numbers, once; the model answers for every x. No test "
            "permutation appears in training.",
            "Look a number x up in a random permutation of 8 numbers, then look up what was found, {n} lookups in a "
            "row; the model answers for every x. No test permutation appears in training.",
            hops,
        ),
        baseline=_("always x itself, the number asked about"),
        source=_("Generated: permutations of 0 to 7"),
        licence="CC0-1.0",
        difficulty=_("Hops"),
    )


@cache
def facts(hops: int = USUAL) -> TaskFacts:
    """The same for every config with that many hops."""
    from clps_core.tasks.hops import rules  # numpy, for who asks only

    held_out = rules.splits()
    return TaskFacts(
        name="hops",
        words=partial(_words, hops),
        family="decoder",
        metric="accuracy",
        metrics=("loss", "accuracy", "moved_accuracy"),
        own_metrics=(MOVED,),
        baseline=rules.returned(held_out["validation"][:EVALUATED], hops),
        test_baseline=rules.returned(held_out["test"][:TESTED], hops),
        test_size=len(held_out["test"]),
        vocab_size=2 * rules.NUMBERS,
        max_source_len=2 * rules.NUMBERS,
        example_inputs=tuple(rules.line(number) for number in held_out["test"][:3]),
        difficulty=hops,
        difficulties=(LEAST, MOST),
        defaults={
            "model": {
                "num_layers": 3, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "learned",
                "tie_embeddings": "none",
            },
            "optim": {"learning_rate": 2e-3, "warmup_steps": 50},
            "train": {"steps": 500, "batch_size": 64, "eval_every": 25, "eval_examples": EVALUATED,
                      "test_examples": TESTED},
        },
    )  # fmt: skip


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("hops", _facts, f"{__name__}.data", f"{__name__}.work", place=4)
