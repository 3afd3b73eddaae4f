"""Several objects in a picture: pure data, matching, loss, average precision, a model of learned queries."""

from __future__ import annotations

import builtins
import math
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clps_core.analysis.capture import capture
from clps_core.analysis.counts import count
from clps_core.analysis.flops import flop_differences, train_flops_per_token
from clps_core.config import RunConfig, build_config, resolve
from clps_core.config.model import ModelConfig
from clps_core.data.base import IGNORED
from clps_core.data.detection import Seen, average_precision, box_overlaps, general_overlap
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.model.generate import generate
from clps_core.model.transformer import build_model
from clps_core.spec import from_spec, to_spec
from clps_core.tasks.objects import BASELINES, LEAST, MOST, facts, rules
from clps_core.tasks.objects.data import Objects
from clps_core.training.by_example import score_examples
from clps_core.training.checkpoint import checkpoint_path, read
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.micro_batches import parts
from clps_core.training.optimiser import decays
from clps_core.training.sink import RecordingSink
from clps_core.work import boxes as work
from clps_core.work.batch import DeviceBatch, to_device

pytestmark = pytest.mark.usefixtures("one_thread")
SIZES = {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2}
ONE_THREAD = Placement("cpu", "fp32", 1, "for tests")


def resolved(strategy: str = "none", model: Any = None, data: Any = None, optim: Any = None, **train: Any) -> RunConfig:
    given = {
        "data": {"task": "objects", **(data or {})},
        "model": {**SIZES, **(model or {})},
        "sharing": {"strategy": strategy},
        "optim": {"warmup_steps": 1, **(optim or {})},
        "train": {"steps": 4, "batch_size": 4, "eval_every": 4, "eval_examples": 6, "test_examples": 4, **train},
    }
    return resolve(build_config(given)).config


@pytest.fixture(scope="module")
def objects() -> Objects:
    return Objects(seed=0)


def random_batch(seed: int = 0, queries: int = 4, counts: tuple[int, ...] = (3, 1, 4)) -> tuple[Any, DeviceBatch]:
    """A model's output for a few pictures with ``counts`` boxes each, and the right answers."""
    generator = torch.Generator().manual_seed(seed)
    most, pictures = max(counts), len(counts)
    labels = torch.randint(10, (pictures, most), generator=generator)
    for row, number in enumerate(counts):
        labels[row, number:] = IGNORED
    right = torch.rand((pictures, most, 4), generator=generator) * 0.4 + 0.3
    output = torch.cat(
        [
            torch.randn((pictures, queries, 11), generator=generator),
            torch.rand((pictures, queries, 4), generator=generator),
        ],
        -1,
    )
    return output, DeviceBatch(torch.zeros(pictures, 1, 16), None, None, labels, boxes=right)


# Data


def test_a_batch_depends_on_step_and_seed_alone_and_has_the_promised_shapes(objects: Objects) -> None:
    batch, again = objects.batch(3, 16), Objects(seed=0).batch(3, 16)
    assert batch.boxes is not None
    assert again.boxes is not None
    np.testing.assert_array_equal(batch.inputs, again.inputs)
    np.testing.assert_array_equal(batch.labels, again.labels)
    np.testing.assert_array_equal(batch.boxes, again.boxes)
    assert not np.array_equal(batch.inputs, objects.batch(4, 16).inputs)
    assert not np.array_equal(batch.inputs, Objects(seed=1).batch(3, 16).inputs)
    assert (batch.inputs.dtype, batch.inputs.shape) == (np.float32, (16, 64, 16))
    assert (batch.labels.shape, batch.boxes.shape, batch.decoder_inputs) == ((16, 3), (16, 3, 4), None)
    assert 0 <= batch.inputs.min() < batch.inputs.max() <= 1


def test_no_digit_image_of_one_split_is_in_a_picture_of_another() -> None:
    from clps_core.tasks.objects.data import _glyphs

    inks = {
        split: {ink.tobytes() for size in glyphs.inks for ink in size} for split, glyphs in _glyphs(None)[0].items()
    }
    assert all(len(found) > 500 for found in inks.values())
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not inks[one] & inks[other]


def test_boxes_are_those_of_the_ink_and_cover_little_of_each_other() -> None:
    sparse = Objects(seed=0, facts=facts(1), clutter=0)
    for one in sparse.pictures("test")[:40]:
        left, top, right, bottom = (work._corners(torch.tensor(one.boxes))[0] * rules.SIDE).round().int().tolist()
        rest = one.pixels.copy()
        rest[top:bottom, left:right] = 0
        assert rest.max() < rules.INK + 0.1, "all ink is inside"
        edges = one.pixels[top:bottom, left:right]
        assert min(edge.max() for edge in (edges[0], edges[-1], edges[:, 0], edges[:, -1])) > rules.INK - 0.15
    for one in Objects(seed=0, facts=facts(MOST)).pictures("test")[:40]:
        assert 1 <= len(one.classes) <= MOST
        overlaps = box_overlaps(one.boxes, one.boxes) - np.eye(len(one.boxes))
        assert overlaps.max() <= rules.COVERED


def test_the_dials_change_objects_and_clutter_apart() -> None:
    bare, full = Objects(0, clutter=0).pictures("test")[5], Objects(0, clutter=12).pictures("test")[5]
    np.testing.assert_array_equal(bare.boxes, full.boxes)
    assert full.pixels.mean() > bare.pixels.mean()
    assert resolved(data={"difficulty": 4, "clutter": 0}).data.clutter == 0
    assert len({load_task(resolved(data={"clutter": number})).fingerprint for number in (0, 2, 9)}) == 3
    with pytest.raises(ConfigError, match=r"data\.difficulty of task objects must be from 1 to 4\. Got 5"):
        resolved(data={"difficulty": MOST + 1})
    with pytest.raises(ConfigError, match="clutter"):
        resolved(data={"clutter": 13})
    with pytest.raises(ConfigError, match=r"data\.clutter must only be given for task objects\. Got it for task dates"):
        resolve(build_config({"data": {"task": "dates", "clutter": 1}}))


def test_folds_move_digit_images_and_leave_the_test_pictures_alone() -> None:
    folded = load_task(resolved(data={"folds": 5, "fold": 1}))
    assert folded.fingerprint != Objects(0).fingerprint
    assert isinstance(folded, Objects)
    np.testing.assert_array_equal(folded.pictures("test")[3].pixels, Objects(0).pictures("test")[3].pixels)
    assert not np.array_equal(folded.pictures("validation")[3].pixels, Objects(0).pictures("validation")[3].pixels)


def test_a_picture_is_asked_for_by_its_number(objects: Objects) -> None:
    np.testing.assert_array_equal(
        objects.encode_source(" 17 ")[0], rules.cut_to_patches(objects.pictures("test")[17].pixels)[0]
    )
    right = objects.right_objects("17")
    assert objects.right_answer("17") == " ".join(sorted(one.label for one in right))
    for text in ("", "1000", "-1", "١", "3 4", "x" * 5000):
        with pytest.raises(DataError, match=r"the number of a test picture must be from 0 to 999\. Got"):
            objects.encode_source(text)
    with pytest.raises(DataError, match="does not use a typed target"):
        objects.encode_target("3")
    assert [objects.decode([kind]) for kind in (0, 9, 10)] == ["0", "9", "no object"]


@pytest.mark.parametrize("most", [LEAST, pytest.param(MOST, marks=pytest.mark.slow)])
def test_constant_boxes_are_as_good_as_declared(most: int) -> None:
    data = Objects(0, facts(most))
    found = data.baselines("validation", 200)
    assert set(found) == set(facts(most).metrics)
    assert found["ap50"] == pytest.approx(BASELINES[most][0], abs=1e-12)
    assert all(math.isfinite(value) for value in found.values())


def test_the_constant_loss_is_that_of_queries_that_all_say_the_same() -> None:
    data = Objects(0)
    (batch,) = data.evaluation("validation", 12, 12)
    assert batch.boxes is not None
    real = batch.labels != IGNORED
    counts = np.bincount(batch.labels[real], minlength=11).astype(float)
    counts[10] = 0.1 * (8 * 12 - real.sum())
    logits = np.log(np.maximum(counts / counts.sum(), 1e-30))
    row = np.concatenate([logits, np.median(batch.boxes[real], axis=0)])
    output = torch.tensor(np.broadcast_to(row, (12, 8, 15)).copy(), dtype=torch.float32)
    found = work.loss(output, to_device(batch, "cpu"), resolved())
    assert float(found) == pytest.approx(data.baselines("validation", 12)["loss"], rel=1e-4)


# Matching and loss


def test_the_matching_costs_no_more_than_any_other() -> None:
    for seed in range(20):
        output, batch = random_batch(seed)
        assert batch.boxes is not None
        logits, boxes = work.split_output(output)
        rows, queries, places = (one.tolist() for one in work.matched(logits, boxes, batch.labels, batch.boxes))
        for row, number in enumerate((3, 1, 4)):
            costs = (
                5 * torch.cdist(boxes[row].double(), batch.boxes[row].double(), p=1)
                - logits[row].double().softmax(-1)[:, batch.labels[row].clamp(min=0)]
                - 2 * work.general_overlaps(boxes[row].double(), batch.boxes[row].double())
            )
            best = min(
                sum(float(costs[query, place]) for place, query in enumerate(chosen))
                for chosen in permutations(range(4), number)
            )
            pairs = [(query, place) for at, query, place in zip(rows, queries, places, strict=True) if at == row]
            assert sorted(place for _query, place in pairs) == list(range(number)), "every box has one query"
            assert len({query for query, _place in pairs}) == number
            assert sum(float(costs[pair]) for pair in pairs) == pytest.approx(best, abs=1e-9)


def test_of_more_boxes_than_queries_some_stay_without_a_query() -> None:
    output, batch = random_batch(queries=2)
    assert batch.boxes is not None
    rows, _queries, _places = work.matched(*work.split_output(output), batch.labels, batch.boxes)
    assert torch.bincount(rows).tolist() == [2, 1, 2]
    assert math.isfinite(float(work.loss(output, batch, resolved())))


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((0.5, 0.5, 0.4, 0.4), (0.5, 0.5, 0.4, 0.4), 1.0),
        ((0.25, 0.5, 0.5, 1.0), (0.75, 0.5, 0.5, 1.0), 0.0),  # side by side: nothing between them
        ((0.2, 0.5, 0.2, 0.2), (0.8, 0.5, 0.2, 0.2), -(0.16 - 0.08) / 0.16),
        ((0.4, 0.4, 0.4, 0.4), (0.6, 0.6, 0.4, 0.4), 0.04 / 0.28 - (0.36 - 0.28) / 0.36),
        ((0.5, 0.5, 1.0, 1.0), (0.25, 0.25, 0.5, 0.5), 0.25),
        ((0.5, 0.5, 0.0, 0.0), (0.5, 0.5, 0.0, 0.0), 0.0),  # of no size: finite
        ((0.2, 0.2, 0.0, 0.0), (0.8, 0.6, 0.0, 0.0), -1.0),  # nothing of the box around them is theirs
    ],
)
def test_the_generalised_overlap_is_that_of_its_definition(one: Any, other: Any, wanted: float) -> None:
    a, b = torch.tensor([one], dtype=torch.float64), torch.tensor([other], dtype=torch.float64)
    assert float(work.general_overlaps(a, b)) == pytest.approx(wanted, abs=1e-9)
    assert float(general_overlap(a.numpy(), b.numpy())[0]) == pytest.approx(wanted, abs=1e-9)


def test_the_loss_is_added_up_as_its_parts_are() -> None:
    output, batch = random_batch(counts=(1,), queries=2)
    assert batch.boxes is not None
    logits, boxes = work.split_output(output)
    _row, query, _place = (int(one) for one in work.matched(logits, boxes, batch.labels, batch.boxes))
    logs = logits.log_softmax(-1)[0]
    said = -logs[query, batch.labels[0, 0]] - 0.1 * logs[1 - query, 10]
    apart = (boxes[0, query] - batch.boxes[0, 0]).abs().sum()
    overlap = work.general_overlaps(boxes[0, [query]], batch.boxes[0]).squeeze()
    wanted = said + 5 * apart + 2 * (1 - overlap)
    assert float(work.loss(output, batch, resolved())) == pytest.approx(float(wanted), rel=1e-5)


def test_micro_batches_make_the_whole_batchs_loss(objects: Objects) -> None:
    config = resolved(accumulate=3, batch_size=8)
    model, batch = build_model(config), objects.batch(0, 8)

    def loss(one: Any) -> float:
        on_cpu = to_device(one, "cpu")
        return float(work.loss(model(on_cpu.inputs), on_cpu, config).detach())

    shares = [loss(one) * share for one, share in parts(work, batch, config)]
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(loss(batch), rel=1e-5)


def test_gradients_are_finite_also_for_boxes_of_no_size_and_a_loss_that_is_none_stays_none() -> None:
    output, batch = random_batch()
    output[0, :, -2:] = 0.0
    output.requires_grad_()
    work.loss(output, batch, resolved()).backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None
    assert bool(output.grad.isfinite().all())
    assert not math.isfinite(float(work.loss(output.detach() * math.nan, batch, resolved())))


# Average precision


def test_average_precision_is_what_the_definition_gives() -> None:
    box = np.array([[0.5, 0.5, 0.4, 0.4]])
    off = np.array([[0.5, 0.5, 0.4, 0.4 * 0.62]])  # intersection over union 0.62: right at 0.50, 0.55 and 0.60
    right = [Seen(np.array([3]), box), Seen(np.array([3]), box)]

    def said(*pictures: tuple[list[int], Any, list[float]]) -> dict[str, float]:
        return average_precision([Seen(np.array(k), b, np.array(s)) for k, b, s in pictures], right)

    assert said(([3], box, [0.9]), ([3], box, [0.8])) == {"ap": 1.0, "ap50": 1.0}
    assert said(([3], off, [0.9]), ([3], off, [0.8])) == pytest.approx({"ap": 0.3, "ap50": 1.0})
    none = np.zeros((0, 4))
    half = said(([3], box, [0.9]), ([], none, []))
    assert half["ap50"] == pytest.approx(51 / 101), "recall 0.00 to 0.50 of 101 points"
    wrong_first = said(([4], box, [0.9]), ([3], box, [0.8]))
    assert wrong_first["ap50"] == pytest.approx(51 / 101), "a class that is nowhere has no average"
    twice = said(([3, 3], np.concatenate([box, box]), [0.9, 0.8]), ([3], box, [0.7]))
    assert twice["ap50"] == pytest.approx((51 + 50 * 2 / 3) / 101), "the second box on one object is wrong"
    assert average_precision([Seen(np.array([1]), box, np.array([1.0]))], [Seen(np.zeros(0, int), none)]) == {
        "ap": 0.0,
        "ap50": 0.0,
    }


def test_without_pycocotools_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"needs the package pycocotools\. It is not installed\. Run: pip install"):
        average_precision([], [])


def test_perfect_and_absurd_answers_have_the_scores_of_such() -> None:
    data, config = Objects(0), resolved()
    perfect, empty = work.scores(config, work.loss), work.scores(config, work.loss)
    for batch in data.evaluation("validation", 20, 8):
        on_cpu = to_device(batch, "cpu")
        output = torch.zeros(len(batch.labels), 8, 15)
        output[..., 10] = 20.0
        output[..., -4:] = 0.5
        empty.add(output, on_cpu)
        output = output.clone()
        for row, labels in enumerate(batch.labels):
            for place, label in enumerate(labels[labels != IGNORED].tolist()):
                output[row, place, [10, label]] = torch.tensor([0.0, 20.0])
                output[row, place, -4:] = torch.from_numpy(batch.boxes)[row, place]  # type: ignore[arg-type]
        perfect.add(output, on_cpu)
    found = perfect.values()
    assert (found["ap"], found["ap50"], found["counting_accuracy"]) == pytest.approx((1.0, 1.0, 1.0))
    assert found["loss"] < 1e-3
    assert empty.values()["counting_accuracy"] == 0.0
    assert empty.values()["ap50"] < 0.05


# Model


@pytest.mark.parametrize("strategy", ["none", "all", "cycle:2", "decoder=@encoder", "decoder.ffn=all"])
def test_the_model_has_the_parameters_that_are_counted(strategy: str) -> None:
    for model in ({}, {"tie_embeddings": "none", "positions": "rotary"}, {"embedding_size": 8, "positions": "learned"}):
        config = resolved(strategy, model)
        built = build_model(config)
        counts = count(config.model, config.sharing)
        assert sum(one.numel() for one in built.parameters()) == counts.unique_parameters
        assert built.queries.weight.shape == (8, 16)
        assert (counts.kv_cache_bytes_per_token, counts.cross_kv_cache_bytes_per_token) == (0, 0)
    assert not decays("queries.weight", built.queries.weight)
    assert count(config.model.model_copy(update={"num_queries": 9}), config.sharing).unique_parameters == (
        counts.unique_parameters + 16
    )


def test_operations_are_those_of_both_stacks_over_the_tokens_of_the_encoder() -> None:
    from clps_core.config import sharing_plan

    config = resolved()
    model, plan = config.model, sharing_plan(config.model, config.sharing)
    d, ff, source, queries = 16, 24, 64, 8
    layer = 4 * d * d + 2 * d * ff
    encoder = source * (6 * (2 * layer + 16 * d) + 12 * 2 * d * source)
    memory = source * 6 * 2 * (2 * d * d)
    head = 11 * d + 2 * d * d + 4 * d
    decoder = queries * (6 * (2 * (layer + 2 * d * d) + head) + 12 * 2 * d * (queries + source))
    assert train_flops_per_token(model, plan, source) == (encoder + memory + decoder) // source
    unshared = train_flops_per_token(model, plan, source)
    for strategy in ("all", "all,lora=2", "kv_source=every:2", "attention_source=every:2"):
        other = sharing_plan(model, resolved(strategy).sharing)
        told = sum(flop_differences(model, other, source).values())
        assert train_flops_per_token(model, other, source) - unshared == pytest.approx(told, abs=2)


def test_queries_see_each_other_in_both_directions_and_have_no_order(objects: Objects) -> None:
    model = build_model(resolved(model={"positions": "rotary"})).eval()
    seen = capture(model, objects.encode_source("3"))
    assert {kind: maps.shape for kind, maps in seen.attention.items()} == {
        "encoder": (2, 2, 64, 64),
        "decoder": (2, 2, 8, 8),
        "cross": (2, 2, 8, 64),
    }
    assert (seen.attention["decoder"] > 0).all()
    turned = build_model(resolved(model={"positions": "rotary"})).eval()
    with torch.no_grad():
        turned.queries.weight.copy_(model.queries.weight.flip(0))
    other = capture(turned, objects.encode_source("3"))
    np.testing.assert_allclose(other.logits[::-1], seen.logits, atol=1e-5)
    assert 0 < seen.logits[:, -4:].min() < seen.logits[:, -4:].max() < 1


def test_what_cannot_be_is_refused_in_a_sentence() -> None:
    base = {"family": "encoder_decoder", "d_model": 16, "num_heads": 2, "patch_dim": 16, "num_classes": 10}
    for given, said in (
        ({"num_queries": 4, "head": "lm"}, "learned queries must be used with head boxes. Got head lm"),
        ({"head": "boxes"}, "head boxes must be used with learned queries. Got none"),
        ({"num_queries": 4, "family": "encoder"}, "num_queries must only be given for family encoder_decoder"),
        ({"family": "decoder"}, "must only be used with a model that has an encoder. Got family decoder"),
        ({"num_queries": 4, "max_target_positions": 9}, "max_target_positions must only be given for an encoder-dec"),
    ):
        with pytest.raises(ValueError, match=said):
            ModelConfig(**{**base, **given})  # type: ignore[arg-type]
    for task in ("dates", "spoken-digits-seq2seq"):
        with pytest.raises(
            ConfigError, match=f"num_queries must only be given for task objects. Got it for task {task}"
        ):
            resolve(build_config({"data": {"task": task}, "model": {"num_queries": 4}}))
    with pytest.raises(ConfigError, match="head boxes"):
        resolved(model={"head": "lm"})
    with pytest.raises(DataError, match="text generation needs a decoder that reads tokens"):
        generate(build_model(resolved()), torch.zeros(1, 64, 16), None, -1, -1, 4)


def test_a_spec_leaves_out_what_the_task_fills_in() -> None:
    config = resolved(data={"clutter": 5})
    assert "queries" not in to_spec(config)
    assert resolve(from_spec(to_spec(config))).config == config
    more = resolved(model={"num_queries": 12})
    assert resolve(from_spec(to_spec(more))).config.model.num_queries == 12


def test_a_stopped_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    config = resolved(
        "cycle:2", {"dropout": 0.1}, optim={"ema_decay": 0.9}, checkpoint_every=2, probe_count=2, accumulate=2
    )
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, whole, RecordingSink(), device=ONE_THREAD)
    train(config, cut, RecordingSink(stop_after=2), device=ONE_THREAD)
    train(config, cut, RecordingSink(), device=ONE_THREAD)
    one, other = (read(checkpoint_path(folder, "last")).tensors for folder in (whole, cut))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_pictures_one_by_one_have_the_loss_of_all() -> None:
    config = resolved(eval_examples=6)
    each = score_examples(build_model(config), load_task(config), config, ONE_THREAD, "validation")
    assert each.values["loss"] == pytest.approx(np.average(each.each["loss"], weights=each.labels), rel=1e-5)
    assert each.values["counting_accuracy"] == pytest.approx(each.each["counting_accuracy"].mean())
