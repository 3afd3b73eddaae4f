"""What people bring becomes a task: added, measured, cut into batches that are pure, and trained on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from own_data_files import notes, pairs, reviews, write_csv, write_jsonl
from typer.testing import CliRunner
from untrained_runs import stored_run

from clps_core.cli import app
from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED, SPLITS, TaskData
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.own_data import record, tokens
from clps_core.own_data.adding import add, preview
from clps_core.own_data.rows import read_index, texts
from clps_core.own_data.sources import Source
from clps_core.own_data.told import about, changed_since, warnings
from clps_core.own_data.vocabulary import _file_name, vocabulary
from clps_core.spec import from_spec, to_spec
from clps_core.store import open_store
from clps_core.tasks import TASKS, frozen, thawed

KINDS = {"reviews": "classification", "pairs": "translation", "notes": "generation"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one data set of each kind."""
    folder = tmp_path_factory.mktemp("own")
    files = [reviews(folder / "reviews.csv"), pairs(folder / "pairs.jsonl"), notes(folder / "notes.txt")]
    for file in files:
        add(file.stem, Source(path=file), folder / "home")
    return folder / "home"


@pytest.fixture(autouse=True)
def _home_of_the_test(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(home))


def data_of(home: Path, name: str, **data: object) -> TaskData:
    return load_task(resolve(build_config({"data": {"task": f"data:{name}", **data}}), home=home), home=home)


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_follows_from_the_columns_and_the_task_is_one_like_any_other(home: Path, name: str) -> None:
    known = record.read(home, name)
    assert known.kind == KINDS[name]
    facts = TASKS.usual(f"data:{name}", home)
    assert TASKS.usable(home, own=True)[f"data:{name}"] == facts
    assert f"data:{name}" not in TASKS.usable(home)
    back = thawed(frozen(facts))
    assert replace(back, words=facts.words, defaults=facts.defaults) == facts
    config = resolve(build_config({"data": {"task": f"data:{name}"}, "train": {"steps": 7}}), home=home).config
    assert resolve(from_spec(to_spec(config)), home=home).config == config


def test_a_batch_is_a_function_of_fingerprint_seed_and_step(home: Path) -> None:
    program = (
        "import sys, hashlib\nfrom clps_core.config import build_config, resolve\n"
        "from clps_core.data.registry import load_task\n"
        f"for name in {list(KINDS)}:\n"
        "    data = load_task(resolve(build_config({'data': {'task': 'data:' + name, 'seed': 3}})))\n"
        "    batch = data.batch(5, 4)\n"
        "    print(data.fingerprint, hashlib.sha256(batch.inputs.tobytes() + batch.labels.tobytes()).hexdigest())\n"
        "print('torch' in sys.modules or 'datasets' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    here = []
    for name in KINDS:
        data = data_of(home, name, seed=3)
        data.batch(1, 4)
        batch = data.batch(5, 4)
        here += [data.fingerprint, hashlib.sha256(batch.inputs.tobytes() + batch.labels.tobytes()).hexdigest()]
        assert not np.array_equal(batch.inputs, data_of(home, name, seed=4).batch(5, 4).inputs)
    assert said.split() == [*here, "False"]


def test_a_text_and_its_class_come_together_and_padding_is_masked(home: Path) -> None:
    data = data_of(home, "reviews")
    batch = data.batch(0, 16)
    for row, mask, label in zip(batch.inputs, batch.input_mask, batch.labels, strict=True):
        text = "".join(data.token_labels(row[mask])).replace("␣", " ")
        assert ("good" in text) == (data.decode([label]) == "pos"), text
        assert (row[~mask] == data.pad_id).all()


def test_a_target_starts_with_bos_and_ends_with_eos(home: Path) -> None:
    data = data_of(home, "pairs")
    batch = data.batch(0, 8)
    for source, mask, asked, wanted in zip(
        batch.inputs, batch.input_mask, batch.decoder_inputs, batch.labels, strict=True
    ):
        written = wanted[wanted != IGNORED]
        assert (asked[0], written[-1]) == (data.bos_id, data.eos_id)
        assert data.decode(written) == data.decode(source[mask])[::-1]
        assert asked[1 : len(written)].tolist() == written[:-1].tolist()


def test_a_running_text_is_also_the_data_of_a_masked_language_model(home: Path) -> None:
    name = "data:notes:masked"
    assert record.read(home, "notes").tasks == ("data:notes", name)
    facts = TASKS.usable(home, own=True)[name]
    assert (facts.family, facts.metric, facts.masked, facts.writes) == ("encoder", "masked_accuracy", True, False)
    assert facts.title == "notes, masked"
    config = resolve(build_config({"data": {"task": name}, "train": {"steps": 7}}), home=home).config
    assert (config.model.head, config.model.vocab_size) == ("lm", TASKS.usual("data:notes", home).vocab_size + 1)
    assert resolve(from_spec(to_spec(config)), home=home).config == config
    data = data_of(home, "notes:masked", seq_len=32)
    batch, windows = data.batch(2, 8), data_of(home, "notes", seq_len=32).batch(2, 8).inputs
    scored = batch.labels != IGNORED
    assert (batch.labels[scored] == windows[scored]).all()
    assert not np.isin(batch.labels[scored], (data.pad_id, data.bos_id, data.eos_id)).any()
    for split in ("validation", "test"):
        declared = getattr(facts, "baseline" if split == "validation" else "test_baseline")
        assert data.baselines(split)["masked_accuracy"] == pytest.approx(declared, abs=0.05)


@pytest.mark.parametrize("tokenizer", ["bytes", "characters", "words:50", "bpe:300", "wordpiece:100", "unigram:100"])
def test_masked_texts_read_back_with_every_tokenizer(home: Path, tokenizer: str) -> None:
    data = data_of(home, "notes:masked", tokenizer=tokenizer)
    text = "the film was [MASK] very."
    tokens = data.encode_source(text)
    assert data.input_text(tokens[0]) == text
    for one in data.examples(5):
        tokens = data.encode_source(one.text)
        (place,) = np.flatnonzero(tokens[0] == data.mask_id)
        right = data.source.tokenizer.encode(one.target_text).ids
        assert [*tokens[0, :place], *tokens[0, place + 1 :]] == [*right[:place], *right[place + 1 :]]
        assert data.filled(tokens, [right[place]]) == one.target_text == data.right_answer(one.text)
    assert data.examples(1)


def test_a_vocabulary_that_was_measured_before_there_were_masks_is_enough(home: Path, tmp_path: Path) -> None:
    old = shutil.copytree(home, tmp_path / "old")
    known = record.read(home, "notes")
    kept = old / "datasets" / "notes" / "vocabularies" / _file_name(known.fingerprint, known.tokenizer)
    plain = json.loads(kept.read_text())
    for figures in plain["baselines"].values():
        del figures["masked_accuracy"]
    kept.write_text(json.dumps(plain))
    facts = TASKS.usual("data:notes:masked", old)
    assert facts.baseline == plain["baselines"]["validation"]["token_accuracy"]


def test_only_a_running_text_can_be_masked(home: Path) -> None:
    with pytest.raises(DataError, match=r"must have a data set of kind generation\. reviews is for classification"):
        TASKS.usual("data:reviews:masked", home)
    with pytest.raises(DataError, match="a data set's name must have"):
        TASKS.usual("data:notes:masked:masked", home)


def test_windows_are_the_text_and_held_out_ones_do_not_overlap(home: Path) -> None:
    data = data_of(home, "notes", seq_len=16)
    whole = "".join(one for batch, _place in texts(record.folder_of(home, "notes")) for one in batch["text"])
    for row, following in zip(data.batch(2, 6).inputs, data.batch(2, 6).labels, strict=True):
        assert row[1:].tolist() == following[:-1].tolist()
        piece = data.decode([one for one in row.tolist() if one not in (data.bos_id, data.eos_id)])
        assert piece in whole or data.bos_id in row or data.eos_id in row
    batches = list(data.evaluation("test", 10_000, 8))
    count = sum(len(batch.inputs) for batch in batches)
    assert count == (data.count("test") - 1) // 16
    assert sum(len(batch.inputs) for batch in data.evaluation("test", 3, 2)) == 3


def test_no_text_is_held_in_memory(home: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    add("long", Source(path=notes(tmp_path / "long.txt", count=1500)), tmp_path, tokenizer="bytes")
    found = resolve(build_config({"data": {"task": "data:notes"}}), home=home).config
    data = found.data.model_copy(update={"task": "data:long", "tokenizer": "bytes"})
    config = found.model_copy(update={"data": data, "model": found.model.model_copy(update={"vocab_size": None})})
    load_task(resolve(config, home=tmp_path), home=tmp_path)  # makes the tokens
    tokens._opened.cache_clear()
    before = pa.total_allocated_bytes()
    loaded = load_task(resolve(config, home=tmp_path), home=tmp_path)
    loaded.batch(0, 32)
    values = loaded.opened.rows["text"].batches[0][0]
    assert values.nbytes > 1_500_000
    assert not values.flags.owndata
    assert not values.flags.writeable
    assert pa.total_allocated_bytes() - before < 100_000


def test_equal_texts_are_in_one_split_and_given_splits_stay(tmp_path: Path) -> None:
    rows = [{"text": f"text number {n % 40}", "label": str(n % 2)} for n in range(200)]
    add("twice", Source(path=write_csv(tmp_path / "twice.csv", rows)), tmp_path)
    index = read_index(record.folder_of(tmp_path, "twice"))
    for key in np.unique(index.keys):
        assert len(np.unique(index.splits[index.keys == key])) == 1
    known = record.read(tmp_path, "twice")
    assert known.splits == {"train": 160, "validation": 20, "test": 20}
    assert any("160" not in one and "repeat an earlier" in one for one in warnings(known))
    test = write_csv(tmp_path / "test.csv", [{"text": f"text number {n}", "label": "0"} for n in range(7)])
    given = add("given", Source(path=tmp_path / "twice.csv", splits=(("test", test),)), tmp_path)
    assert (given.splits["test"], given.given_splits) == (7, ("test",))
    assert given.splits["validation"] == 20
    assert any("in both train and test, so the score there is too high" in one for one in warnings(given))


def test_folds_cut_training_and_validation_anew_and_leave_the_test(home: Path) -> None:
    whole, parts = data_of(home, "reviews"), [data_of(home, "reviews", folds=3, fold=n) for n in range(3)]
    held_out = [set(one.rows("validation").tolist()) for one in parts]
    assert set.union(*held_out) == set(whole.rows("train").tolist()) | set(whole.rows("validation").tolist())
    assert sum(map(len, held_out)) == len(set.union(*held_out))
    assert all(one.rows("test").tolist() == whole.rows("test").tolist() for one in parts)
    assert len({one.fingerprint for one in (whole, *parts)}) == 4


SPECS = ("bytes", "characters", "words:200", "bpe:300", "wordpiece:200", "unigram:150")


@pytest.mark.parametrize("spec", SPECS)
def test_every_tokenizer_reads_and_writes_the_texts(home: Path, spec: str) -> None:
    data = data_of(home, "reviews", tokenizer=spec)
    text = data.examples(1)[0].text
    row = data.encode_source(text)
    assert data.facts.vocab_size == vocabulary(record.folder_of(home, "reviews"), data.opened.record, spec).size
    assert row.max() < data.facts.vocab_size
    known = [one for one in row[0].tolist() if one != data.unk_id]
    assert data.opened.words.specials == (0, 1, 2, 3)
    assert super(type(data), data).decode(known).split() == text.split()
    assert data.encode_source("<eos>").tolist() != [[data.eos_id]], "a typed special token is letters"
    assert len({data_of(home, "reviews", tokenizer=one).fingerprint for one in (spec, "bpe:350")}) == 2


def test_a_tokenizer_that_a_person_has_is_used_as_it_is(home: Path, tmp_path: Path) -> None:
    brought = tmp_path / "tokenizer.json"
    brought.write_text(data_of(home, "reviews", tokenizer="words:200").tokenizer_json())
    known = add("own", Source(path=home.parent / "reviews.csv"), tmp_path, tokenizer=str(brought))
    assert known.tokenizer == "file"
    one = vocabulary(record.folder_of(tmp_path, "own"), known)
    assert one.size == vocabulary(record.folder_of(home, "reviews"), record.read(home, "reviews"), "words:200").size
    brought.write_text("{}")
    with pytest.raises(DataError, match=r"the tokenizer must be a tokenizer.json of the tokenizers library"):
        add("bad", Source(path=home.parent / "reviews.csv"), tmp_path, tokenizer=str(brought))
    assert record.names(tmp_path) == ["own"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"task": "data:reviews", "tokenizer": "bpe:9"}, r"vocabulary of bpe must have 300 to 50,000 entries"),
        ({"task": "data:reviews", "tokenizer": "magic"}, r"a tokenizer must be one of bytes, characters"),
        ({"task": "data:reviews", "tokenizer": "file"}, "needs a tokenizer.json"),
        ({"task": "data:reviews", "seq_len": 5000}, "seq_len must be at most 4096 for this data set"),
        ({"task": "dates", "tokenizer": "bytes"}, "data.tokenizer must only be given for texts of your own"),
        ({"task": "data:review"}, r"there is no data set review. Did you mean reviews\?"),
        ({"task": "data:../reviews"}, "a data set's name must have 1 to 40 characters"),
        ({"task": "data:"}, "a data set's name must have 1 to 40 characters"),
    ],
)
def test_a_config_that_cannot_be_is_told_in_a_sentence(home: Path, data: dict[str, object], why: str) -> None:
    with pytest.raises((ConfigError, DataError), match=why):
        resolve(build_config({"data": data}), home=home)


def test_texts_are_cut_where_seq_len_says_and_how_many_is_told(home: Path) -> None:
    data = data_of(home, "reviews", seq_len=16)
    assert data.batch(0, 8).inputs.shape[1] == 16
    assert data.facts.max_source_len == 16
    known = record.read(home, "reviews")
    assert about(home, known, seq_len=16).plain["cut"]["text"] == 1.0
    assert about(home, known, seq_len=4096).plain["cut"]["text"] == 0.0
    assert dict(about(home, known).lines)["tokens"].startswith("text: median")
    assert dict(about(home, known).lines)["rows"].startswith("train 96, validation 12, test 12")
    assert [set(row) for row in about(home, known).samples] == [{"text", "label"}] * 5


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("split", SPLITS[1:])
def test_the_baselines_of_the_facts_are_those_of_the_data(home: Path, name: str, split: str) -> None:
    data = data_of(home, name)
    count = {"validation": 200, "test": 2000}[split]
    exact = data.baselines(split, count)
    told = {"validation": data.facts.baseline, "test": data.facts.test_baseline}[split]
    assert set(exact) == set(data.facts.metrics)
    assert told == pytest.approx(exact[data.facts.metric], rel=0.1)
    scored = sum(len(one.labels) for one in data.evaluation(split, 10_000, 8))
    assert data.facts.test_size == pytest.approx(scored, abs=1) or split == "validation"


def test_the_command_line_adds_shows_and_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    file = reviews(tmp_path / "reviews.csv")
    given = ["data", "add", "reviews", str(file), "--licence", "mine", "--json"]
    found = json.loads(CliRunner().invoke(app, given).stdout)
    assert (found["task"], found["kind"], found["classes"]) == ("data:reviews", "classification", ["neg", "pos"])
    listed = json.loads(CliRunner().invoke(app, ["data", "list", "--json"]).stdout)
    assert listed[0]["licence"] == "mine"
    assert {one["task"] for one in listed if "ships" in one} == set(TASKS)
    shown = CliRunner().invoke(app, ["data", "show", "reviews"])
    assert "always the most frequent class: accuracy 5" in shown.stdout
    assert "split by a hash of the text" in shown.stdout
    assert changed_since(record.read(tmp_path / "home", "reviews")) == ""
    os.utime(file, (1, 1))
    assert "Runs use the stored copy" in CliRunner().invoke(app, ["data", "show", "reviews"]).stderr
    shipped = json.loads(CliRunner().invoke(app, ["data", "show", "digits", "--json"]).stdout)
    assert (shipped["licence"], shipped["baseline"]) == ("CC-BY-4.0", 25 / 180)
    assert "CC-BY-4.0" in CliRunner().invoke(app, ["data", "show", "digits"]).stdout
    for flags, shared in (([], True), (["--off"], False)):
        assert CliRunner().invoke(app, ["data", "share", "data:reviews", *flags]).exit_code == 0
        assert record.read(tmp_path / "home", "reviews").shared is shared
    again = CliRunner().invoke(app, ["data", "add", "reviews", str(file)])
    assert again.exit_code == 2
    assert "reviews exists already. Choose another name, such as reviews-2" in again.stderr
    with closing(open_store(tmp_path / "home")) as store:
        run = stored_run(store, resolve(build_config({"data": {"task": "data:reviews"}})).config)
    asked = ["runs", "show", run.id]
    assert "clps train --task data:reviews" in CliRunner().invoke(app, asked).stdout
    assert CliRunner().invoke(app, ["data", "remove", "reviews", "--yes"]).exit_code == 0
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0
    assert "# Its task data:reviews is gone: add the data set again first." in told.stdout
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["command"] is None
    assert "there is no data set" in CliRunner().invoke(app, ["data", "show", "reviews"]).stderr
    assert [path.name for path in (tmp_path / "home" / "datasets").iterdir()] in ([], [".cache"])


def test_a_folder_that_the_library_saved_and_one_laid_out_as_on_the_hub(tmp_path: Path) -> None:
    import datasets

    rows = [{"text": f"a text with number {n}", "label": n % 2} for n in range(60)]
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    whole = datasets.Dataset.from_list(rows, features=features)
    parts = datasets.DatasetDict({"train": whole.select(range(40)), "test": whole.select(range(40, 60))})
    parts.save_to_disk(str(tmp_path / "saved"))
    found = add("saved", Source(path=tmp_path / "saved"), tmp_path / "home")
    assert (found.classes, found.splits["test"], found.given_splits) == (("no", "yes"), 20, ("test",))
    (tmp_path / "hub" / "data").mkdir(parents=True)
    parts["train"].to_parquet(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet")
    parts["test"].to_parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet")
    other = add("hub", Source(path=tmp_path / "hub"), tmp_path / "home")
    assert (other.splits, other.classes) == (found.splits, found.classes)
    first = add("first", Source(path=tmp_path / "hub", rows=12), tmp_path / "home")
    assert first.rows == 24


def test_columns_are_guessed_and_corrected(tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "title": f"title {n}", "body": f"a longer body of text {n}", "stars": str(n % 5)}
        for n in range(50)
    ]
    source = Source(path=write_csv(tmp_path / "x.csv", rows))
    guessed = preview(source, tmp_path)
    assert (guessed.guess.kind, dict(guessed.guess.columns)) == (
        "classification",
        {"text": "body", "label": "stars"},
    )
    other = preview(source, tmp_path, columns={"target": "title"}).guess
    assert (other.kind, dict(other.columns)) == ("translation", {"text": "body", "target": "title"})
    assert preview(source, tmp_path, kind="generation").guess.columns == {"text": "body"}
    sorted_ = [{"text": f"a text {n}", "label": str(n // 600)} for n in range(1200)]
    assert preview(Source(path=write_csv(tmp_path / "s.csv", sorted_)), tmp_path).guess.kind == "classification"
    spans = [
        {"context": f"some context {n}", "question": f"who {n}?", "answers": {"text": [f"me {n}"]}} for n in range(30)
    ]
    found = preview(Source(path=write_jsonl(tmp_path / "spans.jsonl", spans)), tmp_path).guess
    assert dict(found.columns) == {"text": "question", "target": "answers.text"}
    assert "most answers do not appear in it" in found.note


def test_there_are_inputs_to_start_from_however_short_a_window_is(home: Path) -> None:
    for length in (8, 16, 64):
        data = data_of(home, "notes", seq_len=length, tokenizer="bytes")
        assert data.facts.example_inputs
        for text in (*data.facts.example_inputs, *(one.text for one in data.examples(3))):
            assert data.encode_source(text).shape[1] <= length
        short = data_of(home, "reviews", seq_len=length, tokenizer="bytes")
        assert all(short.encode_source(one.text).shape[1] <= length for one in short.examples(4))
        assert len(short.examples(4)) == 4
