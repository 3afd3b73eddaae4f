"""Presets are the designs of the papers: ready to count, and small enough to train."""

import json

import pytest
import torch

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, build_config, resolve, sharing_plan
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError
from clps_core.model.transformer import build_model
from clps_core.presets import PAPERS, PRESETS, get_preset
from clps_core.training.evaluation import cross_entropy, to_device
from clps_core.training.optimiser import Optimiser
from clps_core.training.randomness import loops_at, reseed

EVERY = pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
SMALL = {json.dumps(preset.small, sort_keys=True): preset for preset in reversed(PRESETS.values())}
"""One preset for each small model; several sizes of one design have the same."""

ONE_OF_EACH = {preset.paper: preset for preset in SMALL.values()}
"""By paper: `make test` trains these, `make test-all` trains every small model."""

TINY = {"python-docs": {"seq_len": 24}, "dates": {}, "digits": {}}
STEPS, BATCHES = 16, 4
"""The same few batches again and again: what one of them happens to be like does not matter then."""


@EVERY
def test_each_preset_is_a_valid_model_counted_to_the_digit(preset):
    # Copies made with model_copy skip validation: build each again from its plain data.
    assert ModelConfig(**preset.model.model_dump()) == preset.model
    counts = count(preset.model, preset.sharing)
    by_kind = {
        "all": counts.unique_parameters,
        "non_embedding": counts.non_embedding_parameters,
        "kv_cache_bytes_per_token": counts.kv_cache_bytes_per_token,
    }
    assert by_kind[preset.counted] == preset.exact


@EVERY
def test_each_preset_says_where_it_is_from_and_why_where_no_figure_is(preset):
    assert PRESETS[preset.name] is preset
    assert preset.title
    assert any(word in preset.source for word in ("arXiv", "doi", "Language Models", "founding documents"))
    assert preset.published or preset.note


def test_presets_stand_together_under_the_paper_they_are_of():
    assert {preset.paper for preset in PRESETS.values()} == set(PAPERS)
    assert len(PRESETS) > 60


def shape_of_sharing(model, sharing):
    """Which rows of the map share (their families aside), which activations are reused, which extras there are."""
    plan = sharing_plan(model, sharing)
    rows = {}
    for stack in plan.map.stacks:
        for component in plan.map.components(stack):
            slots = [slot for slot in plan.map.row(stack, component) if slot is not None]
            rows[stack, component] = len(set(slots)) < len(slots), slots[0].pool == f"{stack}.{component}"
    reuse = {
        (stack, bool(one.consumers("kv_source")), bool(one.consumers("attention_source")))
        for stack, one in plan.reuse.items()
    }
    extras = (bool(plan.lora), plan.extras.depth_embedding, plan.extras.layer_scale, plan.extras.inject)
    return rows, reuse, extras


@EVERY
def test_the_small_model_shares_where_the_papers_model_does(preset):
    small = resolve(build_config(preset.small)).config
    assert small.model.family == preset.model.family
    assert small.model.activation == preset.model.activation
    assert small.model.norm == preset.model.norm
    assert (small.model.kv_heads < small.model.num_heads) == (preset.model.kv_heads < preset.model.num_heads)
    assert shape_of_sharing(small.model, small.sharing) == shape_of_sharing(preset.model, preset.sharing)
    assert count(small.model, small.sharing).unique_parameters < 1_000_000


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param(preset, id=preset.name, marks=() if ONE_OF_EACH[preset.paper] is preset else pytest.mark.slow)
        for preset in SMALL.values()
    ],
)
def test_every_small_model_learns_within_a_few_steps(preset):
    torch.set_num_threads(1)
    asked = dict(preset.small)
    config = resolve(build_config({**asked, "data": {**asked["data"], **TINY[asked["data"]["task"]]}})).config
    data = load_task(config)
    model = build_model(config).train()
    optimiser = Optimiser(model, config.optim)
    losses = []
    for step in range(STEPS):
        reseed(config.seed, step)
        batch = to_device(data.batch(step % BATCHES, 8), "cpu")
        loops = loops_at(model.plan.extras.train_loops, config.seed, step)
        logits = model(batch.inputs, input_mask=batch.input_mask, decoder_inputs=batch.decoder_inputs, loops=loops)
        loss = cross_entropy(logits, batch.labels)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(optimiser.parameters, config.optim.clip_norm)
        optimiser.step(config.optim.learning_rate)
        losses.append(loss.item())
    assert sum(losses[-BATCHES:]) < 0.85 * sum(losses[:BATCHES])


def test_an_unknown_preset_names_those_that_are_spelt_alike():
    with pytest.raises(ConfigError, match=r"such as .*bert-base.*\. Got 'bert-bse'"):
        get_preset("bert-bse")
    with pytest.raises(ConfigError, match=r"such as albert-base"):
        get_preset("??")
