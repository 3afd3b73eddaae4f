"""What a trained run does with one typed input, as plain arrays. Start at inspect_run.

torch is imported only when a run is opened: code that shows ``Inspection`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clps_core.analysis.movement import Movement, movement
from clps_core.data.alignment import Aligned
from clps_core.data.detection import Found, right_objects
from clps_core.data.spans import Marked, same_answer
from clps_core.look import Look, asked_of, open_look
from clps_core.opened import LONGEST_TEXT, Opener, OpenRun, open_run
from clps_core.patching import Effect, answer_changed
from clps_core.sharing.shared_with import KIND_SITES, kinds_of_family
from clps_core.work.answers import Guess, image_of

__all__ = [
    "LONGEST_TEXT",
    "Guess",
    "Inspection",
    "dequantised",
    "groups_of",
    "image_of",
    "inspect_run",
    "quantised",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class Inspection:
    """One input seen through one model.

    ``attention``: kind (``encoder``, ``decoder``, ``cross``) -> float32 [layer, head, query, key], as
    ``analysis.capture`` gives it. ``groups``: kind -> per layer a number; layers with equal numbers use
    the same query and key weights. ``ran``: stack -> per executed layer the layer of the design that stands there.
    ``source_labels`` / ``target_labels``: one label per position of the
    input and of the decoder's input (empty where there is no second stack). ``target``: which decoder
    input was used, ``greedy`` (the model's own answer), ``typed``, ``queries`` (learned ones) or ``none``.
    ``prediction``: the answer in words (greedy, whatever the target was); ``right_answer``: what it should be, where
    the task knows that. ``guesses``: the best answers of a classifier, or the most probable next tokens of a language
    model. ``next_tokens``: per decoder position the best next token. ``image``: [side, side] or [side, side, 3]
    in 0..1 for image tasks, as ``work.answers.image_of``. ``unknown``: typed characters without a token.
    ``movement``: stack -> how far each executed layer carries the hidden state. ``option_titles``: what the options
    and their values are called. ``class_token``: the first position is no part of the input. ``context``,
    ``marked``, ``found``, ``wanted``, ``spectrogram``, ``aligned``: as in ``predicting.Prediction``. ``effect``: of
    what was changed inside, ``None`` where nothing was. ``seconds``: wall time of the pass that was looked into, as
    ``Capture`` has it.
    """

    task: str
    step: int
    text: str
    options: Mapping[str, str]
    attention: Mapping[str, Array]
    groups: Mapping[str, tuple[int, ...]]
    source_labels: tuple[str, ...]
    target_labels: tuple[str, ...]
    ran: Mapping[str, tuple[int, ...]]
    target: Literal["greedy", "typed", "queries", "none"]
    prediction: str
    guesses: tuple[Guess, ...] = ()
    next_tokens: tuple[Guess, ...] = ()
    right_answer: str | None = None
    image: Array | None = None
    unknown: tuple[str, ...] = field(default=())
    class_token: bool = False
    option_titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    movement: Mapping[str, Movement] = field(default_factory=dict)
    context: str = ""
    marked: tuple[Marked, ...] = ()
    spectrogram: Array | None = None
    aligned: tuple[Aligned, ...] = ()
    found: tuple[Found, ...] = ()
    wanted: tuple[Found, ...] = ()
    effect: Effect | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def is_right(self) -> bool:
        """Whether the prediction is the right answer; of a marked one, as SQuAD compares."""
        if self.right_answer is None or not self.context:
            return self.prediction == self.right_answer
        return same_answer(self.prediction, self.right_answer)

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return sum(weights.nbytes for weights in self.attention.values())

    @property
    def kinds(self) -> tuple[str, ...]:
        """The attention kinds this model has, in order of execution."""
        return tuple(self.groups)

    def labels(self, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels of the queries and of the keys of ``kind``."""
        if kind == "cross":
            return self.target_labels, self.source_labels
        own = self.target_labels if kind == "decoder" and self.target != "none" else self.source_labels
        return own, own

    def is_causal(self, kind: str) -> bool:
        """Whether attention of ``kind`` sees earlier positions only: learned queries have no order."""
        return kind == "decoder" and self.target != "queries"

    def patches(self, kind: str) -> Array | None:
        """``image`` where the keys of ``kind`` are its patches, after a class token if there is one.

        Learned queries are none; cross-attention has patches as its keys only.
        """
        return None if kind == "decoder" else self.image

    def quantise(self) -> dict[str, NDArray[np.uint8]]:
        """``attention`` at 8 bits: what the browser gets; off by 1/510 at most."""
        return {kind: quantised(weights) for kind, weights in self.attention.items()}


def quantised(weights: Array) -> NDArray[np.uint8]:
    """Weights in 0..1 to the nearest of 0, 1/255 ... 1."""
    return np.rint(np.clip(weights, 0.0, 1.0) * 255.0).astype(np.uint8)


def dequantised(weights: NDArray[np.uint8]) -> Array:
    """The inverse of ``quantised`` up to 1/510: float32."""
    return weights.astype(np.float32) / np.float32(255.0)


def inspect_run(look: Look, *, attention: bool = True, opener: Opener = open_run) -> Inspection:
    """Let the run of ``look`` answer its text, and capture its attention on the way.

    Without ``attention`` none of it is kept. Raises what ``Look`` says.
    """
    with open_look(look, opener) as run:
        from clps_core.training.probes import with_class_label

        config, data, asked = run.config, run.data, asked_of(run, look)
        said, effect, layers = answer_changed(asked, look.left_out, look.patching, opener, attention=attention)
        found = said.capture
    return Inspection(
        task=config.data.task,
        step=run.step,
        text=asked.text,
        options=asked.options,
        option_titles=data.facts.options,
        attention=found.attention,
        ran=layers,
        groups={kind: _groups(run, layers, *KIND_SITES[kind]) for kind in kinds_of_family(config.model.family)},
        movement={
            stack: movement(found.hidden[stack][:-1], outputs, _groups(run, layers, stack, _matrices(run, stack)))
            for stack, outputs in found.outputs.items()
        },
        source_labels=with_class_label(data.token_labels(asked.inputs[0]), class_token=config.model.class_token),
        unknown=data.unknown(asked.text),
        class_token=config.model.class_token,
        right_answer=data.right_answer(asked.text, options=asked.options),
        prediction=said.prediction,
        target=said.target,
        target_labels=said.target_labels,
        guesses=said.guesses,
        next_tokens=said.next_tokens,
        image=said.image,
        context=said.context,
        marked=said.marked,
        spectrogram=said.spectrogram,
        aligned=said.aligned,
        found=said.found,
        wanted=right_objects(data, asked.text) if said.target == "queries" else (),
        effect=effect,
        seconds=found.seconds,
    )


def groups_of(run: OpenRun, kind: str, loops: int | None) -> tuple[int, ...]:
    """Per executed layer a number; equal numbers use the same query and key weights for attention of ``kind``."""
    stack, components = KIND_SITES[kind]
    return _groups(run, {stack: run.model.executed(stack, loops)}, stack, components)


def _matrices(run: OpenRun, stack: str) -> tuple[str, ...]:
    """The components of a layer without its norms, which may be its own where all else is shared."""
    return tuple(name for name in run.model.map.components(stack) if not name.startswith("norm"))


def _groups(
    run: OpenRun, layers: Mapping[str, tuple[int, ...]], stack: str, components: Sequence[str]
) -> tuple[int, ...]:
    """Per executed layer a number; layers with equal numbers use the same weights for ``components``."""
    groups = run.model.plan.groups(stack, components)
    return tuple(groups[layer] for layer in layers[stack])
