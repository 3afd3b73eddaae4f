"""What a run answers is what its model says, written at once or piece by piece; bad requests are one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from untrained_runs import small_config, untrained_run

from clps_core.data.registry import load_task
from clps_core.errors import ConfigError, DataError
from clps_core.inspection import inspect_run
from clps_core.look import Look
from clps_core.model.generate import Sampling, generate
from clps_core.predicting import MOST_TEXTS, held_out_examples, predict
from clps_core.predicting_split import predict_split
from clps_core.training.evaluation import evaluate
from clps_core.training.loading import load_model
from clps_core.training.run_folder import cpu_placement

TEXT = "Sunday, July 20, 1969"
DRAWN = Sampling(temperature=2.0, top_k=20, top_p=0.9, seed=4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    return {task: untrained_run(root / task, small_config(task)) for task in ("dates", "python-docs", "digits")}


@pytest.mark.parametrize("loops", [None, 3])
@pytest.mark.parametrize("sampling", [Sampling(), DRAWN])
def test_what_is_written_is_what_the_model_generates(folders, sampling, loops) -> None:
    model, config, _step = load_model(folders["dates"])
    data = load_task(config)
    inputs = torch.from_numpy(data.encode_source(TEXT, options={"language": "fr"}))
    tokens = generate(model, inputs, None, data.bos_id, data.eos_id, 12, sampling=sampling, loops=loops)[0].tolist()
    found = predict(
        folders["dates"], [TEXT], options={"language": "fr"}, sampling=sampling, loops=loops, max_tokens=12
    )[0]
    assert found.answer == data.decode(tokens)
    assert [piece.token for piece in found.pieces] == tokens
    assert found.right_answer == "dimanche 20 juillet 1969"
    assert found.is_right is False
    assert found.ended == (data.eos_id in tokens)


@pytest.mark.parametrize(("task", "text"), [("dates", TEXT), ("python-docs", "Return the number of")])
@pytest.mark.parametrize("sampling", [Sampling(), DRAWN])
def test_pieces_joined_are_what_is_written_at_once(folders, task, text, sampling) -> None:
    whole = predict(folders[task], [text], sampling=sampling, max_tokens=9)[0]
    tokens: list[int] = []
    for count in (2, 4, 3):
        part = predict(folders[task], [text], sampling=sampling, max_tokens=count, so_far=tokens)[0]
        tokens += [piece.token for piece in part.pieces]
    assert tokens == [piece.token for piece in whole.pieces]
    assert part.answer == whole.answer
    assert (part.ended, part.room) == (whole.ended, whole.room)


def test_each_piece_has_the_models_own_probability(folders) -> None:
    """Written with a temperature or not, and equal to a forward pass over the whole text."""
    model, config, _step = load_model(folders["python-docs"])
    data = load_task(config)
    found = predict(folders["python-docs"], ["A class"], sampling=DRAWN, max_tokens=5)[0]
    inputs = data.encode_source("A class")
    tokens = [piece.token for piece in found.pieces]
    with torch.inference_mode():
        shares = model(torch.from_numpy(np.append(inputs[0], tokens)[None])).softmax(-1)[0, inputs.shape[1] - 1 :]
    for place, piece in enumerate(found.pieces):
        assert piece.probability == pytest.approx(float(shares[place, piece.token]), rel=1e-4)
        assert piece.label == data.token_labels([piece.token])[0]
        assert [one.probability for one in piece.likeliest] == pytest.approx(
            shares[place].sort(descending=True).values[:8].tolist(), rel=1e-4
        )


def test_a_text_ends_with_the_models_positions(folders) -> None:
    limit = load_model(folders["dates"])[1].model.max_positions
    found = predict(folders["dates"], [TEXT], sampling=DRAWN, max_tokens=1_000)[0]
    assert found.ended or (len(found.pieces), found.room) == (limit, 0)


def test_every_text_gets_its_answer_whatever_stands_next_to_it(folders) -> None:
    texts = ["Return the number of", "A class"]
    drawn = Sampling(temperature=1.0, seed=3)
    together = predict(folders["python-docs"], texts, sampling=drawn, max_tokens=5)
    alone = [predict(folders["python-docs"], [text], sampling=drawn, max_tokens=5)[0] for text in texts]
    assert together == tuple(alone)
    assert together[0] != predict(folders["python-docs"], texts, sampling=Sampling(1.0, seed=4), max_tokens=5)[0]


def test_a_classifier_answers_as_attention_shows_it(folders) -> None:
    found, seen = predict(folders["digits"], ["7"])[0], inspect_run(Look(folders["digits"], "7"))
    assert (found.answer, found.guesses, found.right_answer) == (seen.prediction, seen.guesses, seen.right_answer)
    assert found.image is not None
    assert np.array_equal(found.image, seen.image)
    assert sum(one.probability for one in found.guesses) <= 1 + 1e-6


def test_held_out_examples_can_be_asked_with_their_right_answers(folders) -> None:
    for task in ("dates", "digits"):
        for one in held_out_examples(folders[task], 5):
            found = predict(folders[task], [one.text], options=one.options)[0]
            assert found.right_answer == one.target_text


def test_answers_to_a_split_give_the_score_of_the_run(folders) -> None:
    for task, metric in (("dates", "exact_match"), ("digits", "accuracy")):
        found = list(predict_split(folders[task], "validation", 50))
        model, config, _step = load_model(folders[task])
        train = config.train.model_copy(update={"eval_examples": 50})
        scores = evaluate(
            model, load_task(config), config.model_copy(update={"train": train}), cpu_placement(folders[task])
        )
        assert len(found) == 50
        assert sum(one.prediction == one.reference for one in found) / 50 == pytest.approx(scores[metric])
        assert len({one.reference for one in found}) > 5
    assert all(one.input == "" for one in found)
    dates = next(predict_split(folders["dates"], "test", 1))
    assert dates.input == held_out_examples(folders["dates"], 1)[0].text


def test_a_language_model_has_no_references(folders) -> None:
    with pytest.raises(DataError, match="no correct answers to compare with"):
        list(predict_split(folders["python-docs"], "test", 1))


def test_bad_requests_are_refused_in_a_sentence(folders) -> None:
    with pytest.raises(ConfigError, match="one of language"):
        predict(folders["dates"], [TEXT], options={"tongue": "de"})
    with pytest.raises(DataError, match="language must be one of"):
        predict(folders["dates"], [TEXT], options={"language": "xx"})
    with pytest.raises(ConfigError, match="must have no options"):
        predict(folders["python-docs"], ["A"], options={"language": "de"})
    with pytest.raises(DataError, match="Shorten it"):
        predict(folders["dates"], [TEXT, "May " * 50])
    with pytest.raises(DataError, match="empty"):
        predict(folders["python-docs"], [" "])
    with pytest.raises(ConfigError, match="max_tokens"):
        predict(folders["dates"], [TEXT], max_tokens=0)
    for tokens in ([-1], [10**9], [2]):
        with pytest.raises(DataError, match="tokens to continue from"):
            predict(folders["dates"], [TEXT], so_far=tokens)
    for count in (0, MOST_TEXTS + 1):
        with pytest.raises(DataError, match="texts must be given"):
            predict(folders["dates"], [TEXT] * count)
    with pytest.raises(DataError, match="split must be"):
        list(predict_split(folders["dates"], "train"))
