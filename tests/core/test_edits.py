"""Leaving a part out does to a model what taking its weights away would do, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import batch_for, shaken, tiny
from torch import Tensor

from clps_core.analysis.edits import MOST_EDITS, Edit, Edits, is_one_loop_less, parts_of, read_edits
from clps_core.errors import ConfigError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.model.transformer import Transformer

SAMPLE = Path(__file__).parents[2] / "clps_core" / "samples" / "runs" / "sample-hops-3-all-0"
HOPS = "3 1 7 0 2 6 4 5"


def answer(model: Transformer, *left_out: str) -> Tensor:
    edits = Edits(read_edits(left_out, model.plan, model.config.num_heads), model.config.num_heads)
    with torch.no_grad(), model.edited(edits):
        return model(**batch_for(model))


def plain(model: Transformer) -> Tensor:
    with torch.no_grad():
        return model(**batch_for(model))


def weight(model: Transformer, layer: int, component: str, stack: str = "decoder") -> Tensor:
    slot = model.map.slot(stack, layer, component)
    assert slot is not None
    return model.bank[slot].weight


@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_factor_of_one_changes_nothing_and_afterwards_all_is_as_before(family: str, norm: str) -> None:
    model = shaken(tiny("cycle:2", family=family, num_layers=3, norm_position=norm, num_classes=None))
    before = plain(model)
    every = [f"{part}*1" for part in map(str, parts_of(model.plan, 2))]
    torch.testing.assert_close(answer(model, *every), before)
    assert not torch.allclose(answer(model, f"{model.map.stacks[-1]}.1"), before)
    assert torch.equal(plain(model), before)


@pytest.mark.parametrize(
    ("part", "component"), [("ffn", "ffn_out"), ("attention", "o"), ("cross_attention", "cross_o")]
)
def test_a_branch_left_out_is_one_whose_last_matrix_is_zero(part: str, component: str) -> None:
    model = shaken(tiny("none", family="encoder_decoder", num_layers=3))
    found = answer(model, f"decoder.1.{part}")
    slot = model.map.slot("decoder", 1, component)
    assert slot is not None
    with torch.no_grad():
        for parameter in model.bank[slot].parameters():  # its bias, too
            parameter.zero_()
    torch.testing.assert_close(found, plain(model))


def test_a_head_left_out_is_one_whose_columns_are_zero() -> None:
    model = shaken(tiny("none", family="decoder", num_layers=3))
    found = answer(model, "decoder.1.attention.0")
    with torch.no_grad():
        weight(model, 1, "o")[:, : model.config.head_size] = 0
    torch.testing.assert_close(found, plain(model))


def test_a_layer_left_out_is_skipped_and_half_of_it_is_half_way() -> None:
    model = shaken(tiny("none", family="decoder", num_layers=3))
    found = answer(model, "decoder.1")
    between = model.get_submodule("decoder_between")
    between.order = lambda _loops: (0, 2)
    torch.testing.assert_close(found, plain(model))
    one = tiny("none", family="decoder", num_layers=1, norm_position="post", final_norm=False, tie_embeddings="none")
    torch.testing.assert_close(answer(one, "decoder.0*0.5"), (answer(one, "decoder.0") + plain(one)) / 2)


def test_one_execution_is_left_out_and_the_same_weights_still_run_elsewhere() -> None:
    model = shaken(tiny("all", family="decoder", num_layers=3))
    twice = shaken(tiny("all", family="decoder", num_layers=2))
    twice.load_state_dict(model.state_dict())
    for place in range(3):  # whichever loop is left out, two are left
        torch.testing.assert_close(answer(model, f"decoder.{place}"), plain(twice))
    assert not torch.allclose(answer(model, "decoder.0.ffn"), answer(model, "decoder.2.ffn"))


@pytest.mark.parametrize(
    ("strategy", "true"),
    [
        ("all", True),
        ("loop:1/1/1", True),
        ("all,depth_embedding=sinusoidal", False),
        ("loop:1/1/1,inject=add", False),
        ("loop:0/2/0", False),
    ],
)
def test_a_loop_left_out_is_one_loop_less_where_that_is_said_and_only_there(strategy: str, true: bool) -> None:
    model = shaken(tiny(strategy, family="decoder", num_layers=4))
    loops = model.plan.loops or 0
    with torch.no_grad():
        fewer = model(**batch_for(model), loops=loops - 1)
    places = sorted(model.plan.execution["decoder"].starts())
    for edit in (Edit("decoder", place) for place in places):
        assert is_one_loop_less(model.plan, edit) is true
        assert bool((answer(model, str(edit)) - fewer).abs().max() < 1e-5) is true
    assert not is_one_loop_less(model.plan, Edit("decoder", places[-1], "ffn"))


def test_of_everything_left_out_the_first_state_alone_is_read() -> None:
    found = lens_of_run(Look(SAMPLE, HOPS, left_out=["decoder.0", "decoder.1", "decoder.2"]))
    np.testing.assert_allclose(found.probabilities[-1], found.probabilities[0], rtol=1e-4)
    usual = lens_of_run(Look(SAMPLE, HOPS))
    np.testing.assert_array_equal(found.top[0, :, 0].shape, usual.top[0, :, 0].shape)
    assert found.prediction != usual.prediction


def test_a_part_of_a_loop_beyond_training_can_be_left_out() -> None:
    assert lens_of_run(Look(SAMPLE, HOPS, loops=5, left_out=["decoder.4"])).loops == (1, 2, 3, 4, 5)
    with pytest.raises(ConfigError, match=r"0 to 2\. Got 4"):
        lens_of_run(Look(SAMPLE, HOPS, left_out=["decoder.4"]))


def test_a_greedy_answer_is_written_without_the_part() -> None:
    folder = SAMPLE.parent / "sample-dates-all"
    usual = inspect_run(Look(folder, "July 20, 1969"))
    found = inspect_run(Look(folder, "July 20, 1969", left_out=["decoder.2.ffn"]))
    assert found.prediction != usual.prediction
    said = [guess.label for guess in found.next_tokens]
    assert said[: len(found.target_labels) - 1] == list(found.target_labels[1:]), "token by token as at once"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("decoder", "must be written like"),
        ("<b>.1", "must be written like"),
        ("decoder.1.ffn.0", "must be written like"),
        ("decoder.1.0", "must be written like"),
        ("decoder.1*-2", "must be written like"),
        ("encoder.0", "must name a stack of the model: decoder. Got encoder"),
        ("decoder.3", "0 to 2. Got 3"),
        ("decoder.1.attention.2", "must name a head: 0 to 1. Got 2"),
        ("decoder.1.cross_attention", "This stack has no cross-attention"),
    ],
)
def test_what_the_model_does_not_have_is_one_sentence(text: str, sentence: str) -> None:
    model = tiny("none", family="decoder", num_layers=3)
    with pytest.raises(ConfigError, match=sentence):
        read_edits([text], model.plan, 2)


def test_parts_read_back_as_they_are_written_and_too_many_are_refused() -> None:
    plan = tiny("cycle:2", family="encoder_decoder", num_layers=2).plan
    parts = parts_of(plan, 2)
    assert len(parts) == 2 * (1 + 1 + 2 + 1) + 2 * (1 + 1 + 2 + 1 + 2 + 1)
    assert list(read_edits([str(part) for part in parts], plan, 2)) == parts
    assert str(read_edits(["decoder.1.ffn*0.5"], plan, 2)[0]) == "decoder.1.ffn*0.5"
    with pytest.raises(ConfigError, match="at most"):
        read_edits(["decoder.0"] * (MOST_EDITS + 1), plan, 2)
