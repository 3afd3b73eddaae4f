"""That the uses of a shared weight are one: its tensor, its uses and their gradients. Start at tie_of_run.

torch is imported only when a run is opened: code that shows ``TieProof`` needs no torch.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from clps_core.data.base import IGNORED
from clps_core.data.detection import right_objects
from clps_core.data.spans import CONTEXT, FIRST, LAST
from clps_core.errors import CheckpointError, ConfigError, DataError
from clps_core.lens import right_tokens
from clps_core.look import Look, asked_of, open_look
from clps_core.opened import Opener, OpenRun, Which, open_run, without
from clps_core.patching import Asked
from clps_core.shown import visible
from clps_core.training.saved import SEARCH_ORDER, checkpoint_path
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.model.transformer import Transformer
    from clps_core.sharing import Slot
    from clps_core.work.answers import Answer
    from clps_core.work.batch import DeviceBatch
    from clps_core.work.ctc import TranscribedData
    from clps_core.work.spans import MarkingData

__all__ = ["Aim", "StoredTensor", "TieProof", "TieUse", "tie_of_run"]

Array = NDArray[Any]
Aim = Literal["right", "typed", "own"]
MOST_BYTES = 1 << 30
"""What the gradients may take in memory, by a rough estimate: a short text through many loops fits easily."""
SITE = re.compile(r"(encoder|decoder)\.(\d{1,4})\.([a-z_]{1,20})")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor under its ``name`` in the file of weights."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class TieUse:
    """One use of the weight in the pass: ``component`` of the layer at executed position ``place``, in ``loop``.

    ``loop``: from 1 on, 0 outside of the core. ``tensor``: uses with equal numbers read the same memory. ``norm``: the
    Euclidean norm of this use's gradient, ``cosine`` its angle to the sum of all, ``share`` its part of the sum: all
    shares add up to 1, one that pulls the other way is below 0. ``None`` where one of the two is 0.
    """

    stack: str
    place: int
    component: str
    loop: int
    tensor: int
    norm: float
    cosine: float | None
    share: float | None


@dataclass(frozen=True)
class TieProof:
    """One stored weight of a run, and its gradient of the loss on one input.

    ``slot``: its name in the map. ``tensors``: under which names the file ``file`` holds it (a weight, and a bias where
    there is one). ``loss``: of ``labels`` tokens, whose right values are known (``right``), ``typed``, or the model's
    ``own`` most probable ones. ``summed``: norm of the sum of the uses' gradients, each taken from a copy of its own;
    ``tied``: norm of the gradient that the shared weight itself gets; ``difference``: the largest between two of their
    numbers, ``largest``: the largest number of ``tied``. All in 64-bit numbers.
    """

    slot: str
    step: int
    file: str
    tensors: tuple[StoredTensor, ...]
    uses: tuple[TieUse, ...]
    loss: float
    labels: int
    aim: Aim
    summed: float
    tied: float
    difference: float
    largest: float


def tie_of_run(look: Look, *, site: str, opener: Opener = open_run) -> TieProof:
    """The weight that the run of ``look`` uses at ``site``, such as ``decoder.0.q``, under its text.

    Raises what ``Look`` says, ``ConfigError`` also for a site without a weight, for a model without a head and where
    something is patched in, ``DataError`` where nothing is to be answered.
    """
    with open_look(look, opener) as run:
        slot = _slot(run, site)
        if run.config.model.output == "none":
            raise ConfigError(
                _("a model must have a head to predict anything. Got head none. Choose a run with a head.")
            )
        if look.patching is not None:
            raise ConfigError(_("the check of a tie works without patches only. Remove the patches."))
        asked = asked_of(run, look)
        with without(run, look.left_out, look.loops):
            batch, aim = _batch(asked)
            if not (batch.labels != IGNORED).any():
                raise DataError(_("a gradient needs at least one token to predict. This input has none. Change it."))
            _check_memory(run, slot, batch, look.loops)
            # Within the changes: the copy keeps them.
            model = copy.deepcopy(run.model).double()
            return _proof(run, model, slot, batch, aim, look.loops, *_stored(look.folder, look.which, slot))


def _slot(run: OpenRun, site: str) -> Slot:
    found = SITE.fullmatch(site)
    if found is None:
        raise ConfigError(_("a weight must be written like decoder.0.q. Got {got!r}.", got=visible(site)[:40]))
    stack, layer, component = found[1], int(found[2]), found[3]
    mapping = run.model.map
    known = stack in mapping.stacks and component in mapping.components(stack) and layer < mapping.num_layers(stack)
    slot = mapping.slot(stack, layer, component) if known else None
    if slot is None:
        raise ConfigError(_("the run has no weight at {site}. Choose another layer or component.", site=site))
    return slot


def _stored(folder: Path, which: Which, slot: Slot) -> tuple[str, tuple[StoredTensor, ...]]:
    """The file of weights that answers, and what of ``slot`` it holds."""
    from clps_core.training.checkpoint import MODEL_PREFIX
    from clps_core.training.tensor_file import open_tensors

    prefix = f"{MODEL_PREFIX}bank.{slot}."
    for name in SEARCH_ORDER[which]:
        path = checkpoint_path(folder, name)
        try:
            with open_tensors(folder, path.parent.name, path.name) as file:
                held = [StoredTensor(key, shape) for key, shape in file.shapes.items() if key.startswith(prefix)]
        except (OSError, ValueError):
            continue  # as the model's loading does: the next best answers
        return path.name, tuple(sorted(held, key=lambda one: one.name, reverse=True))
    raise CheckpointError(_("the run has no weights yet. Wait for its first checkpoint."))


def _check_memory(run: OpenRun, slot: Slot, batch: DeviceBatch, loops: int | None) -> None:
    """A copy and a gradient for every use, and what the backward pass keeps of every executed layer, in 64 bits."""
    from clps_core.model.untied import uses_of

    config = run.config.model
    numbers = 2 * sum(tensor.numel() for one in uses_of(run.model, slot, loops) for tensor in one.module.parameters())
    for stack, execution in run.model.plan.execution.items():
        decoder = stack == "decoder" and batch.decoder_inputs is not None
        length = (batch.decoder_inputs if decoder and batch.decoder_inputs is not None else batch.inputs).shape[1]
        each = length * (12 * config.d_model + 4 * (config.d_ff or 0)) + 2 * config.num_heads * length**2
        numbers += len(execution.layers(loops)) * each
    if 8 * numbers > MOST_BYTES:
        raise ConfigError(
            _(
                "the gradients of all uses need about {got:.1f} GiB, more than the {most:.1f} GiB allowed. Ask for "
                "fewer loops, or type a shorter input.",
                most=MOST_BYTES / 2**30,
                got=8 * numbers / 2**30,
            )
        )


# What is to be answered


def _batch(asked: Asked) -> tuple[DeviceBatch, Aim]:
    """The input with labels, as a batch of training has them."""
    import torch

    from clps_core.work.batch import DeviceBatch

    decoder_inputs = boxes = None
    if asked.run.config.model.output == "boxes":
        labels, boxes, aim = _found(asked)
    elif asked.run.config.model.family == "encoder_decoder":
        decoder_inputs, labels, aim = _translated(asked)
    else:
        labels, aim = _answered(asked)
    tensor = torch.from_numpy(asked.inputs)
    return (
        DeviceBatch(
            tensor.double() if tensor.is_floating_point() else tensor,
            None,
            None if decoder_inputs is None else torch.tensor([decoder_inputs]),
            torch.from_numpy(labels),
            boxes=None if boxes is None else torch.from_numpy(boxes),
        ),
        aim,
    )


def _translated(asked: Asked) -> tuple[list[int], Array, Aim]:
    """What the decoder reads and what it should say: a typed target, the right answer, or its own greedy one."""
    import torch

    from clps_core.model.generate import generate

    run, data = asked.run, asked.run.data
    right = asked.target or data.right_answer(asked.text, options=asked.options)
    if right:
        given = data.encode_target(right, options=asked.options)[0].tolist()
        return given, np.array([[*given[1:], data.eos_id]]), "typed" if asked.target else "right"
    longest = data.facts.max_target_len or run.config.model.max_positions or 1
    tokens = torch.from_numpy(asked.inputs)
    said = generate(run.model, tokens, None, data.bos_id, data.eos_id, longest, loops=asked.loops)[0].tolist()
    if data.eos_id in said:
        said = said[: said.index(data.eos_id) + 1]
    said = said[:longest]
    return [data.bos_id, *said[:-1]], np.array([said]), "own"


def _answered(asked: Asked) -> tuple[Array, Aim]:
    """Labels of a model with one stack: the right ones where the task knows them, else its own most probable ones."""
    inputs, model, said = asked.inputs, asked.run.config.model, asked.answer()
    if model.output == "span":
        return _marked(asked, said), "own"
    if model.output == "ctc":
        return _transcribed(asked, said)
    right = right_tokens(asked, said)
    known = right is not None and any(token >= 0 for token in right)
    logits = said.capture.logits
    if model.output == "classes":
        return np.array(
            [right[0] if known and right is not None else int(logits.argmax())]
        ), "right" if known else "own"
    places = range(inputs.shape[1]) if said.places is None else said.places
    if known and right is not None:
        wanted = [IGNORED if token < 0 else token for token in right]
    else:
        wanted = logits[list(places)].argmax(-1).tolist()
    labels = np.full(inputs.shape[:2], IGNORED, dtype=np.int64)
    labels[0, list(places)] = wanted
    return labels, "right" if known else "own"


def _transcribed(asked: Asked, said: Answer) -> tuple[Array, Aim]:
    """The right transcript where the task knows it, else the model's own."""
    right = asked.run.data.right_answer(asked.text, options=asked.options)
    if right:
        return cast("TranscribedData", asked.run.data).transcript(right), "right"
    own = [piece.token for piece in said.pieces] or [IGNORED]
    return np.array([own], dtype=np.int64), "own"


def _found(asked: Asked) -> tuple[Array, Array, Aim]:
    """Classes [1, K] and boxes [1, K, 4]: what is there, where the task knows it, else what the model found."""
    said, right = asked.answer(), right_objects(asked.run.data, asked.text)
    names = [asked.run.data.decode([one]) for one in range(asked.run.config.model.num_classes or 0)]
    there = right or said.found
    labels = np.array([[names.index(one.label) for one in there]], dtype=np.int64)
    boxes = np.array([[one.box for one in there]], dtype=np.float64).reshape(1, len(there), 4)
    return labels, boxes, "right" if right else "own"


def _marked(asked: Asked, said: Answer) -> Array:
    """The span that the model itself marks."""
    import torch

    from clps_core.work.spans import best_spans

    data = cast("MarkingData", asked.run.data)
    _context, offsets = data.context_offsets(asked.inputs, asked.options[CONTEXT])
    labels = np.where(offsets[:, 0] >= 0, 0, IGNORED)[None]
    found = best_spans(torch.from_numpy(said.capture.logits)[None], torch.from_numpy(labels), data.longest_answer)
    first, last = found[0].tolist()
    labels[0, first] |= FIRST
    labels[0, last] |= LAST
    return labels


# Gradients


def _proof(
    run: OpenRun,
    model: Transformer,
    slot: Slot,
    batch: DeviceBatch,
    aim: Aim,
    loops: int | None,
    file: str,
    tensors: tuple[StoredTensor, ...],
) -> TieProof:
    """``model``: a copy of the run's, in 64-bit numbers; it is used up."""
    import torch

    from clps_core.model.untied import untie, uses_of

    addresses = [one.module.get_parameter("weight").data_ptr() for one in uses_of(run.model, slot, loops)]
    numbers = {address: number for number, address in enumerate(dict.fromkeys(addresses))}
    model.requires_grad_(requires_grad=False)
    shared = model.bank[slot].requires_grad_()
    loss = _loss(run, model, batch, loops)
    (tied,) = _gradients(loss, [list(shared.parameters())])
    uses = untie(model, slot, loops)  # each copy asks for its gradient, as its original does
    shared.requires_grad_(requires_grad=False)
    parts = _gradients(_loss(run, model, batch, loops), [list(one.module.parameters()) for one in uses])
    total = torch.zeros_like(parts[0])
    for part in parts:
        total += part
    size = float(total.norm())
    loop_of = {stack: one.loop_numbers(loops) for stack, one in run.model.plan.execution.items()}
    return TieProof(
        slot=str(slot),
        step=run.step,
        file=file,
        tensors=tensors,
        uses=tuple(
            TieUse(
                one.stack,
                one.place,
                one.component,
                loop_of[one.stack][one.place],
                numbers[address],
                norm := float(part.norm()),
                float(part @ total) / (norm * size) if norm * size > 0 else None,
                float(part @ total) / size**2 if size > 0 else None,
            )
            for one, part, address in zip(uses, parts, addresses, strict=True)
        ),
        loss=float(loss.detach()),
        labels=int((batch.labels != IGNORED).sum()),
        aim=aim,
        summed=size,
        tied=float(tied.norm()),
        difference=float((tied - total).abs().max()),
        largest=float(tied.abs().max()),
    )


def _loss(run: OpenRun, model: Transformer, batch: DeviceBatch, loops: int | None) -> Tensor:
    """The loss of training, dropout left out."""
    from clps_core.tasks import TASKS

    output = model(batch.inputs, decoder_inputs=batch.decoder_inputs, loops=loops)
    found: Tensor = TASKS.work(run.config.data.task).loss(output, batch, run.config)
    return found


def _gradients(loss: Tensor, groups: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Of each group of parameters one long vector; 0 for what has no part in the loss."""
    import torch

    flat = [one for group in groups for one in group]
    found = iter(torch.autograd.grad(loss, flat, allow_unused=True) if loss.requires_grad else [None] * len(flat))
    return [
        torch.cat([(one.new_zeros(one.shape) if (got := next(found)) is None else got).flatten() for one in group])
        for group in groups
    ]
