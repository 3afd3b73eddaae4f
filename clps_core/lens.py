"""What a trained run would answer to a typed input after each of its layers. Start at lens_of_run.

torch is imported when a run is opened only: whoever shows a ``RunLens`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from clps_core.data.labelled import LabelledLine
from clps_core.errors import ConfigError
from clps_core.opened import Opener, OpenRun, Which, check_length, open_run
from clps_core.sharing import Execution
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.work.answers import Answer

__all__ = ["RunLens", "lens_of_run"]

Array = NDArray[Any]


@dataclass(frozen=True)
class RunLens:
    """One input, read after each executed layer of the run's last stack.

    Shape letters: L executed layers, P positions that are read, K most probable tokens. Row 0 stands before the first
    layer, row L is the run's own answer.

    ``positions``: per position, what the model reads there (a classifier has one position, without a label).
    ``names``: what tokens read as; ``top``: int64 [L + 1, P, K], places in ``names``, best first, with
    ``probabilities``. ``entropy``: [L + 1, P] in bits. ``wanted``: per position a token, the right one where the task
    knows it (``wanted_is``: ``right``), else the model's ``own`` last answer; empty where nothing is wanted. ``rank``
    (1: most probable, 0: nothing wanted) and ``wanted_probability``: [L + 1, P]. ``layers``: per executed layer the
    layer of the design that stands there; ``loops``: in which loop of the core it stands, from 1 on, 0 outside of it;
    ``groups``: layers with equal numbers use the same matrices.
    """

    stack: str
    step: int
    prediction: str
    positions: tuple[str, ...]
    names: tuple[str, ...]
    top: Array
    probabilities: Array
    entropy: Array
    wanted: tuple[str, ...]
    wanted_is: Literal["right", "own"]
    rank: Array
    wanted_probability: Array
    layers: tuple[int, ...]
    loops: tuple[int, ...]
    groups: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return sum(
            one.nbytes for one in (self.top, self.probabilities, self.entropy, self.rank, self.wanted_probability)
        )


def lens_of_run(
    folder: Path,
    text: str,
    *,
    options: Mapping[str, str] | None = None,
    target_text: str | None = None,
    which: Which = "best",
    loops: int | None = None,
    opener: Opener = open_run,
) -> RunLens:
    """Let the run in ``folder`` answer ``text``, and read its last stack after every executed layer.

    The arguments are those of ``inspection.inspect_run``, and so is what it raises; ``ConfigError`` also for a model
    without a head.
    """
    check_length(text, target_text or "")
    with opener(folder, which) as run:
        from clps_core.analysis.lens import lens
        from clps_core.tasks import TASKS

        given, target = dict(options or {}), (target_text or "").strip()
        if run.data.facts.marks:
            raise ConfigError(
                _("a run must say tokens or classes to be read after each layer. {task} marks spans. Look at its "
                  "attention instead.",
                  task=run.data.facts.title)
            )  # fmt: skip
        inputs = run.data.encode_source(text, options=given)
        said: Answer = TASKS.work(run.config.data.task).answer(run, inputs, target, given, loops)
        stack = "encoder" if run.config.model.family == "encoder" else "decoder"
        own = _own(said)
        right = _right(run, inputs, text, target, given, said)
        wanted = own if right is None else right
        capture = said.capture
        states = np.concatenate([capture.hidden[stack][:1], capture.outputs[stack]])
        found = lens(run.model, states, said.places, wanted)
        table: dict[str, int] = {}

        def numbered(token: int) -> int:
            return table.setdefault(_name(run, token), len(table))

        plan = run.model.plan
        execution = plan.execution[stack]
        order = execution.layers(loops)
        groups = plan.groups(stack, tuple(one for one in run.model.map.components(stack) if not one.startswith("norm")))
        return RunLens(
            stack=stack,
            step=run.step,
            prediction=said.prediction,
            positions=_labels(run, inputs, said),
            top=np.vectorize(numbered, otypes=[np.int64])(found.tokens),
            names=tuple(table),
            probabilities=found.probabilities,
            entropy=found.entropy,
            wanted=tuple("" if token < 0 else _name(run, token) for token in wanted),
            wanted_is="own" if right is None else "right",
            rank=found.rank,
            wanted_probability=found.wanted_probability,
            layers=order,
            loops=_loop_numbers(execution, loops, len(order)),
            groups=tuple(groups[layer] for layer in order),
        )


def _name(run: OpenRun, token: int) -> str:
    """What an answered token reads as."""
    if run.config.model.output == "classes" or run.data.bos_id < 0:
        return run.data.decode([token])
    return run.data.token_labels([token])[0]


def _own(said: Answer) -> list[int]:
    """The model's last answer at each position that is read."""
    best: list[int] = np.atleast_2d(said.capture.logits).argmax(-1).tolist()
    return best if said.places is None else [best[place] for place in said.places]


def _right(
    run: OpenRun, inputs: Array, text: str, target: str, options: Mapping[str, str], said: Answer
) -> list[int] | None:
    """Per position that is read, the right token or -1; ``None`` where the task does not know it."""
    data, model = run.data, run.config.model
    if said.target == "typed":
        given = data.encode_target(target, options=options)[0]
        return [*given[1:].tolist(), data.eos_id]
    if model.family == "decoder" and data.facts.windows:  # what comes next stands in the text itself
        return [*inputs[0, 1:].tolist(), -1]
    right = data.right_answer(text, options=options)
    if right is None:
        return None
    if model.output == "classes":
        return [next((one for one in range(model.num_classes or 0) if data.decode([one]) == right), -1)]
    parts = right.split()
    if not isinstance(data, LabelledLine) or said.places is None or len(parts) != len(said.places):
        return None
    known = {data.decode([token]): token for token in range(model.vocab_size or 0)}
    return [known.get(part, -1) for part in parts]


def _labels(run: OpenRun, inputs: Array, said: Answer) -> tuple[str, ...]:
    """Per position that is read, what the model reads there."""
    if run.config.model.output == "classes":
        return ("",)
    labels = said.target_labels or tuple(run.data.token_labels(inputs[0]))
    return labels if said.places is None else tuple(labels[place] for place in said.places)


def _loop_numbers(execution: Execution, loops: int | None, count: int) -> tuple[int, ...]:
    """Per executed layer the loop of the core in which it stands, from 1 on; 0 outside."""
    starts = sorted(execution.starts(loops))
    if execution.core is None:
        return (0,) * count
    repeated = execution.core[1]
    number = {start + step: loop for loop, start in enumerate(starts, start=1) for step in range(repeated)}
    return tuple(number.get(place, 0) for place in range(count))
