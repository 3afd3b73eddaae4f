"""One primitive makes data matched and resume exact: a batch is a pure function of its step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from clps_core.config import build_config, resolve
from clps_core.data.base import digest, padded, step_generator
from clps_core.data.lengths import POOLED
from clps_core.data.registry import load_task
from clps_core.home import cache_of
from clps_core.tasks import TASKS
from clps_core.timing import _batch_lengths
from clps_core.training.evaluation import real_tokens

PROGRAM = """
import json, sys
from pathlib import Path
from clps_core.config import build_config, resolve
from clps_core.data.base import digest
from clps_core.data.registry import load_task

def summary(name):
    data = load_task(resolve(build_config({"data": {"task": name, "seed": 3}})).config)
    batch = data.batch(41, 6)
    evaluation = [b.inputs.tobytes() for b in data.evaluation("validation", 20, 8)]
    arrays = [batch.inputs.tobytes(), batch.labels.tobytes()]
    return [data.fingerprint, digest(*arrays), digest(*evaluation), digest(data.tokenizer_json())]

summaries = {name: summary(name) for name in sys.argv[1:]}
heavy = sorted({"torch", "transformers", "bertviz", "streamlit"} & set(sys.modules))
print(json.dumps({"heavy": heavy, **summaries}))
"""


def _elsewhere(program: str, *arguments: str) -> str:
    """What ``program`` prints in a fresh process with another hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    with tempfile.TemporaryDirectory() as nothing_kept:
        return _run(program, arguments, {**environment, "CLPS_CACHE": nothing_kept})


def _run(program: str, arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, list[str]]:
    return json.loads(_elsewhere(PROGRAM, *TASKS))


@pytest.mark.parametrize("name", TASKS)
def test_a_fresh_process_makes_the_same_batches(elsewhere: dict[str, list[str]], name: str) -> None:
    data = load_task(resolve(build_config({"data": {"task": name, "seed": 3}})).config)
    data.batch(0, 4)
    batch = data.batch(41, 6)
    evaluation = [part.inputs.tobytes() for part in data.evaluation("validation", 20, 8)]
    arrays = [batch.inputs.tobytes(), batch.labels.tobytes()]
    mine = [data.fingerprint, digest(*arrays), digest(*evaluation), digest(data.tokenizer_json())]
    assert mine == elsewhere[name]


def test_the_registry_itself_loads_no_heavy_library() -> None:
    heavy = "{'torch', 'transformers', 'bertviz', 'sklearn', 'tokenizers', 'babel', 'streamlit'}"
    program = f"import sys, clps_core.data.registry; print(sorted({heavy} & set(sys.modules)))"
    assert _elsewhere(program).strip() == "[]"


def test_no_task_loads_torch(elsewhere: dict[str, list[str]]) -> None:
    assert elsewhere["heavy"] == []


def test_a_step_has_its_own_random_numbers() -> None:
    draws = {
        int(step_generator(*arguments).integers(2**62))
        for arguments in [("a", 0, 0), ("a", 0, 1), ("a", 1, 0), ("b", 0, 0), ("a", 10, 0), ("a", 1, 10), ("a", 11, 0)]
    }
    assert len(draws) == 7


def test_a_digest_tells_its_parts_apart() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("a", "b", "c"), digest("abc", "")}) == 5


def test_rows_are_padded_to_few_widths() -> None:
    assert padded([[1], [1, 2, 3, 4, 5]], 0, 4, 40).tolist() == [[1, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0, 0, 0]]
    assert padded([[1, 2, 3]], 9, 4, 3).tolist() == [[1, 2, 3]]


def test_what_is_slow_to_build_is_kept_in_the_home_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = cache_of(tmp_path)
    monkeypatch.delenv("CLPS_CACHE")
    config = resolve(build_config({"data": {"task": "python-docs"}})).config
    (tmp_path / "cache").symlink_to(shared)  # built once for all tests
    load_task(config, home=tmp_path)
    assert cache_of(tmp_path) == tmp_path / "cache"
    assert len(list((tmp_path / "cache").glob("python-docs-*.safetensors"))) >= 1


@pytest.mark.parametrize("name", TASKS)
def test_batches_are_as_long_as_the_facts_say_and_only_real_tokens_count(name: str) -> None:
    """So that the time of a run can be told before its data are read; and padding is no speed."""
    config = resolve(build_config({"data": {"task": name}})).config
    data, size = load_task(config), config.train.batch_size
    told = _batch_lengths(config, data.facts)
    training = [data.batch(7 * step, size) for step in range(2 * POOLED)]
    held_out = list(data.evaluation("validation", config.train.eval_examples, size))
    for batches, length in ((training, told[0]), (held_out, told[1])):
        frames = config.model.reads_frames  # then tokens are those of the encoder
        sides = [(batch.inputs, None if frames else batch.decoder_inputs) for batch in batches]
        found = [one.shape[1] for both in sides for one in both if one is not None]
        assert np.mean(found) == pytest.approx(length, rel=0.04)
    for batch in (training[0], held_out[-1]):
        sides = [batch.inputs] if batch.decoder_inputs is None else [batch.inputs, batch.decoder_inputs]
        patches = int(np.prod(batch.inputs.shape[:2])) if batch.input_mask is None else int(batch.input_mask.sum())
        real = sum(patches if one.ndim == 3 else int((one != data.pad_id).sum()) for one in sides)
        assert real_tokens(batch) == real
