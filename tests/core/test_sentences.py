"""The task ``sentences``, BLEU and chrF of whole answers, and batches of sentences of about one length."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from test_cli_depth import clps
from untrained_runs import stored_run

from clps_core.config import build_config, resolve
from clps_core.data.base import SPLITS
from clps_core.data.bleu import words_of, written_scores, written_signatures
from clps_core.data.lengths import POOLED, by_length
from clps_core.data.registry import load_task
from clps_core.data.shipped import shipped_text
from clps_core.errors import DataError
from clps_core.scoring import score_folder
from clps_core.store import Store, open_store
from clps_core.tasks import get_task
from clps_core.tasks.sentences import data as sentences
from clps_core.tasks.sentences import folded, split_name
from clps_core.tasks.sentences.prepare import pairs
from clps_core.work import WrittenScores


def loaded(**data: Any) -> Any:
    return load_task(resolve(build_config({"data": {"task": "sentences", **data}})).config)


@pytest.mark.parametrize("folds", [{}, {"folds": 5, "fold": 2}])
def test_no_english_text_is_in_two_splits_whatever_its_signs(folds: dict[str, int]) -> None:
    data = loaded(**folds)
    found = {split: {split_name(english) for english, _german in data.pairs(split)} for split in SPLITS}
    assert not found["train"] & found["validation"]
    assert not (found["train"] | found["validation"]) & found["test"]
    texts = [folded(english) for split in SPLITS for english, _german in data.pairs(split)]
    assert len(texts) == len(set(texts))


def test_declared_facts_are_those_of_the_data() -> None:
    facts, data = get_task("sentences"), loaded()
    assert len(data.tokens) == facts.vocab_size
    assert len(data.of_split("test")) == facts.test_size
    assert max(map(len, data._all.sources)) <= facts.max_source_len
    assert max(map(len, data._all.targets)) < facts.max_target_len
    assert data.baselines("validation", 500)["exact_match"] == facts.baseline
    assert data.baselines("test", 2000)["exact_match"] == pytest.approx(facts.test_baseline)
    copied = [english == german for english, german in data.pairs("test")]
    assert sum(copied) / len(copied) == pytest.approx(facts.test_baseline)


@pytest.mark.parametrize("text", ["Größe ändern", "%(name)s löschen", "&Save as...", "<b>Note</b> & <eos>", "日本"])
def test_odd_texts_come_back_as_they_were(text: str) -> None:
    data = loaded()
    assert data.decode(data.encode_source(f" {text} ")[0]) == text
    assert len(data.token_labels(data.encode_target(text)[0])) == data.encode_target(text).shape[1]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Type a sentence such as The file"):
        loaded().encode_source(" ")
    with pytest.raises(DataError, match=r"at most 36 tokens\. Got"):
        loaded().encode_source("xyzq " * 40)
    (tmp_path / "pairs.tsv.xz").write_bytes(lzma.compress(b"a\tb\n"))
    with pytest.raises(DataError, match="which comes with CLPS Lab, is missing or damaged"):
        shipped_text(tmp_path / "pairs.tsv.xz", sentences.SHA256)
    assert len(list(sentences.FOLDER.glob("LICENSE.*"))) == 5


def test_only_the_first_translation_of_short_texts_with_letters_is_taken() -> None:
    found = [
        ("Save  file", "de", "Datei sichern"),
        ("save FILE", "de", "Datei speichern"),
        ("100 %", "de", "100 %"),
        ("See [%key:x%]", "de", "Siehe"),
        ("Long", "de", "x" * 65),
        ("Empty", "de", ""),
    ]
    assert pairs(found) == {"Save  file": "Datei sichern"}


def test_a_batch_of_one_length_is_a_pure_function_and_every_example_is_as_likely() -> None:
    lengths = np.arange(1000) % 40
    drawn = [by_length(lengths, "x", 3, step, 8) for step in range(20 * POOLED)]
    assert all((by_length(lengths, "x", 3, step, 8) == drawn[step]).all() for step in (0, 5, 77))
    spread = np.mean([np.ptp(lengths[one]) for one in drawn])
    assert spread < 6, "evenly drawn ones are about 31 apart"
    assert np.concatenate(drawn).mean() == pytest.approx(500, abs=30)
    assert np.mean([lengths[one].mean() for one in drawn]) == pytest.approx(19.5, abs=1)


def test_half_of_the_padding_is_gone() -> None:
    def share(found: list[Any]) -> float:
        real = sum(one.input_mask.sum() + (one.labels >= 0).sum() for one in found)
        return 1 - real / sum(one.inputs.size + one.labels.size for one in found)

    data = loaded()
    held_out = list(data.evaluation("validation", 1000, 64))  # in no order of length
    assert share([data.batch(step, 64) for step in range(32)]) < share(held_out) / 2


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (["Datei löschen"], "13a"),
        (["删除文件"], "zh"),
        (["ファイルを削除"], "char"),
        (["ลบไฟล์"], "char"),
        (["파일 삭제"], "13a"),
        (["1"], "13a"),
    ],
)
def test_bleu_cuts_words_as_the_language_of_the_right_answers_does(right: list[str], words: str) -> None:
    assert words_of(right) == words
    assert f"|tok:{words}|" in written_signatures(right)["bleu"]


def test_bleu_and_chrf_are_sacrebleus() -> None:
    pairs = [("Die Datei ist da", "Die Datei ist hier"), ("", "Nichts"), ("Ja", "Ja")]
    said, right = [one for one, _ in pairs], [one for _, one in pairs]
    assert written_scores(pairs) == {
        "bleu": sacrebleu.corpus_bleu(said, [right]).score,
        "chrf": sacrebleu.corpus_chrf(said, [right]).score,
    }
    assert written_scores([]) == written_signatures([]) == {}


def test_what_writes_no_whole_answers_is_not_scored_by_them() -> None:
    from clps_core.own_data import work

    assert WrittenScores.offered(work, get_task("sentences"))
    assert not WrittenScores.offered(work, get_task("languages"))
    assert not WrittenScores.offered(work, get_task("python-docs"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)
    return open_store()


def test_the_scores_of_a_run_are_those_of_the_predictions_it_writes_and_are_signed(
    store: Store, tmp_path: Path
) -> None:
    sizes = {"num_layers": 1, "d_model": 16, "d_ff": 24, "num_heads": 2}
    given = {"data": {"task": "sentences"}, "model": sizes, "train": {"test_examples": 40}}
    run = stored_run(store, resolve(build_config(given)).config)
    out = tmp_path / "answers.jsonl"
    told = clps("predict", run.id, "--split", "test", "--out", str(out))
    assert told.exit_code == 0, told.output
    lines = [json.loads(line) for line in out.read_text(encoding="utf8").splitlines()]
    said, right = [line["prediction"] for line in lines], [line["reference"] for line in lines]
    _step, scores = score_folder(store.run_folder(run.id))
    assert scores["chrf"] == sacrebleu.corpus_chrf(said, [right]).score
    assert scores["bleu"] == sacrebleu.corpus_bleu(said, [right]).score
    signed = written_signatures(right)
    assert f"{run.id}: chrF {scores['chrf']:.1f} ({signed['chrf']})" in told.stderr.replace("\n", " ")
    assert json.loads((store.run_folder(run.id) / "signatures.json").read_text()) == signed
    shown = clps("runs", "show", run.id, "--json")
    assert json.loads(shown.stdout)["signatures"] == signed
