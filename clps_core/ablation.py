"""Which execution of the shared weights matters? A run's quality with each single part left out. Start at ablate.

A part is one executed layer, one of its branches or heads (``analysis.edits`` names them), or one loop of a core of
several layers: ``decoder.loop.2``. Only ``ablate`` and ``values_at`` need torch.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.analysis.edits import Edit, parts_of, read_edits
from clps_core.config import RunConfig, sharing_plan
from clps_core.depth import CountedBatches, check_split
from clps_core.errors import ConfigError
from clps_core.opened import Opener, OpenRun, open_run
from clps_core.sharing import SharingPlan
from clps_core.shown import not_a_formula, visible
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.training.by_example import Examples

__all__ = [
    "KIND",
    "MOST_EXAMPLES",
    "MOST_PARTS",
    "WHOLE",
    "Ablation",
    "Effect",
    "ablate",
    "as_csv",
    "checked_keys",
    "edits_of",
    "kept_ablations",
    "keys_of",
    "loop_of",
    "own_examples",
    "parts_named",
    "values_at",
]

KIND = "ablations"
"""What a job that finds all this is called."""
WHOLE = "whole"
"""Stands in a key for nothing left out."""
MOST_EXAMPLES = 10_000
"""Examples of a split that each part is left out on, at most."""
MOST_PARTS = 4_000
"""Parts that can be asked for at once."""
FACTS = ("step", "examples", "seconds")
"""Kept beside the metrics of a result."""
ERROR = "error."
"""Before a metric's name: the standard error of its change."""
CONFIDENT = 1.96
"""Standard errors on each side of a 95 % interval."""
LOOP = re.compile(r"(encoder|decoder)\.loop\.([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class Effect:
    """A run without ``part``: its ``metrics`` then, and the ``changes`` that makes to those of the whole run.

    ``errors``: standard errors of the changes, paired over the examples, of the metrics that are means over them.
    """

    part: str
    metrics: Mapping[str, float]
    changes: Mapping[str, float]
    errors: Mapping[str, float]

    def interval(self, metric: str) -> tuple[float, float] | None:
        """A 95 % interval of the change (normal approximation); ``None`` where the metric is no mean."""
        if metric not in self.errors:
            return None
        change, off = self.changes[metric], CONFIDENT * self.errors[metric]
        return change - off, change + off


@dataclass(frozen=True)
class Ablation:
    """What is known of one run on the first ``limit`` examples of ``split``, of which there were ``examples``.

    ``whole``: its metrics with nothing left out. ``effects``: in order of execution; parts that are still to do are
    not among them. ``step``: of the weights. ``seconds``: spent on all of it.
    """

    split: str
    limit: int
    examples: int
    step: int
    whole: Mapping[str, float]
    effects: tuple[Effect, ...]
    seconds: float = 0.0


# What can be asked for


def own_examples(config: RunConfig, split: str) -> int:
    """How many examples of ``split`` the run itself is evaluated on, as far as that many can be asked for."""
    own = config.train.test_examples if check_split(split) == "test" else config.train.eval_examples
    return min(own, MOST_EXAMPLES)


def parts_named(config: RunConfig, *, heads: bool = True) -> tuple[str, ...]:
    """Every part of a run of ``config``: loops, layers, branches and, with ``heads``, heads in order of execution."""
    plan = sharing_plan(config.model, config.sharing)
    found = []
    for part in parts_of(plan, config.model.num_heads):
        if part.sublayer is None:
            found += [name for name, edits in _loops(plan).items() if edits[0] == part]
        if heads or part.head is None:
            found.append(str(part))
    return tuple(found)


def keys_of(
    config: RunConfig, split: str = "validation", *, examples: int | None = None, heads: bool = False
) -> tuple[str, ...]:
    """What a job of kind ``ablations`` is asked for to leave out every part of a run of ``config`` once.

    ``examples``: the number of first examples of ``split``; the default is the run's own number. Raises
    ``ConfigError`` for what cannot be.
    """
    count = own_examples(config, split) if examples is None else examples
    return checked_keys(config, [_key(split, count, part) for part in (WHOLE, *parts_named(config, heads=heads))])


def checked_keys(config: RunConfig, asked: Sequence[str]) -> tuple[str, ...]:
    """What a job of kind ``ablations`` may be asked of a run of ``config``: the whole model first, then its parts.

    Raises ``ConfigError``.
    """
    wanted: dict[tuple[str, int], set[str]] = {}
    for key in asked:
        split, examples, part = _parsed(key)
        wanted.setdefault((split, examples), set()).add(part)
    if not wanted:
        raise ConfigError(_("at least one part must be named. Name one."))
    known = dict.fromkeys((WHOLE, *parts_named(config)))
    for parts in wanted.values():
        for part in sorted(parts - known.keys()):
            edits_of(part, sharing_plan(config.model, config.sharing), config.model.num_heads)  # says what is wrong
            raise ConfigError(
                _("this evaluation can only leave out whole parts. Write {part} without its factor.", part=part)
            )
    keys = [_key(*group, part) for group, parts in wanted.items() for part in known if part == WHOLE or part in parts]
    if len(keys) > MOST_PARTS:
        raise ConfigError(
            _("at most {most} parts can be left out, one at a time. Got {got}. Ask again without the heads.",
              most=MOST_PARTS, got=len(keys))
        )  # fmt: skip
    return tuple(keys)


def loop_of(part: str) -> tuple[str, int] | None:
    """Stack and number (from 1 on) where ``part`` is a loop of a core."""
    found = LOOP.fullmatch(part)
    return (found[1], int(found[2])) if found else None


def edits_of(part: str, plan: SharingPlan, heads: int, loops: int | None = None) -> tuple[Edit, ...]:
    """What is left out without ``part``; nothing for ``WHOLE``. Raises ``ConfigError`` for what the model lacks.

    ``loops``: how often the core runs, as in training by default.
    """
    if part == WHOLE:
        return ()
    if loop_of(part) is None:
        return read_edits([part], plan, heads, loops)
    known = _loops(plan, loops)
    if part not in known:
        raise ConfigError(
            _(
                "{part} must name a loop of a core of several layers: {known}. If the run has no such core, name "
                "layers.",
              part=part, known=", ".join(known) or _("this run has none"))
        )  # fmt: skip
    return known[part]


def _loops(plan: SharingPlan, loops: int | None = None) -> dict[str, tuple[Edit, ...]]:
    """The loops of cores of several layers: of a core of one layer, a loop is a layer."""
    found = {}
    for stack, execution in plan.execution.items():
        starts = sorted(execution.starts(loops))
        repeated = execution.core[1] if execution.core is not None and len(starts) > 1 else 1
        for number, start in enumerate(starts if repeated > 1 else (), start=1):
            found[f"{stack}.loop.{number}"] = tuple(Edit(stack, start + more) for more in range(repeated))
    return found


def _key(split: str, examples: int, part: str) -> str:
    return f"{split}:{examples}:{part}"


def _parsed(key: str) -> tuple[str, int, str]:
    split, _colon, rest = key.partition(":")
    count, _colon, part = rest.partition(":")
    check_split(split)
    if not re.fullmatch(r"[0-9]{1,9}", count) or not 1 <= int(count) <= MOST_EXAMPLES:
        raise ConfigError(
            _(
                "examples must be a whole number from 1 to {most}. Got {got}.",
                most=MOST_EXAMPLES,
                got=visible(count[:40]),
            )
        )
    return split, int(count), part


# What is found


def ablate(
    folder: Path,
    split: str = "validation",
    *,
    examples: int | None = None,
    heads: bool = False,
    on_part: Callable[[int, int], None] | None = None,
    opener: Opener = open_run,
) -> Ablation:
    """The effect of leaving out each single part of the run in ``folder``, on its held-out examples.

    The arguments are those of ``keys_of``; ``on_part`` is told how many of how many parts are done. A pure function of
    weights and data. Raises ``ConfigError`` for what cannot be asked for, ``CheckpointError`` for a run without
    weights and ``DataError`` where the data are others than it was trained on.
    """
    with opener(folder, "best") as run:
        keys = keys_of(run.config, split, examples=examples, heads=heads)
        at, found = _Values(run, folder, lambda: None), {}
        for done, key in enumerate(keys, start=1):
            found[key] = at(key)
            if on_part is not None:
                on_part(done, len(keys))
    return next(iter(kept_ablations(found)))


@contextmanager
def values_at(folder: Path, before_batch: Callable[[], None]) -> Iterator[Callable[[str], Mapping[str, float]]]:
    """The run in ``folder``, opened once for all keys of a job of kind ``ablations``: key -> metrics, errors, facts."""
    with open_run(folder) as run:
        yield _Values(run, folder, before_batch)


class _Values:
    """The values at one key; the whole run is scored once for all parts of one split."""

    def __init__(self, run: OpenRun, folder: Path, before_batch: Callable[[], None]) -> None:
        self._run, self._folder, self._before_batch = run, folder, before_batch
        self._wholes: dict[tuple[str, int], Examples] = {}

    def __call__(self, key: str) -> Mapping[str, float]:
        began = time.monotonic()
        split, examples, part = _parsed(key)
        whole = self._wholes.get((split, examples))
        if whole is None:
            whole = self._wholes[split, examples] = self._scored(split, examples, WHOLE)
        found = whole if part == WHOLE else self._scored(split, examples, part)
        errors = {} if part == WHOLE else found.errors(whole)
        facts = (self._run.step, len(found.labels), time.monotonic() - began)
        return {
            **found.values,
            **{f"{ERROR}{name}": value for name, value in errors.items()},
            **dict(zip(FACTS, map(float, facts), strict=True)),
        }

    def _scored(self, split: str, examples: int, part: str) -> Examples:
        from clps_core.analysis.edits import Edits
        from clps_core.scoring import check_same_data
        from clps_core.training.by_example import score_examples
        from clps_core.training.run_folder import cpu_placement

        model, config = self._run.model, self._run.config
        if split == "test":
            check_same_data(self._folder, self._run.data)
        edits = edits_of(part, model.plan, config.model.num_heads)
        batches = CountedBatches(self._run.data, examples, self._before_batch)
        with model.edited(Edits(edits, config.model.num_heads) if edits else None):
            return score_examples(model, batches.as_data(), config, cpu_placement(self._folder), split)


def kept_ablations(results: Mapping[str, Mapping[str, float]]) -> list[Ablation]:
    """What is kept in the results of a job of kind ``ablations``: one for each split and number of examples."""
    groups: dict[tuple[str, int], dict[str, Mapping[str, float]]] = {}
    for key, values in results.items():
        split, limit, part = _parsed(key)
        if all(name in values for name in FACTS):
            groups.setdefault((split, limit), {})[part] = values
    return [_ablation(split, limit, parts) for (split, limit), parts in groups.items() if WHOLE in parts]


def _ablation(split: str, limit: int, parts: Mapping[str, Mapping[str, float]]) -> Ablation:
    whole = _metrics(parts[WHOLE])
    effects = []
    for part, values in parts.items():
        if part != WHOLE:
            metrics = _metrics(values)
            changes = {name: metrics[name] - whole[name] for name in metrics if name in whole}
            errors = {name: values[f"{ERROR}{name}"] for name in changes if f"{ERROR}{name}" in values}
            effects.append(Effect(part, metrics, changes, errors))
    facts = parts[WHOLE]
    seconds = sum(values["seconds"] for values in parts.values())
    return Ablation(split, limit, int(facts["examples"]), int(facts["step"]), whole, tuple(effects), seconds)


def _metrics(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name not in FACTS and not name.startswith(ERROR)}


# As a file


def as_csv(runs: Sequence[tuple[str, str, Ablation]]) -> str:
    """A row for each metric of each part of (id, name, ablation), unrounded; the whole model stands in each row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["run", "name", "split", "examples", "step", "part", "metric", "whole", "without", "change", "standard_error",
         "low_95", "high_95"]
    )  # fmt: skip
    for run_id, name, found in runs:
        facts = [not_a_formula(run_id), not_a_formula(visible(name)), found.split, found.examples, found.step]
        for effect in found.effects:
            for metric, change in effect.changes.items():
                interval = effect.interval(metric)
                error = [repr(effect.errors[metric]), *map(repr, interval)] if interval else ["", "", ""]
                row = [effect.part, metric, repr(found.whole[metric]), repr(effect.metrics[metric]), repr(change)]
                writer.writerow([*facts, *row, *error])
    return out.getvalue()
