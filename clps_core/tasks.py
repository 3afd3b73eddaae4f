"""Facts of each task that a config needs, declared without loading any data.

The data themselves are in ``clps_core/data``; tests hold these constants against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clps_core.errors import ConfigError
from clps_core.metrics import Metric, metric_named
from clps_core.suggestions import nearest
from clps_core.words import _

__all__ = ["TASKS", "TaskFacts", "get_task", "metric_of"]


@dataclass(frozen=True)
class TaskFacts:
    """What is known of a task before its data are read.

    ``vocab_size``: tokens; one vocabulary serves source and target. ``max_source_len`` /
    ``max_target_len``: in tokens, special tokens included (0 where a task has none).
    ``metric``: the name of the metric people compare by, one of ``metrics``: those that an evaluation gives
    (``training/evaluation.py``). ``baseline``: what the best constant answer (``baseline_name``)
    gets in it on the validation examples that a run is scored on by default; ``test_baseline``: the same on
    those of the test split, which has ``test_size``. Where the data differ from machine to machine they are
    approximate, and ``TaskData.baselines`` is exact. ``options``: what a typed input needs besides its text, as
    name -> value -> title. ``example_inputs``: texts a person can start from. ``defaults``: a small config that
    fits a laptop, as nested plain data for ``RunConfig``.
    """

    name: str
    title: str
    summary: str
    family: str
    metric: str
    metrics: tuple[str, ...]
    baseline_name: str
    baseline: float
    test_baseline: float
    test_size: int
    vocab_size: int | None = None
    max_source_len: int = 0
    max_target_len: int = 0
    num_classes: int | None = None
    patch_dim: int | None = None
    causal: bool = True
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    example_inputs: tuple[str, ...] = ()
    defaults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def judged_by(self) -> Metric:
        """The metric people compare by."""
        return metric_named(self.metric)

    @property
    def higher_is_better(self) -> bool:
        """Whether higher values of ``metric`` are better."""
        return self.judged_by.higher_is_better

    def beats_baseline(self, value: float) -> bool:
        """Whether a validation value of ``metric`` is better than that of the best constant answer."""
        return self.judged_by.better(value, self.baseline)


TASKS: dict[str, TaskFacts] = {
    task.name: task
    for task in (
        TaskFacts(
            name="dates",
            title=_("Translate dates"),
            summary=_("Full dates in English to eight languages; no test date was seen in any language."),
            family="encoder_decoder",
            metric="exact_match",
            metrics=("loss", "token_accuracy", "exact_match"),
            baseline_name=_("always the same date"),
            baseline=0.005,
            test_baseline=0.0005,
            test_size=14592,
            vocab_size=107,
            max_source_len=32,
            max_target_len=40,
            options={
                "language": {
                    "de": _("German"),
                    "fr": _("French"),
                    "es": _("Spanish"),
                    "it": _("Italian"),
                    "nl": _("Dutch"),
                    "pt": _("Portuguese"),
                    "el": _("Greek"),
                    "hu": _("Hungarian"),
                }
            },
            example_inputs=("Wednesday, October 3, 1990", "Friday, May 29, 1953", "Wednesday, August 28, 1963"),
            defaults={
                "model": {"num_layers": 4, "d_model": 96, "d_ff": 256, "num_heads": 4, "dropout": 0.0},
                "optim": {"learning_rate": 2e-3, "warmup_steps": 60, "final_ratio": 0.02},
                "train": {"steps": 600, "batch_size": 32, "eval_every": 50},
            },
        ),
        TaskFacts(
            name="python-docs",
            title=_("Continue Python's documentation"),
            summary=_("Language model on the documentation text of the standard library."),
            family="decoder",
            metric="perplexity",
            metrics=("loss", "token_accuracy", "perplexity"),
            baseline_name=_("every token by its share"),
            baseline=295.0,
            test_baseline=304.0,
            test_size=215,
            vocab_size=1024,
            max_source_len=128,
            example_inputs=("Return the number of", "If the file does not exist", "A class that"),
            defaults={
                "model": {"num_layers": 4, "d_model": 128, "d_ff": 384, "num_heads": 4, "dropout": 0.1},
                "optim": {"learning_rate": 2e-3, "warmup_steps": 60},
                "train": {"steps": 600, "batch_size": 12, "eval_every": 50},
            },
        ),
        TaskFacts(
            name="digits",
            title=_("Read handwritten digits"),
            summary=_("8x8 images cut into patches, one of ten classes."),
            family="encoder",
            metric="accuracy",
            metrics=("loss", "accuracy"),
            baseline_name=_("always the most frequent digit"),
            baseline=25 / 180,
            test_baseline=21 / 180,
            test_size=180,
            max_source_len=16,
            num_classes=10,
            patch_dim=4,
            causal=False,
            example_inputs=("0", "17", "99"),
            defaults={
                "model": {"num_layers": 4, "d_model": 64, "d_ff": 128, "num_heads": 4, "dropout": 0.1},
                "optim": {"learning_rate": 2e-3, "warmup_steps": 30},
                "train": {"steps": 400, "batch_size": 64, "eval_every": 50},
            },
        ),
    )
}


def get_task(name: str) -> TaskFacts:
    """The facts of task ``name``; raises ``ConfigError`` that lists the tasks there are."""
    task = TASKS.get(name)
    if task is None:
        likely = nearest(str(name), TASKS)
        hint = _(" Did you mean {name}?", name=likely) if likely else ""
        got = str(name)[:60]
        raise ConfigError(
            _("task must be one of {known}. Got {name!r}.{hint}", known=", ".join(TASKS), name=got, hint=hint)
        )
    return task


def metric_of(task: str) -> Metric:
    """What runs of ``task`` are judged by: the loss for a task that is not known."""
    facts = TASKS.get(task)
    return facts.judged_by if facts is not None else metric_named("loss")
