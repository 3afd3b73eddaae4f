"""The python-docs task: texts, splits, tokenizer, windows, cache."""

from __future__ import annotations

import math
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core.config import build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.registry import load_task
from clps_core.data.running_text import train_tokenizer
from clps_core.errors import DataError
from clps_core.tasks import get_task
from clps_core.tasks.python_docs import data as python_docs
from clps_core.tasks.python_docs.data import PythonDocs
from clps_core.tasks.python_docs.library_texts import REPEAT_LENGTH, library_files, library_texts, split_texts

FACTS = get_task("python-docs")


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def docs(cache_folder: Path) -> PythonDocs:
    return PythonDocs(seed=0, seq_len=64, cache_folder=cache_folder)


@pytest.fixture(scope="module")
def read_modules() -> set[str]:
    """Modules that reading the library imported."""
    before = set(sys.modules)
    _documents()
    return set(sys.modules) - before


@cache
def _documents() -> dict[str, str]:
    return library_texts()


@pytest.fixture(scope="module")
def texts() -> dict[str, dict[str, str]]:
    return split_texts(_documents())


def _paragraphs(documents: dict[str, str]) -> set[str]:
    words = (" ".join(part.split()) for text in documents.values() for part in text.split("\n\n"))
    return {paragraph for paragraph in words if len(paragraph) >= REPEAT_LENGTH}


def test_reading_the_library_imports_none_of_its_modules(read_modules: set[str]) -> None:
    assert read_modules <= {"pydoc_data", "pydoc_data.topics"}
    assert {"textwrap.py", "antigravity.py"} <= {path.name for path in library_files()}
    assert not any({"test", "site-packages", "idlelib"} & set(path.parts[-3:-1]) for path in library_files())


def test_no_document_and_no_long_paragraph_is_in_two_splits(texts: dict[str, dict[str, str]]) -> None:
    for one in range(len(SPLITS)):
        for other in range(one):
            mine, theirs = texts[SPLITS[one]], texts[SPLITS[other]]
            assert not set(mine) & set(theirs)
            assert not _paragraphs(mine) & _paragraphs(theirs)


def test_each_held_out_split_is_a_few_percent(texts: dict[str, dict[str, str]]) -> None:
    sizes = {split: sum(map(len, texts[split].values())) for split in SPLITS}
    for split in SPLITS[1:]:
        assert 0.03 < sizes[split] / sum(sizes.values()) < 0.07
        assert len(texts[split]) > 5


def test_declared_facts_are_those_of_the_data(docs: PythonDocs) -> None:
    assert docs.tokenizer.get_vocab_size() == FACTS.vocab_size
    assert max(int(docs.tokens(split).max()) for split in SPLITS) < (FACTS.vocab_size or 0)
    assert docs.baselines()["loss"] == pytest.approx(math.log(docs.baselines()["perplexity"]))
    assert 0.0 < docs.baselines()["token_accuracy"] < 0.15
    for text in FACTS.example_inputs:
        assert docs.decode(docs.encode_source(text)) == text


def test_tokens_spell_the_bytes_of_the_documents(docs: PythonDocs, texts: dict[str, dict[str, str]]) -> None:
    spelt = docs.token_bytes[docs.tokens("test")].sum()
    assert spelt == sum(len(text.encode()) for text in texts["test"].values())


def test_the_same_texts_give_the_same_tokenizer(texts: dict[str, dict[str, str]]) -> None:
    some = list(texts["validation"].values())
    assert train_tokenizer(some, 512).to_str() == train_tokenizer(some, 512).to_str()


def test_what_is_cached_is_what_was_built(docs: PythonDocs, cache_folder: Path) -> None:
    (path,) = cache_folder.iterdir()
    kept = python_docs._read(path)
    assert kept is not None
    assert kept.fingerprint == docs.fingerprint
    assert kept.tokenizer == docs._corpus.tokenizer
    for split in SPLITS:
        np.testing.assert_array_equal(kept.splits[split], docs.tokens(split))


def test_a_damaged_cache_is_not_believed(docs: PythonDocs, cache_folder: Path, tmp_path: Path) -> None:
    (path,) = cache_folder.iterdir()
    content = path.read_bytes()
    damaged = tmp_path / "damaged.safetensors"
    changed = bytearray(content)
    changed[-3] ^= 1
    for bad in (b"", b"nonsense", content[: len(content) // 2], bytes(changed)):
        damaged.write_bytes(bad)
        assert python_docs._read(damaged) is None
    assert python_docs._read(tmp_path / "missing") is None


def test_a_cache_that_cannot_be_written_is_done_without(docs: PythonDocs, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    python_docs._write(tmp_path / "file" / "cache.safetensors", docs._corpus)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_window_is_followed_by_its_labels(docs: PythonDocs) -> None:
    batch = docs.batch(3, 8)
    assert batch.inputs.shape == batch.labels.shape == (8, 64)
    assert batch.inputs.dtype == batch.labels.dtype == np.int64
    assert batch.input_mask is None
    assert batch.decoder_inputs is None
    np.testing.assert_array_equal(batch.inputs[:, 1:], batch.labels[:, :-1])


def test_batches_depend_on_step_and_seed_alone(docs: PythonDocs, cache_folder: Path) -> None:
    same, other = (PythonDocs(seed, 64, cache_folder) for seed in (0, 1))
    np.testing.assert_array_equal(docs.batch(4, 8).inputs, same.batch(4, 8).inputs)
    assert not np.array_equal(docs.batch(4, 8).inputs, docs.batch(5, 8).inputs)
    assert not np.array_equal(docs.batch(4, 8).inputs, other.batch(4, 8).inputs)


def test_evaluation_windows_cover_the_split_once(docs: PythonDocs) -> None:
    windows = np.concatenate([batch.inputs for batch in docs.evaluation("validation", 10**6, 50)])
    tokens = docs.tokens("validation")
    assert len(windows) == (len(tokens) - 1) // 64
    assert sorted(map(tuple, windows.tolist())) == sorted(map(tuple, tokens[: windows.size].reshape(-1, 64).tolist()))
    first = np.concatenate([batch.inputs for batch in docs.evaluation("validation", 70, 50)])
    np.testing.assert_array_equal(first, windows[:70])


@settings(max_examples=examples(150), deadline=None)
@given(st.text(max_size=60))
def test_any_text_survives_encoding_and_decoding_or_is_refused(text: str) -> None:
    docs = PythonDocs(seed=0, seq_len=64)
    try:
        tokens = docs.encode_source(text)
    except DataError as error:
        assert "must" in str(error)  # noqa: PT017
    else:
        assert docs.decode(tokens) == text
        assert len(docs.token_labels(tokens)) == tokens.shape[1] <= 64


@pytest.mark.parametrize("text", ["😀🏳️‍🌈", "שלום", "\u202eevil", "<script>alert('x')</script>", "<eos>", "\ud800 half"])
def test_hostile_text_is_just_text(docs: PythonDocs, text: str) -> None:
    tokens = docs.encode_source(text)
    assert tokens[0, 0] == docs.bos_id
    assert docs.eos_id not in tokens
    assert docs.decode(tokens) == text.replace("\ud800", "?")
    assert docs.unknown(text) == ()


@pytest.mark.parametrize("text", ["", " \n", "word " * 64, "x" * 10_000, "y" * 1_000_000])
def test_empty_and_long_input_is_refused_in_words(docs: PythonDocs, text: str) -> None:
    with pytest.raises(DataError, match=r"must .*\. "):
        docs.encode_source(text)


def test_there_is_no_target_to_type(docs: PythonDocs) -> None:
    with pytest.raises(DataError):
        docs.encode_target("x")


def test_labels_are_readable(docs: PythonDocs) -> None:
    labels = docs.token_labels(docs.encode_source("The file\n\té"))
    assert labels[0] == "<bos>"
    assert "".join(labels[1:]) == "The␣file⏎⇥\\xc3\\xa9"
    assert docs.token_labels([0, 1, 2, 10**6]) == ["<pad>", "<bos>", "<eos>", "<unk>"]


def test_examples_open_sentences_of_test_documents(docs: PythonDocs, texts: dict[str, dict[str, str]]) -> None:
    examples = docs.examples(6)
    assert len({example.text for example in examples}) == 6
    for example in examples:
        assert any(example.text in text for text in texts["test"].values())
        docs.encode_source(example.text)


def test_windows_longer_than_a_split_are_refused(cache_folder: Path) -> None:
    with pytest.raises(DataError, match="seq_len must"):
        PythonDocs(seed=0, seq_len=10**6, cache_folder=cache_folder)


def test_the_registry_gives_windows_of_the_configs_length() -> None:
    task = load_task(resolve(build_config({"data": {"task": "python-docs", "seq_len": 32}})).config)
    assert isinstance(task, PythonDocs)
    assert task.batch(0, 2).inputs.shape == (2, 32)
