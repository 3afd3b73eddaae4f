"""How one typed input moves through a trained run, layer by layer and loop by loop. Start at moves_of_run.

torch is imported only when a run is opened: code that shows ``RunMoves`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.analysis.convergence import Convergence, convergence
from clps_core.analysis.movement import Movement, movement, on_a_plane, remaining, turns
from clps_core.errors import ConfigError
from clps_core.look import Look, looked_at, open_look
from clps_core.opened import Opener, OpenRun, open_run
from clps_core.words import _

__all__ = ["MOST_PATHS", "RunMoves", "StackLayers", "Way", "layers_of", "moves_of_run", "way_of"]

Array = NDArray[Any]

MOST_PATHS = 8
"""Tokens whose states are drawn at once."""


@dataclass(frozen=True)
class StackLayers:
    """The executed layers of one stack, in order.

    ``layers``: the layer of the design that stands there. ``loops``: the loop of the core in which it stands, from 1
    on, 0 outside of it. ``groups``: layers with equal numbers use the same matrices.
    """

    layers: tuple[int, ...]
    loops: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True)
class RunMoves:
    """One input in one stack of a run. Shape letters: L executed layers, P positions, K positions that are drawn.

    ``positions``: what is read at each. ``turns``: ``analysis.movement.turns``, L - 1. ``remaining``: L + 1, row 0
    before the first layer. ``loop``: what the loops of the core do to the state; ``None`` without a core. ``drawn``:
    K places among the positions; ``points`` [L + 1, K, 2] are their states on a plane, whose axes have the ``shares``
    of their variance.
    """

    stack: str
    step: int
    positions: tuple[str, ...]
    ran: StackLayers
    movement: Movement
    turns: tuple[float | None, ...]
    remaining: tuple[float, ...]
    loop: Convergence | None
    drawn: tuple[int, ...]
    points: Array
    shares: tuple[float, float]

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return self.points.nbytes


@dataclass(frozen=True)
class Way:
    """One input's states in one stack: ``inputs`` and ``outputs`` [L, P, D] of its layers.

    ``tokens`` tell whether two runs read the same: one text per position. ``ran``: the layers, as they are changed.
    """

    inputs: Array
    outputs: Array
    tokens: tuple[str, ...]
    ran: StackLayers

    @property
    def states(self) -> Array:
        """[L + 1, P, D]: before the first layer, then after each."""
        return np.concatenate([self.inputs[:1], self.outputs])


def moves_of_run(look: Look, *, stack: str, positions: Sequence[int] = (), opener: Opener = open_run) -> RunMoves:
    """Let the run of ``look`` answer its text, and follow the states of ``stack``.

    ``positions``: those that are drawn, at most ``MOST_PATHS``; by default some that are spread evenly. Raises what
    ``Look`` says, and ``ConfigError`` for a stack that the model does not have.
    """
    with open_look(look, opener) as run:
        way = way_of(run, look, stack, opener)
        states, ran = way.states, way.ran
        drawn = _drawn(positions, states.shape[1])
        plane = on_a_plane(states[:, list(drawn)])
        return RunMoves(
            stack=stack,
            step=run.step,
            positions=way.tokens,
            ran=ran,
            movement=movement(way.inputs, way.outputs, ran.groups),
            turns=turns(way.inputs, way.outputs),
            remaining=remaining(states),
            loop=_of_loops(ran.loops, states),
            drawn=drawn,
            points=plane.points.astype(np.float32),
            shares=plane.shares,
        )


def layers_of(run: OpenRun, stack: str, loops: int | None) -> StackLayers:
    """The executed layers of ``stack``, as the model is changed; ``ConfigError`` for one that it does not have."""
    plan = run.model.plan
    if stack not in plan.execution:
        raise ConfigError(
            _(
                "the stack must be one that the model has: {stacks}. Got {stack}.",
                stacks=", ".join(plan.execution),
                stack=stack[:40],
            )
        )
    execution = plan.execution[stack]
    matrices = tuple(one for one in run.model.map.components(stack) if not one.startswith("norm"))
    groups, order = plan.groups(stack, matrices), run.model.executed(stack, loops)
    return StackLayers(order, execution.loop_numbers(loops), tuple(groups[layer] for layer in order))


def way_of(run: OpenRun, look: Look, stack: str, opener: Opener) -> Way:
    """The states of ``stack`` while ``run``, changed as ``look`` says, answers its text."""
    from clps_core.analysis.capture import maps_read_by
    from clps_core.training.probes import with_class_label

    config, data = run.config, run.data
    layers_of(run, stack, look.loops)  # before anything is computed for a stack that there is not
    with looked_at(run, look, opener) as asked, maps_read_by(lambda *_told: None):
        said, ran, inputs = asked.answer(), layers_of(run, stack, look.loops), asked.inputs
    source = with_class_label(data.token_labels(inputs[0]), class_token=config.model.class_token)
    labels = said.target_labels if stack == "decoder" and said.target_labels else tuple(source)
    found = said.capture
    return Way(found.hidden[stack][:-1], found.outputs[stack], labels, ran)


def _drawn(asked: Sequence[int], count: int) -> tuple[int, ...]:
    """The positions of ``asked`` that there are; without any, up to ``MOST_PATHS`` that are spread evenly."""
    there = tuple(dict.fromkeys(place for place in asked if 0 <= place < count))[:MOST_PATHS]
    if there:
        return there
    return tuple(sorted({round(place) for place in np.linspace(0, count - 1, min(count, MOST_PATHS))}))


def _of_loops(numbers: Sequence[int], states: Array) -> Convergence | None:
    """Of the states before the first loop and after each."""
    if not any(numbers):
        return None
    first = next(place for place, number in enumerate(numbers) if number)
    ends = [
        place + 1
        for place, number in enumerate(numbers)
        if number and (place + 1 == len(numbers) or numbers[place + 1] != number)
    ]
    return convergence(states[[first, *ends]])
