"""What is known of a task before its data are read. Start at TaskFacts.

Facts are plain values, so that a run can keep those it was trained with (``frozen_facts.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from clps_core.metrics import Metric, metric_named

__all__ = ["DataLike", "TaskFacts", "TaskWords"]


class DataLike(Protocol):
    """The part of a config that facts may depend on (``config.DataConfig``)."""

    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def seq_len(self) -> int | None: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def tokenizer(self) -> str | None: ...  # noqa: D102
    @property
    def difficulty(self) -> int | None: ...  # noqa: D102
    @property
    def folds(self) -> int | None: ...  # noqa: D102
    @property
    def by_length(self) -> bool | None: ...  # noqa: D102
    @property
    def clutter(self) -> int | None: ...  # noqa: D102
    @property
    def patch_size(self) -> int | None: ...  # noqa: D102
    @property
    def augment(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True)
class TaskWords:
    """What people read of a task, in their language.

    ``baseline``: what the best trivial answer is called. ``source``, ``licence``: of the data. ``options``: what a
    typed input needs besides its text, as name -> value -> title; without values it is typed, as a context is.
    ``asks``: what each of them asks for, and under ``text`` what the text itself is, where that is no plain text.
    ``difficulty``: what ``data.difficulty`` counts, such as "Hops". ``grade``: what the task's graded metrics count,
    where that is something else.
    """

    title: str
    summary: str
    baseline: str
    source: str = ""
    licence: str = ""
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    asks: Mapping[str, str] = field(default_factory=dict)
    difficulty: str = ""
    grade: str = ""


@dataclass(frozen=True)
class TaskFacts:
    """What a config, a form and a chart need to know of a task.

    ``words``: gives what people read, when it is shown. ``family``: of the models that it trains. ``metric``: the
    name of the metric people compare by, one of ``metrics``: those that an evaluation gives (the task's scores).
    ``own_metrics``: those of them that only this task has, and those of the test score that need whole answers.
    ``graded``: metrics that are one at rising difficulty, easiest first (empty where there are none);
    ``graded_or_more``: the last of them is of all that is harder, too.
    ``baseline``: what the best trivial answer (``baseline_name``) gets in ``metric`` on the validation examples that a
    run is scored on by default; ``test_baseline``: the same on those of the test split, which has ``test_size``. Where
    the data differ from machine to machine they are approximate, and ``TaskData.baselines`` is exact.

    ``vocab_size``: tokens; one vocabulary serves source and target. ``max_source_len`` / ``max_target_len``: in tokens,
    special tokens included (0 where a task has none). ``input_kind``: how an input is typed: ``line``, ``text``
    (several lines), ``image``, ``sound``, or a kind of the task's own. ``typed_target``: whether a right answer can be
    typed beside it. ``windows``: training examples are windows of a long text, whose length ``data.seq_len`` says.
    ``num_queries``: of learned queries, where the model answers with boxes and their classes. ``writes``: a trained
    model can be asked for text. ``masked``: tokens of an input are masked, and the model, an encoder with head ``lm``,
    says what they were. ``marks``: the model, an encoder with head ``span``, marks its answer in a context. ``ctc``:
    the model, an encoder with head ``ctc``, writes its answer at positions with blanks between. ``memory``:
    validation and test examples are trained, too, since the task measures memory. ``takes``:
    fields of the data config that change this task: ``seq_len`` (longer texts are cut), ``tokenizer``, ``by_length``,
    ``clutter``, ``augment``, ``vary_sounds``. ``batch_lengths``: tokens of an example in a training batch and in an
    evaluation's on average, padding included, at the usual batch size; of source and target texts the mean, of a sound
    and its answer those of the sound (``None``: all inputs are as long as the longest). ``fingerprint``: of what
    gives tokens and classes their meaning, where that lies in files (empty where it cannot change). ``difficulty``:
    of a generated task, what these facts are for, between the ``difficulties`` (least, most) that
    ``data.difficulty`` may have. ``patch_size``: pixels across a patch of an image, one of ``patch_sizes``, which
    ``data.patch_size`` may have (none where it cannot be chosen). ``drawing``: of images that a person can draw, or
    upload a picture of: pixels across an image, and across the box in it that what is drawn is fitted to.
    ``own_pictures``: an input may also name a picture that somebody brought (``data.kept_pictures``), and a drawing is
    used as it stands on its sheet.
    ``example_inputs``: texts a person can start from.
    ``example_options``: what belongs to the first of them under the options that are typed.
    ``defaults``: a small config that fits a laptop, as nested plain data for ``RunConfig``.
    """

    name: str
    words: Callable[[], TaskWords]
    family: str
    metric: str
    metrics: tuple[str, ...]
    baseline: float
    test_baseline: float
    test_size: int
    vocab_size: int | None = None
    max_source_len: int = 0
    max_target_len: int = 0
    num_classes: int | None = None
    patch_dim: int | None = None
    num_queries: int | None = None
    input_kind: str = "line"
    typed_target: bool = False
    windows: bool = False
    writes: bool = False
    masked: bool = False
    marks: bool = False
    ctc: bool = False
    memory: bool = False
    takes: tuple[str, ...] = ()
    batch_lengths: tuple[float, float] | None = None
    fingerprint: str = ""
    own_metrics: tuple[Metric, ...] = ()
    graded: tuple[str, ...] = ()
    graded_or_more: bool = False
    difficulty: int | None = None
    difficulties: tuple[int, int] | None = None
    patch_size: int | None = None
    patch_sizes: tuple[int, ...] = ()
    drawing: tuple[int, int] | None = None
    own_pictures: bool = False
    example_inputs: tuple[str, ...] = ()
    example_options: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.words().title

    @property
    def summary(self) -> str:
        """What it is, in one sentence."""
        return self.words().summary

    @property
    def baseline_name(self) -> str:
        """What the best trivial answer is called."""
        return self.words().baseline

    @property
    def options(self) -> Mapping[str, Mapping[str, str]]:
        """What a typed input needs besides its text, as name -> value -> title."""
        return self.words().options

    @property
    def judged_by(self) -> Metric:
        """The metric people compare by."""
        return self.metric_named(self.metric)

    def metric_named(self, name: str) -> Metric:
        """The metric of that name, such as ``exact_match`` or ``validation.exact_match``."""
        kind = name.rpartition(".")[2]
        return next((one for one in self.own_metrics if one.name == kind), None) or metric_named(kind)

    @property
    def higher_is_better(self) -> bool:
        """Whether higher values of ``metric`` are better."""
        return self.judged_by.higher_is_better

    def beats_baseline(self, value: float) -> bool:
        """Whether a validation value of ``metric`` is better than that of the best trivial answer."""
        return self.judged_by.better(value, self.baseline)
