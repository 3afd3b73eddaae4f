"""What the dashboard sees of a run is what the model does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from untrained_runs import small_config, untrained_run

from clps_core.analysis.capture import capture
from clps_core.data.registry import load_task
from clps_core.errors import CheckpointError, DataError
from clps_core.inspection import LONGEST_TEXT, dequantised, inspect_run, quantised
from clps_core.look import Look
from clps_core.model.generate import generate
from clps_core.training.loading import load_model

TEXTS = {"dates": "Sunday, July 20, 1969", "python-docs": "Return the number of", "digits": "17"}
MARKUP = "May <script>alert(1)</script> \"quoted\" 'it' & 😀 שלום"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    return {task: untrained_run(root / task, small_config(task), step=7) for task in TEXTS}


@pytest.mark.parametrize("task", TEXTS)
def test_the_attention_is_what_capture_gives(folders: dict[str, Path], task: str) -> None:
    found = inspect_run(Look(folders[task], TEXTS[task]))

    model, config, step = load_model(folders[task], "best")
    data = load_task(config)
    inputs = data.encode_source(TEXTS[task], options={})
    decoder_inputs = None
    if task == "dates":
        answer = generate(model, torch.from_numpy(inputs), None, data.bos_id, data.eos_id, data.facts.max_target_len)
        tokens = answer[0].tolist()
        said = tokens[: tokens.index(data.eos_id)] if data.eos_id in tokens else tokens
        decoder_inputs = np.array([[data.bos_id, *said][: data.facts.max_target_len]])
    expected = capture(model, inputs, decoder_inputs=decoder_inputs)

    assert step == found.step == 7
    assert found.seconds > 0
    assert found.attention.keys() == expected.attention.keys()
    for kind, weights in found.attention.items():
        np.testing.assert_allclose(weights, expected.attention[kind], atol=1e-6)
        queries, keys = found.labels(kind)
        assert weights.shape[2:] == (len(queries), len(keys))


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32)))
def test_eight_bits_are_off_by_half_a_step_at_most(weights: np.ndarray) -> None:
    assert np.abs(dequantised(quantised(weights)) - weights).max() <= 1 / 510 + 1e-7


def test_every_kind_is_quantised(folders: dict[str, Path]) -> None:
    found = inspect_run(Look(folders["dates"], TEXTS["dates"]))
    for kind, weights in found.quantise().items():
        assert weights.dtype == np.uint8
        assert np.abs(dequantised(weights) - found.attention[kind]).max() <= 1 / 510 + 1e-7


def test_the_decoder_reads_its_own_answer_or_the_typed_target(folders: dict[str, Path]) -> None:
    own = inspect_run(Look(folders["dates"], TEXTS["dates"]))
    typed = inspect_run(Look(folders["dates"], TEXTS["dates"], target_text="Sonntag"))
    assert own.target == "greedy"
    assert typed.target == "typed"
    assert own.target_labels[0] == typed.target_labels[0] == "<bos>"
    assert typed.target_labels[1:] == tuple("Sonntag")
    assert typed.prediction == own.prediction, "the prediction is greedy, whatever the decoder was shown"


def test_options_reach_the_task(folders: dict[str, Path]) -> None:
    german = inspect_run(Look(folders["dates"], TEXTS["dates"], options={"language": "de"}))
    french = inspect_run(Look(folders["dates"], TEXTS["dates"], options={"language": "fr"}))
    assert german.source_labels[0] != french.source_labels[0]
    with pytest.raises(DataError, match="language must be one of"):
        inspect_run(Look(folders["dates"], TEXTS["dates"], options={"language": "<b>"}))


def test_layers_that_share_query_and_key_weights_are_in_one_group(folders: dict[str, Path]) -> None:
    found = inspect_run(Look(folders["dates"], TEXTS["dates"]))
    assert found.groups == {"encoder": (0, 1, 0, 1), "decoder": (0, 1, 0, 1), "cross": (0, 1, 0, 1)}


def test_the_right_answer_stands_beside_the_prediction_where_it_is_known(folders: dict[str, Path]) -> None:
    french = {"language": "fr"}
    assert (
        inspect_run(Look(folders["dates"], TEXTS["dates"], options=french)).right_answer == "dimanche 20 juillet 1969"
    )
    for no_date in ("Monday, July 20, 1969", "Sunday, Juli 20, 1969", "Friday, February 30, 2024", "moon landing"):
        assert inspect_run(Look(folders["dates"], no_date, options=french)).right_answer is None
    data = load_task(small_config("digits"))
    assert inspect_run(Look(folders["digits"], "17")).right_answer == data.examples(18)[17].target_text
    assert inspect_run(Look(folders["python-docs"], "The")).right_answer is None


def test_a_classifier_shows_its_image_and_ranks_its_classes(folders: dict[str, Path]) -> None:
    found = inspect_run(Look(folders["digits"], "17"))
    model, config, _step = load_model(folders["digits"], "best")
    data = load_task(config)
    pixels = data.encode_source("17")[0]
    assert found.image is not None
    assert found.image.shape == (8, 8)
    np.testing.assert_array_equal(found.image[2:4, 6:8].reshape(-1), pixels[4 + 3], "the patch of row 2, column 4")
    logits = capture(model, pixels[None]).logits
    assert found.prediction == found.guesses[0].label == str(logits.argmax())
    assert found.guesses[0].probability == pytest.approx(torch.tensor(logits).softmax(-1).max().item(), abs=1e-6)


def test_a_language_model_says_how_it_would_go_on(folders: dict[str, Path]) -> None:
    found = inspect_run(Look(folders["python-docs"], TEXTS["python-docs"]))
    assert found.target == "none"
    assert len(found.next_tokens) == len(found.source_labels)
    assert found.guesses[0].label == found.next_tokens[-1].label
    with pytest.raises(DataError, match="does not use a typed target"):
        inspect_run(Look(folders["python-docs"], TEXTS["python-docs"], target_text="more"))


def test_markup_is_text(folders: dict[str, Path]) -> None:
    dates = inspect_run(Look(folders["dates"], "Tuesday <b>1</b>"))
    assert {"<", ">"} <= set(dates.unknown)
    docs = inspect_run(Look(folders["python-docs"], MARKUP))
    assert docs.text == MARKUP
    assert "script" in "".join(docs.source_labels)


def test_a_text_beyond_all_limits_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(LONGEST_TEXT)):
        inspect_run(Look(tmp_path / "no such run", "x" * (LONGEST_TEXT + 1)))


def test_empty_and_too_long_inputs_are_refused_in_a_sentence(folders: dict[str, Path]) -> None:
    for task in ("dates", "python-docs"):
        with pytest.raises(DataError, match="empty"):
            inspect_run(Look(folders[task], "  "))
        with pytest.raises(DataError, match="Shorten it"):
            inspect_run(Look(folders[task], "word " * 300))
    with pytest.raises(DataError, match="test image"):
        inspect_run(Look(folders["digits"], "180"))


def test_a_run_without_weights_says_so(tmp_path: Path, folders: dict[str, Path]) -> None:
    (tmp_path / "config.json").write_bytes((folders["dates"] / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match="no weights yet"):
        inspect_run(Look(tmp_path, TEXTS["dates"]))


def test_a_run_whose_tokens_mean_something_else_now_is_refused(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", small_config())
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace("→", "->").replace("<unk>", "<new>"))
    with pytest.raises(DataError, match="Train it again"):
        inspect_run(Look(folder, TEXTS["dates"]))


def test_the_number_of_threads_is_left_as_it_was(folders: dict[str, Path]) -> None:
    before = torch.get_num_threads()
    inspect_run(Look(folders["dates"], TEXTS["dates"]))
    assert torch.get_num_threads() == before


def test_importing_the_module_does_not_import_torch() -> None:
    code = "import sys, clps_core.inspection; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
