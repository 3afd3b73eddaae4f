"""Presets are the designs of the papers, ready to count and to look at."""

import json
from pathlib import Path

import pytest

from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, sharing_map
from clps_core.errors import ConfigError
from clps_core.presets import PRESETS, get_preset

PUBLISHED = json.loads((Path(__file__).parents[1] / "fixtures" / "published_counts.json").read_text())["counts"]


@pytest.mark.parametrize(
    "entry", [entry for entry in PUBLISHED if "preset" in entry], ids=lambda entry: entry["preset"]
)
def test_each_published_design_is_a_preset_with_the_exact_count(entry):
    preset = get_preset(entry["preset"])
    assert count(preset.model, preset.sharing).unique_parameters == entry["exact"] == preset.exact
    assert preset.published == entry["published"]
    assert entry["source"].split(",")[0].split(";")[0].removeprefix("arXiv ") in preset.source


def test_there_are_exactly_the_published_presets():
    assert set(PRESETS) == {entry["preset"] for entry in PUBLISHED if "preset" in entry}
    assert all(name == preset.name and preset.title and preset.source for name, preset in PRESETS.items())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_presets_are_valid_models_of_as_many_executed_layers_as_the_paper_runs(preset):
    # Copies made with model_copy skip validation: build each again from its plain data.
    assert ModelConfig(**preset.model.model_dump()) == preset.model
    mapping = sharing_map(preset.model, preset.sharing)
    layers = {"albert": 12, "takase": 12, "mobilellm-ls": 60, "mobilellm-125m": 30, "mobilellm-350m": 32}
    expected = next(number for start, number in layers.items() if preset.name.startswith(start))
    assert all(mapping.num_layers(stack) == expected for stack in mapping.stacks)


def test_an_unknown_preset_lists_what_exists():
    with pytest.raises(ConfigError, match=r"albert-base, .*mobilellm-350m\. Got 'bert'"):
        get_preset("bert")
