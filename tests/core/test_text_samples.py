"""What a language model writes while it is trained: when, what is kept, and what of a file is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clps_core.config import build_config, resolve
from clps_core.data.text_samples import FILE, LONGEST, TextSample, keep_samples, kept_samples, writes_at
from clps_core.training.loop import train
from clps_core.training.sink import RecordingSink


def test_samples_are_written_before_training_at_powers_of_two_and_at_the_end() -> None:
    assert [step for step in range(0, 701, 50) if writes_at(step, 50, 700)] == [0, 50, 100, 200, 400, 700]


def test_a_language_model_keeps_what_it_writes_and_learns_the_same(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sizes = {"model": {"num_layers": 1, "d_model": 16, "d_ff": 16, "num_heads": 2}}
    steps = {"steps": 4, "batch_size": 2, "eval_every": 2, "eval_examples": 4, "test_examples": 4, "probe_count": 0}
    config = resolve(build_config({"data": {"task": "docstrings", "seq_len": 64}, "train": steps, **sizes}))
    train(config, tmp_path / "writing", RecordingSink())
    found = kept_samples(tmp_path / "writing")
    assert [one.step for one in found] == [0, 0, 2, 2, 4, 4]
    assert len({one.beginning for one in found}) == 2
    assert all(one.said for one in found)
    monkeypatch.setattr("clps_core.training.loop.beginnings", lambda _data: ())
    train(config, tmp_path / "silent", RecordingSink())
    assert kept_samples(tmp_path / "silent") == ()
    weights = [(tmp_path / name / "checkpoints" / "best.safetensors").read_bytes() for name in ("writing", "silent")]
    assert weights[0] == weights[1]


def test_what_is_written_again_after_a_resume_replaces_the_first(tmp_path: Path) -> None:
    keep_samples(tmp_path, [TextSample(0, "A", "x"), TextSample(2, "A", "y")])
    keep_samples(tmp_path, [TextSample(2, "A", "z")])
    assert kept_samples(tmp_path) == (TextSample(0, "A", "x"), TextSample(2, "A", "z"))


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "7", '{"step": 1}', '{"step": -1, "beginning": "A", "said": "b"}',
     '{"step": 1.5, "beginning": "", "said": ""}',
     '{"step": 1, "beginning": 7, "said": "b"}', "[" * 100_000],
)  # fmt: skip
def test_a_line_that_is_none_is_left_out(tmp_path: Path, line: str) -> None:
    keep_samples(tmp_path, [TextSample(0, "A", "x")])
    with (tmp_path / FILE).open("a") as file:
        file.write(line + "\n")
    assert kept_samples(tmp_path) == (TextSample(0, "A", "x"),)


def test_texts_of_others_are_bounded_and_can_be_seen(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"step": 1, "beginning": "\x1b[2J", "said": "b" * 99_999}))
    (one,) = kept_samples(tmp_path)
    assert "\x1b" not in one.beginning
    assert len(one.said) == LONGEST
    (tmp_path / FILE).write_bytes(b"x" * (2 << 20))
    assert kept_samples(tmp_path) == ()
