"""What a model sees, how it starts, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import batch_for, loss_of, tiny

from clps_core.config import ModelConfig, build_config, resolve
from clps_core.errors import ConfigError, DataError
from clps_core.model import attention
from clps_core.model.attention import Mask, attend, make_mask, rotary_tables, rotate
from clps_core.model.dropout import drop
from clps_core.model.embedding import sinusoids
from clps_core.model.transformer import Transformer, build_model

POSITIONS = ["sinusoidal", "learned", "rotary", "none"]
BOTH_PATHS = pytest.mark.parametrize("explicit_keys", [0, 128], ids=["fused", "explicit"])


@pytest.fixture
def path(explicit_keys: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the fused kernel (0) or matmul-softmax (128)."""
    monkeypatch.setattr(attention, "EXPLICIT_UP_TO_KEYS", explicit_keys)


@pytest.mark.parametrize("task", ["dates", "python-docs", "digits"])
@pytest.mark.parametrize("strategy", ["none", "all"])
def test_every_task_builds_from_its_defaults_and_has_finite_gradients(task: str, strategy: str) -> None:
    model = build_model(resolve(build_config({"data": {"task": task}, "sharing": {"strategy": strategy}})).config)
    batch = batch_for(model)
    loss = loss_of(model, batch)
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    wide = {"dates": (3, 5), "python-docs": (3, 7), "digits": (3,)}[task]
    assert model(**batch).shape[:-1] == wide
    assert math.isfinite(loss.item())


@BOTH_PATHS
@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("positions", POSITIONS)
def test_future_tokens_do_not_change_the_past(positions: str) -> None:
    model = tiny("cycle:2", num_layers=3, positions=positions, num_kv_heads=1)
    tokens = batch_for(model, examples=2)["inputs"]
    before = model(tokens)
    tokens[:, 4] = (tokens[:, 4] + 1) % 11
    after = model(tokens)
    torch.testing.assert_close(after[:, :4], before[:, :4], rtol=0, atol=1e-6)
    assert not torch.allclose(after[:, 4], before[:, 4])
    assert not torch.allclose(after[:, 6], before[:, 6])


@BOTH_PATHS
@pytest.mark.usefixtures("path")
def test_an_encoder_that_says_tokens_sees_both_sides() -> None:
    model = tiny("cycle:2", num_layers=3, family="encoder", head="lm", positions="rotary")
    tokens = batch_for(model, examples=2)["inputs"]
    before = model(tokens)
    assert before.shape == (2, 7, 11)
    tokens[:, 4] = (tokens[:, 4] + 1) % 11
    after = model(tokens)
    for place in range(7):
        assert not torch.allclose(after[:, place], before[:, place])


@BOTH_PATHS
@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("sizes", [{"family": "encoder", "num_classes": 3}, {"family": "encoder_decoder"}])
def test_padding_changes_nothing(positions: str, sizes: dict[str, object]) -> None:
    model = tiny("all", positions=positions, **sizes)
    batch = batch_for(model, examples=2, source=6)
    batch["input_mask"][:] = True
    short = model(**batch)
    padded = torch.full((2, 10), 7)
    padded[:, :6] = batch["inputs"]
    mask = torch.zeros(2, 10, dtype=torch.bool)
    mask[:, :6] = True
    longer = model(**{**batch, "inputs": padded, "input_mask": mask})
    torch.testing.assert_close(longer, short, rtol=0, atol=1e-6)


@BOTH_PATHS
@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_with_nothing_but_padding_give_numbers_and_gradients(family: str, dtype: torch.dtype) -> None:
    model = tiny(family=family, num_classes=3 if family == "encoder" else None).to(dtype)
    batch = batch_for(model)
    batch["input_mask"][0] = False
    batch["input_mask"][1, :2] = False
    loss_of(model, batch).backward()
    assert torch.isfinite(model(**batch)).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@BOTH_PATHS
@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
def test_mixed_precision_stays_near_full_precision(family: str, norm: str) -> None:
    model = tiny("all", family=family, positions="rotary", norm=norm, activation="swiglu", num_kv_heads=1)
    batch = batch_for(model)
    with torch.autocast("cpu", torch.bfloat16):
        loss_of(model, batch).backward()
        mixed = model(**batch).float()
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())
    torch.testing.assert_close(mixed, model(**batch), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_the_fused_and_the_explicit_path_agree(family: str, kv_heads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("all", family=family, num_heads=4, num_kv_heads=kv_heads, positions="rotary").double()
    batch = batch_for(model)
    found = {}
    for keys in (0, 128):
        monkeypatch.setattr(attention, "EXPLICIT_UP_TO_KEYS", keys)
        model.zero_grad()
        loss_of(model, batch).backward()
        found[keys] = [model(**batch), *(parameter.grad.clone() for parameter in model.parameters())]
    for fused, explicit in zip(found[0], found[128], strict=True):
        torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-11)


def test_grouped_queries_equal_repeated_heads() -> None:
    """Query head h reads key head h // (H / K)."""
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(heads, 2, 5, 4, generator=draw) for heads in (4, 2, 2))
    mask = make_mask(None, 5, 5, causal=True, like=q, explicit=True)
    grouped = attend(q, k, v, mask, explicit=True)
    for head in range(4):
        alone = attend(q[head][None], k[head // 2][None], v[head // 2][None], mask, explicit=True)
        torch.testing.assert_close(grouped[..., 4 * head : 4 * head + 4], alone)


def test_rotary_scores_depend_on_distance_only() -> None:
    draw = torch.Generator().manual_seed(0)
    tables = rotary_tables(20, 8, 10_000.0)
    q, k = torch.randn(1, 1, 1, 8, generator=draw), torch.randn(1, 1, 1, 8, generator=draw)
    turned_q, turned_k = rotate(q.expand(1, 1, 20, 8), tables), rotate(k.expand(1, 1, 20, 8), tables)
    scores = (turned_q @ turned_k.transpose(-1, -2))[0, 0]
    for distance in range(-19, 20):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-4)
    assert scores[0].std() > 0.1
    torch.testing.assert_close(turned_q.norm(dim=-1), q.norm(dim=-1).expand(1, 1, 20))


def test_sinusoids_are_those_of_the_paper() -> None:
    table = sinusoids(6, 5)
    assert table[3, 0].item() == pytest.approx(math.sin(3))
    assert table[3, 1].item() == pytest.approx(math.cos(3))
    assert table[3, 2].item() == pytest.approx(math.sin(3 / 10_000 ** (2 / 5)))
    assert table.shape == (6, 5)


def test_tokens_and_learned_positions_start_on_one_scale() -> None:
    model = tiny(d_model=64, num_heads=4, positions="learned", vocab_size=200, max_positions=200)
    tokens, positions = model.embedding.tokens.weight.std().item(), model.embedding.positions.weight.std().item()
    assert tokens == pytest.approx(positions, rel=0.05)
    states = model.embedding(torch.arange(200)[None])
    assert states.square().mean().item() == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("strategy", ["all", "cycle:2", "sequence:2", "attention=all,ffn=none"])
def test_strategies_with_one_seed_start_equal_wherever_they_have_the_same_first_site(strategy: str) -> None:
    model, unshared = tiny(strategy, num_layers=4, seed=4), tiny("none", num_layers=4, seed=4)
    for slot in model.map.slots:
        twin = unshared.bank[unshared.map.slot(*model.map.sites(slot)[0])]
        for name, tensor in model.bank[slot].state_dict().items():
            assert torch.equal(tensor, twin.state_dict()[name])
    for name, parameter in model.named_parameters():
        if not name.startswith("bank."):
            assert torch.equal(parameter, unshared.get_parameter(name))


def test_initial_values_depend_on_the_seed_and_on_nothing_else() -> None:
    torch.manual_seed(1)
    one = tiny(seed=7)
    torch.manual_seed(2)
    torch.randn(5)
    state = torch.get_rng_state()
    two, other = tiny(seed=7), tiny(seed=8)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, two.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert not torch.equal(one.embedding.tokens.weight, other.embedding.tokens.weight)
    layers = one.get_submodule("decoder_layers")
    assert not torch.equal(layers[0].weights["q"].weight, layers[1].weights["q"].weight)
    assert not torch.equal(layers[0].weights["q"].weight, layers[0].weights["k"].weight)


def test_residual_branches_start_smaller_the_more_layers_are_executed() -> None:
    """One stored layer that runs 12 times is scaled for 12."""
    stds = [tiny("all", num_layers=n, d_model=64).decoder_layers[0].weights["o"].weight.std().item() for n in (1, 12)]
    assert stds[0] / stds[1] == pytest.approx(math.sqrt(12), rel=0.01)


@pytest.mark.parametrize("family", ["encoder", "decoder", "encoder_decoder"])
def test_dropout_acts_in_training_only_and_follows_the_seed(family: str) -> None:
    model = tiny(family=family, dropout=0.5)
    batch = batch_for(model)
    torch.manual_seed(3)
    one = model(**batch)
    other = model(**batch)
    torch.manual_seed(3)
    assert torch.equal(model(**batch), one)
    assert not torch.equal(one, other)
    model.eval()
    assert torch.equal(model(**batch), model(**batch))
    assert torch.equal(model(**batch), tiny(family=family)(**batch))


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.999])
def test_dropout_drops_the_asked_part_and_keeps_the_mean(probability: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(1001, 999, requires_grad=True)
    dropped = drop(x, probability, True)
    share = (dropped == 0).float().mean().item()
    assert share == pytest.approx(probability, abs=1e-3)
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)
    # Neighbours are dropped independently, also where four of them came from one draw.
    for distance in (1, 2, 3, 4):
        both = ((dropped == 0)[:, :-distance] & (dropped == 0)[:, distance:]).float().mean().item()
        assert both == pytest.approx(probability**2, abs=2e-3)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


def test_layers_that_share_cross_attention_weights_project_the_memory_once() -> None:
    counts = {}
    for strategy in ("all", "none"):
        model = tiny(strategy, family="encoder_decoder", num_layers=4)
        memory = torch.randn(2, 7, 16)
        state = model.start_decoding(memory)
        model.decode(torch.zeros(2, 3, dtype=torch.int64), state)
        counts[strategy] = len(state.memory_kv)
    assert counts == {"all": 1, "none": 4}


@pytest.mark.parametrize("family", ["decoder", "encoder"])
@pytest.mark.parametrize("positions", POSITIONS)
def test_inputs_longer_than_max_positions_are_refused(family: str, positions: str) -> None:
    model = tiny(family=family, positions=positions, vocab_size=11)
    with pytest.raises(DataError, match=r"at most 12 positions. Got 13"):
        model(torch.zeros(1, 13, dtype=torch.int64))


def test_an_encoder_decoder_without_decoder_inputs_is_refused() -> None:
    with pytest.raises(DataError, match="decoder_inputs"):
        tiny(family="encoder_decoder")(torch.zeros(1, 3, dtype=torch.int64))


@pytest.mark.parametrize("missing", ["vocab_size", "max_positions"])
def test_an_unresolved_config_is_refused(missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        tiny(**{missing: None})


def test_the_causal_mask_of_one_new_token_sees_the_whole_past() -> None:
    like = torch.zeros(1)
    assert make_mask(None, 1, 9, causal=True, like=like, explicit=True) == Mask()
    mask = make_mask(None, 2, 4, causal=True, like=like, explicit=True).additive
    assert mask is not None
    assert ((mask[0, 0] == 0) == torch.tensor([[True, True, True, False], [True] * 4])).all()


def test_the_models_modules_are_named_by_the_shape_table() -> None:
    config = ModelConfig(
        family="encoder_decoder", d_model=8, num_heads=2, vocab_size=9, max_positions=5, embedding_size=4,
        tie_embeddings="output", positions="learned", token_types=2, embedding_norm=True,
    )  # fmt: skip
    model = Transformer(config, tiny("none", **config.model_dump()).map)
    for name in ("encoder_embedding.tokens", "decoder_embedding.projection", "head_projection", "decoder_final_norm"):
        assert name in dict(model.named_modules())
