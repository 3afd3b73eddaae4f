"""Attention of a few fixed inputs, kept at log-spaced steps: how it forms cannot be asked later.

Start at probe_steps and write_probe; ``probe_file.read_probe`` gives the arrays back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clps_core.analysis.capture import capture
from clps_core.data.base import Array, TaskData
from clps_core.data.detection import query_labels
from clps_core.errors import CheckpointError
from clps_core.home import place_in_home
from clps_core.model.transformer import Transformer
from clps_core.training.probe_file import ProbeRecord, read_probe
from clps_core.words import _

__all__ = ["PROBE_INPUTS", "PROBE_TOKENS", "ProbeInput"]
__all__ += ["ProbeRecord", "probe_inputs", "probe_path", "probe_steps", "read_probe", "with_class_label", "write_probe"]

PROBE_INPUTS = 2
PROBE_TOKENS = 64
"""Longer probe inputs are cut: their maps would grow with the square of the length."""


@dataclass(frozen=True)
class ProbeInput:
    """One fixed input: tokens or patches [1, S], decoder tokens [1, T] (the right target), labels.

    Of learned queries in place of decoder tokens there are labels only.
    """

    text: str
    inputs: Array
    decoder_inputs: Array | None
    source_labels: tuple[str, ...]
    target_labels: tuple[str, ...]


def probe_steps(steps: int, count: int) -> frozenset[int]:
    """About ``count`` steps, 0 and ``steps`` among them, the others evenly spaced by their logarithm."""
    if count == 0:
        return frozenset()
    if count == 1:
        return frozenset({steps})
    return frozenset({0, *np.geomspace(1, steps, count - 1).round().astype(int).tolist(), steps})


def with_class_label(labels: Sequence[str], *, class_token: bool) -> tuple[str, ...]:
    """Labels of the positions that a model makes of an input: that of a class token comes first."""
    return (_("[class]"), *labels) if class_token else tuple(labels)


def probe_path(folder: Path, step: int) -> Path:
    """Where the probe of ``step`` lies."""
    return folder / "probes" / f"step-{step:06d}.npz"


def probe_inputs(data: TaskData) -> tuple[ProbeInput, ...]:
    """The first held-out examples of a task, encoded as typed inputs are."""
    found = []
    for example in data.examples(PROBE_INPUTS):
        inputs = data.encode_source(example.text, options=example.options)[:, :PROBE_TOKENS]
        target, queries = None, query_labels(data.facts.num_queries or 0)
        if data.facts.typed_target and example.target_text is not None:
            target = data.encode_target(example.target_text, options=example.options)[:, :PROBE_TOKENS]
        elif (
            data.facts.family == "encoder_decoder" and not queries
        ):  # its decoder reads something, if only the beginning of an answer
            target = np.array([[data.bos_id]], dtype=np.int64)
        found.append(
            ProbeInput(
                text=example.text,
                inputs=inputs,
                decoder_inputs=target,
                source_labels=tuple(data.token_labels(inputs[0])),
                target_labels=queries if target is None else tuple(data.token_labels(target[0])),
            )
        )
    return tuple(found)


def write_probe(folder: Path, step: int, model: Transformer, inputs: Sequence[ProbeInput]) -> Path:
    """Capture the attention of ``inputs`` and store it at 8 bits; returns the file's path."""
    arrays: dict[str, Array] = {"step": np.array(step), "count": np.array(len(inputs))}
    device = next(model.parameters()).device
    for number, probe in enumerate(inputs):
        target = None if probe.decoder_inputs is None else torch.from_numpy(probe.decoder_inputs).to(device)
        found = capture(model, torch.from_numpy(probe.inputs).to(device), decoder_inputs=target)
        for kind, attention in found.attention.items():
            arrays[f"{number}.attention.{kind}"] = np.rint(attention * 255.0).astype(np.uint8)
        arrays[f"{number}.text"] = np.array(probe.text)
        source_labels = with_class_label(probe.source_labels, class_token=model.config.class_token)
        arrays[f"{number}.source"] = np.array(source_labels, dtype=np.str_)
        arrays[f"{number}.target"] = np.array(probe.target_labels, dtype=np.str_)
    path = probe_path(folder, step)
    temporary = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(
            _(
                "probes cannot be written to {folder}: {problem}. Free some space there.",
                folder=place_in_home(path.parent),
                problem=error.strerror,
            )
        ) from error
    return path
