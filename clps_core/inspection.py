"""What a trained run does with one typed input, as plain arrays. Start at inspect_run.

torch is imported when a run is opened only: whoever shows an ``Inspection`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from clps_core.analysis.movement import Movement, movement
from clps_core.opened import LONGEST_TEXT, Opener, OpenRun, Which, check_length, open_run
from clps_core.sharing.shared_with import KIND_SITES

if TYPE_CHECKING:
    from clps_core.analysis.capture import Capture
    from clps_core.data.base import TaskData

__all__ = ["LONGEST_TEXT", "Guess", "Inspection", "dequantised", "image_of", "inspect_run", "quantised"]

Array = NDArray[Any]

CONTINUATION = 24
"""Tokens that a language model adds to a prompt."""
SHOWN_GUESSES = 5


@dataclass(frozen=True)
class Guess:
    """One possible answer and its probability."""

    label: str
    probability: float


@dataclass(frozen=True)
class Inspection:
    """One input seen through one model.

    ``attention``: kind (``encoder``, ``decoder``, ``cross``) -> float32 [layer, head, query, key], as
    ``analysis.capture`` gives it. ``groups``: kind -> per layer a number; layers with equal numbers use
    the same query and key weights. ``source_labels`` / ``target_labels``: one label per position of the
    input and of the decoder's input (empty where there is no second stack). ``target``: which decoder
    input was used, ``greedy`` (the model's own answer), ``typed`` or ``none``. ``prediction``: the answer
    in words (greedy, whatever the target was); ``right_answer``: what it should be, where the task knows
    that. ``guesses``: the best answers of a classifier, or the most probable next tokens of a language
    model. ``next_tokens``: per decoder position the best next token. ``image``: [8, 8] in 0..1 for image
    tasks. ``unknown``: typed characters without a token. ``movement``: stack -> how far each executed layer
    carries the hidden state. ``class_token``: the first position is no part of
    the input.
    """

    task: str
    step: int
    text: str
    options: Mapping[str, str]
    attention: Mapping[str, Array]
    groups: Mapping[str, tuple[int, ...]]
    source_labels: tuple[str, ...]
    target_labels: tuple[str, ...]
    target: Literal["greedy", "typed", "none"]
    prediction: str
    guesses: tuple[Guess, ...] = ()
    next_tokens: tuple[Guess, ...] = ()
    right_answer: str | None = None
    image: Array | None = None
    unknown: tuple[str, ...] = field(default=())
    class_token: bool = False
    movement: Mapping[str, Movement] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return sum(weights.nbytes for weights in self.attention.values())

    @property
    def kinds(self) -> tuple[str, ...]:
        """The attention kinds this model has, in order of execution."""
        return tuple(self.attention)

    def labels(self, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels of the queries and of the keys of ``kind``."""
        if kind == "cross":
            return self.target_labels, self.source_labels
        own = self.target_labels if kind == "decoder" and self.target != "none" else self.source_labels
        return own, own

    @property
    def patches(self) -> Array | None:
        """``image`` where every position is a patch of it; ``None`` with a class token, which is no patch."""
        return None if self.class_token else self.image

    def quantise(self) -> dict[str, NDArray[np.uint8]]:
        """``attention`` at 8 bits: what the browser gets; off by 1/510 at most."""
        return {kind: quantised(weights) for kind, weights in self.attention.items()}


def quantised(weights: Array) -> NDArray[np.uint8]:
    """Weights in 0..1 to the nearest of 0, 1/255 ... 1."""
    return np.rint(np.clip(weights, 0.0, 1.0) * 255.0).astype(np.uint8)


def dequantised(weights: NDArray[np.uint8]) -> Array:
    """The inverse of ``quantised`` up to 1/510: float32."""
    return weights.astype(np.float32) / np.float32(255.0)


def inspect_run(
    folder: Path,
    text: str,
    *,
    options: Mapping[str, str] | None = None,
    target_text: str | None = None,
    which: Which = "best",
    loops: int | None = None,
    opener: Opener = open_run,
) -> Inspection:
    """Load the run in ``folder``, let it answer ``text``, and capture its attention on the way.

    ``options`` are the task's (such as the target language). An encoder-decoder's decoder sees
    ``target_text`` if given, else the model's own greedy answer. ``loops``: how often the core runs, as
    in training by default. Runs on the CPU with one thread. Raises ``CheckpointError`` where there are no
    weights yet, ``DataError`` for an empty or too long text or one that the task cannot read, and
    ``ConfigError`` for loops that cannot be.
    """
    check_length(text, target_text or "")
    with opener(folder, which) as run:
        from clps_core.training.probes import with_class_label

        config, data = run.config, run.data
        given = dict(options or {})
        inputs = data.encode_source(text, options=given)
        read = {
            "encoder_decoder": _read_pair,
            "decoder": _read_prompt,
            "encoder": _read_classes,
        }[config.model.family]
        found, facts = read(run, inputs, (target_text or "").strip(), given, loops)
    return Inspection(
        task=config.data.task,
        step=run.step,
        text=text,
        options=given,
        attention=found.attention,
        groups={kind: _groups(run, loops, *KIND_SITES[kind]) for kind in found.attention},
        movement={
            stack: movement(states, _groups(run, loops, stack, _matrices(run, stack)))
            for stack, states in found.hidden.items()
        },
        source_labels=with_class_label(data.token_labels(inputs[0]), class_token=config.model.class_token),
        unknown=data.unknown(text),
        class_token=config.model.class_token,
        right_answer=data.right_answer(text, options=given),
        **facts,
    )


def _matrices(run: OpenRun, stack: str) -> tuple[str, ...]:
    """The components of a layer without its norms, which may be its own where all else is shared."""
    return tuple(name for name in run.model.map.components(stack) if not name.startswith("norm"))


def _groups(run: OpenRun, loops: int | None, stack: str, components: Sequence[str]) -> tuple[int, ...]:
    """Per executed layer a number; layers with equal numbers use the same weights for ``components``."""
    plan = run.model.plan
    groups = plan.groups(stack, components)
    return tuple(groups[layer] for layer in plan.execution[stack].layers(loops))


def _read_pair(
    run: OpenRun, inputs: Array, target_text: str, options: Mapping[str, str], loops: int | None
) -> tuple[Capture, dict[str, Any]]:
    """Encoder-decoder: the greedy answer, and attention under that answer or the typed target."""
    import torch

    from clps_core.analysis.capture import capture
    from clps_core.model.generate import generate

    data = run.data
    longest = data.facts.max_target_len or run.config.model.max_positions or 1
    tokens = torch.from_numpy(inputs)
    answer = generate(run.model, tokens, None, data.bos_id, data.eos_id, longest, loops=loops)[0].tolist()
    if target_text:
        decoder_inputs = data.encode_target(target_text, options=options)
    else:
        said = answer[: answer.index(data.eos_id)] if data.eos_id in answer else answer
        # The last token of an answer that never ended is not read by the decoder: it has no position left.
        decoder_inputs = np.array([[data.bos_id, *said][:longest]], dtype=np.int64)
    found = capture(run.model, inputs, decoder_inputs=decoder_inputs, loops=loops)
    return found, {
        "target_labels": tuple(data.token_labels(decoder_inputs[0])),
        "target": "typed" if target_text else "greedy",
        "prediction": data.decode(answer),
        "next_tokens": _best_next(found, data),
    }


def _read_prompt(
    run: OpenRun, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None
) -> tuple[Capture, dict[str, Any]]:
    """Language model: attention over the prompt, and how it would go on."""
    import torch

    from clps_core.analysis.capture import capture
    from clps_core.model.generate import generate

    data = run.data
    _refuse_target(data, target_text)
    room = max(1, min(CONTINUATION, (run.config.model.max_positions or 1) - inputs.shape[1]))
    tokens = torch.from_numpy(inputs)
    more = generate(run.model, tokens, None, data.bos_id, data.eos_id, room, loops=loops)[0].tolist()
    found = capture(run.model, inputs, loops=loops)
    return found, {
        "target_labels": (),
        "target": "none",
        "prediction": data.decode(more),
        "guesses": _ranked(found.logits[-1], lambda token: data.token_labels([token])[0]),
        "next_tokens": _best_next(found, data),
    }


def _read_classes(
    run: OpenRun, inputs: Array, target_text: str, _options: Mapping[str, str], loops: int | None
) -> tuple[Capture, dict[str, Any]]:
    """Classifier: the classes by probability."""
    from clps_core.analysis.capture import capture

    data = run.data
    _refuse_target(data, target_text)
    found = capture(run.model, inputs, loops=loops)
    has_classes = run.config.model.output == "classes"
    guesses = _ranked(found.logits, lambda label: data.decode([label])) if has_classes else ()
    return found, {
        "target_labels": (),
        "target": "none",
        "prediction": guesses[0].label if guesses else "",
        "guesses": guesses,
        "image": image_of(inputs) if run.config.model.patch_dim else None,
    }


def _refuse_target(data: TaskData, target_text: str) -> None:
    if target_text:
        data.encode_target(target_text)


def _probabilities(logits: Array) -> Array:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _ranked(logits: Array, name: Any, count: int = SHOWN_GUESSES) -> tuple[Guess, ...]:
    """The ``count`` most probable entries of ``logits`` [V], best first."""
    probabilities = _probabilities(logits)
    best = np.argsort(-probabilities, kind="stable")[:count].tolist()
    return tuple(Guess(name(token), float(probabilities[token])) for token in best)


def _best_next(found: Capture, data: TaskData) -> tuple[Guess, ...]:
    """Per decoder position the most probable next token."""
    probabilities = _probabilities(found.logits)
    best = probabilities.argmax(axis=-1)
    labels = data.token_labels(best)
    return tuple(Guess(label, float(p)) for label, p in zip(labels, probabilities.max(axis=-1), strict=True))


def image_of(patches: Array) -> Array:
    """[1, N, patch_dim] square patches in rows -> the image they were cut from, [side, side]."""
    _one, count, pixels = patches.shape
    across, side = int(count**0.5), int(pixels**0.5)
    return np.asarray(
        patches[0].reshape(across, across, side, side).swapaxes(1, 2).reshape(across * side, across * side)
    )
