"""Pictures that people bring become a task: kept in one size, cut into patches, trained on, looked into."""

from __future__ import annotations

import io
import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_pictures import coloured, grey, laid_out, packed, png, shape
from PIL import Image
from typer.testing import CliRunner
from untrained_runs import stored_run, untrained_run

from clps_core.analysis.counts import count
from clps_core.cli import app
from clps_core.cli.predict import _pictured
from clps_core.config import Resolved, build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.confusion import kept_confusion
from clps_core.data.images import cut
from clps_core.data.kept_pictures import keep_picture
from clps_core.data.registry import load_task
from clps_core.data.scores import top_metrics
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.maps import maps_of_run
from clps_core.model.transformer import build_model
from clps_core.own_data import record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.image_batches import OwnImages
from clps_core.own_data.image_sizes import SIDES, patch_sizes, usual_patch, usual_side
from clps_core.own_data.image_told import thumbnails
from clps_core.own_data.sources import Source
from clps_core.own_data.told import about, samples, warnings
from clps_core.patching import Patching
from clps_core.pictures import fitted, is_grey, read_picture, to_grey
from clps_core.predicting import predict
from clps_core.predicting_split import predict_split
from clps_core.spec import from_spec, to_spec
from clps_core.store import open_store
from clps_core.tasks import TASKS, frozen, get_task, thawed
from clps_core.tie import tie_of_run
from clps_core.training.checkpoint import checkpoint_path, read
from clps_core.training.device import Placement
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink
from clps_core.work.batch import to_device
from clps_core.work.classes import top_scores
from clps_core.work.losses import token_loss

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2}
HERE = Placement("cpu", "fp32", 1, "for tests")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with shapes in six colours and forms, and with grey digits."""
    folder = tmp_path_factory.mktemp("own")
    add("shapes", Source(path=packed(folder / "shapes.zip", coloured(12))), folder / "home")
    add("digits", Source(path=packed(folder / "digits.zip", grey(80))), folder / "home")
    return folder / "home"


@pytest.fixture(autouse=True)
def _home_of_the_test(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(home))


def resolved(home: Path, name: str, model: dict[str, Any] | None = None, **data: Any) -> Resolved:
    given = {"data": {"task": f"data:{name}", **data}, "model": {**SMALL, **(model or {})}, "train": {"steps": 20}}
    return resolve(build_config(given), home=home)


def images_of(home: Path, name: str, **data: Any) -> OwnImages:
    found = load_task(resolved(home, name, **data), home=home)
    assert isinstance(found, OwnImages)
    return found


def read_zip(home: Path, name: str) -> dict[str, bytes]:
    return {"shapes": coloured(12), "digits": grey(80)}[name]


@pytest.mark.parametrize(("name", "side", "channels"), [("shapes", 32, 3), ("digits", 16, 1)])
def test_every_picture_is_kept_once_in_the_usual_size_with_its_class(
    home: Path, name: str, side: int, channels: int
) -> None:
    known = record.read(home, name)
    assert (known.kind, known.stored["side"], known.stored["channels"]) == ("images", side, channels)
    data = images_of(home, name)
    wanted = set()
    for path, content in read_zip(home, name).items():
        pixels = fitted(read_picture(content, colour=True).pixels, side)
        wanted.add((path.split("/")[-2], (pixels if channels == 3 else to_grey(pixels)).tobytes()))
    found = [
        (data.decode([label]), image.tobytes())
        for split in SPLITS
        for image, label in zip(data.pixels(split)[:], data.classes(split), strict=True)
    ]
    assert set(found) == wanted
    assert len(found) == known.rows == len(read_zip(home, name))


@pytest.mark.parametrize("name", ["shapes", "digits"])
def test_the_task_is_one_like_any_other(home: Path, name: str) -> None:
    facts = TASKS.usual(f"data:{name}", home)
    assert TASKS.usable(home, own=True)[f"data:{name}"] == facts
    back = thawed(frozen(facts))
    assert replace(back, words=facts.words, defaults=facts.defaults) == facts
    assert facts.own_pictures
    one = resolved(home, name)
    assert (one.config.data.patch_size, one.config.data.augment) == (facts.patch_size, "shifts")
    assert one.config == resolved(home, name, patch_size=facts.patch_size, augment="shifts").config
    link = to_spec(one.config)
    assert "patch" not in link
    assert "augment" not in link
    assert resolve(from_spec(link), home=home).config == one.config
    other = resolved(home, name, augment="none", patch_size=2)
    assert "data.patch_size=2;data.augment=none" in to_spec(other.config)
    assert resolve(from_spec(to_spec(other.config)), home=home).config == other.config


@pytest.mark.parametrize("name", ["shapes", "digits"])
def test_counts_and_batches_follow_patch_size_and_channels(home: Path, name: str) -> None:
    side, channels = (record.read(home, name).stored[one] for one in ("side", "channels"))
    costs = []
    for patch in patch_sizes(side):
        one = resolved(home, name, patch_size=patch)
        data = load_task(one, home=home)
        positions = (side // patch) ** 2
        assert 4 <= positions <= 1024
        assert (one.facts.max_source_len, one.facts.patch_dim) == (positions, patch**2 * channels)
        batch = data.batch(0, 3)
        assert (batch.inputs.shape, batch.inputs.dtype) == ((3, positions, patch**2 * channels), np.float32)
        labels = data.token_labels(data.encode_source("3"))
        assert len(set(labels)) == positions
        assert labels[-1] == f"row {side // patch}, column {side // patch}"
        built = build_model(one.config)
        assert count(one.config.model, one.plan).unique_parameters == sum(one.numel() for one in built.parameters())
        costs.append(count(one.config.model, one.plan).train_flops_per_token * positions)
    assert costs == sorted(costs, reverse=True)
    with pytest.raises(ConfigError, match=rf"patch_size of task data:{name} must be .*\. Got 3"):
        resolved(home, name, patch_size=3)


def test_a_colour_picture_is_put_together_again_from_its_patches(home: Path) -> None:
    for name, patch in (("shapes", 8), ("shapes", 1), ("digits", 4)):
        folder = untrained_run(home / "runs" / f"{name}-{patch}", resolved(home, name, patch_size=patch).config)
        (said,) = predict(folder, ["5"])
        whole = images_of(home, name).pixels("test")[[5]][0] / 255
        assert said.image is not None
        np.testing.assert_allclose(said.image, whole if whole.ndim == 3 else 1 - whole, atol=1e-6)  # grey: ink


def test_training_varies_pictures_as_the_config_says_and_nothing_else_does(home: Path) -> None:
    plain, moved, mirrored = (images_of(home, "shapes", augment=one) for one in ("none", "shifts", "mirror"))
    assert plain.fingerprint == moved.fingerprint == mirrored.fingerprint
    np.testing.assert_array_equal(moved.batch(4, 16).inputs, images_of(home, "shapes").batch(4, 16).inputs)
    assert not np.array_equal(moved.batch(4, 16).inputs, moved.batch(5, 16).inputs)
    for step in range(3):
        batches = [one.batch(step, 16) for one in (plain, moved, mirrored)]
        assert all(np.array_equal(one.labels, batches[0].labels) for one in batches)
        assert not np.array_equal(batches[0].inputs, batches[1].inputs)
        assert not np.array_equal(batches[1].inputs, batches[2].inputs)
    images = plain.pixels("train")[:40]
    np.testing.assert_array_equal(plain.varied(images, np.random.default_rng(0)), images)
    turned = 0
    around = [(2, 2), (2, 2), (0, 0)]
    for image, one in zip(images, mirrored.varied(images, np.random.default_rng(1)), strict=True):
        room = np.pad(image, around, mode="edge")
        places = [room[down : down + 32, right : right + 32] for down in range(5) for right in range(5)]
        straight = any(np.array_equal(one, place) for place in places)
        assert straight or any(np.array_equal(one, place[:, ::-1]) for place in places)
        turned += not straight
    assert 10 <= turned <= 30
    first = next(moved.evaluation("validation", 5, 5))
    np.testing.assert_array_equal(first.inputs, moved.images("validation")[:5])
    with pytest.raises(ConfigError, match=r"data\.augment must only be given for your own pictures"):
        resolve(build_config({"data": {"task": "mnist", "augment": "none"}}))


def test_each_channel_has_mean_0_and_the_same_deviation_over_the_training_pictures(home: Path) -> None:
    for name, channels in (("shapes", 3), ("digits", 1)):
        data = images_of(home, name)
        values = data.images("train").reshape(-1, channels)
        np.testing.assert_allclose(values.mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(values.std(0), 0.5, atol=1e-4)
        whole = data.unscaled(data.images("test"))
        np.testing.assert_allclose(whole, cut(data.pixels("test")[:], data.patch, 255.0), atol=1e-6)


def test_equal_pictures_are_in_one_split_whatever_their_files_and_are_counted(tmp_path: Path) -> None:
    files = coloured(6)
    name, content = next(iter(files.items()))
    twice = {f"shapes/{name.split('/')[1]}/again{at}.png": content for at in range(3)}
    as_gif = png(Image.open(io.BytesIO(content)), "WEBP")  # lossy: another picture
    known = add("a", Source(path=packed(tmp_path / "a.zip", {**files, **twice, "shapes/red square/x.webp": as_gif})),
                tmp_path / "home", options={"side": 24})  # fmt: skip
    assert sum(known.statistics["duplicates"].values()) == 3
    assert known.statistics["contradictions"] == 0
    assert all(count == 0 for count in known.statistics["across"].values())
    elsewhere = {"shapes/red square/y.png": content}
    known = add("b", Source(path=packed(tmp_path / "b.zip", {**files, **elsewhere})), tmp_path / "home")
    assert known.statistics["contradictions"] == 1
    assert "1 picture is in more than one class." in warnings(known)


def test_splits_in_folders_are_kept_under_any_usual_name(tmp_path: Path) -> None:
    files = {}
    for place, (path, content) in enumerate(coloured(8).items()):
        files[f"data/{('train', 'train', 'Val', 'testing')[place % 4]}/{'/'.join(path.split('/')[1:])}"] = content
    for source in (packed(tmp_path / "a.zip", files), laid_out(tmp_path / "folder", files)):
        known = add(f"{source.stem}", Source(path=source), tmp_path / "home")
        assert known.splits == {"train": 24, "validation": 12, "test": 12}
        assert known.given_splits == ("validation", "test")
        assert len(known.classes) == 6
    own = [packed(tmp_path / f"{name}.zip", coloured(each)) for name, each in (("train", 6), ("test", 2))]
    known = add("c", Source(path=own[0], splits=(("test", own[1]),)), tmp_path / "home")
    assert known.splits["test"] == 12
    assert known.given_splits == ("test",)
    assert known.statistics["across"]["train test"] > 0
    assert any("are in both train and test" in one for one in warnings(known))


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_table_beside_the_pictures_may_say_the_class(tmp_path: Path, name: str) -> None:
    files = {f"all/{at}.png": content for at, content in enumerate(coloured(4).values())}
    rows = [(f"{at}.png", ("warm", "cold")[at % 2], f"caption {at}") for at in range(len(files) - 2)]
    if name.endswith("csv"):
        table = "file_name,kind,caption\n" + "".join(f"{','.join(row)}\n" for row in rows)
    else:
        table = "".join(json.dumps({"file_name": a, "kind": b, "caption": c}) + "\n" for a, b, c in rows)
    source = Source(path=packed(tmp_path / "a.zip", {**files, f"all/{name}": table.encode()}))
    known = add("a", source, tmp_path / "home")
    assert (known.classes, known.columns) == (("cold", "warm"), {"image": "file_name", "label": "kind"})
    assert known.rows == len(files) - 2
    assert known.statistics["without_class"]["count"] == 2
    with pytest.raises(DataError, match=r"column for label must be one of kind, caption\. Got 'colour'"):
        add("b", source, tmp_path / "home", columns={"label": "colour"})


def test_rows_of_the_datasets_library_give_the_same_data_set_as_the_files(tmp_path: Path) -> None:
    import datasets

    files = coloured(4)
    classes = sorted({path.split("/")[1] for path in files})
    features = datasets.Features({"picture": datasets.Image(), "kind": datasets.ClassLabel(names=classes)})
    rows = {
        "picture": [{"bytes": content, "path": None} for content in files.values()],
        "kind": [classes.index(path.split("/")[1]) for path in files],
    }
    table = datasets.Dataset.from_dict(rows, features=features)
    table.save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "hub" / "data").mkdir(parents=True)
    table.to_parquet(str(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet"))
    table.to_parquet(str(tmp_path / "one.parquet"))
    laid_out(tmp_path / "files", dict(sorted(files.items())))
    found = {}
    for name in ("files", "saved", "hub", "one.parquet"):
        known = add(name.partition(".")[0], Source(path=tmp_path / name), tmp_path / "home")
        found[name] = (known.fingerprint if name != "files" else "", known.classes, known.splits, known.kind)
        if name != "files":
            assert known.columns == {"image": "picture", "label": "kind"}
    assert found["saved"] == found["hub"] == found["one.parquet"]
    assert found["files"][1:] == found["saved"][1:]
    seen = preview(Source(path=tmp_path / "one.parquet"), tmp_path / "home")
    assert (seen.guess.kind, seen.medium["side"], seen.medium["colour"]) == ("images", 32, True)
    with pytest.raises(DataError, match="column of texts"):
        preview(Source(path=tmp_path / "one.parquet"), tmp_path / "home", kind="generation")
    with pytest.raises(DataError, match=r"column for image must be one of picture"):
        preview(Source(path=tmp_path / "one.parquet"), tmp_path / "home", columns={"image": "kind"})


def test_size_and_colour_are_what_a_person_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    source = Source(path=packed(tmp_path / "a.zip", coloured(4)))
    known = add("a", source, tmp_path / "home", options={"side": 24, "colour": False})
    assert (known.stored["side"], known.stored["channels"]) == (24, 1)
    grey_ones = Source(path=packed(tmp_path / "b.zip", grey(60)))
    known = add("b", grey_ones, tmp_path / "home", options={"colour": True})
    assert known.stored["channels"] == 3
    assert is_grey(np.asarray(images_of(tmp_path / "home", "b").pixels("test")[[0]][0]))


def test_usual_sizes_need_no_enlarging_and_have_patches() -> None:
    assert [usual_side([one]) for one in (8, 16, 27, 28, 40, 64, 1000)] == [16, 16, 24, 28, 32, 64, 64]
    for side in SIDES:
        assert patch_sizes(side)[-1] > 1
        assert 4 <= (side // usual_patch(side)) ** 2 <= 64
    assert {16, 28, 32, 48, 64, 96} <= set(SIDES)
    assert not {17, 37, 89, 15, 97} & set(SIDES)


def test_a_preview_shows_what_would_be_kept(home: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {**coloured(6), "shapes/red square/broken.png": b"no", "notes.txt": b"x"})
    seen = preview(Source(path=path), home)
    medium = seen.medium
    assert (medium["pictures"], medium["side"], medium["colour"]) == (37, 32, True)
    assert dict(medium["classes"])["blue circle"] == 6
    assert medium["other_files"] == {"count": 1, "first": [["notes.txt", ""]]}
    assert medium["unreadable"]["count"] == 1
    assert medium["unreadable"]["first"][0][0] == "shapes/red square/broken.png"
    assert len(medium["thumbnails"]) == 24
    assert all(one[1].startswith("data:image/png;base64,") for one in medium["thumbnails"])
    assert "Up to 36 pictures in 6 classes would be stored with 32x32 pixels in colour." in seen.guess.note
    assert json.loads(json.dumps(medium)) == medium
    shown = thumbnails(home, record.read(home, "shapes"), each=2)
    assert [one[0] for one in shown] == sorted(2 * list(record.read(home, "shapes").classes))


def test_what_people_read_of_it(home: Path) -> None:
    known = record.read(home, "digits")
    told = about(home, known)
    lines = dict(told.lines)
    assert lines["stored"] == "16x16 pixels in grey: the middle of each picture, as large as fits"
    assert lines["patches"] == "1, 2, 4, 8 pixels across; usual: 4"
    assert [name for name, _counts in told.classes] == [str(digit) for digit in range(10)]
    assert sum(counts["train"] for _name, counts in told.classes) == known.splits["train"]
    data = images_of(home, "digits")
    for row in samples(home, known, 3, "test"):
        assert data.right_answer(row["image"]) == row["label"]


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("name", ["shapes", "digits"])
def test_the_baselines_of_the_facts_are_those_of_the_data(home: Path, name: str, split: str) -> None:
    data = images_of(home, name)
    counts = np.sort(np.bincount(data.classes(split)))[::-1]
    found = data.baselines(split)
    assert found["accuracy"] == pytest.approx(counts[0] / counts.sum())
    assert found["top3_accuracy"] == pytest.approx(counts[:3].sum() / counts.sum())
    assert set(found) == set(data.facts.metrics)
    declared = data.facts.baseline if split == "validation" else data.facts.test_baseline
    assert declared == found["accuracy"]


def test_top_metrics_are_those_that_say_something() -> None:
    assert [top_metrics(one) for one in (2, 5)] == [{}, {}]
    assert top_metrics(6) == top_metrics(19) == {"top3_accuracy": 3}
    assert top_metrics(20) == {"top5_accuracy": 5}


def test_the_first_answers_count_and_parts_add_up(home: Path) -> None:
    one = resolved(home, "digits")
    data = load_task(one, home=home)
    whole, parts = (top_scores(one.config, token_loss) for _ in range(2))
    right = examples = 0
    for batch in data.evaluation("test", 100, 3):
        here = to_device(batch, "cpu")
        logits = torch.randn(len(batch.labels), 10, generator=torch.Generator().manual_seed(examples))
        parts.add(logits, here)
        order = np.argsort(-logits.numpy(), axis=1)[:, :3]
        right += int((order == batch.labels[:, None]).any(1).sum())
        examples += len(batch.labels)
    assert parts.values()["top3_accuracy"] == pytest.approx(right / examples)
    assert parts.values()["accuracy"] <= parts.values()["top3_accuracy"]
    assert whole.values() == {"loss": 0.0, "accuracy": 0.0}


def test_folds_cut_training_and_validation_anew_and_leave_the_test(home: Path) -> None:
    plain = images_of(home, "shapes")
    parts = [images_of(home, "shapes", folds=3, fold=number) for number in range(3)]
    held = [{image.tobytes() for image in one.pixels("validation")[:]} for one in parts]
    everything = {image.tobytes() for split in SPLITS[:2] for image in plain.pixels(split)[:]}
    assert set.union(*held) == everything
    assert sum(map(len, held)) == len(everything)
    assert len({one.fingerprint for one in (plain, *parts)}) == 4
    for one in parts:
        np.testing.assert_array_equal(one.pixels("test")[:], plain.pixels("test")[:])


def test_training_stopped_and_resumed_equals_its_twin_bit_for_bit_and_is_better_than_nothing(
    home: Path, tmp_path: Path
) -> None:
    options = {"steps": 6, "batch_size": 8, "eval_every": 3, "eval_examples": 8, "checkpoint_every": 2}
    given = {"data": {"task": "data:shapes", "patch_size": 8, "augment": "mirror"}, "model": SMALL, "train": options}
    one = resolve(build_config({**given, "sharing": {"strategy": "all"}}), home=home)
    sink = RecordingSink()
    folders = {name: home / "runs" / f"{tmp_path.name}-{name}" for name in ("whole", "parts")}
    train(one, folders["whole"], sink, device=HERE)
    train(one, folders["parts"], RecordingSink(stop_after=3), device=HERE)
    train(one, folders["parts"], RecordingSink(), device=HERE)
    whole, parts = (read(checkpoint_path(folder, "last")) for folder in folders.values())
    assert whole.tensors.keys() == parts.tensors.keys()
    assert all(torch.equal(whole.tensors[name], parts.tensors[name]) for name in whole.tensors)
    scores = {name: value for _step, split, name, value in sink.points if split == "test"}
    assert {"loss", "accuracy", "top3_accuracy"} <= set(scores)
    confusion = kept_confusion(folders["whole"])
    assert confusion is not None
    assert confusion.classes == record.read(home, "shapes").classes
    assert confusion.accuracy == pytest.approx(scores["accuracy"])
    answered = list(predict_split(folders["whole"], "test"))
    assert np.mean([row.prediction == row.reference for row in answered]) == pytest.approx(scores["accuracy"])


@pytest.mark.parametrize("name", ["shapes", "digits"])
def test_every_way_to_look_inside_works(home: Path, tmp_path: Path, name: str) -> None:
    one = resolved(home, name, {"class_token": name == "digits", "dropout": 0.0})
    given = one.config.model_copy(update={"sharing": build_config({"sharing": {"strategy": "all"}}).sharing})
    folder = untrained_run(home / "runs" / tmp_path.name, resolve(given, home=home).config)
    own = keep_picture(home, "local", png(shape("circle", (220, 40, 40), 5))).name
    for text, aim in (("2", "right"), (own, "own")):
        seen = inspect_run(Look(folder, text))
        assert seen.image is not None
        assert seen.image.shape[:2] == (record.read(home, name).stored["side"],) * 2
        assert len(seen.guesses) == 5
        lens = lens_of_run(Look(folder, text))
        assert set(lens.names) <= set(record.read(home, name).classes)
        assert tie_of_run(Look(folder, text), site="encoder.1.q").aim == aim
        assert maps_of_run(Look(folder, text), "encoder").full.shape[-1] == one.facts.max_source_len + (
            name == "digits"
        )
    changed = inspect_run(Look(folder, own, patching=Patching(("encoder.1[3:2]=encoder.0",), text="2")))
    assert changed.effect is not None


def test_a_picture_that_somebody_brings_is_fitted_and_one_that_is_gone_is_a_sentence(home: Path) -> None:
    data = images_of(home, "shapes")
    content = png(shape("square", (40, 60, 220), 9, 90))
    kept = keep_picture(home, "local", content)
    found = data.encode_source(kept.name)
    wanted = fitted(read_picture(content, colour=True).pixels, 32)
    np.testing.assert_array_equal(found, data._cut(wanted[None]))
    assert data.right_answer(kept.name) is None
    assert images_of(home, "digits").encode_source(kept.name).shape == (1, 16, 16)
    assert data.encode_source("8" * 32**2).shape == (1, 16, 192), "a grey drawing has three equal channels"
    for text in ("picture:", "picture:../../etc", f"picture:{'0' * 12}-{'1' * 32}", kept.name[:-1]):
        with pytest.raises(DataError, match="no longer kept"):
            data.encode_source(text)


def test_a_drawing_is_ink_on_the_ground_that_the_pictures_have(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dark = images_of(home, "digits")
    assert dark.facts.drawing == (16, 16)
    assert images_of(home, "shapes").facts.drawing is None
    sheet = "0" * 128 + "f" * 128
    assert dark.unscaled(dark.encode_source(sheet)[0, :2]).max() < 1e-6
    inverted = {path: png(Image.eval(Image.open(io.BytesIO(one)), lambda v: 255 - v)) for path, one in grey(60).items()}
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    add("light", Source(path=packed(tmp_path / "a.zip", inverted)), tmp_path / "home")
    light = images_of(tmp_path / "home", "light")
    assert light.unscaled(light.encode_source(sheet)[0, :2]).min() > 1 - 1e-6


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_the_command_line_adds_shows_predicts_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: CliRunner
) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    path = packed(tmp_path / "shapes.zip", coloured(5))
    shown = runner.invoke(app, ["data", "preview", str(path), "--side", "24"])
    assert "30 pictures in 6 classes would be stored with 24x24 pixels in colour." in shown.output
    added = runner.invoke(app, ["data", "add", "shapes", str(path), "--side", "24", "--grey", "--licence", "mine"])
    assert "24x24 pixels in grey" in added.output
    assert "clps train --task data:shapes" in added.output
    plain = json.loads(runner.invoke(app, ["data", "show", "shapes", "--json"]).stdout)
    assert (plain["kind"], plain["stored"]["channels"], plain["task_facts"]["patch_size"]) == ("images", 1, 4)
    assert "images" in runner.invoke(app, ["data", "list"]).output
    with closing(open_store()) as store:
        run = stored_run(store, resolved(tmp_path / "home", "shapes").config)
    (tmp_path / "own.png").write_bytes(png(shape("circle", (220, 40, 40), 3)))
    said = runner.invoke(app, ["predict", run.id, "--picture", str(tmp_path / "own.png"), "--json"])
    (answer,) = json.loads(said.stdout)["predictions"]
    assert answer["text"].startswith("picture:")
    assert len(answer["guesses"]) == 5
    assert runner.invoke(app, ["predict", run.id, "--examples", "2"]).exit_code == 0
    digit = next(iter(grey(1).values()))
    (tmp_path / "digit.png").write_bytes(digit)
    drawn = _pictured(tmp_path / "digit.png", get_task("mnist"))
    assert re.fullmatch("[0-9a-f]{784}", drawn), "of mnist, it becomes a drawing"
    (tmp_path / "own.png").write_bytes(b"no picture")
    refused = runner.invoke(app, ["predict", run.id, "--picture", str(tmp_path / "own.png")])
    assert "the file must be a picture" in refused.output
    assert runner.invoke(app, ["data", "remove", "shapes", "--yes"]).exit_code == 0
    assert not record.names(tmp_path / "home")
