"""One pass through a model, and everything that happened inside as plain arrays. Start at capture.

The model takes its explicit attention path here; a test holds it equal to the fast path.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from clps_core.errors import DataError
from clps_core.words import _

__all__ = ["Capture", "MapReader", "capture", "maps_read_by"]

MapReader = Callable[[str, int, Tensor], None]
"""Told of each layer's attention as it is computed: kind, executed layer, ``[head, query, key]``."""

_map_reader: ContextVar[MapReader | None] = ContextVar("map_reader", default=None)


@contextmanager
def maps_read_by(reader: MapReader) -> Iterator[None]:
    """Every capture meanwhile hands its attention to ``reader``, layer by layer, and keeps none of it.

    So long inputs need room for the maps of a layer or two, not for all of them.
    """
    before = _map_reader.set(reader)
    try:
        yield
    finally:
        _map_reader.reset(before)


@dataclass(frozen=True)
class Capture:
    """What one example did inside a model; every array is float32.

    ``attention``: kind (``encoder``, ``decoder``, ``cross``) -> ``[layer, head, query, key]``; rows sum to 1,
    masked keys are exactly 0; empty where ``maps_read_by`` takes them. ``hidden``: stack -> ``[layer + 1, position,
    d_model]``: the input of each layer, then the output of the last one (before the final norm). ``outputs``: stack ->
    ``[layer, position, d_model]``; where a depth signal or the core's input is added between layers, they are not the
    next ones' inputs.
    ``logits``: what the model returned, without the batch axis. ``seconds``: wall time of the pass, with its attention
    computed explicitly and read out.
    """

    attention: dict[str, np.ndarray]
    hidden: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    logits: np.ndarray
    seconds: float = 0.0


class _Recorder:
    """Fulfils ``model.layer.Recorder``; layers report in order of execution."""

    def __init__(self) -> None:
        self.reader = _map_reader.get()
        self.probabilities: dict[str, list[Tensor]] = defaultdict(list)
        self.states: dict[str, list[Tensor]] = defaultdict(list)
        self.outputs: dict[str, list[Tensor]] = defaultdict(list)

    def attention(self, kind: str, layer: int, probabilities: Tensor) -> None:
        if self.reader is not None:
            self.reader(kind, layer, probabilities[0])
            return
        assert layer == len(self.probabilities[kind])
        self.probabilities[kind].append(probabilities[0])

    def hidden(self, stack: str, index: int, states: Tensor) -> None:
        assert index == len(self.states[stack])
        self.states[stack].append(states[0])

    def after(self, stack: str, index: int, states: Tensor) -> None:
        assert index == len(self.outputs[stack])
        self.outputs[stack].append(states[0])


def capture(
    model: nn.Module,
    inputs: np.ndarray | Tensor,
    input_mask: np.ndarray | Tensor | None = None,
    decoder_inputs: np.ndarray | Tensor | None = None,
    *,
    loops: int | None = None,
) -> Capture:
    """Run ``model`` (a ``Transformer``) on ONE example and record it.

    ``inputs`` ``[1, S]`` tokens or ``[1, S, patch_dim]``, ``input_mask`` bool ``[1, S]``, ``decoder_inputs``
    ``[1, T]``. ``loops``: how often the core runs; every executed layer is then one of the arrays' layers.
    Without dropout or gradients; the model is left in the mode it was in. Raises ``DataError`` for
    more than one example.
    """
    if inputs.shape[0] != 1:
        raise DataError(
            _("capture reads one example at a time. Got {count}. Pass them one by one.", count=inputs.shape[0])
        )
    recorder = _Recorder()
    was_training = model.training
    model.eval()
    began = time.perf_counter()
    try:
        with torch.inference_mode():
            logits = model(
                _tensor(inputs, model),
                input_mask=_tensor(input_mask, model),
                decoder_inputs=_tensor(decoder_inputs, model),
                recorder=recorder,
                loops=loops,
            )
    finally:
        model.train(was_training)
    seconds = time.perf_counter() - began
    return Capture(
        {kind: _array(torch.stack(found)) for kind, found in recorder.probabilities.items()},
        {stack: _array(torch.stack(found)) for stack, found in recorder.states.items()},
        {stack: _array(torch.stack(found)) for stack, found in recorder.outputs.items()},
        _array(logits[0]),
        seconds,
    )


def _tensor(value: np.ndarray | Tensor | None, model: nn.Module) -> Tensor | None:
    if value is None:
        return None
    some = next(model.parameters())
    tensor = torch.as_tensor(value, device=some.device)
    return tensor.to(some.dtype) if tensor.is_floating_point() else tensor


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.to("cpu", torch.float32).numpy()
