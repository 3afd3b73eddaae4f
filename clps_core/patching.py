"""A run's answer with changes inside, and what they did to it. Start at answer_changed.

Parts are left out, scaled or swapped (``analysis.edits``), or states and attention of another pass are put in
(``analysis.patches``). torch is imported when a run is opened only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from clps_core.data.spans import CONTEXT
from clps_core.errors import DataError
from clps_core.opened import Opener, OpenRun, Which, check_length
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.analysis.edits import Edits
    from clps_core.analysis.patches import Patches
    from clps_core.work.answers import Answer
    from clps_core.work.spans import MarkingData

__all__ = ["Asked", "Changed", "Effect", "Patching", "answer_changed", "changed"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Patching:
    """Which ``patches`` are made (``analysis.patches``), and of which other pass.

    ``text``: the other input; empty: the same one, with the same ``options`` and ``target_text``. ``folder``: of
    another run (``None``: the same one), with the weights ``which`` and ``loops`` of its core; ``stamp`` changes with
    the file of these weights. The other pass has no changes inside.
    """

    patches: tuple[str, ...]
    text: str = ""
    options: tuple[tuple[str, str], ...] = ()
    target_text: str = ""
    folder: Path | None = None
    stamp: tuple[int, int] = (0, 0)
    which: Which = "best"
    loops: int | None = None


@dataclass(frozen=True)
class Effect:
    """What changes did to the answer of the whole model, ``answer``.

    It is read at ``positions`` places (an answer written token by token: under its own tokens; a continued text: its
    next token, called ``token``). At ``others`` of them another token is the most probable one now. ``before`` and
    ``after``: the product of the probabilities of its tokens; ``typed``: of those of the typed target instead.
    ``notes``: sentences about the patches.
    """

    answer: str
    token: str
    positions: int
    others: int
    before: float
    after: float
    typed: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """One input of ``run``: ``text`` as typed and as its ``inputs``; ``target`` and ``loops`` as in ``look.Look``."""

    run: OpenRun
    text: str
    inputs: Array
    target: str
    options: Mapping[str, str]
    loops: int | None

    def answer(self) -> Answer:
        """What the run's task does with it."""
        from clps_core.tasks import TASKS

        work = TASKS.work(self.run.config.data.task)
        said: Answer = work.answer(self.run, self.inputs, self.target, self.options, self.loops)
        return said

    def layers(self) -> dict[str, tuple[int, ...]]:
        """Stack -> for each executed position the layer that runs there."""
        model = self.run.model
        return {stack: model.executed(stack, self.loops) for stack in model.plan.execution}


def answer_changed(
    asked: Asked, changes: Sequence[str], patching: Patching | None, opener: Opener, *, attention: bool = True
) -> tuple[Answer, Effect | None, dict[str, tuple[int, ...]]]:
    """The run's answer with ``changes`` inside, their effect (``None`` where nothing is changed), and its layers.

    Without ``attention`` the answer keeps none of it. Raises as ``changed``.
    """
    from clps_core.analysis.capture import capture, maps_read_by

    def passed_by(*_told: object) -> None:
        """Attention that nobody reads."""

    # What is patched in is found first: it needs the attention of its pass.
    with changed(asked, changes, patching, opener) as found, nullcontext() if attention else maps_read_by(passed_by):
        said, layers = asked.answer(), asked.layers()
    if found is None:
        return said, None, layers
    with maps_read_by(passed_by):
        whole = asked.answer()
    after = said.capture.logits
    if said.target == "greedy":  # the changed model has read its own answer: ask it about the whole one's
        if whole.decoder_inputs is None:
            return said, None, layers
        with asked.run.model.edited(found.editor), maps_read_by(passed_by):
            again = capture(asked.run.model, asked.inputs, decoder_inputs=whole.decoder_inputs, loops=asked.loops)
        after = again.logits
    return said, _effect(asked, whole, after, found.notes), layers


@dataclass(frozen=True)
class Changed:
    """What changes a model, and sentences about its patches."""

    editor: Edits
    notes: tuple[str, ...] = ()


@contextmanager
def changed(
    asked: Asked, changes: Sequence[str], patching: Patching | None, opener: Opener
) -> Iterator[Changed | None]:
    """Let the model of ``asked.run`` be changed as long as the context lasts; ``None`` where nothing is changed.

    Raises ``ConfigError`` for parts that the model does not have and for runs that do not fit, ``DataError`` for
    positions and lengths that do not fit.
    """
    found = _found(asked, changes, patching, opener)
    with asked.run.model.edited(None if found is None else found.editor):
        yield found


def _found(asked: Asked, changes: Sequence[str], patching: Patching | None, opener: Opener) -> Changed | None:
    from clps_core.analysis.edits import Edits, read_changes

    heads = asked.run.config.model.num_heads
    edits = read_changes(changes, asked.run.model.plan, heads, asked.loops)
    if patching is None or not patching.patches:
        return Changed(Edits(edits, heads)) if edits else None
    check_length(patching.text, patching.target_text)
    if patching.folder is None:
        found = _patches(asked, patching, asked.run, asked.loops if patching.loops is None else patching.loops)
    else:
        with opener(patching.folder, patching.which) as other:
            found = _patches(asked, patching, other, patching.loops)
    return Changed(Edits(edits, heads, found), tuple(found.notes))


def _patches(asked: Asked, patching: Patching, other: OpenRun, loops: int | None) -> Patches:
    """What is put in, of a pass of the run ``other``."""
    from clps_core.analysis.patches import Patches, Side, read_patches

    model, width = asked.run.model, asked.run.config.model.d_model
    here = Side(model.plan, model.config.num_heads, asked.loops)
    there = Side(other.model.plan, other.model.config.num_heads, loops)
    patches = read_patches(patching.patches, here, there)
    options = {**asked.options, **dict(patching.options)}
    target = patching.target_text.strip() if patching.text else asked.target
    text = patching.text or asked.text
    try:
        inputs = other.data.encode_source(text, options=options)
        seen = Asked(other, text, inputs, target, options, loops).answer().capture
    except DataError as error:
        raise DataError(_("the input to patch from: {problem}", problem=error)) from error
    longest = asked.run.data.facts.max_target_len or model.config.max_positions or 1
    return Patches(patches, seen, width, _lengths(asked), longest)


def _lengths(asked: Asked) -> dict[str, int | None]:
    """Stack -> its positions in a pass; ``None`` for an answer that is yet to be written."""
    config = asked.run.model.config
    length = asked.inputs.shape[1] + config.class_token
    if config.num_queries is not None:
        return {"encoder": length, "decoder": config.num_queries}
    if config.family != "encoder_decoder":
        return {config.family: length}
    data, typed = asked.run.data, asked.target
    return {"encoder": length, "decoder": data.encode_target(typed, options=asked.options).shape[1] if typed else None}


def _effect(asked: Asked, whole: Answer, after: Array, notes: tuple[str, ...]) -> Effect | None:
    read = _reader(asked, whole)
    if read is None:
        return None
    first, now = read(whole.capture.logits), read(after)
    best = first.argmax(-1)
    read_target = whole.decoder_inputs if whole.target == "typed" else None
    wanted = best if read_target is None else np.append(read_target[0, 1:], asked.run.data.eos_id)
    rows = np.arange(len(best))
    continues = asked.run.config.model.family == "decoder" and whole.places is None
    return Effect(
        answer=whole.prediction,
        token=whole.next_tokens[-1].label if continues and whole.next_tokens else "",
        positions=len(best),
        others=int((now.argmax(-1) != best).sum()),
        before=float(np.exp(_logs(first)[rows, wanted].sum())),
        after=float(np.exp(_logs(now)[rows, wanted].sum())),
        typed=read_target is not None,
        notes=notes,
    )


def _reader(asked: Asked, said: Answer) -> Callable[[Array], Array] | None:
    """The part of a model's logits that is its answer, as [positions, tokens]; ``None`` without a head."""
    model = asked.run.config.model
    if model.output == "none":
        return None
    if model.output == "classes":
        return lambda logits: logits[None]
    if model.output == "span":
        _context, offsets = cast("MarkingData", asked.run.data).context_offsets(asked.inputs, asked.options[CONTEXT])
        inside = np.flatnonzero(offsets[:, 0] >= 0)
        return lambda logits: logits[inside].T
    if model.output == "boxes":
        import torch

        from clps_core.work.boxes import class_logits

        return lambda logits: class_logits(torch.from_numpy(logits)).numpy()
    if said.places is not None:
        places = list(said.places)
        return lambda logits: logits[places]
    return (lambda logits: logits[-1:]) if model.family == "decoder" else (lambda logits: logits)


def _logs(logits: Array) -> Array:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))
