"""Answers that are marked in a context: the head, loss and scores, a person's own data, and what a run says."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_data_files import questions, write_csv, write_jsonl
from test_cli_depth import clps
from tiny_models import batch_for, tiny
from untrained_runs import SIZES, stored_run

from clps_core import api
from clps_core.ablation import ablate
from clps_core.analysis.capture import capture
from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, RunConfig, SharingConfig, build_config, resolve
from clps_core.data.base import IGNORED
from clps_core.data.registry import load_task
from clps_core.data.spans import FIRST, LAST, answer_scores, likeliest_spans, normalised, token_f1
from clps_core.errors import ClpsError, ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.own_data import record
from clps_core.own_data.adding import add, preview
from clps_core.own_data.rows import read_index, some_texts
from clps_core.own_data.sources import Source
from clps_core.own_data.told import about, warnings
from clps_core.predicting import predict
from clps_core.predicting_split import predict_split
from clps_core.scoring import score_folder
from clps_core.store import Run, Store, open_store
from clps_core.tasks import TASKS, frozen, thawed
from clps_core.training.loading import load_model
from clps_core.work.batch import DeviceBatch
from clps_core.work.spans import best_spans, loss

ENCODER: dict[str, Any] = {"family": "encoder", "head": "span"}


# The head


def test_each_position_has_two_scores_and_they_are_counted() -> None:
    model = tiny(**ENCODER)
    assert model(**batch_for(model)).shape == (3, 7, 2)
    counted = count(model.config, model.map)
    assert counted.unique_parameters == sum(one.numel() for one in model.parameters())
    assert counted.by_component["head"].unique == 2 * 16 + 2
    bare = count(model.config.model_copy(update={"head": "none"}), SharingConfig())
    # Six operations for each weight of the head, at every position.
    assert counted.train_flops_per_token - bare.train_flops_per_token == 6 * 2 * 16


@pytest.mark.parametrize(
    ("fields", "got"),
    [
        ({"family": "decoder"}, "family decoder"),
        ({"family": "encoder", "pooler": True}, "a pooler"),
        ({"family": "encoder", "patch_dim": 3}, "image patches"),
    ],
)
def test_a_head_that_has_no_tokens_to_mark_is_refused(fields: dict[str, Any], got: str) -> None:
    with pytest.raises(ValueError, match=rf"head span marks tokens.*Got {got}"):
        ModelConfig(**fields, head="span")


def test_head_and_task_must_fit() -> None:
    with pytest.raises(ConfigError, match=r"task languages must have a model with head classes. Got span"):
        resolve(build_config({"data": {"task": "languages"}, "model": {"head": "span"}}))


# Loss, scores, the best spans


def drawn(seed: int = 0, examples: int = 20, size: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores [B, S, 2], and labels [B, S] whose context is all but the first positions and the padding."""
    draw = np.random.default_rng(seed)
    labels = np.full((examples, size), IGNORED)
    for row in labels:
        begin, end = draw.integers(1, 4), draw.integers(6, size + 1)
        row[begin:end] = 0
        first, last = sorted(draw.integers(begin, end, size=2))
        row[first] |= FIRST
        row[last] |= LAST
    scores = torch.from_numpy(draw.normal(size=(examples, size, 2)).astype(np.float32) * 3)
    return scores, torch.from_numpy(labels)


def batch(labels: torch.Tensor) -> DeviceBatch:
    return DeviceBatch(labels, None, None, labels)


def test_the_loss_is_the_mean_of_two_cross_entropies_over_the_context() -> None:
    scores, labels = drawn()
    labels[3] = torch.where(labels[3] == IGNORED, IGNORED, 0)  # its answer was cut away: it does not count
    found = []
    for row, marks in zip(scores, labels, strict=True):
        inside = marks != IGNORED
        for end, bit in enumerate((FIRST, LAST)):
            hit = [place for place, mark in enumerate(marks[inside].tolist()) if mark & bit]
            if hit:
                found.append(-torch.log_softmax(row[inside, end], 0)[hit[0]])
    config = RunConfig()
    expected = torch.stack(found).mean()
    plain = config.model_copy(update={"optim": config.optim.model_copy(update={"label_smoothing": 0.0})})
    torch.testing.assert_close(loss(scores, batch(labels), plain), expected)
    assert torch.isfinite(loss(scores, batch(torch.full_like(labels, IGNORED)), plain))


@pytest.mark.parametrize("longest", [1, 3, 50])
def test_the_best_span_is_that_of_trying_all(longest: int) -> None:
    scores, labels = drawn(seed=longest)
    for row, marks, best in zip(scores, labels, best_spans(scores, labels, longest).tolist(), strict=True):
        inside = np.flatnonzero(marks.numpy() != IGNORED).tolist()
        pairs = {(a, b): float(row[a, 0] + row[b, 1]) for a in inside for b in inside if a <= b < a + longest}
        assert tuple(best) == max(pairs, key=pairs.__getitem__)
        offsets = np.where(marks.numpy()[:, None] != IGNORED, 0, -1).repeat(2, 1)
        told = likeliest_spans(row.numpy(), offsets, longest, count=10**6)
        assert told[0][:2] == tuple(best)
        assert sum(share for _first, _last, share in told) == pytest.approx(1)
        assert {(first, last) for first, last, _share in told} == set(pairs)


def plainly(text: str) -> list[str]:
    """SQuAD's words, written once more: by regular expressions alone."""
    return re.sub(r"\b(?:a|an|the)\b", " ", re.sub(f"[{re.escape(string.punctuation)}]", "", text.lower())).split()


def own_scores(pairs: list[tuple[str, str]]) -> dict[str, float]:
    exact, f1 = [], []
    for said, right in pairs:
        one, other = Counter(plainly(said)), Counter(plainly(right))
        exact.append(plainly(said) == plainly(right))
        common = (one & other).total()
        f1.append(2 * common / (one.total() + other.total()) if one and other else float(one == other))
    return {"exact_match": float(np.mean(exact)), "token_f1": float(np.mean(f1))}


def test_answers_are_compared_as_squad_does() -> None:
    assert normalised("The  Big-Ben, an Owl's!") == "bigben owls"
    assert token_f1("the red door", "red gate red") == pytest.approx(0.4)
    pairs = [("A cat.", "cat"), ("", "the"), ("", "x"), ("cat dog", "dog cat"), ("-1", "1")]
    assert answer_scores(pairs) == pytest.approx(own_scores(pairs))
    assert answer_scores([]) == {"exact_match": 0.0, "token_f1": 0.0}


# A person's own data


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spans")
    add("houses", Source(path=questions(folder / "houses.jsonl")), folder / "home")
    return folder / "home"


@pytest.fixture(autouse=True)
def _home_of_the_test(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLPS_HOME", str(home))
    monkeypatch.delenv("CLPS_DATABASE_URL", raising=False)


def config_of(strategy: str = "cycle:2", **data: Any) -> RunConfig:
    given = {"data": {"task": "data:houses", **data}, "model": SIZES, "sharing": {"strategy": strategy}}
    return resolve(build_config({**given, "train": {"steps": 40, "test_examples": 12}})).config


def test_columns_named_so_become_marked_answers(home: Path) -> None:
    known = record.read(home, "houses")
    assert known.kind == "span"
    assert known.columns == {
        "context": "context", "question": "question", "answer": "answers.text", "start": "answers.answer_start",
    }  # fmt: skip
    facts = TASKS.usual("data:houses", home)
    assert (facts.marks, facts.writes, facts.family, facts.metric) == (True, False, "encoder", "token_f1")
    assert thawed(frozen(facts)).example_options == facts.example_options
    assert config_of().model.head == "span"
    lines = dict(about(home, known).lines)
    assert "which removes 0.0 % of the answers" in lines["tokens"]
    assert "frequent answer" in lines["baselines"]
    assert set(about(home, known).samples[0]) == {"context", "question", "answer"}


def test_labels_mark_the_answer_in_the_context_alone(home: Path) -> None:
    data = load_task(config_of())
    one = data.batch(3, 16)
    for row, mask, labels in zip(one.inputs, one.input_mask, one.labels, strict=True):
        separator = row.tolist().index(data.eos_id)
        assert (labels[: separator + 1] == IGNORED).all()
        assert ((labels == IGNORED) == (~mask | (np.arange(len(row)) <= separator))).all()
        (first,), (last,) = (np.flatnonzero((labels & bit).astype(bool) & (labels > 0)) for bit in (FIRST, LAST))
        thing = re.search(r"colour is the (\w+)", data.decode(row[1:separator]))
        text = data.decode(row[separator + 1 :])
        assert thing is not None
        assert f"The {thing[1]} is {data.decode(row[first : last + 1]).strip()}." in text


def test_what_is_marked_reads_as_it_stands_in_the_context_and_answers_are_whole(home: Path) -> None:
    data = load_task(config_of())
    for one in data.evaluation("test", 12, 5):
        spans = one.spans
        for place, labels in enumerate(one.labels):
            (first,), (last,) = (np.flatnonzero((labels > 0) & ((labels & bit) > 0)) for bit in (FIRST, LAST))
            assert spans.text(place, int(first), int(last)) == spans.answers[place]
    assert data.longest_answer == data.facts.max_target_len >= 2


def test_a_context_is_in_one_split_and_equal_questions_are_counted(tmp_path: Path) -> None:
    rows = [
        {"context": f"House {n // 4} is red and blue.", "question": f"Which {n % 3}?", "answer": ("red", "blue")[n % 2]}
        for n in range(80)
    ]
    known = add("many", Source(path=write_csv(tmp_path / "many.csv", rows)), tmp_path)
    index = read_index(record.folder_of(tmp_path, "many"))
    assert all(len(np.unique(index.splits[index.keys == key])) == 1 for key in np.unique(index.keys))
    assert len(np.unique(index.keys)) == 20
    assert known.statistics["duplicates"]["train"] == 16  # each context asks Which 0? twice
    assert any("16 training questions repeat an earlier one" in one for one in warnings(known))


def test_answers_that_cannot_be_placed_are_counted_and_said(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "context": f"A red door and a red gate, number {n}.",
            "question": "Which?",
            "answer": f"number {n}",
            "start": None,
        }
        for n in range(20)
    ]
    rows[0]["answer"] = "green"  # does not stand there
    rows[1]["answer"] = "red"  # twice, and no start
    rows[2] |= {"answer": "red", "start": 17}  # the second one
    rows[3] |= {"answer": "red", "start": 14}  # near the second one
    rows[4]["answer"] = None
    rows[5] |= {"start": -3}
    known = add("odd", Source(path=write_jsonl(tmp_path / "odd.jsonl", rows)), tmp_path)
    assert known.statistics["answers"] == {"missing": 1, "twice": 1, "moved": 1}
    assert (known.rows, known.statistics["left_out"]) == (18, 1)
    starts = read_index(record.folder_of(tmp_path, "odd")).labels.tolist()
    assert starts[:3] == [2, 17, 17]
    said = " ".join(warnings(known))
    for part in ("1 answer is not in its context", "more than once", "the nearest place is used"):
        assert part in said


def test_answers_as_a_list_of_objects_are_read_and_other_columns_are_no_spans(tmp_path: Path) -> None:
    rows = [
        {
            "context": f"The sky of day {n} is blue.",
            "question": "What?",
            "answers": [{"text": "blue", "answer_start": 20}],
        }
        for n in range(10, 30)
    ]
    found = preview(Source(path=write_jsonl(tmp_path / "list.jsonl", rows)), tmp_path).guess
    assert (found.kind, found.columns["answer"], found.columns["start"]) == (
        "span",
        "answers.text",
        "answers.answer_start",
    )
    free = [
        {"context": f"Day {n}.", "question": f"What is {n}?", "answer": f"It is {n * n}, of course"} for n in range(20)
    ]
    other = preview(Source(path=write_jsonl(tmp_path / "free.jsonl", free)), tmp_path).guess
    assert other.kind == "translation"
    assert "most answers do not appear in it" in other.note
    forced = preview(Source(path=tmp_path / "free.jsonl"), tmp_path, kind="span").guess
    assert forced.columns == {"context": "context", "question": "question", "answer": "answer"}
    with pytest.raises(DataError, match="Got none: 20 rows lack a value"):
        add("none", Source(path=tmp_path / "free.jsonl"), tmp_path, kind="span")


def test_answers_that_are_cut_away_are_told_left_out_of_training_and_wrong_in_evaluation(home: Path) -> None:
    known = record.read(home, "houses")
    told = about(home, known, seq_len=20)
    assert told.plain["cut"]["input"] == 1.0
    assert 0 < told.plain["cut"]["reach"] < 1
    data = load_task(config_of(seq_len=20))
    assert len(data.rows("train")) == pytest.approx((1 - told.plain["cut"]["reach"]) * known.splits["train"])
    assert all(((labels > 0) & (labels & FIRST > 0)).sum() == 1 for labels in data.batch(0, 32).labels)
    assert sum(len(one.labels) for one in data.evaluation("test", 100, 8)) == known.splits["test"]
    with pytest.raises(DataError, match="training answer must be in the first 8 tokens"):
        load_task(config_of(seq_len=8)).batch(0, 2)


# What a run says


@pytest.fixture(scope="module")
def store(home: Path) -> Store:
    return open_store(home)


@pytest.fixture(scope="module")
def run(home: Path, store: Store) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLPS_HOME", str(home))
        return stored_run(store, config_of())


def test_the_scores_of_a_run_are_those_of_the_predictions_it_writes(store: Store, run: Run) -> None:
    folder = store.run_folder(run.id)
    written = list(predict_split(folder, "test"))
    _step, scores = score_folder(folder)
    assert own_scores([(one.prediction, one.reference) for one in written]) == pytest.approx(
        {name: scores[name] for name in ("exact_match", "token_f1")}
    )
    assert len(written) == scores["examples"] == 12
    known = record.folder_of(folder.parent.parent, "houses")
    places = load_task(run.config).rows("test")
    rights = some_texts(known, places, ("answer", "question"))
    assert [one.reference for one in written] == rights["answer"]
    assert [one.input.partition("\n")[0] for one in written] == rights["question"]


def test_marked_answers_are_compared_example_by_example_without_a_part(store: Store, run: Run) -> None:
    found = ablate(store.run_folder(run.id), examples=12)
    assert found.whole.keys() == {"loss", "exact_match", "token_f1"}
    without = next(effect for effect in found.effects if effect.part == "encoder.0.attention")
    assert without.errors.keys() == found.whole.keys(), "each is a mean over the examples"
    assert 0 < without.errors["loss"] < abs(without.changes["loss"]) + 1


def test_a_question_is_answered_by_a_part_of_its_context(store: Store, run: Run) -> None:
    folder = store.run_folder(run.id)
    example = load_task(run.config).examples(1)[0]
    found = predict(folder, [example.text], options=example.options)[0]
    best = found.marked[0]
    assert found.answer == found.context[best.begin : best.end] == found.guesses[0].label
    assert found.guesses[0].probability == best.probability
    assert found.right_answer == example.target_text
    assert found.is_right == (normalised(found.answer) == normalised(found.right_answer))
    seen = inspect_run(Look(folder, example.text, options=example.options))
    assert (seen.prediction, seen.marked, seen.is_right) == (found.answer, found.marked, found.is_right)
    assert len(seen.source_labels) == seen.attention["encoder"].shape[-1]
    (again,) = api.predict(run.id, [example.text], options=example.options)
    assert again == found
    data, lens = load_task(run.config), lens_of_run(Look(folder, example.text, options=example.options))
    inputs = data.encode_source(example.text, options=example.options)
    logits = capture(load_model(folder, "best")[0], inputs).logits
    inside = np.flatnonzero(data.context_offsets(inputs, example.options["context"])[1][:, 0] >= 0)
    assert lens.positions == ("start", "end")
    places = [int(name.rpartition("(")[2][:-1]) for name in (lens.names[one] for one in lens.top[-1, :, 0])]
    assert places == logits[inside].argmax(0).tolist()


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("What?", {}, "must have a context"),
        ("What?", {"context": " \n"}, "must have a context"),
        ("", {"context": "A red door."}, r"the text must not be empty"),
        ("What?", {"context": "A red door. " * 40}, r"at most \d+ tokens"),
        ("What " * 40, {"context": "A red door."}, r"at most \d+ tokens"),
        ("What?", {"context": "x" * 5000}, r"at most 4000 characters"),
        ("What?", {"language": "de"}, r"must be one of context"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    store: Store, run: Run, text: str, options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ClpsError, match=sentence):
        predict(store.run_folder(run.id), [text], options=options)


def test_the_command_line_takes_a_question_and_a_context(run: Run) -> None:
    told = clps("predict", run.id, "--text", "What?", "--context", "The door is red.", "--json")
    (one,) = json.loads(told.stdout)["predictions"]
    assert one["context"] == "The door is red."
    assert one["answer"] in one["context"]
    assert one["marked"][0]["probability"] > 0
    missing = clps("predict", run.id, "--text", "What?")
    assert missing.exit_code == 2
    assert "must have a context. Got none. Add --context" in " ".join(missing.stderr.split())
    assert clps("predict", run.id).exit_code == 0, "the task's example has its context"
    assert clps("predict", run.id, "--examples", "2").exit_code == 0
