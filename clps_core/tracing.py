"""One position of one input, step by step through one layer of a trained run. Start at trace_of_run.

The model itself tells of each step while it answers; only the scores are computed again, from its queries and keys.
torch is imported only when a run is opened: code that shows ``LayerTrace`` needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clps_core.errors import ConfigError
from clps_core.look import Look, looked_at, open_look
from clps_core.moves import StackLayers, layers_of
from clps_core.opened import Opener, OpenRun, open_run
from clps_core.patching import Asked
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.work.answers import Answer

__all__ = ["LayerTrace", "trace_of_run"]

Array = NDArray[Any]


@dataclass(frozen=True)
class LayerTrace:
    """What one layer does at one position; arrays are float32.

    Shape letters: P positions, D d_model, C width of a head, F d_ff.

    ``layer`` is the executed position, ``ran`` what stands at each; ``labels``: what is read at each position.
    ``token`` and ``place`` [D] add up to the first layer's input; ``None`` where the model does not just add them.
    ``enters`` [D]: the state before the layer; ``reads`` [D]: the same after the norm, if that comes first
    (``pre_norm``). ``query`` [C], ``keys`` and ``values`` [P, C]: of this head, turned by their positions where those
    are rotary. ``scores`` [P]: query times key divided by the square root of C, before the mask; ``seen`` [P]: 1 where
    the query may look, else 0; ``weights`` [P]: the attention that was used. ``mixed`` [C]: this head's weighted
    values; ``heads``: of all heads side by side. ``attention_adds``, ``between`` [D]: what attention adds, and the
    state after it; cross-attention, where there is one, comes next and is not told. ``ffn_reads`` [D], ``hidden`` [F]
    after the activation, ``ffn_adds`` [D]. ``leaves`` [D]: the state after the layer; ``follows`` [D]: the state before
    the next one. ``same``: the executed positions whose layers use literally the same matrices.
    """

    stack: str
    step: int
    layer: int
    head: int
    num_heads: int
    position: int
    labels: tuple[str, ...]
    ran: StackLayers
    pre_norm: bool
    token: Array | None
    place: Array | None
    enters: Array
    reads: Array
    query: Array
    keys: Array
    values: Array
    scores: Array
    seen: Array
    weights: Array
    mixed: Array
    heads: Array
    attention_adds: Array
    between: Array
    ffn_reads: Array
    hidden: Array
    ffn_adds: Array
    leaves: Array
    follows: Array
    same: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """What its arrays weigh in memory."""
        return sum(one.nbytes for one in vars(self).values() if isinstance(one, np.ndarray))


def trace_of_run(
    look: Look, *, stack: str, layer: int, head: int, position: int = -1, opener: Opener = open_run
) -> LayerTrace:
    """Follow ``position`` (-1: the last one) through executed position ``layer`` and ``head`` of ``stack``.

    Raises what ``Look`` says, and ``ConfigError`` for a stack, layer, head or position that there is not, and for a
    layer that computes no attention of its own.
    """
    with open_look(look, opener) as run:
        ran = layers_of(run, stack, look.loops)
        model = run.config.model
        _check("layer", layer, len(ran.layers))
        _check("head", head, model.num_heads)
        with looked_at(run, look, opener) as asked:
            said, parts, maps = _told(asked, stack, layer)
            ran = layers_of(run, stack, look.loops)
            if "q" not in parts:
                raise ConfigError(
                    _("layer {layer} reads the attention of another layer, so it has no query. Choose another layer.",
                      layer=layer)
                )  # fmt: skip
            labels = _labels(run, asked, said, stack)
            hidden = said.capture.hidden[stack]
            at = len(labels) - 1 if position == -1 else position
            _check("position", at, len(labels))
            token, place = _summands(run, asked, said, stack, at)
            same = _same_weights(run, stack, ran, layer)
        shared_by = model.num_heads // parts["k"].shape[0]
        key_head = head // shared_by
        query, keys = parts["q"][head, 0, at], parts["k"][key_head, 0]
        return LayerTrace(
            stack=stack,
            step=run.step,
            layer=layer,
            head=head,
            num_heads=model.num_heads,
            position=at,
            labels=labels,
            ran=ran,
            pre_norm=model.norm_position == "pre",
            token=token,
            place=place,
            enters=hidden[layer][at],
            reads=parts["attn.reads"][0, at],
            query=query,
            keys=keys,
            values=parts["v"][key_head, 0],
            scores=keys @ query / np.sqrt(np.float32(model.head_size)),
            seen=(np.arange(len(labels)) <= at if model.is_causal(stack) else np.ones(len(labels))).astype(np.float32),
            weights=maps[head, at],
            mixed=parts["mixed"][0, at].reshape(model.num_heads, -1)[head],
            heads=parts["mixed"][0, at],
            attention_adds=parts["attn.adds"][0, at],
            between=parts["attn.state"][0, at],
            ffn_reads=parts["ffn.reads"][0, at],
            hidden=parts["hidden"][0, at],
            ffn_adds=parts["ffn.adds"][0, at],
            leaves=said.capture.outputs[stack][layer][at],
            follows=hidden[layer + 1][at],
            same=same,
        )


def _check(name: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise ConfigError(_("{name} must be from 0 to {last}. Got {got}.", name=name, last=count - 1, got=value))


def _told(asked: Asked, stack: str, layer: int) -> tuple[Answer, Mapping[str, Array], Array]:
    """The run's answer, what happened inside of ``layer``, and its attention [H, Q, K]."""
    from clps_core.analysis.capture import maps_read_by

    parts: dict[str, Array] = {}
    maps: list[Array] = []

    def read_part(its_stack: str, place: int, name: str, tensor: Tensor) -> None:
        if (its_stack, place) == (stack, layer):
            parts[name] = tensor.float().numpy()

    def read_maps(kind: str, place: int, probabilities: Tensor) -> None:
        if (kind, place) == (stack, layer):
            maps[:] = [probabilities.float().numpy()]

    with asked.run.model.parts_read_by(read_part), maps_read_by(read_maps):
        said = asked.answer()
    return said, parts, maps[0]


def _labels(run: OpenRun, asked: Asked, said: Answer, stack: str) -> tuple[str, ...]:
    from clps_core.training.probes import with_class_label

    if stack == "decoder" and said.target_labels:
        return tuple(said.target_labels)
    labels = run.data.token_labels(asked.inputs[0])
    return tuple(with_class_label(labels, class_token=run.config.model.class_token))


def _summands(
    run: OpenRun, asked: Asked, said: Answer, stack: str, position: int
) -> tuple[Array, Array] | tuple[None, None]:
    """What the token and its position add to the first layer's input, at ``position``."""
    import torch

    inputs = said.decoder_inputs if stack == "decoder" and said.decoder_inputs is not None else asked.inputs
    model = run.config.model
    if model.patch_dim is not None and not (model.reads_frames and stack == "decoder"):
        return None, None
    with torch.inference_mode():
        found = run.model.summands(stack, torch.from_numpy(np.ascontiguousarray(inputs)))
    if found is None:
        return None, None
    token, place = (one[0, position].numpy() for one in found)
    return token, place


def _same_weights(run: OpenRun, stack: str, ran: StackLayers, layer: int) -> tuple[int, ...]:
    """The executed positions whose layers' matrices are the very tensors of those at ``layer``."""
    layers: Any = run.model.get_submodule(f"{stack}_layers")

    def matrices(index: int) -> list[int]:
        weights = layers[index].weights
        return [id(module.weight) for name, module in sorted(weights.items()) if not name.startswith("norm")]

    mine = matrices(ran.layers[layer])
    return tuple(place for place, index in enumerate(ran.layers) if matrices(index) == mine)
