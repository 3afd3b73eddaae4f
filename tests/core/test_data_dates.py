"""The dates task: texts, splits, batches, typed input."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED, SPLITS
from clps_core.data.registry import load_task
from clps_core.errors import DataError
from clps_core.tasks import get_task
from clps_core.tasks.dates.data import FIRST_DATE, LAST_DATE, SOURCE_LOCALE, Dates, full_date

FACTS = get_task("dates")
LANGUAGES = tuple(FACTS.options["language"])
HOSTILE = [
    "😀😀😀",
    "שלום עולם",
    "\u202eevil\u202c",
    "<script>alert(1)</script>",
    "</script>\"'`",
    "\x00\x1b[31m",
    "日本語",
    "\ud800",
]


@pytest.fixture(scope="module")
def dates() -> Dates:
    return Dates(seed=0)


def test_the_registry_gives_this_task_for_a_resolved_config(dates: Dates) -> None:
    loaded = load_task(resolve(build_config({"data": {"task": "dates", "seed": 5}})).config)
    assert isinstance(loaded, Dates)
    assert loaded.seed == 5
    assert loaded.fingerprint == dates.fingerprint


def test_declared_facts_are_those_of_the_data(dates: Dates) -> None:
    assert len(LANGUAGES) >= 6
    assert dates.facts is FACTS
    assert len(dates.tokens) == len(set(dates.tokens)) == FACTS.vocab_size
    # One week of each month of each year: every weekday, month, length of a day's number, and year.
    ordinals = [
        datetime.date(year, month, day).toordinal()
        for year in range(FIRST_DATE.year, LAST_DATE.year + 1, 3)
        for month in range(1, 13)
        for day in range(22, 29)
    ]
    longest = {
        locale: max(len(full_date(ordinal, locale)) for ordinal in ordinals) for locale in (SOURCE_LOCALE, *LANGUAGES)
    }
    assert 1 + longest.pop(SOURCE_LOCALE) <= FACTS.max_source_len
    assert 1 + max(longest.values()) <= FACTS.max_target_len
    assert {c for locale in longest for o in ordinals for c in full_date(o, locale)} <= set(dates.tokens)


@pytest.mark.parametrize("split", SPLITS[1:])
def test_copying_the_input_is_worse_than_one_answer_for_all(dates: Dates, split: str) -> None:
    right = scored = 0
    for ordinal, language in dates.pairs(split, 2000):
        copy, target = full_date(ordinal, SOURCE_LOCALE) + "\n", full_date(ordinal, language) + "\n"
        assert copy != target
        right += sum(a == b for a, b in zip(copy, target, strict=False))
        scored += len(target)
    assert right / scored < dates.baselines(split, 2000)["token_accuracy"] < 0.2


def test_no_date_is_in_two_splits_and_every_date_is_in_one(dates: Dates) -> None:
    parts = [set(dates.dates(split).tolist()) for split in SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == LAST_DATE.toordinal() - FIRST_DATE.toordinal() + 1
    assert all(0.04 < len(part) / len(set.union(*parts)) < 0.06 for part in parts[1:])


def test_no_held_out_date_is_seen_in_training_in_any_language(dates: Dates) -> None:
    held_out = {
        full_date(ordinal, locale)
        for split in SPLITS[1:]
        for ordinal in dates.dates(split).tolist()
        for locale in (SOURCE_LOCALE, *LANGUAGES)
    }
    for step in range(20):
        batch = dates.batch(step, 64)
        seen = {dates.decode(row) for row in (*batch.inputs, *batch.labels)}
        assert not seen & held_out


def test_splits_do_not_depend_on_the_seed(dates: Dates) -> None:
    other = Dates(seed=1)
    assert other.fingerprint == dates.fingerprint
    for mine, theirs in zip(dates.evaluation("test", 64, 32), other.evaluation("test", 64, 32), strict=True):
        np.testing.assert_array_equal(mine.inputs, theirs.inputs)


def test_a_batch_has_the_promised_shapes_and_types(dates: Dates) -> None:
    batch = dates.batch(3, 16)
    assert batch.input_mask is not None
    assert batch.decoder_inputs is not None
    assert batch.inputs.dtype == batch.decoder_inputs.dtype == batch.labels.dtype == np.int64
    assert batch.input_mask.dtype == np.bool_
    assert batch.inputs.shape == batch.input_mask.shape
    assert batch.inputs.shape[0] == batch.labels.shape[0] == 16
    assert batch.decoder_inputs.shape == batch.labels.shape
    assert batch.inputs.shape[1] <= FACTS.max_source_len
    assert batch.labels.shape[1] <= FACTS.max_target_len
    assert (batch.decoder_inputs[:, 0] == dates.bos_id).all()
    assert ((batch.labels == dates.eos_id).sum(axis=1) == 1).all()
    np.testing.assert_array_equal(batch.input_mask, batch.inputs != dates.pad_id)
    shifted, labels = batch.decoder_inputs[:, 1:], batch.labels[:, :-1]
    inner = (labels != IGNORED) & (labels != dates.eos_id)
    np.testing.assert_array_equal(shifted[inner], labels[inner])


def test_a_target_is_the_source_date_in_the_language_of_the_first_token(dates: Dates) -> None:
    english = {full_date(ordinal, SOURCE_LOCALE): ordinal for ordinal in dates.dates("train").tolist()}
    batch = dates.batch(11, 48)
    for source, labels in zip(batch.inputs, batch.labels, strict=True):
        language = dates.token_labels(source)[0].removeprefix("→")
        assert dates.decode(labels) == full_date(english[dates.decode(source)], language)


def test_batches_depend_on_step_and_seed_alone(dates: Dates) -> None:
    later = Dates(seed=0)
    later.batch(99, 8)
    np.testing.assert_array_equal(dates.batch(4, 8).inputs, later.batch(4, 8).inputs)
    assert dates.decode(dates.batch(4, 8).inputs[0]) != dates.decode(dates.batch(5, 8).inputs[0])
    assert not np.array_equal(dates.batch(4, 8).inputs, Dates(seed=1).batch(4, 8).inputs)


def test_strategies_and_model_seeds_see_the_same_batches() -> None:
    one = load_task(resolve(build_config({"sharing": {"strategy": "none"}, "seed": 1})).config)
    other = load_task(
        resolve(build_config({"sharing": {"strategy": "all"}, "seed": 2, "model": {"d_model": 32}})).config
    )
    np.testing.assert_array_equal(one.batch(7, 8).labels, other.batch(7, 8).labels)


def test_evaluation_takes_new_dates_first_and_all_languages(dates: Dates) -> None:
    pairs = dates.pairs("validation", 10**9)
    count = len(dates.dates("validation"))
    assert len(pairs) == len(set(pairs)) == count * len(LANGUAGES)
    assert len({ordinal for ordinal, _ in pairs[:count]}) == count
    assert {language for _, language in pairs[: len(LANGUAGES)]} == set(LANGUAGES)
    assert [len(batch.inputs) for batch in dates.evaluation("validation", 50, 32)] == [32, 18]


@pytest.mark.parametrize("split", ["train", "dev", "", "<script>"])
def test_only_held_out_splits_are_evaluated(dates: Dates, split: str) -> None:
    with pytest.raises(DataError, match="validation or test"):
        next(dates.evaluation(split, 1, 1))


@settings(max_examples=examples(100), deadline=None)
@given(st.dates(FIRST_DATE, LAST_DATE), st.sampled_from(LANGUAGES))
def test_every_date_survives_encoding_and_decoding(date: datetime.date, language: str) -> None:
    dates = Dates(seed=0)
    source, target = full_date(date.toordinal(), SOURCE_LOCALE), full_date(date.toordinal(), language)
    encoded = dates.encode_source(source, options={"language": language})
    assert dates.decode(encoded) == source
    assert dates.decode(dates.encode_target(target)[0]) == target
    assert dates.token_labels(encoded)[0] == f"→{language}"
    assert dates.unknown(source + target) == ()


@settings(max_examples=examples(200), deadline=None)
@given(st.text())
def test_any_text_is_encoded_or_refused_in_words(text: str) -> None:
    dates = Dates(seed=0)
    try:
        tokens = dates.encode_source(text)
    except DataError as error:
        assert "must" in str(error)  # noqa: PT017
    else:
        assert 0 <= tokens.min() <= tokens.max() < len(dates.tokens)
        assert len(dates.token_labels(tokens)) == tokens.shape[1] <= FACTS.max_source_len


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_characters_become_unknown_and_are_reported(dates: Dates, text: str) -> None:
    tokens = dates.encode_source(text)
    assert tokens.dtype == np.int64
    assert dates.unk_id in tokens
    assert dates.unknown(text)
    assert "�" in dates.decode(tokens)
    dates.encode_target(text)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "x" * 10_000, "😀" * 10_000])
def test_empty_and_long_input_is_refused_in_words(dates: Dates, text: str) -> None:
    for encode in (dates.encode_source, dates.encode_target):
        with pytest.raises(DataError, match=r"must .*\. "):
            encode(text)


def test_accents_typed_as_separate_marks_are_understood(dates: Dates) -> None:
    assert dates.decode(dates.encode_target("miércoles")[0]) == "miércoles"
    assert dates.unknown("miércoles") == ()


@pytest.mark.parametrize("language", ["xx", "EN", "", "<script>"])
def test_an_unknown_language_lists_those_there_are(dates: Dates, language: str) -> None:
    with pytest.raises(DataError, match="de, fr"):
        dates.encode_source("Monday", options={"language": language})


def test_labels_are_readable(dates: Dates) -> None:
    tokens = dates.encode_source("May 1", options={"language": "fr"})
    assert dates.token_labels(tokens) == ["→fr", "M", "a", "y", "␣", "1"]
    assert dates.token_labels([0, 1, 2, 3, 10**6, -1]) == ["<pad>", "<bos>", "<eos>", "<unk>", "<unk>", "<unk>"]


def test_examples_are_held_out_and_encodable(dates: Dates) -> None:
    examples = dates.examples(12)
    assert len({example.text for example in examples}) == 12
    assert {example.options["language"] for example in examples} == set(LANGUAGES)
    train = {full_date(ordinal, SOURCE_LOCALE) for ordinal in dates.dates("train").tolist()}
    for example in examples:
        assert example.text not in train
        assert dates.decode(dates.encode_source(example.text, options=example.options)) == example.text
        assert example.target_text is not None
    assert not train & set(FACTS.example_inputs)


def test_the_saved_tokenizer_gives_the_same_tokens(dates: Dates) -> None:
    tokenizer = Tokenizer.from_str(dates.tokenizer_json())
    text = "Friday, May 29, 1953"
    assert tokenizer.encode("<fr>" + text).ids == dates.encode_source(text, options={"language": "fr"})[0].tolist()
    assert tokenizer.get_vocab_size() == FACTS.vocab_size
    assert json.loads(dates.tokenizer_json())["model"]["unk_token"] == "<unk>"
