"""Depth as a dial: a core that runs more or fewer times than in training. Start at dial, then quality_at.

``dial`` says from the config alone whether a run has such a core; only ``quality_at`` needs torch.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from clps_core.config import RunConfig, sharing_plan, validated
from clps_core.errors import ConfigError, JobError
from clps_core.opened import Opener, OpenRun, Which, open_run
from clps_core.sharing import Execution
from clps_core.sharing.extras import MAX_LOOPS
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.data.base import Batch, TaskData

__all__ = [
    "MOST_POINTS",
    "SPLITS",
    "CountedBatches",
    "Dial",
    "Quality",
    "check_loops",
    "check_split",
    "checked_keys",
    "dial",
    "dial_of_text",
    "kept_qualities",
    "key_of",
    "parse_loops",
    "quality_at",
    "values_at",
]

MOST_POINTS = 32
"""Numbers of loops that are evaluated for one run in one go."""

SPLITS = ("validation", "test")
"""What can be evaluated: the run's own evaluation examples, or those of its test score."""

FACTS = ("step", "examples", "seconds")
"""Kept beside the metrics of a result: the other fields of ``Quality``."""


@dataclass(frozen=True)
class Dial:
    """What a design says about its loops.

    ``execution``: stack -> the order of its layers. ``own``: the loops that the map names, ``None`` where
    the stacks have different numbers. ``trained``: fewest and most loops of a training step, ``None`` with
    ``own``. ``fixed``: the sentence why loops cannot be changed, ``None`` where they can.
    """

    execution: Mapping[str, Execution]
    own: int | None
    trained: tuple[int, int] | None
    fixed: str | None

    def layers(self, loops: int | None = None) -> dict[str, int]:
        """Executed layers of each stack at ``loops``; as the map has them by default."""
        return {stack: len(one.layers(loops)) for stack, one in self.execution.items()}

    def was_trained(self, loops: int) -> bool:
        """Whether training steps ran with ``loops``."""
        return self.trained is not None and self.trained[0] <= loops <= self.trained[1]

    def usual_loops(self) -> tuple[int, ...]:
        """Numbers of loops worth a look: powers of two up to twice the trained depth, and what is near it."""
        known = [one.loops for one in self.execution.values()]
        low, high = self.trained or (min(known), max(known))
        powers = {2**power for power in range(MAX_LOOPS.bit_length()) if 2**power <= max(2 * high, 8)}
        near = {low - 1, low, low + 1, high - 1, high, high + 1, high + high // 2, 2 * high, *known}
        return tuple(sorted(loops for loops in powers | near if 1 <= loops <= MAX_LOOPS))


@dataclass(frozen=True)
class Quality:
    """Metrics of one run at one number of loops, on validation or, where that was asked for, test examples.

    ``metrics`` as ``training.evaluation`` gives them; ``examples`` were scored; ``step`` is that of the weights;
    ``seconds`` is what it took here.
    """

    loops: int
    layers: Mapping[str, int]
    metrics: Mapping[str, float]
    examples: int
    step: int
    seconds: float

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory: it has none."""
        return 0


def dial(config: RunConfig) -> Dial:
    """The dial of a resolved ``config``; ``fixed`` says in a sentence why it cannot be turned, where that is so."""
    plan = sharing_plan(config.model, config.sharing)
    loops = {one.loops for one in plan.execution.values()}
    own = loops.pop() if len(loops) == 1 else None
    trained = plan.extras.train_loops or (None if own is None else (own, own))
    return Dial(plan.execution, own, trained, plan.fixed_loops)


@lru_cache(maxsize=1024)
def dial_of_text(config_text: str) -> Dial:
    """``dial`` of a run's config as the store keeps it; remembered, since a list of runs asks for many."""
    return dial(validated(RunConfig, json.loads(config_text)))


def check_loops(found: Dial, loops: Sequence[int]) -> tuple[int, ...]:
    """``loops`` in order and each once; raises ``ConfigError`` where they cannot be."""
    if found.fixed:
        raise ConfigError(
            _("the number of loops can only be changed for a run whose core repeats. {why}", why=found.fixed)
        )
    wanted = tuple(sorted(set(loops))) or found.usual_loops()
    bad = next((one for one in wanted if not 1 <= one <= MAX_LOOPS), None)
    if bad is not None:
        raise ConfigError(_("loops must be from 1 to {most}. Got {loops}.", most=MAX_LOOPS, loops=bad))
    if len(wanted) > MOST_POINTS:
        raise ConfigError(
            _("at most {most} numbers of loops can be evaluated at once. Got {got}.", most=MOST_POINTS, got=len(wanted))
        )
    return wanted


def parse_loops(text: str) -> tuple[int, ...]:
    """The numbers of ``1,2,8`` or ``1-4,8``; whether they can be is for ``check_loops`` to say."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r" *([0-9]{1,9}) *(?:- *([0-9]{1,9}) *)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise ConfigError(_("loops must be whole numbers, such as 1,2,4,8 or 1-8. Got {got!r}.", got=part[:40]))
        if last - first >= MAX_LOOPS:
            raise ConfigError(_("loops must be from 1 to {most}. Got {loops}.", most=MAX_LOOPS, loops=last))
        found += range(first, last + 1)
    return tuple(found)


def quality_at(
    folder: Path,
    loops: int,
    *,
    seconds: float | None = None,
    which: Which = "best",
    opener: Opener = open_run,
    split: str = "validation",
) -> Quality:
    """Metrics of the run in ``folder`` with its core run ``loops`` times, on its own evaluation examples.

    With ``split`` "test" on its test examples. Deterministic: at the trained number it gives what the run recorded.
    Raises ``ConfigError`` for loops that cannot be, ``JobError`` where the evaluation takes longer than ``seconds``
    and ``DataError`` for test examples of other data than it was trained on.
    """
    check_split(split)
    with opener(folder, which) as run:
        found = dial(run.config)
        check_loops(found, [loops])
        return _evaluated(run, found, loops, folder, _in_time(loops, seconds), split)


def key_of(loops: int, split: str = "validation") -> str:
    """Under which key a job of kind ``depths`` keeps what it finds at ``loops``."""
    return f"{split}:{loops}"


def _parsed(key: str) -> tuple[str, int]:
    split, _colon, loops = key.partition(":")
    return check_split(split), parse_loops(loops)[0]


def check_split(split: str) -> str:
    """``split`` if it can be evaluated; raises ``ConfigError``."""
    if split in SPLITS:
        return split
    raise ConfigError(_("a split must be one of {known}. Got {got!r}.", known=", ".join(SPLITS), got=split[:40]))


def checked_keys(config: RunConfig, asked: Sequence[str]) -> tuple[str, ...]:
    """What a job of kind ``depths`` may be asked of a run of ``config``; see ``key_of``. Raises ``ConfigError``."""
    found = dial(config)
    pairs = [_parsed(key) for key in asked]
    keys: list[str] = []
    for split in SPLITS:
        loops = [number for own, number in pairs if own == split]
        keys += [key_of(number, split) for number in (check_loops(found, loops) if loops else ())]
    if not keys:
        check_loops(found, [])
        raise ConfigError(_("at least one number of loops must be given. Add one."))
    return tuple(keys)


@contextmanager
def values_at(folder: Path, before_batch: Callable[[], None]) -> Iterator[Callable[[str], Mapping[str, float]]]:
    """The run in ``folder``, opened once for all keys of a job of kind ``depths``: key -> metrics and ``FACTS``."""
    with open_run(folder) as run:
        found = dial(run.config)

        def values(key: str) -> Mapping[str, float]:
            split, loops = _parsed(key)
            one = _evaluated(run, found, loops, folder, before_batch, split)
            return {**one.metrics, **{name: float(getattr(one, name)) for name in FACTS}}

        yield values


def kept_qualities(
    config_text: str, results: Mapping[str, Mapping[str, float]], split: str = "validation"
) -> dict[int, Quality]:
    """Loops -> quality, of the kept results of a job of kind ``depths``."""
    layers = dial_of_text(config_text).layers
    found = {}
    for key, values in results.items():
        own, loops = _parsed(key)
        if own == split and all(name in values for name in FACTS):
            metrics = {name: value for name, value in values.items() if name not in FACTS}
            step, examples = int(values["step"]), int(values["examples"])
            found[loops] = Quality(loops, layers(loops), metrics, examples, step, values["seconds"])
    return dict(sorted(found.items()))


def _in_time(loops: int, seconds: float | None) -> Callable[[], None]:
    """Called before each batch; raises once ``seconds`` have passed."""
    until = None if seconds is None else time.monotonic() + seconds

    def check() -> None:
        if until is not None and time.monotonic() > until:
            raise JobError(
                _(
                    "the evaluation at {loops} loops takes longer than the {seconds:g} s allowed here. Use fewer "
                    "loops, or evaluate this number alone: clps depth ID --loops {loops}.",
                    loops=loops,
                    seconds=seconds,
                )
            )

    return check


def _evaluated(
    run: OpenRun,
    found: Dial,
    loops: int,
    folder: Path,
    before_batch: Callable[[], None],
    split: str = "validation",
) -> Quality:
    from clps_core.scoring import check_same_data
    from clps_core.training.evaluation import evaluate
    from clps_core.training.run_folder import cpu_placement

    if split == "test":
        check_same_data(folder, run.data)
    began = time.monotonic()
    limit = run.config.train.test_examples if split == "test" else run.config.train.eval_examples
    batches = CountedBatches(run.data, limit, before_batch)
    metrics = evaluate(run.model, batches.as_data(), run.config, cpu_placement(folder), split, loops=loops)
    return Quality(loops, found.layers(loops), metrics, batches.examples, run.step, time.monotonic() - began)


class CountedBatches:
    """The first ``limit`` examples of a split of ``data``, in batches; counts the examples it hands out.

    All else is that of ``data``. ``before_batch`` is called before each batch and may raise to end the evaluation.
    """

    def __init__(self, data: TaskData, limit: int, before_batch: Callable[[], None]) -> None:
        self._data, self._limit, self._before_batch = data, limit, before_batch
        self.examples = 0

    def as_data(self) -> TaskData:
        """Itself, for an evaluation."""
        return cast("TaskData", self)

    def __getattr__(self, name: str) -> object:
        return getattr(self._data, name)

    def evaluation(self, split: str, _limit: int, batch_size: int) -> Iterator[Batch]:
        """The batches; its own limit stands in the place of that of the run's config."""
        for batch in self._data.evaluation(split, self._limit, batch_size):
            self._before_batch()
            self.examples += len(batch.labels)
            yield batch
