"""A shared weight's gradient is the sum of what its uses add: against models in which nothing is shared."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import batch_for, loss_of, shaken, tiny
from untrained_runs import small_config, untrained_run

from clps_core.errors import ConfigError, DataError
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.model.transformer import Transformer
from clps_core.model.untied import untie, uses_of
from clps_core.patching import Patching
from clps_core.sharing import Slot
from clps_core.tie import TieProof, tie_of_run

SAMPLES = Path(__file__).parents[2] / "clps_core" / "samples" / "runs"
HOPS = "3 1 7 0 2 6 4 5"


def free_of(tied: Transformer, loops: int | None = None, **sizes: object) -> Transformer:
    """A model without any sharing that computes what ``tied`` does with ``loops``."""
    free = tiny("none", **sizes).double()
    with torch.no_grad():
        for name, parameter in free.named_parameters():
            if not name.startswith("bank."):
                parameter.copy_(tied.get_parameter(name))
        for stack in free.map.stacks:
            for place, index in enumerate(tied.plan.execution[stack].layers(loops)):
                for component in free.map.components(stack):
                    own, slot = free.map.slot(stack, place, component), tied.map.slot(stack, index, component)
                    assert own is not None
                    assert slot is not None
                    free.bank[own].load_state_dict(tied.bank[slot].state_dict())
    return free


DESIGNS = {
    "a decoder": ("all", None, {"family": "decoder", "num_layers": 3}, 3),
    "more loops than trained": ("cycle:2", 3, {"family": "decoder", "num_layers": 2}, 6),
    "keys that are the queries": ("all,k=@q", None, {"family": "decoder", "num_layers": 2}, 2),
    "two stacks": ("all,decoder=@encoder", None, {"family": "encoder_decoder"}, 2),
    "norms behind": ("all", None, {"family": "encoder", "num_classes": 3, "norm_position": "post"}, 2),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_every_use_has_the_gradient_that_it_has_in_a_model_without_sharing(design: str) -> None:
    strategy, loops, sizes, layers = DESIGNS[design]
    tied = shaken(tiny(strategy, **sizes)).double()
    free = free_of(tied, loops, **{**sizes, "num_layers": layers})
    batch = batch_for(tied, source=5, target=4)
    loss_of(free, batch).backward()
    (tied_loss := loss_of_loops(tied, batch, loops)).backward()
    for slot in tied.map.slots:
        model = copy.deepcopy(tied)
        before = uses_of(model, slot, loops)
        uses = untie(model, slot, loops)
        assert [(one.stack, one.place, one.component) for one in uses] == [
            (one.stack, one.place, one.component) for one in before
        ]
        assert len({id(one.module) for one in before}) == 1
        assert len({id(one.module) for one in uses}) == len(uses)
        loss = loss_of_loops(model, batch, loops)
        assert loss.item() == pytest.approx(tied_loss.item(), rel=1e-12)
        loss.backward()
        total = []
        for one in uses:
            own = free.map.slot(one.stack, one.place, one.component)
            assert own is not None
            for name, parameter in one.module.named_parameters():
                torch.testing.assert_close(
                    parameter.grad, free.bank[own].get_parameter(name).grad, rtol=1e-8, atol=1e-12
                )
            total.append(one.module.get_parameter("weight").grad)
        torch.testing.assert_close(
            torch.stack(total).sum(0), tied.bank[slot].get_parameter("weight").grad, rtol=1e-8, atol=1e-12
        )


def loss_of_loops(model: Transformer, batch: dict[str, torch.Tensor], loops: int | None) -> torch.Tensor:
    return loss_of(lambda **given: model(**given, loops=loops), batch)  # type: ignore[arg-type]


def test_other_weights_stay_as_they_are() -> None:
    model = tiny("all", family="decoder")
    untie(model, Slot("decoder.q", 0))
    layers = list(model.get_submodule("decoder_layers"))
    assert layers[0].weights["q"] is not layers[1].weights["q"]
    assert layers[0].weights["k"] is layers[1].weights["k"] is model.bank[Slot("decoder.k", 0)]


# Runs


def check(found: TieProof, uses: int) -> None:
    assert len(found.uses) == uses
    assert {use.tensor for use in found.uses} == {0}, "one tensor in memory"
    assert found.summed > 0
    assert found.difference <= 1e-12 * found.largest
    assert found.summed == pytest.approx(found.tied, rel=1e-12)
    assert sum(use.share or 0.0 for use in found.uses) == pytest.approx(1)
    for use in found.uses:
        assert use.share == pytest.approx((use.cosine or 0.0) * use.norm / found.summed)


@pytest.mark.parametrize("loops", [None, 6])
def test_a_looped_run_uses_one_weight_in_every_loop(loops: int | None) -> None:
    folder = SAMPLES / "sample-hops-3-all-0"
    found = tie_of_run(Look(folder, HOPS, loops=loops), site="decoder.0.q")
    check(found, loops or 3)
    assert [use.loop for use in found.uses] == list(range(1, (loops or 3) + 1))
    assert [(one.name, one.shape) for one in found.tensors] == [
        ("model.bank.decoder.q.0.weight", (64, 64)),
        ("model.bank.decoder.q.0.bias", (64,)),
    ]
    assert (found.aim, found.labels, found.file) == ("right", 8, "best.safetensors")
    lens = lens_of_run(Look(folder, HOPS, loops=loops))
    assert found.loss == pytest.approx(-np.log(lens.wanted_probability[-1].astype(float)).mean(), rel=1e-3)


def test_a_translation_aims_at_the_typed_target_the_right_answer_or_its_own(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", small_config("dates", "cycle:2,decoder=@encoder"))
    one, german = partial(tie_of_run, site="decoder.0.q"), {"language": "de"}
    typed = one(Look(folder, "July 20, 1969", german, "Sonntag"))
    check(typed, 4)
    assert typed.slot == "encoder.q.0"
    assert (typed.aim, typed.labels) == ("typed", 8)
    right = one(Look(folder, "Sunday, July 20, 1969", german))
    assert (right.aim, right.labels) == ("right", len("Sonntag, 20. Juli 1969") + 1)
    own = one(Look(folder, "x", german))
    assert own.aim == "own"
    assert own.loss < right.loss, "its own answer is the most probable one"
    swapped = one(Look(folder, "x", german, left_out=["decoder.0<>decoder.1", "encoder.3.ffn"]))
    check(swapped, 4)
    assert [(use.stack, use.place) for use in own.uses] == [(s, p) for s in ("encoder", "decoder") for p in (0, 2)]
    assert [use.place for use in swapped.uses] == [0, 2, 1, 2], "it runs with the other's weights"
    with pytest.raises(ConfigError, match="Remove the patches"):
        one(Look(folder, "x", german, patching=Patching(("encoder.0=encoder.1",))))


def test_gradients_that_would_fill_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clps_core.tie.MOST_BYTES", 4 << 20)
    folder = SAMPLES / "sample-hops-3-all-0"
    assert len(tie_of_run(Look(folder, HOPS), site="decoder.0.q").uses) == 3
    with pytest.raises(ConfigError, match="Ask for fewer loops"):
        tie_of_run(Look(folder, HOPS, loops=200), site="decoder.0.q")


def test_a_picture_has_a_gradient_and_a_place_without_a_weight_is_refused(tmp_path: Path) -> None:
    picture = untrained_run(tmp_path / "digits", small_config("digits"))
    check(tie_of_run(Look(picture, "17"), site="encoder.1.norm_ffn"), 2)
    with pytest.raises(ConfigError, match=r"no weight at encoder\.9\.q"):
        tie_of_run(Look(picture, "17"), site="encoder.9.q")
    with pytest.raises(ConfigError, match=r"must be written like decoder\.0\.q"):
        tie_of_run(Look(picture, "17"), site="../secret")
    with pytest.raises(DataError):
        tie_of_run(Look(picture, "many"), site="encoder.0.q")
