"""What is swapped or put in from another pass does what it says: answers that are known before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import shaken, tiny
from torch import Tensor
from untrained_runs import small_config, untrained_run

from clps_core.analysis.capture import Capture, capture
from clps_core.analysis.edits import Edits, is_tied, read_changes
from clps_core.analysis.patches import MOST_PATCHES, Patches, Side, read_patches
from clps_core.errors import ClpsError, ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.model.transformer import Transformer
from clps_core.moves import moves_of_run
from clps_core.opened import open_run
from clps_core.patching import Patching

SAMPLES = Path(__file__).parents[2] / "clps_core" / "samples" / "runs"
HOPS, OTHER_HOPS = "3 1 7 0 2 6 4 5", "1 2 3 4 5 6 7 0"


def one_input(model: Transformer, length: int = 7, seed: int = 1) -> dict[str, Tensor]:
    """One example as arguments of ``capture``."""
    draw = torch.Generator().manual_seed(seed)
    vocabulary = model.config.vocab_size or 0
    given = {"inputs": torch.randint(0, vocabulary, (1, length), generator=draw)}
    if model.config.family == "encoder_decoder":
        given["decoder_inputs"] = torch.randint(0, vocabulary, (1, length - 2), generator=draw)
    return given


def patched(
    model: Transformer, given: dict[str, Tensor], source: Capture, *patches: str, of: Transformer | None = None
) -> Capture:
    """``model`` run on ``given`` with ``patches`` from ``source``, a pass of ``of`` (by default of ``model``)."""
    other = of or model
    here, there = (Side(one.plan, one.config.num_heads) for one in (model, other))
    lengths: dict[str, int | None] = {"encoder": given["inputs"].shape[1], "decoder": given["inputs"].shape[1]}
    if "decoder_inputs" in given:
        lengths["decoder"] = given["decoder_inputs"].shape[1]
    found = Patches(read_patches(patches, here, there), source, model.config.d_model, lengths, 12)
    with model.edited(Edits((), model.config.num_heads, found)):
        return capture(model, **given)


def swapped(model: Transformer, *swaps: str) -> np.ndarray:
    heads = model.config.num_heads
    with model.edited(Edits(read_changes(swaps, model.plan, heads), heads)):
        return capture(model, **one_input(model)).logits


def plain(model: Transformer, **given: Any) -> np.ndarray:
    return capture(model, **(given or one_input(model))).logits


# States


@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
def test_a_pass_patched_with_itself_is_the_same_to_the_bit(family: str) -> None:
    model = shaken(tiny("cycle:2", family=family, num_layers=3))
    given = one_input(model)
    own = capture(model, **given)
    for stack in model.plan.execution:
        patches = [f"{stack}.{place}={stack}.{place}" for place in range(3)]
        patches += [f"{stack}.{place}.attention={stack}.{place}.attention" for place in range(3)]
        if stack == "decoder" and family == "encoder_decoder":
            patches += [f"{stack}.{place}.cross_attention={stack}.{place}.cross_attention" for place in range(3)]
        np.testing.assert_array_equal(patched(model, given, own, *patches).logits, own.logits)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_all_states_of_another_input_give_its_answer_from_whichever_layer(norm: str) -> None:
    model = shaken(tiny("none", family="decoder", num_layers=3, norm_position=norm))
    given, other = one_input(model), capture(model, **one_input(model, seed=2))
    assert np.abs(plain(model, **given) - other.logits).max() > 0.01
    for place in range(3):
        np.testing.assert_array_equal(
            patched(model, given, other, f"decoder.{place}=decoder.{place}").logits, other.logits
        )


def test_all_last_states_of_another_model_give_its_answer_where_norm_and_head_are_equal() -> None:
    one, other = (shaken(tiny("none", seed, family="decoder", tie_embeddings="none"), seed) for seed in (0, 1))
    given, theirs = one_input(one), capture(other, **one_input(other))
    early = patched(one, given, theirs, "decoder.0=decoder.0", of=other)
    late = patched(one, given, theirs, "decoder.1=decoder.1", of=other)
    assert np.abs(late.logits - theirs.logits).max() > 0.01, "its own head reads them otherwise"
    for name in ("decoder_final_norm", "head"):
        one.get_submodule(name).load_state_dict(other.get_submodule(name).state_dict())
    late = patched(one, given, theirs, "decoder.1=decoder.1", of=other)
    np.testing.assert_array_equal(late.logits, theirs.logits)
    early = patched(one, given, theirs, "decoder.0=decoder.0", of=other)
    assert np.abs(early.logits - theirs.logits).max() > 0.01, "its own last layer runs on them"


def reader() -> Transformer:
    """Layer 0 does nothing; layer 1 lets every position read the mean of all before it; no other way leads there."""
    model = shaken(tiny("none", family="decoder", num_layers=2, tie_embeddings="none"))
    silent = [(0, "o"), (0, "ffn_out"), (1, "ffn_out"), (1, "q"), (1, "k")]
    with torch.no_grad():
        for layer, component in silent:
            slot = model.map.slot("decoder", layer, component)
            assert slot is not None
            for parameter in model.bank[slot].parameters():
                parameter.zero_()
    return model


def test_a_corrupted_token_is_restored_before_the_layer_that_reads_it_and_no_more_after_it() -> None:
    model = reader()
    clean = one_input(model)
    broken = {"inputs": clean["inputs"].clone()}
    broken["inputs"][0, 2] = (broken["inputs"][0, 2] + 1) % 11
    source, last = capture(model, **clean), -1
    corrupted = plain(model, **broken)
    assert np.abs(corrupted[last] - source.logits[last]).max() > 0.001
    restored = patched(model, broken, source, "decoder.0[2]=decoder.0").logits
    np.testing.assert_array_equal(restored[last], source.logits[last])
    np.testing.assert_array_equal(
        patched(model, broken, source, "decoder.1[2]=decoder.1").logits[last], corrupted[last]
    )
    np.testing.assert_array_equal(
        patched(model, broken, source, "decoder.0[3]=decoder.0").logits[last], corrupted[last]
    )
    at_the_end = patched(model, broken, source, "decoder.1[last]=decoder.1").logits
    np.testing.assert_array_equal(at_the_end[last], source.logits[last])
    np.testing.assert_array_equal(at_the_end[:last], corrupted[:last])


def test_positions_of_inputs_of_other_lengths_are_chosen_as_pairs() -> None:
    model = shaken(tiny("none", family="decoder", num_layers=2, tie_embeddings="none"))
    given, source = one_input(model, 5), capture(model, **one_input(model, 8, seed=2))
    own, end = capture(model, **given), source.logits
    found = patched(model, given, source, "decoder.1[0:6,3,last]=decoder.1").logits
    np.testing.assert_allclose(found[[0, 3, 4]], end[[6, 3, 7]], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found[[1, 2]], own.logits[[1, 2]])
    both = patched(model, given, source, "decoder.1=decoder.1").logits
    np.testing.assert_allclose(both, end[:5], rtol=1e-4, atol=1e-6)


# Attention


def test_one_heads_attention_is_replaced_recorded_and_the_other_heads_stay() -> None:
    model = shaken(tiny("none", family="decoder", num_layers=2))
    given, source = one_input(model), capture(model, **one_input(model, seed=2))
    own = capture(model, **given)
    found = patched(model, given, source, "decoder.0.attention.1=decoder.1.attention.0")
    np.testing.assert_array_equal(found.attention["decoder"][0, 1], source.attention["decoder"][1, 0])
    np.testing.assert_array_equal(found.attention["decoder"][0, 0], own.attention["decoder"][0, 0])
    assert np.abs(found.logits - own.logits).max() > 1e-4


def test_layers_that_read_the_attention_of_another_read_what_was_put_in() -> None:
    model = shaken(tiny("all,attention_source=every:2", family="decoder", num_layers=2))
    given, source = one_input(model), capture(model, **one_input(model, seed=2))
    found = patched(model, given, source, "decoder.0.attention=decoder.0.attention")
    np.testing.assert_array_equal(found.attention["decoder"][1], source.attention["decoder"][0])
    only = patched(model, given, source, "decoder.1.attention=decoder.0.attention")
    np.testing.assert_array_equal(only.attention["decoder"][1], source.attention["decoder"][0])
    np.testing.assert_array_equal(only.attention["decoder"][0], capture(model, **given).attention["decoder"][0])


def test_attention_is_replaced_also_where_a_fused_kernel_would_compute_it() -> None:
    model = shaken(tiny("none", family="decoder", num_layers=2, max_positions=140))
    given, source = one_input(model, 140), capture(model, **one_input(model, 140, seed=2))
    here = Side(model.plan, 2)
    patch = read_patches(["decoder.1.attention=decoder.0.attention"], here, here)
    found = Patches(patch, source, 16, {"decoder": 140}, 140)
    with torch.inference_mode(), model.edited(Edits((), 2, found)):
        fast = model(given["inputs"])[0].numpy()
        np.testing.assert_allclose(fast, capture(model, **given).logits, rtol=1e-4, atol=1e-5)
    assert np.abs(fast - plain(model, **given)).max() > 1e-4


# Swaps


def test_a_swap_is_the_model_in_that_order_and_twice_is_nothing() -> None:
    model = shaken(tiny("none,depth_embedding=learned,layer_scale=own", family="decoder", num_layers=3))
    before = plain(model)
    found = swapped(model, "decoder.0<>decoder.2")
    assert np.abs(found - before).max() > 1e-4
    np.testing.assert_array_equal(swapped(model, "decoder.0<>decoder.2", "decoder.2<>decoder.0"), before)
    model.get_submodule("decoder_between").order = lambda _loops: (2, 1, 0)
    np.testing.assert_array_equal(plain(model), found)


@pytest.mark.parametrize(
    ("strategy", "pair", "tied"),
    [("all", "0<>decoder.2", True), ("cycle:2", "1<>decoder.3", True), ("cycle:2", "0<>decoder.1", False)],
)
def test_swapping_tied_executions_changes_nothing_to_the_bit(strategy: str, pair: str, tied: bool) -> None:
    model = shaken(tiny(strategy, family="decoder", num_layers=4))
    (swap,) = read_changes([f"decoder.{pair}"], model.plan, 2)
    assert is_tied(model.plan, swap) is tied
    assert np.array_equal(swapped(model, str(swap)), plain(model)) is tied


@pytest.mark.parametrize("extra", ["lora=2", "layer_scale=own"])
def test_tied_layers_with_something_of_their_own_are_told_apart(extra: str) -> None:
    model = shaken(tiny(f"all,{extra}", family="decoder", num_layers=2))
    (swap,) = read_changes(["decoder.0<>decoder.1"], model.plan, 2)
    assert not is_tied(model.plan, swap)
    assert not np.array_equal(swapped(model, str(swap)), plain(model))


# Runs


def test_a_run_gives_the_other_inputs_answer_and_the_effect_says_how_probable_its_own_is_now() -> None:
    folder = SAMPLES / "sample-hops-3-all-0"
    own, other = inspect_run(Look(folder, HOPS)), inspect_run(Look(folder, OTHER_HOPS))
    found = inspect_run(Look(folder, HOPS, patching=Patching(("decoder.2=decoder.2",), OTHER_HOPS)))
    assert found.prediction == other.prediction != own.prediction
    assert own.effect is None
    assert found.effect is not None
    assert found.effect.answer == own.prediction
    changed = sum(one != two for one, two in zip(own.prediction.split(), other.prediction.split(), strict=True))
    assert (found.effect.positions, found.effect.others) == (8, changed)
    usual = lens_of_run(Look(folder, HOPS))
    np.testing.assert_allclose(found.effect.before, usual.probabilities[-1, :, 0].prod(), rtol=1e-3)
    assert found.effect.after < 0.01 < found.effect.before
    read = lens_of_run(Look(folder, HOPS, patching=Patching(("decoder.2=decoder.2",), OTHER_HOPS)))
    assert read.prediction == other.prediction


def test_another_runs_states_are_read_there_and_another_loop_is_a_place_of_its_own() -> None:
    folder, other = SAMPLES / "sample-hops-3-all-0", SAMPLES / "sample-hops-3-none-0"
    found = lens_of_run(Look(folder, HOPS, loops=5, patching=Patching(("decoder.4=decoder.0",), folder=other)))
    with open_run(folder) as own, open_run(other) as theirs, torch.inference_mode():
        inputs = theirs.data.encode_source(HOPS)
        state = torch.from_numpy(capture(theirs.model, inputs).outputs["decoder"][0])[None]
        said = own.model.read_out(state)[0].argmax(-1)
    assert len(found.top) == 6
    assert found.prediction == own.data.decode(said[list(own.data.scored(inputs))]), "its own head reads it"
    with pytest.raises(ConfigError, match=r"0 to 2\. Got 4"):
        inspect_run(Look(folder, HOPS, patching=Patching(("decoder.4=decoder.0",))))
    with pytest.raises(ConfigError, match=r"0 to 2\. Got 4"):
        inspect_run(Look(folder, HOPS, loops=5, patching=Patching(("decoder.4=decoder.4",), folder=other)))


def test_an_answer_is_written_with_what_is_put_in_and_the_whole_answer_is_judged_under_its_own_tokens() -> None:
    folder, text = SAMPLES / "sample-dates-all", "July 20, 1969"
    patching = Patching(("encoder.3=encoder.3",), "July 21, 1970")
    usual, found = inspect_run(Look(folder, text)), inspect_run(Look(folder, text, patching=patching))
    other = inspect_run(Look(folder, "July 21, 1970"))
    assert found.prediction == other.prediction != usual.prediction
    said = [guess.label for guess in found.next_tokens]
    assert said[: len(found.target_labels) - 1] == list(found.target_labels[1:]), "token by token as at once"
    assert found.effect is not None
    sure = np.prod([guess.probability for guess in usual.next_tokens])
    np.testing.assert_allclose(found.effect.before, sure, rtol=1e-4)
    assert found.effect.after < found.effect.before
    typed = inspect_run(Look(folder, text, target_text=other.prediction, patching=patching))
    assert typed.effect is not None
    assert typed.effect.typed
    assert typed.effect.before < 0.01 < typed.effect.after, "the other answer was improbable and is no more"
    same = inspect_run(
        Look(folder, text, patching=Patching(("decoder.0=decoder.0", "decoder.1.attention=decoder.1.attention")))
    )
    assert same.effect is not None
    assert same.effect.after == same.effect.before
    assert same.prediction == usual.prediction


def test_a_run_of_another_width_and_a_missing_run_are_one_sentence(tmp_path: Path) -> None:
    one, other = (untrained_run(tmp_path / str(width), small_config("digits", d_model=width)) for width in (16, 32))
    with pytest.raises(ConfigError, match="a state of width 32"):
        inspect_run(Look(one, "17", patching=Patching(("encoder.1=encoder.1",), folder=other)))
    shorter = untrained_run(tmp_path / "text", small_config("languages"))
    shortened = inspect_run(Look(shorter, "Guten Tag", patching=Patching(("encoder.1=encoder.1",), "hello"))).effect
    assert shortened is not None
    assert shortened.notes[0].endswith("only the first 5 positions: this input has 9, the other has 5.")
    with pytest.raises(ClpsError):
        inspect_run(Look(one, "17", patching=Patching(("encoder.1=encoder.1",), folder=tmp_path / "gone")))
    found = inspect_run(Look(one, "17", patching=Patching(("encoder.3=encoder.3",), "18")))
    assert found.guesses == inspect_run(Look(one, "18")).guesses


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("decoder.1", "must be written like"),
        ("decoder.1=", "must be written like"),
        ("decoder.1[0,]=decoder.1", "must be written like"),
        ("decoder.1[0].attention=decoder.1.attention", "must be written like"),
        ("<b>=decoder.1", "must be written like"),
        ("decoder.1[" + "0," * 300 + "0]=decoder.1", "must be written like"),
        ("encoder.0=decoder.0", "must name a stack of the model: decoder. Got encoder"),
        ("decoder.3=decoder.0", r"0 to 2\. Got 3"),
        ("decoder.0=decoder.3", r"0 to 2\. Got 3"),
        ("decoder.0.attention=decoder.0", "same kind of thing on both sides"),
        ("decoder.0.attention=decoder.0.attention.1", "same kind of thing on both sides"),
        ("decoder.0.attention.0=decoder.0.attention.2", "must name a head: 0 to 1. Got 2"),
        ("decoder.0.cross_attention=decoder.0.cross_attention", "This stack has no cross-attention"),
        ("decoder.0[9]=decoder.0", "positions of this input must be from 0 to 6. Got 9"),
        ("decoder.0[0:9]=decoder.0", "positions of the other input must be from 0 to 7. Got 9"),
        ("decoder.0.attention=decoder.0.attention", "same length. This one has 7 positions, the other has 8"),
    ],
)
def test_a_patch_that_cannot_be_is_one_sentence(text: str, sentence: str) -> None:
    model = tiny("none", family="decoder", num_layers=3)
    source = capture(model, **one_input(model, 8))
    with pytest.raises((ConfigError, DataError), match=sentence):
        patched(model, one_input(model), source, text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("decoder.1<>", "a swap must be written like"),
        ("decoder.1<>encoder.1", "must swap two layers of one stack"),
        ("decoder.1<>decoder.4", r"0 to 3\. Got 4"),
        ("decoder.1<>decoder.2", "share no activations with others. Layer 1 does"),
    ],
)
def test_a_swap_that_cannot_be_is_one_sentence(text: str, sentence: str) -> None:
    plan = tiny("none,kv_source=0-0-2-3", family="encoder_decoder", num_layers=4).plan
    with pytest.raises(ConfigError, match=sentence):
        read_changes([text], plan, 2)
    assert [str(one) for one in read_changes(["decoder.2<>decoder.3"], plan, 2)] == ["decoder.2<>decoder.3"]


def test_patches_read_back_as_they_are_written_and_too_many_are_refused() -> None:
    here = Side(tiny("none", family="encoder_decoder").plan, 2)
    texts = ["decoder.1=encoder.0", "decoder.1[3:5,last,2:last]=decoder.0"]
    texts += ["encoder.0.attention.1=encoder.1.attention.0", "decoder.0.cross_attention=decoder.1.cross_attention"]
    assert [str(one) for one in read_patches(texts, here, here)] == texts
    with pytest.raises(ConfigError, match="at most"):
        read_patches(["decoder.0=decoder.0"] * (MOST_PATCHES + 1), here, here)


def test_the_letters_of_what_moves_follow_a_swap() -> None:
    swap, folder = ["decoder.0<>decoder.2"], SAMPLES / "sample-hops-3-none-0"
    found = moves_of_run(Look(folder, HOPS, left_out=swap), stack="decoder")
    assert found.ran.layers == (2, 1, 0)
    assert found.ran.groups == tuple(reversed(moves_of_run(Look(folder, HOPS), stack="decoder").ran.groups))
    assert lens_of_run(Look(folder, HOPS, left_out=swap)).groups == found.ran.groups
    assert inspect_run(Look(folder, HOPS, left_out=swap)).groups["decoder"] == found.ran.groups
