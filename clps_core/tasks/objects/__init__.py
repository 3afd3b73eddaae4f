"""Find every digit of a picture, and say where it is. The facts; ``rules.py``, ``data.py`` and ``work.py``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from clps_core.metrics import Metric
from clps_core.tasks.facts import DataLike, TaskFacts, TaskWords
from clps_core.tasks.task import Task
from clps_core.words import _

__all__ = ["TASK", "facts"]

USUAL, LEAST, MOST = 3, 1, 4
QUERIES = 8
EVALUATED, TESTED = 200, 500
BASELINES = {
    1: (0.011876900586473425, 0.00844595044497609),
    2: (0.013222608600967628, 0.009443867699621834),
    3: (0.012897817614845809, 0.008837627226264013),
    4: (0.014556514305889803, 0.00811806320845478),
}
"""Objects -> AP50 of constant boxes on the validation and on the test pictures; a test computes them again."""

AP = Metric("ap", lambda: _("AP"), True, "%", lowest=0.0, highest=1.0, usual=0.1)
AP50 = Metric("ap50", lambda: _("AP50"), True, "%", lowest=0.0, highest=1.0, usual=0.1)
COUNTED = Metric("counting_accuracy", lambda: _("Counting accuracy"), True, "%", lowest=0.0, highest=1.0, usual=0.1)


def _words(objects: int) -> TaskWords:
    return TaskWords(
        title=_("Find several digits"),
        summary=_(
            "Pictures of 1 to {n} handwritten digits among fragments: which digits are there, and where? No test "
            "picture has a digit image of a training picture.",
            n=objects,
        ),
        baseline=_("always the same boxes"),
        source=_("Generated: pictures of digits from UCI, Optical Recognition of Handwritten Digits"),
        licence="CC-BY-4.0",
        difficulty=_("Objects"),
    )


@cache
def facts(objects: int = USUAL) -> TaskFacts:
    """The same for every config with pictures of up to that many objects."""
    from clps_core.tasks.objects import rules  # numpy, for who asks only

    baseline, test_baseline = BASELINES[objects]
    return TaskFacts(
        name="objects",
        words=partial(_words, objects),
        family="encoder_decoder",
        metric="ap50",
        metrics=("loss", "ap50", "ap", "counting_accuracy"),
        own_metrics=(AP50, AP, COUNTED),
        baseline=baseline,
        test_baseline=test_baseline,
        test_size=rules.HELD_OUT,
        max_source_len=rules.PATCHES,
        num_classes=rules.CLASSES,
        patch_dim=rules.PATCH**2,
        num_queries=QUERIES,
        input_kind="image",
        takes=("clutter",),
        example_inputs=("0", "17", "99"),
        difficulty=objects,
        difficulties=(LEAST, MOST),
        defaults={
            "model": {
                "num_layers": 3, "d_model": 64, "d_ff": 128, "num_heads": 4, "positions": "learned", "dropout": 0.0,
            },
            "optim": {"learning_rate": 2e-3, "warmup_steps": 100, "final_ratio": 0.02},
            "train": {"steps": 4000, "batch_size": 32, "eval_every": 250, "eval_examples": EVALUATED,
                      "test_examples": TESTED},
        },
    )  # fmt: skip


def _facts(data: DataLike, _home: Path) -> TaskFacts:
    from clps_core.tasks.generated import dial

    return facts(dial(data, USUAL, LEAST, MOST))


TASK = Task("objects", _facts, f"{__name__}.data", f"{__name__}.work", place=16)
