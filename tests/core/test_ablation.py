"""Which part matters: planted truths about leaving out each part in turn, and how sure the changes are."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.ablation import (
    WHOLE,
    Ablation,
    ablate,
    as_csv,
    checked_keys,
    edits_of,
    kept_ablations,
    keys_of,
    own_examples,
    parts_named,
    values_at,
)
from clps_core.config import RunConfig, sharing_plan
from clps_core.depth import quality_at
from clps_core.errors import ConfigError
from clps_core.model.transformer import Transformer
from clps_core.training.by_example import Examples

SAMPLE = Path(__file__).parents[2] / "clps_core" / "samples" / "runs" / "sample-hops-3-all-0"


def few(config: RunConfig, count: int = 6) -> RunConfig:
    train = config.train.model_copy(update={"eval_examples": count, "test_examples": count, "batch_size": 4})
    return config.model_copy(update={"train": train})


def silence(stack: str, layer: int) -> Callable[[Transformer], None]:
    """Make a layer of a pre-norm model an identity: its branches end in zeros."""

    def plant(model: Transformer) -> None:
        for component in ("o", "cross_o", "ffn_out"):
            if component in model.map.components(stack) and (slot := model.map.slot(stack, layer, component)):
                with torch.no_grad():
                    for parameter in model.bank[slot].parameters():
                        parameter.zero_()

    return plant


def adopt(model: Transformer, other: Transformer) -> None:
    """Give ``model`` the weights of ``other``."""
    model.load_state_dict(other.state_dict())


def changes(found: Ablation, name: str) -> dict[str, float]:
    return {effect.part: effect.changes[name] for effect in found.effects}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Ablation:
    """A run of six layers whose third does nothing, with each head left out, too."""
    config = few(small_config("digits", "none", num_layers=3))
    folder = untrained_run(tmp_path_factory.mktemp("planted") / "run", config, plant=silence("encoder", 1))
    return ablate(folder, heads=True)


def test_an_identity_layer_has_no_effect_at_all_and_others_have_one(planted: Ablation) -> None:
    found = changes(planted, "loss")
    silent = {part: change for part, change in found.items() if part.startswith("encoder.1")}
    assert list(silent) == [
        "encoder.1", "encoder.1.attention", "encoder.1.attention.0", "encoder.1.attention.1", "encoder.1.ffn",
    ]  # fmt: skip
    assert set(silent.values()) == {0.0}, "exactly, not nearly"
    assert all(change != 0.0 for part, change in found.items() if part not in silent)
    for effect in planted.effects:
        if effect.part in silent:
            assert set(effect.changes.values()) == set(effect.errors.values()) == {0.0}
            assert effect.interval("loss") == (0.0, 0.0)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_with_nothing_left_out_it_is_the_runs_own_score(tmp_path: Path, split: str) -> None:
    config = few(small_config("digits", "cycle:2", num_layers=2))
    folder = untrained_run(tmp_path / "run", config, step=7)
    whole = quality_at(folder, 1, split=split)
    found = ablate(folder, split)
    assert found.whole == whole.metrics
    assert (found.examples, found.limit, found.step) == (whole.examples, 6, 7)


def test_a_loop_of_a_trained_run_left_out_is_the_run_with_one_loop_less() -> None:
    """Depth is measured by another module; all loops have the same weights, so it does not matter which is missing."""
    twice = quality_at(SAMPLE, 2)
    with values_at(SAMPLE, lambda: None) as at:
        for place in (0, 2):
            found = at(f"validation:{twice.examples}:decoder.{place}")
            assert {name: found[name] for name in twice.metrics} == pytest.approx(twice.metrics)
        without = at("validation:16:decoder.0.attention")
        whole = at("validation:16:whole")
    assert without["accuracy"] < whole["accuracy"] - 0.2, "a hop is made by attention"
    assert 0 < without["error.accuracy"] < 0.1


def test_a_loop_of_several_layers_is_left_out_as_a_whole(tmp_path: Path) -> None:
    config = few(small_config("digits", "loop:0/2/0"))
    plan = sharing_plan(config.model, config.sharing)
    assert parts_named(config, heads=False) == (
        "encoder.loop.1", "encoder.0", "encoder.0.attention", "encoder.0.ffn",
        "encoder.1", "encoder.1.attention", "encoder.1.ffn",
        "encoder.loop.2", "encoder.2", "encoder.2.attention", "encoder.2.ffn",
        "encoder.3", "encoder.3.attention", "encoder.3.ffn",
    )  # fmt: skip
    assert [str(edit) for edit in edits_of("encoder.loop.2", plan, 2)] == ["encoder.2", "encoder.3"]
    once = few(small_config("digits", "loop:0/2/0", num_layers=2))
    built: list[Transformer] = []
    found = ablate(untrained_run(tmp_path / "twice", config, plant=built.append))
    alone = ablate(untrained_run(tmp_path / "once", once, plant=lambda model: adopt(model, built[0])))
    for number in (1, 2):
        without = next(effect for effect in found.effects if effect.part == f"encoder.loop.{number}")
        assert without.metrics == pytest.approx(alone.whole), "whichever of two loops is left out, one is left"


def test_cores_of_one_layer_and_models_without_a_core_have_no_loops_beside_their_layers() -> None:
    for strategy in ("all", "none"):
        config = small_config("digits", strategy)
        assert not [part for part in parts_named(config) if "loop" in part]
        with pytest.raises(ConfigError, match="this run has none"):
            edits_of("encoder.loop.1", sharing_plan(config.model, config.sharing), 2)


def test_both_stacks_have_all_their_branches() -> None:
    parts = parts_named(small_config("dates", "none", num_layers=2), heads=False)
    assert [part for part in parts if part.startswith("decoder.1")] == [
        "decoder.1", "decoder.1.attention", "decoder.1.cross_attention", "decoder.1.ffn",
    ]  # fmt: skip
    assert len(parts) == 2 * 3 + 2 * 4


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("train:8:encoder.0", "must be one of validation, test"),
        ("validation:0:encoder.0", "from 1 to 10000. Got 0"),
        ("validation:10001:encoder.0", "from 1 to 10000"),
        ("validation:<b>:encoder.0", "from 1 to 10000. Got <b>"),
        ("validation", "from 1 to 10000"),
        ("validation:8:encoder.4", "0 to 3. Got 4"),
        ("validation:8:encoder.0*0.5", "Write encoder.0.0.5 without its factor"),
        ("validation:8:encoder.loop.3", "encoder.loop.1, encoder.loop.2"),
        ("validation:8:<b>", "must be written like"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(key: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence.replace("*", ".")):
        checked_keys(small_config("digits", "cycle:2"), [key])


def test_keys_are_in_order_of_execution_with_the_whole_model_first_and_bounded() -> None:
    config = small_config("digits", "cycle:2")
    keys = keys_of(config, examples=8)
    assert keys[0] == f"validation:8:{WHOLE}"
    assert checked_keys(config, ["validation:8:encoder.3", "validation:8:encoder.0"]) == (
        "validation:8:whole", "validation:8:encoder.0", "validation:8:encoder.3",
    )  # fmt: skip
    assert set(keys) < set(keys_of(config, examples=8, heads=True))
    with pytest.raises(ConfigError, match="at least one part"):
        checked_keys(config, [])
    with pytest.raises(ConfigError, match="at most 4000 parts"):
        keys_of(small_config("digits", "all", num_layers=512, num_heads=16), heads=True)
    assert own_examples(config, "validation") == config.train.eval_examples


# How sure a change is


def scored(values: list[float], labels: list[float], whole: float | None = None, name: str = "loss") -> Examples:
    each, weights = np.array(values), np.array(labels)
    mean = float(np.average(each, weights=weights)) if whole is None else whole
    return Examples({name: mean}, {name: each}, weights)


def test_the_error_of_a_mean_over_examples_is_that_of_their_own_differences() -> None:
    one, other = [3.0, 5.0, 4.0, 8.0], [1.0, 2.0, 4.0, 5.0]
    found = scored(one, [1.0] * 4).errors(scored(other, [1.0] * 4))
    differences = np.subtract(one, other)
    assert found["loss"] == pytest.approx(differences.std(ddof=1) / 2)
    assert found["loss"] < math.hypot(np.std(one, ddof=1), np.std(other, ddof=1)) / 2, "pairs know more"


def test_the_error_of_a_mean_over_labels_is_near_that_of_many_draws_of_examples() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(1, 9, 300).astype(float)
    difference = random.normal(0.3, 1.0, 300) + labels / 8
    other = random.normal(2.0, 1.0, 300)
    found = scored((other + difference).tolist(), labels.tolist()).errors(scored(other.tolist(), labels.tolist()))
    drawn = random.integers(0, 300, (4000, 300))
    means = (difference * labels)[drawn].sum(1) / labels[drawn].sum(1)
    assert found["loss"] == pytest.approx(means.std(), rel=0.05)


def test_what_is_no_mean_over_the_examples_has_no_error() -> None:
    ones = [1.0] * 3
    assert scored([1.0, 2.0, 3.0], ones, whole=2.5).errors(scored([1.0, 1.0, 1.0], ones)) == {}
    assert scored([1.0, 1.0, 1.0], ones).errors(scored([1.0, 2.0, 3.0], ones, whole=2.5)) == {}, "nor of the other"
    assert (
        scored([4.0, 4.1], [1.0] * 2, name="perplexity").errors(scored([4.0, 4.1], [1.0] * 2, name="perplexity")) == {}
    )
    assert scored([4.0], [1.0]).errors(scored([3.0], [1.0])) == {}, "of one example nothing is known"


@pytest.mark.slow
def test_every_example_by_itself_makes_the_whole_of_a_language_model(tmp_path: Path) -> None:
    config = few(small_config("python-docs", "all", num_layers=1))
    found = ablate(untrained_run(tmp_path / "run", config))
    assert set(found.effects[0].errors) == {"loss", "token_accuracy", "bits_per_byte"}, "perplexity has none"
    assert found.effects[0].errors["loss"] > 0
    assert found.effects[0].interval("perplexity") is None


# As a file


def test_the_file_has_a_row_for_each_metric_of_each_part(planted: Ablation) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([("abc", "=1+1", planted)]))))
    assert len(rows) == len(planted.effects) * len(planted.whole)
    row = next(row for row in rows if row["part"] == "encoder.2.ffn" and row["metric"] == "loss")
    effect = next(effect for effect in planted.effects if effect.part == "encoder.2.ffn")
    assert (row["run"], row["name"], row["split"], row["examples"]) == ("abc", "'=1+1", "validation", "6")
    assert float(row["without"]) - float(row["whole"]) == float(row["change"]) == effect.changes["loss"]
    low, high = effect.interval("loss") or (0.0, 0.0)
    assert (float(row["low_95"]), float(row["high_95"])) == (low, high)
    assert low < effect.changes["loss"] < high


def test_results_that_are_not_complete_are_shown_as_far_as_they_go() -> None:
    facts = {"step": 3.0, "examples": 8.0, "seconds": 0.5}
    results = {
        "validation:8:whole": {"loss": 1.0, **facts},
        "validation:8:encoder.0": {"loss": 3.0, "error.loss": 0.5, **facts},
        "test:9:encoder.0": {"loss": 3.0, **facts},
    }
    (found,) = kept_ablations(results)
    assert (found.split, found.limit, found.examples, found.step, found.seconds) == ("validation", 8, 8, 3, 1.0)
    (effect,) = found.effects
    assert (effect.part, effect.changes, effect.interval("loss")) == (
        "encoder.0", {"loss": 2.0}, (2.0 - 0.98, 2.0 + 0.98),
    )  # fmt: skip
