"""What a trained run would answer to a typed input after each of its layers. Start at lens_of_run.

torch is imported only when a run is opened: code that shows ``RunLens`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from clps_core.data.labelled import LabelledLine
from clps_core.data.spans import CONTEXT
from clps_core.errors import ConfigError
from clps_core.look import Look, looked_at, open_look
from clps_core.opened import Opener, OpenRun, open_run
from clps_core.patching import Asked
from clps_core.sharing.letters import slot_letter
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.analysis.lens import Read
    from clps_core.work.answers import Answer
    from clps_core.work.spans import MarkingData

__all__ = ["LensRow", "RunLens", "lens_of_run", "right_tokens"]

Array = NDArray[Any]


@dataclass(frozen=True)
class LensRow:
    """What is read at one position after ``depth`` executed layers; 0 stands before the first.

    ``layer``: the layer of the design that was executed last. ``loop``: of the core, from 1 on, ``None`` outside of it.
    ``slot``: layers with one letter use the same matrices. ``tokens``: the most probable ones, best first, with their
    ``probabilities``. ``entropy``: in bits. ``rank`` and ``wanted_probability``: of the token that is wanted, ``None``
    where none is. ``flips``: the most probable token is another one than in the row before.
    """

    depth: int
    layer: int | None
    loop: int | None
    slot: str
    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]
    entropy: float
    rank: int | None
    wanted_probability: float | None
    flips: bool


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
    ``groups``: layers with equal numbers use the same matrices. ``begins``: the position where the answer begins; of a
    text that goes on, its last one.
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
    begins: int = 0

    def at(self, position: int) -> tuple[LensRow, ...]:
        """The L + 1 rows of one position. Raises ``ConfigError`` for one that is not read."""
        if not 0 <= position < len(self.positions):
            last = len(self.positions) - 1
            raise ConfigError(_("the position must be from 0 to {last}. Got {got}.", last=last, got=position))
        found, before = [], None
        for depth, tokens in enumerate(self.top[:, position].tolist()):
            ran, rank = depth - 1, int(self.rank[depth, position])
            found.append(
                LensRow(
                    depth=depth,
                    layer=self.layers[ran] if depth else None,
                    loop=self.loops[ran] or None if depth else None,
                    slot=slot_letter(self.groups[ran]) if depth else "",
                    tokens=tuple(self.names[token] for token in tokens),
                    probabilities=tuple(self.probabilities[depth, position].tolist()),
                    entropy=float(self.entropy[depth, position]),
                    rank=rank or None,
                    wanted_probability=float(self.wanted_probability[depth, position]) if rank else None,
                    flips=depth > 0 and tokens[0] != before,
                )
            )
            before = tokens[0]
        return tuple(found)

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return sum(
            one.nbytes for one in (self.top, self.probabilities, self.entropy, self.rank, self.wanted_probability)
        )


def lens_of_run(look: Look, *, opener: Opener = open_run) -> RunLens:
    """Let the run of ``look`` answer its text, and read its last stack after every executed layer.

    Raises what ``Look`` says, and ``ConfigError`` for a model without a head.
    """
    with open_look(look, opener) as run:
        import torch

        from clps_core.analysis.capture import maps_read_by
        from clps_core.analysis.lens import lens

        with looked_at(run, look, opener) as asked, maps_read_by(lambda *_told: None):
            said, executed = asked.answer(), asked.layers()
        stack = "encoder" if run.config.model.family == "encoder" else "decoder"
        reading = (
            _span_reading(run, asked.inputs, asked.options)
            if run.config.model.output == "span"
            else _query_reading(run, said)
            if run.config.model.output == "boxes"
            else _reading(run, asked.inputs, said)
        )
        states = np.concatenate([said.capture.hidden[stack][:1], said.capture.outputs[stack]])
        with torch.inference_mode():
            own: list[int] = reading.read(torch.from_numpy(states[-1:])).argmax(-1).tolist()
        right = right_tokens(asked, said)
        wanted = own if right is None else right
        found = lens(reading.read, states, wanted)
        table: dict[str, int] = {}

        def numbered(token: int) -> int:
            return table.setdefault(reading.name(token), len(table))

        plan = run.model.plan
        execution, order = plan.execution[stack], executed[stack]
        groups = plan.groups(stack, tuple(one for one in run.model.map.components(stack) if not one.startswith("norm")))
        return RunLens(
            stack=stack,
            step=run.step,
            prediction=said.prediction,
            positions=reading.positions,
            top=np.vectorize(numbered, otypes=[np.int64])(found.tokens),
            names=tuple(table),
            probabilities=found.probabilities,
            entropy=found.entropy,
            wanted=tuple("" if token < 0 else reading.name(token) for token in wanted),
            wanted_is="own" if right is None else "right",
            rank=found.rank,
            wanted_probability=found.wanted_probability,
            layers=order,
            loops=execution.loop_numbers(look.loops),
            groups=tuple(groups[layer] for layer in order),
            begins=len(reading.positions) - 1 if run.data.facts.windows and stack == "decoder" else 0,
        )


@dataclass(frozen=True)
class _Reading:
    """How states are read: as logits [P, V], what a token is called, and what the model reads at each position."""

    read: Read
    name: Callable[[int], str]
    positions: tuple[str, ...]


def _reading(run: OpenRun, inputs: Array, said: Answer) -> _Reading:
    model, data, places = run.model, run.data, said.places
    classes = run.config.model.output == "classes"
    labels = said.target_labels or tuple(data.token_labels(inputs[0]))

    def read(states: Tensor) -> Tensor:
        found = model.read_out(states)[0]
        return found[None] if classes else found if places is None else found[list(places)]

    def name(token: int) -> str:
        whole = classes or isinstance(data, LabelledLine)
        return data.decode([token]) if whole else data.token_labels([token])[0]

    shown = ("",) if classes else labels if places is None else tuple(labels[place] for place in places)
    return _Reading(read, name, shown)


def _query_reading(run: OpenRun, said: Answer) -> _Reading:
    """Which class each query has found, no object among them."""
    from clps_core.work.boxes import class_logits

    def read(states: Tensor) -> Tensor:
        return class_logits(run.model.read_out(states))[0]

    return _Reading(read, lambda token: run.data.decode([token]), said.target_labels)


def _span_reading(run: OpenRun, inputs: Array, options: Mapping[str, str]) -> _Reading:
    """Where the answer begins and where it ends: a choice among the context's tokens, each with its place there."""
    model = run.model
    context, offsets = cast("MarkingData", run.data).context_offsets(inputs, options[CONTEXT])
    inside = np.flatnonzero(offsets[:, 0] >= 0).tolist()

    def read(states: Tensor) -> Tensor:
        return model.read_out(states)[0, inside].T

    def name(token: int) -> str:
        begin, end = offsets[inside[token]]
        return f"{context[begin:end].strip()} ({token})"

    return _Reading(read, name, (_("start"), _("end")))


def right_tokens(asked: Asked, said: Answer) -> list[int] | None:
    """Per position that is read, the right token or -1; ``None`` where the task does not know it."""
    run, inputs, options = asked.run, asked.inputs, asked.options
    data, model = run.data, run.config.model
    if said.target == "typed":
        given = data.encode_target(asked.target, options=options)[0]
        return [*given[1:].tolist(), data.eos_id]
    if model.family == "decoder" and data.facts.windows:  # what comes next stands in the text itself
        return [*inputs[0, 1:].tolist(), -1]
    right = data.right_answer(asked.text, options=options)
    if right is None or model.output in ("span", "boxes"):  # which query should find which object, no one knows
        return None
    if model.output == "classes":
        return [next((one for one in range(model.num_classes or 0) if data.decode([one]) == right), -1)]
    parts = right.split()
    if not isinstance(data, LabelledLine) or said.places is None or len(parts) != len(said.places):
        return None
    known = {data.decode([token]): token for token in range(model.vocab_size or 0)}
    return [known.get(part, -1) for part in parts]
