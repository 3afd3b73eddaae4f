"""Generated tasks: right labels, contents that are really held out, a dial, and answers to what is typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from clps_core.config import build_config, resolve
from clps_core.data.base import IGNORED, SPLITS, Array, Batch
from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.spec import from_spec, to_spec
from clps_core.tasks import TASKS
from clps_core.work.batch import to_device

GENERATED = {
    "hops": (1, 2, 3, 8),
    "cups": (6, 7, 12, 32),
    "pairs": (64, 1000, 4096),
    "stories": (2, 3, 4),
    "sums": (3, 12, 20),
    "brackets": (2, 8, 12),
}
EVERY = [(task, difficulty) for task, dials in GENERATED.items() for difficulty in dials]


def loaded(task: str, difficulty: int | None = None, **data: Any) -> Any:
    given = {"task": task, **({} if difficulty is None else {"difficulty": difficulty}), **data}
    return load_task(resolve(build_config({"data": given})))


def held_out(data: Any, split: str) -> Iterator[Batch]:
    return data.evaluation(split, 10**6, 512)


def rows(batch: Batch) -> Iterator[tuple[list[int], list[int]]]:
    return zip(batch.inputs.tolist(), batch.labels.tolist(), strict=True)


def right_labels(task: str, difficulty: int, tokens: list[int]) -> list[int]:
    """The labels as somebody would find them by hand, one token after the other; pairs need their table."""
    if task == "hops":
        labels = [IGNORED] * 8
        for question in tokens[8:]:
            at = question - 8
            for _hop in range(difficulty):
                at = tokens[at]
            labels.append(at)
        return labels
    if task == "stories":
        return [IGNORED if found is None else found[0] for found in answered(tokens)]
    if task == "sums":
        added = str(number(tokens[::3]) + number(tokens[1::3])).zfill(len(tokens) // 3)
        return [one for digit in reversed(added) for one in (IGNORED, IGNORED, int(digit))]
    if task == "brackets":
        return [IGNORED if found is None else found[0] for found in closed(tokens)]
    cups = [False] * 3
    cups[tokens[0]] = True
    labels = [IGNORED]
    for token in tokens[1:]:
        one, other = {3: (0, 1), 4: (0, 2), 5: (1, 2)}[token]
        cups[one], cups[other] = cups[other], cups[one]
        labels.append(cups.index(True))
    return labels


def closed(tokens: list[int]) -> list[tuple[int, int] | None]:
    """At each closing bracket: the kind of the one that is still open, 8 for none, and how deep it went in between."""
    found: list[tuple[int, int] | None] = []
    opened, depths = [], []
    for place, token in enumerate(tokens):
        if token < 4:
            opened.append((token, place))
        else:
            assert opened.pop()[0] == token - 4
        depths.append(len(opened))
        kind, since = opened[-1] if opened else (8, -1)
        found.append(None if token < 4 else (kind, max(depths[since + 1 :]) - len(opened)))
    assert not opened
    return found


def number(digits: list[int]) -> int:
    """Of digits with the last one first."""
    return int("".join(map(str, reversed(digits))))


def answered(tokens: list[int]) -> list[tuple[int, int] | None]:
    """At each question of a story: the place, as its token, and the number of sentences that one must read for it."""
    said: list[tuple[int, int] | None] = []
    holder: dict[int, tuple[int, int]] = {}  # who or what -> what it is with, and the sentences that say so
    for before, token in zip([-1, *tokens], tokens, strict=False):
        thing = 3 + (token - 13) % 4
        if 7 <= token < 13:
            holder[before] = (token, 1)
        elif 13 <= token < 21:
            holder[thing] = (before, 1)
        elif 21 <= token < 25:
            holder[thing] = (holder[before][0], 2)
        elif 25 <= token < 29:
            holder[before] = (thing, 1)
        said.append(None)
        if token >= 29:
            at, needed = holder[token - 29]
            while at < 7:
                needed, at = needed + holder[at][1], holder[at][0]
            said[-1] = (at, needed)
    return said


@pytest.mark.parametrize(("task", "difficulty"), [one for one in EVERY if one[0] != "pairs"])
def test_labels_are_what_one_finds_by_hand(task: str, difficulty: int) -> None:
    data = loaded(task, difficulty)
    batches = [data.batch(7, 32), *data.evaluation("validation", 32, 32), *data.evaluation("test", 32, 32)]
    for batch in batches:
        for tokens, labels in rows(batch):
            assert labels == right_labels(task, difficulty, tokens)
            if task == "hops":
                assert sorted(tokens) == list(range(16))


def test_a_pair_has_one_value_everywhere_and_values_are_spread_evenly() -> None:
    data = loaded("pairs")
    seen: dict[tuple[int, ...], set[int]] = {}
    batches = [*(data.batch(step, 512) for step in range(60)), *held_out(data, "validation"), *held_out(data, "test")]
    for batch in batches:
        for tokens, labels in rows(batch):
            assert labels[0] == IGNORED
            seen.setdefault(tuple(tokens), set()).add(labels[1])
    assert len(seen) == 4096
    assert {len(values) for values in seen.values()} == {1}
    counts = Counter(value for values in seen.values() for value in values)
    assert len(counts) == 64
    assert max(counts.values()) < 100, "64 of each are expected"


@pytest.mark.parametrize("task", GENERATED)
def test_what_people_read_tells_pairs_from_what_is_held_out(task: str) -> None:
    summary = TASKS.usual(task).summary
    assert ("scored on the pairs it was trained on" in summary) == (task == "pairs")
    assert ("No test" in summary) == (task != "pairs")


@pytest.mark.parametrize("difficulty", [6, 12])
def test_no_held_out_game_begins_as_one_of_training_or_of_the_other_split(difficulty: int) -> None:
    data = loaded("cups", difficulty)
    begun = {split: {row[:6] for batch in held_out(data, split) for row in map(tuple, batch.inputs.tolist())}
             for split in ("validation", "test")}  # fmt: skip
    begun["train"] = {row[:6] for step in range(80) for row in map(tuple, data.batch(step, 64).inputs.tolist())}
    assert not begun["train"] & (begun["validation"] | begun["test"])
    assert not begun["validation"] & begun["test"]
    assert sum(len(data.beginnings(split)) for split in SPLITS) == 3**6
    batches = [batch for split in ("validation", "test") for batch in held_out(data, split)]
    games = [tuple(row) for batch in batches for row in batch.inputs.tolist()]
    assert len(games) == len(set(games)), "each counts once"


def test_a_tenth_of_the_permutations_is_never_trained_on() -> None:
    data = loaded("hops")
    tables = {split: {row[:8] for batch in held_out(data, split) for row in map(tuple, batch.inputs.tolist())}
              for split in ("validation", "test")}  # fmt: skip
    trained = {row[:8] for step in range(100) for row in map(tuple, data.batch(step, 64).inputs.tolist())}
    assert not trained & (tables["validation"] | tables["test"])
    assert not tables["validation"] & tables["test"]
    out = len(tables["validation"]) + len(tables["test"])
    assert out == pytest.approx(40320 / 10, rel=0.03)
    assert len(data.permutations("train")) + out == 40320


def test_all_pairs_are_trained_and_the_halves_that_are_scored_share_none() -> None:
    data = loaded("pairs", 1000)
    train, validation, test = (set(data.pairs(split).tolist()) for split in SPLITS)
    assert validation | test == train
    assert not validation & test
    assert len(train) == 1000
    with pytest.raises(ConfigError, match="task pairs has no folds"):
        resolve(build_config({"data": {"task": "pairs", "folds": 3, "fold": 0}}))


@pytest.mark.parametrize(("task", "difficulty"), EVERY)
def test_a_batch_depends_on_difficulty_seed_and_step_alone(task: str, difficulty: int) -> None:
    def batch(step: int, **given: Any) -> bytes:
        found = loaded(task, difficulty, **given).batch(step, 16)
        return bytes(found.inputs.tobytes() + found.labels.tobytes())

    assert batch(5) == batch(5)
    assert len({batch(5), batch(6), batch(5, seed=1)}) == 3
    fingerprints = {loaded(task, one).fingerprint for one in GENERATED[task]}
    assert len(fingerprints) == len(GENERATED[task])


def best_guess(task: str, data: Any, split: str, limit: int) -> dict[str, float]:
    """The accuracy of the task's trivial answers, counted one label after the other."""
    shown = [pair for batch in data.evaluation(split, limit, 64) for pair in rows(batch)]
    if task == "hops":
        asked = [(token - 8, label) for tokens, labels in shown for token, label in zip(tokens, labels, strict=True)
                 if label != IGNORED]  # fmt: skip
        return {"accuracy": sum(x == label for x, label in asked) / len(asked), "moved_accuracy": 0.0}
    if task == "pairs":
        by_first: dict[int, Counter[int]] = {}
        for tokens, labels in shown:
            by_first.setdefault(tokens[0], Counter())[labels[1]] += 1
        return {"accuracy": sum(max(one.values()) for one in by_first.values()) / len(shown)}
    if task in ("stories", "sums", "brackets"):
        guess = {"stories": walked, "sums": added, "brackets": without_pairs}[task]
        hits = [hit for tokens, labels in shown for hit in guess(tokens, labels)]
        graded = {name: [right for grade, right in hits if name.endswith(f"_{grade}")] for name in data.facts.graded}
        return {"accuracy": float(np.mean([right for _grade, right in hits])),
                **{name: float(np.mean(found)) for name, found in graded.items()}}  # fmt: skip
    swaps = len(shown[0][1]) - 1
    columns = zip(*(labels[1:] for _tokens, labels in shown), strict=True)
    each = [max(Counter(column).values()) / len(shown) for column in columns]
    last = each[-(swaps // 3) :]
    return {"accuracy": sum(each) / swaps, "late_accuracy": sum(last) / len(last),
            **{f"swap_{place}": share for place, share in enumerate(each, start=1)}}  # fmt: skip


def walked(tokens: list[int], labels: list[int]) -> Iterator[tuple[int, bool]]:
    """Sentences needed, and whether the guess is right: where a person went last, of a thing the place named last."""
    last, went = -1, {}
    for before, token, label, found in zip([-1, *tokens], tokens, labels, answered(tokens), strict=False):
        if 7 <= token < 13:
            last = went[before] = token
        if found is not None:
            yield found[1], label == (went[token - 29] if token - 29 < 3 else last)


def added(tokens: list[int], labels: list[int]) -> Iterator[tuple[int, bool]]:
    """How far back a carry is decided, and whether the guess is right that looks one digit back."""
    totals = [one + other for one, other in zip(tokens[::3], tokens[1::3], strict=True)]
    for place, label in enumerate(labels[2::3]):
        back = next((n for n in range(1, place) if totals[place - n] != 9), place)
        carry = place > 0 and totals[place - 1] > 9
        yield min(back, 5), label == (totals[place] + carry) % 10


def without_pairs(tokens: list[int], labels: list[int]) -> Iterator[tuple[int, bool]]:
    """Levels in between, and whether the guess is right: the last opening bracket that no closing one follows."""
    left = [8]
    for place, (token, found) in enumerate(zip(tokens, closed(tokens), strict=True)):
        if found is not None:
            yield min(found[1], 5), labels[place] == left[-1]
        elif tokens[place + 1] < 4:
            left.append(token)


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize(("task", "difficulty"), EVERY)
def test_baselines_are_those_of_brute_force(task: str, difficulty: int, split: str) -> None:
    data = loaded(task, difficulty)
    facts = data.facts
    limit = facts.defaults["train"]["eval_examples" if split == "validation" else "test_examples"]
    assert isinstance(limit, int)
    found = data.baselines(split, limit)
    loss = found.pop("loss") if isinstance(found, dict) else 0.0
    assert found == pytest.approx(best_guess(task, data, split, limit))
    assert set(found) | {"loss"} == set(facts.metrics)
    assert loss > 0 or (task, difficulty) == ("hops", 1)
    assert found[facts.metric] == pytest.approx(facts.baseline if split == "validation" else facts.test_baseline)


def test_guessing_x_scores_a_quarter_in_two_hops() -> None:
    assert TASKS.usual("hops").baseline == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("task", ["hops", "cups", "stories", "sums", "brackets"])
def test_accuracies_of_parts_are_those_counted_by_hand(task: str) -> None:
    data, config = loaded(task), resolve(build_config({"data": {"task": task}})).config
    work = TASKS.work(task)
    scores = work.scores(config, work.loss)
    generator = torch.Generator().manual_seed(1)
    counted: dict[str, list[bool]] = {}
    for batch in data.evaluation("validation", 100, 48):
        output = torch.randn(*batch.labels.shape, data.facts.vocab_size, generator=generator)
        scores.add(output, to_device(batch, "cpu"))
        for said, (tokens, labels) in zip(output.argmax(-1).tolist(), rows(batch), strict=True):
            for place, (answer, label) in enumerate(zip(said, labels, strict=True)):
                if label != IGNORED:
                    for name in parts_of(task, place, tokens, label):
                        counted.setdefault(name, []).append(answer == label)
    values = scores.values()
    assert set(values) == set(data.facts.metrics)
    for name, hits in counted.items():
        assert values[name] == pytest.approx(np.mean(hits)), name


def parts_of(task: str, place: int, tokens: list[int], label: int) -> list[str]:
    if task == "hops":
        return ["accuracy", *(["moved_accuracy"] if label != tokens[place] - 8 else [])]
    if task == "stories":
        found = answered(tokens)[place]
        return ["accuracy", f"needs_{found[1]}"] if found else []
    if task == "sums":
        back, _right = [*added(tokens, [0] * len(tokens))][place // 3]
        return ["accuracy", *([f"back_{back}"] if back else [])]
    if task == "brackets":
        levels = closed(tokens)[place]
        return ["accuracy", f"levels_{min(levels[1], 5)}"] if levels else []
    return ["accuracy", f"swap_{place}", *(["late_accuracy"] if place > 8 else [])]


@pytest.mark.parametrize(
    ("task", "text", "tokens", "answer"),
    [
        ("hops", "1 2 3 4 5 6 7 0", [1, 2, 3, 4, 5, 6, 7, 0, *range(8, 16)], "2 3 4 5 6 7 0 1"),
        ("cups", "2 1-2 2-3 3-1", [1, 3, 5, 4], "1 1 3"),
        ("cups", " 3  3↔1 ", [2, 4], "1"),
        ("sums", "384 + 57", [4, 7, 10, 8, 5, 10, 3, 0, 10, 0, 0, 10], "441"),
        ("brackets", "([] {})<", [0, 1, 5, 2, 6, 4, 3], "( ( ."),
        ("sums", "0+0=", [0, 0, 10, 0, 0, 10], "0"),
        (
            "stories",
            "Anna went to the office. anna took the Bag! Coin in bag.\nAnna dropped bag. Anna went attic. Coin? Anna?",
            [0, 11, 0, 16, 3, 28, 0, 24, 0, 10, 32, 29],
            "office attic",
        ),
        ("stories", "Ben went garden. where is ball. Ben?", [1, 8, 33, 30], None),
        ("stories", "Where is the ball?", [33], None),
    ],
)
def test_a_typed_line_is_read_and_its_right_answer_known(
    task: str, text: str, tokens: list[int], answer: str | None
) -> None:
    data = loaded(task)
    assert data.encode_source(text).tolist() == [tokens]
    assert data.right_answer(text) == answer
    assert len(data.token_labels(data.encode_source(text)[0])) == len(tokens)


def test_a_typed_pair_has_the_value_that_is_trained_and_others_have_none() -> None:
    data = loaded("pairs", 64)
    example = data.examples(1)[0]
    first, second = map(int, example.text.split())
    batch = next(b for b in held_out(data, "test"))
    values = {tuple(tokens): labels[1] for tokens, labels in rows(batch)}
    assert example.target_text == str(values[first, 64 + second]) == data.right_answer(example.text)
    learnt = {(pair // 64, pair % 64) for pair in data.pairs("train").tolist()}
    other = next((a, b) for a in range(64) for b in range(64) if (a, b) not in learnt)
    assert data.right_answer(f"{other[0]} {other[1]}") is None


@pytest.mark.parametrize(
    ("task", "text"),
    [
        *(("hops", text) for text in ("", "1 2 3", "1 1 2 3 4 5 6 7", "1 2 3 4 5 6 7 8", "a b", "1.5 2", "9" * 5000)),
        *(("cups", text) for text in ("", "2", "4 1-2", "1 1-1", "1 1-4", "1 1-2 x", "1-2 1-2", "1 " * 4000)),
        ("cups", "1 " + "1-2 " * 13),
        *(("pairs", text) for text in ("", "1", "64 1", "1 2 3", "-1 2", "one two")),
        *(("sums", text) for text in ("", "1", "1 + ", "-1 + 2", "1.5 + 2", "1 + 2 + 3", "1" * 13 + " + 1", "१ + 1")),
        *(("brackets", text) for text in ("", "(", "(]", ")", "()a", "()." , "()" * 17, "(" * 401)),
        *(("stories", text) for text in ("", "Anna went to the kitchen.", "Where is the tree?", "Anna?" * 500)),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_refused_in_a_sentence(task: str, text: str) -> None:
    with pytest.raises(DataError, match=r"the input must .* Got"):
        loaded(task).encode_source(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Anna went to the kitchn. Anna?", r"these words only: Anna, Ben, .* Got 'kitchn'. Did you mean kitchen\?"),
        ("<script>. Anna?", r"the input must be a story with these words only: .* Got '<script>'\.$"),
        ("The box is in the coin. Box?", r"must be one of these: Anna went .* Got 'The box is in the coin\.'"),
        ("The bag is in the box. Bag?", r"must be one of these: .* Got 'The bag is in the box\.'"),
        ("The ball took Anna. Ball?", r"must be one of these: .* Got 'The ball took Anna\.'"),
        ("Anna went to the attic. Where is Anna Ben?", r"must ask for one person or thing.* Got 'Where is Anna Ben\?'"),
        ("Where is the kitchen?", r"must ask for one person or thing.* Got 'Where is the kitchen\?'"),
        ("Anna? " * 42, r"at most 41 tokens: .* Got 42"),
    ],
)  # fmt: skip
def test_a_story_that_cannot_be_read_is_refused_with_what_can_be(text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        loaded("stories").encode_source(text)


def test_nothing_impossible_happens_in_a_story() -> None:
    """Who takes, gets or drops a thing is where it is; nothing is in two places, or in itself."""
    told = loaded("stories", 4).batch(3, 64)
    for tokens, _labels in rows(told):
        for end in range(7, len(tokens)):
            before, token = tokens[end - 1 : end + 1]
            if not 13 <= token < 25:
                continue
            thing = 3 + (token - 13) % 4
            earlier = tokens[: end - 1]
            place = (answered([*earlier, 29 + before])[-1] or (0, 0))[0]
            mentioned = any(13 <= one < 25 and 3 + (one - 13) % 4 == thing for one in earlier)
            if mentioned:
                assert (answered([*earlier, 29 + thing])[-1] or (0, 0))[0] == place
            else:
                assert token < 17, "a thing comes up where somebody takes it"


@pytest.mark.parametrize(("task", "beginning"), [("stories", 6), ("sums", 6), ("brackets", 32)])
def test_no_held_out_content_begins_as_one_of_training_or_of_the_other_split(task: str, beginning: int) -> None:
    data = loaded(task)
    begun = {split: {tuple(row[:beginning]) for batch in held_out(data, split) for row in batch.inputs.tolist()}
             for split in ("validation", "test")}  # fmt: skip
    begun["train"] = {tuple(row[:beginning]) for step in range(20) for row in data.batch(step, 64).inputs.tolist()}
    assert not begun["train"] & (begun["validation"] | begun["test"])
    assert not begun["validation"] & begun["test"]
    texts = [tuple(row) for split in ("validation", "test") for batch in held_out(data, split)
             for row in batch.inputs.tolist()]  # fmt: skip
    assert len(texts) == len(set(texts)), "each counts once"


@pytest.mark.parametrize("task", GENERATED)
def test_examples_are_held_out_lines_with_their_answers(task: str) -> None:
    data = loaded(task)
    examples = data.examples(4)
    assert len({one.text for one in examples}) == 4
    assert data.facts.example_inputs == tuple(one.text for one in examples[:3])
    test = {row.tobytes() for batch in held_out(data, "test") for row in reading(task, batch.inputs)}
    for one in examples:
        assert reading(task, data.encode_source(one.text))[0].tobytes() in test
        assert data.right_answer(one.text) == one.target_text
        if task in ("stories", "sums", "brackets"):
            assert data.input_text(data.encode_source(one.text)[0]) == one.text


def reading(task: str, inputs: Array) -> Array:
    return np.ascontiguousarray(inputs[:, : {"hops": 8, "sums": 12}.get(task, inputs.shape[1])])


@pytest.mark.parametrize("task", GENERATED)
def test_the_dial_is_part_of_the_config_and_goes_through_a_link(task: str) -> None:
    usual = resolve(build_config({"data": {"task": task}})).config
    assert usual.data.difficulty == TASKS.usual(task).difficulty
    assert to_spec(usual) == f"1;task={task}"
    other = resolve(build_config({"data": {"task": task, "difficulty": GENERATED[task][0]}}))
    assert resolve(from_spec(to_spec(other.config))).config == other.config
    assert other.facts.difficulty == GENERATED[task][0]
    assert f"data.difficulty={GENERATED[task][0]}" in to_spec(other.config)
    least, most = TASKS.usual(task).difficulties or (0, 0)
    for bad in (least - 1, most + 1):
        with pytest.raises(ConfigError, match="difficulty"):
            resolve(build_config({"data": {"task": task, "difficulty": bad}}))


def test_a_dial_of_a_task_that_has_none_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"data.difficulty must only be given for generated tasks. Got it for task dates"
    ):
        resolve(build_config({"data": {"task": "dates", "difficulty": 3}}))
