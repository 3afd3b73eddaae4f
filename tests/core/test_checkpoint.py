"""Claims about checkpoints: whole at every instant, damage noticed, nothing lost on a full disk."""

from __future__ import annotations

import errno
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checkpoint_steps import latest_step

from clps_core.errors import CheckpointError
from clps_core.training.checkpoint import (
    Checkpoint,
    checkpoint_path,
    latest,
    read,
    restore_weights,
    save_best,
    save_last,
    weights,
)


def checkpoint(step: int) -> Checkpoint:
    tensors = {
        "model.weight": torch.full((3, 4), float(step)),
        "model.half": torch.arange(5, dtype=torch.bfloat16),
        "optimiser.weight/step": torch.tensor(float(step)),
    }
    return Checkpoint(tensors, {"step": step, "seconds": 1.5, "best": None})


def flip_a_byte(path: Path, place: int = -3) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_what_is_read_is_what_was_saved(tmp_path: Path) -> None:
    save_last(tmp_path, checkpoint(7))
    found = latest(tmp_path)
    assert found is not None
    assert (found.step, found.facts["seconds"], latest_step(tmp_path)) == (7, 1.5, 7)
    for name, tensor in checkpoint(7).tensors.items():
        assert torch.equal(found.tensors[name], tensor)
        assert found.tensors[name].dtype == tensor.dtype


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    assert latest_step(tmp_path) is None


def test_the_former_last_becomes_previous_and_nothing_else_is_left(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_last(tmp_path, checkpoint(step))
    assert read(checkpoint_path(tmp_path, "previous")).step == 2
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["last.safetensors", "previous.safetensors"]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = save_best(tmp_path / "a", checkpoint(1)), save_best(tmp_path / "b", checkpoint(1))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("damage", ["changed byte", "changed header", "cut", "empty", "text"])
def test_a_damaged_last_is_said_and_the_one_before_it_is_used(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    save_last(tmp_path, checkpoint(1))
    path = save_last(tmp_path, checkpoint(2))
    content = path.read_bytes()
    match damage:
        case "changed byte":
            flip_a_byte(path)
        case "changed header":
            path.write_bytes(content.replace(b'\\"step\\": 2', b'\\"step\\": 3'))
            assert path.read_bytes() != content
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("this is no checkpoint at all")
    with caplog.at_level(logging.WARNING):
        assert latest_step(tmp_path) == 1
    assert "last.safetensors is damaged" in caplog.text
    assert "step 1" in caplog.text


def test_a_damaged_last_set_aside_does_not_push_out_the_whole_previous(tmp_path: Path) -> None:
    save_last(tmp_path, checkpoint(1))
    flip_a_byte(save_last(tmp_path, checkpoint(2)))
    found = latest(tmp_path, set_aside=True)
    assert found is not None
    assert found.step == 1
    save_last(tmp_path, checkpoint(3))
    assert read(checkpoint_path(tmp_path, "previous")).step == 1
    assert latest_step(tmp_path) == 3


def test_when_both_are_damaged_the_run_must_start_anew(tmp_path: Path) -> None:
    save_last(tmp_path, checkpoint(1))
    save_last(tmp_path, checkpoint(2))
    flip_a_byte(checkpoint_path(tmp_path, "last"))
    flip_a_byte(checkpoint_path(tmp_path, "previous"))
    with pytest.raises(CheckpointError, match=r"previous.*Start the run again"):
        latest(tmp_path)


def test_killed_between_the_two_renames_previous_is_whole(tmp_path: Path) -> None:
    save_last(tmp_path, checkpoint(1))
    path = save_last(tmp_path, checkpoint(2))
    path.replace(checkpoint_path(tmp_path, "previous"))
    assert latest_step(tmp_path) == 2


def test_killed_while_writing_the_half_file_is_not_taken(tmp_path: Path) -> None:
    path = save_last(tmp_path, checkpoint(1))
    path.with_name(".last.safetensors.writing").write_bytes(b"half")
    assert latest_step(tmp_path) == 1
    save_last(tmp_path, checkpoint(2))
    assert latest_step(tmp_path) == 2


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import torch
from clps_core.errors import CheckpointError
from clps_core.training.checkpoint import Checkpoint, save_last
folder = Path(sys.argv[1])
def checkpoint(step):
    return Checkpoint({"model.weight": torch.full((100, 100), float(step))}, {"step": step})
save_last(folder, checkpoint(1))
save_last(folder, checkpoint(2))
# The nearest to a full disk without being root: files may not grow beyond 5000 bytes.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    save_last(folder, checkpoint(3))
except CheckpointError as error:
    print(error, error.__cause__.errno)
"""


def test_a_full_disk_is_said_and_leaves_the_checkpoints_intact(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "free some space there" in done.stdout
    assert done.stdout.split()[-1] == str(errno.EFBIG)
    assert (latest_step(tmp_path), read(checkpoint_path(tmp_path, "previous")).step) == (2, 1)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file in the way")
    with pytest.raises(CheckpointError, match="cannot be written to"):
        save_last(tmp_path, checkpoint(1))


def test_weights_of_another_model_are_refused_by_name_and_shape() -> None:
    model = torch.nn.Linear(3, 2)
    good = {name: tensor.clone() for name, tensor in weights(model).items()}
    with pytest.raises(CheckpointError, match=r"model\.weight must be 2x3\. Got 2x4"):
        restore_weights(model, good | {"model.weight": torch.zeros(2, 4)})
    with pytest.raises(CheckpointError, match=r"model\.bias must be 2\. Got absent"):
        restore_weights(model, {"model.weight": torch.zeros(2, 3)})
    with pytest.raises(CheckpointError, match=r"model\.extra must be absent\. Got 1"):
        restore_weights(model, good | {"model.extra": torch.zeros(1)})
