"""A run that was trained on CUDA is looked into: on the CPU, as the pages do, and on the card itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from both_devices import DESIGNS, FACTOR, FLOOR, Design, config_of

from clps_core.analysis.capture import Capture, capture
from clps_core.data.registry import load_task
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.model.transformer import Transformer
from clps_core.training.device import Placement
from clps_core.training.loading import load_model
from clps_core.training.loop import train
from clps_core.training.probes import ProbeInput, probe_inputs, probe_path, read_probe
from clps_core.training.sink import RecordingSink

TYPED = {"dates": "Friday, May 29, 1953", "python-docs": "Return the number of", "digits": "17"}
CHOSEN = [DESIGNS[0], DESIGNS[3], DESIGNS[4], DESIGNS[6], DESIGNS[10], DESIGNS[11]]
NEAR = FLOOR + FACTOR * 2e-6
"""fp32 on two devices; a trained model's logits add up several hundred roundings of 6e-8."""
Trained = Callable[[Design, str], Path]


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    """Folders of short runs in fp32."""

    def of(design: Design, device: str) -> Path:
        config = config_of(design, steps=20, eval_every=10, eval_examples=20, test_examples=20, probe_count=3)
        train(config, tmp_path / device, RecordingSink(), device=Placement(device, "fp32", 1, ""))
        return tmp_path / device

    return of


def seen(model: Transformer, probe: ProbeInput, device: str) -> Capture:
    return capture(model.to(device), probe.inputs, decoder_inputs=probe.decoder_inputs)


@pytest.mark.parametrize("design", CHOSEN, ids=str)
def test_a_run_of_the_card_is_inspected_on_the_cpu(design: Design, cuda: str, trained: Trained) -> None:
    found = inspect_run(Look(trained(design, cuda), TYPED[design.task], which="last"))
    assert found.step == 20
    assert found.prediction or found.next_tokens
    for kind, weights in found.attention.items():
        assert np.allclose(weights.sum(-1), 1.0, atol=1e-5), kind


@pytest.mark.parametrize("design", CHOSEN, ids=str)
def test_attention_is_the_same_on_the_card_and_on_the_cpu(design: Design, cuda: str, trained: Trained) -> None:
    """Also what was kept while it trained, at 8 bits."""
    folder = trained(design, cuda)
    model, config, step = load_model(folder, "last")
    kept_at, records = read_probe(probe_path(folder, step))
    assert kept_at == step == 20
    for probe, record in zip(probe_inputs(load_task(config)), records, strict=True):
        here, there = seen(model, probe, "cpu"), seen(model, probe, cuda)
        assert here.attention.keys() == there.attention.keys() == record.attention.keys()
        for kind, weights in here.attention.items():
            assert np.abs(weights - there.attention[kind]).max() <= NEAR, kind
            assert np.abs(weights * 255 - record.attention[kind]).max() <= 0.5 + 255 * NEAR, kind
        for stack, states in here.hidden.items():
            assert np.abs(states - there.hidden[stack]).max() <= NEAR * np.abs(states).max(), stack


@pytest.mark.parametrize("design", CHOSEN, ids=str)
def test_what_is_recorded_is_what_the_fused_kernels_compute(design: Design, cuda: str, trained: Trained) -> None:
    model, config, _step = load_model(trained(design, cuda), "last")
    model.to(cuda)
    for probe in probe_inputs(load_task(config)):
        target = None if probe.decoder_inputs is None else torch.from_numpy(probe.decoder_inputs).to(cuda)
        with torch.inference_mode():
            fast = model(torch.from_numpy(probe.inputs).to(cuda), decoder_inputs=target)[0].cpu().numpy()
        recorded = seen(model, probe, cuda).logits
        assert np.abs(fast - recorded).max() <= NEAR * np.abs(recorded).max()
