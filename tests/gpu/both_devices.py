"""One model on two devices. Start at one_pass, training_losses and assert_as_close.

How far CUDA may be from the CPU is measured, not guessed: both are held against the same model in float64. fp32 rounds
each number by up to 6e-8 of it, and both devices add in an order of their own, so their distances from float64 are of
one size. ``FACTOR`` allows CUDA several times the CPU's, since the largest of many roundings varies by about that much;
``FLOOR`` is what is allowed where the CPU happens to be exact. Products in TF32 keep 10 bits of each number: about
5e-4 of it, which is over both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from clps_core.config import RunConfig, build_config, resolve
from clps_core.data.base import Array, Batch, Example, TaskData
from clps_core.data.registry import load_task
from clps_core.model.transformer import Transformer, build_model
from clps_core.tasks import TASKS
from clps_core.training.device import Placement
from clps_core.training.evaluation import to_device
from clps_core.training.loop import prepare, train_step
from clps_core.training.optimiser import Optimiser
from clps_core.training.sink import RecordingSink

FACTOR = 20.0
FLOOR = 2e-6
BATCH = 8
STEPS = 5


class Design(NamedTuple):
    """A family, by a task of it, and how its layers share; ``loops``: how often the core runs, if not as usual."""

    task: str
    strategy: str
    model: Mapping[str, Any] = {}
    loops: int | None = None

    def __str__(self) -> str:
        more = [f"{name}={value}" for name, value in self.model.items()]
        more += [f"loops={self.loops}"] if self.loops else []
        return "-".join([self.task, self.strategy, *more])


DESIGNS = (
    Design("python-docs", "none"),
    Design("python-docs", "all", {"positions": "rotary", "norm": "rmsnorm", "activation": "swiglu", "num_kv_heads": 2}),
    Design("python-docs", "kv_source=every:2", {"positions": "learned"}),
    Design("python-docs", "attention_source=every:2"),
    Design("python-docs", "loop:1/1/1,inject=concat,depth_embedding=sinusoidal", loops=5),
    Design("python-docs", "all,lora=4,layer_scale=own"),
    Design("digits", "none", {"class_token": True}),
    Design("digits", "cycle:2", {"norm_position": "post"}),
    Design("digits", "all,lora=4"),
    Design("digits", "attention_source=0-0-2-2"),
    Design("dates", "none"),
    Design("dates", "decoder=@encoder"),
    Design("dates", "q=all,k=@q"),
    Design("dates", "all,depth_embedding=learned", {"tie_embeddings": "none"}),
    Design("dates", "loop:1/1/1,inject=add,train_loops=1-4"),
    Design("mnist", "cycle:2", {"class_token": True}),
    Design("objects", "none"),
    Design("objects", "all,lora=4"),
    Design("objects", "decoder=@encoder"),
    Design("spoken-digits", "none"),
    Design("spoken-digits", "cycle:2", {"positions": "rotary"}),
    Design("spoken-digits-seq2seq", "none", {"positions": "learned"}),
    Design("spoken-digits-seq2seq", "decoder=@encoder"),
)
WAITING = ("objects", "spoken-digits")
"""Tasks whose loss waits for the GPU: boxes are matched on the CPU, and torch's CTC loss reads its lengths there."""


def config_of(design: Design, **train: Any) -> RunConfig:
    """Four layers of width 64; without dropout, whose numbers every device draws in its own way."""
    layers = 3 if "loop:" in design.strategy else 4
    sizes = {"num_layers": layers, "d_model": 64, "d_ff": 96, "num_heads": 4, "dropout": 0.0}
    return resolve(
        build_config(
            {
                "data": {"task": design.task},
                "model": {**sizes, **design.model},
                "sharing": {"strategy": design.strategy},
                "optim": {"learning_rate": 1e-3, "warmup_steps": 0},
                "train": {"steps": 100, "batch_size": BATCH, "probe_count": 0, **train},
            }
        )
    ).config


@dataclass(frozen=True)
class Seen:
    """What came out, on the CPU in float64: by name, so that a difference is found by name too."""

    numbers: Mapping[str, Tensor]


def one_pass(design: Design, device: str, dtype: torch.dtype = torch.float32) -> Seen:
    """Logits, loss and every gradient of one batch."""
    config = config_of(design)
    batch = as_type(load_task(config).batch(0, BATCH), dtype)
    model = shaken(build_model(config)).to(device, dtype)
    with Placement(device, "fp32", 1, "").in_force():
        given = to_device(batch, device)
        logits = model(
            given.inputs, input_mask=given.input_mask, decoder_inputs=given.decoder_inputs, loops=design.loops
        )
        loss = TASKS.work(design.task).loss(logits, given, config)
        loss.backward()
    found = {"logits": logits, "loss": loss}
    found |= {f"gradient of {name}": _gradient(name, tensor) for name, tensor in model.named_parameters()}
    return Seen({name: tensor.detach().cpu().double() for name, tensor in found.items()})


def training_losses(design: Design, device: str, folder: Path, dtype: torch.dtype = torch.float32) -> Seen:
    """The loss of the engine's first steps with AdamW, one after the other."""
    config = config_of(design)
    data = load_task(config)
    placement = Placement(device, "fp32", 1, "")
    typed = cast("TaskData", _Typed(data, dtype))
    with placement.in_force():
        run = prepare(config, folder, RecordingSink(), placement, typed)
        if dtype != torch.float32:
            run.model.to(dtype)
            run.optimiser = Optimiser(run.model, config.optim)
        found = {}
        for step in range(STEPS):
            train_step(run)
            assert run.loss is not None
            found[f"loss of step {step}"] = run.loss.cpu().double()
    return Seen(found)


def assert_as_close(cuda: Seen, cpu: Seen, exact: Seen) -> None:
    """``cuda`` is as near to ``exact`` as ``cpu`` is, up to ``FACTOR`` and ``FLOOR``; names what is not.

    Differences are in parts of the largest number of the tensor; of all gradients, for a gradient: that of a bias of
    the keys is nothing but rounding.
    """
    assert cuda.numbers.keys() == cpu.numbers.keys() == exact.numbers.keys()
    largest = max((_size(tensor) for name, tensor in exact.numbers.items() if "gradient" in name), default=1.0)
    allowed = FLOOR + FACTOR * max(_difference(cpu, exact, name, largest) for name in exact.numbers)
    for name in exact.numbers:
        off = _difference(cuda, exact, name, largest)
        assert off <= allowed, f"{name} is off by {off:.1e} of the largest; {allowed:.1e} is allowed"


def shaken(model: Transformer, seed: int = 0) -> Transformer:
    """With every weight moved a little, so that what starts as zero (LoRA, biases) takes part."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.05)
    return model


def as_type(batch: Batch, dtype: torch.dtype) -> Batch:
    """``batch`` with images as numbers of ``dtype``; tokens stay what they are."""
    if not np.issubdtype(batch.inputs.dtype, np.floating):
        return batch
    return replace(batch, inputs=torch.from_numpy(batch.inputs).to(dtype).numpy())


class _Typed:
    """Batches of ``data`` with images of ``dtype``."""

    def __init__(self, data: TaskData, dtype: torch.dtype) -> None:
        self._data, self._dtype, self.facts = data, dtype, data.facts

    def examples(self, count: int) -> list[Example]:
        return self._data.examples(count)

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:
        return self._data.encode_source(text, options=options)

    def batch(self, step: int, batch_size: int) -> Batch:
        return as_type(self._data.batch(step, batch_size), self._dtype)


def _gradient(name: str, parameter: Tensor) -> Tensor:
    assert parameter.grad is not None, name
    return parameter.grad


def _size(tensor: Tensor) -> float:
    return float(tensor.abs().max())


def _difference(one: Seen, exact: Seen, name: str, largest: float) -> float:
    scale = largest if "gradient" in name else max(_size(exact.numbers[name]), 1e-3)
    return _size(one.numbers[name] - exact.numbers[name]) / scale
