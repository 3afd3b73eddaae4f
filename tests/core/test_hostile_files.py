"""Odd files in a run's folder: refused in a sentence, without waiting, following links, or taking memory."""

from __future__ import annotations

import io
import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from untrained_runs import small_config, untrained_run

from clps_core.data.registry import load_task
from clps_core.errors import CheckpointError, ClpsError, DataError, JobError, NotFoundError
from clps_core.files import MAX_JSON_LEVELS, open_given, open_regular, parsed_json, read_json
from clps_core.inspection import inspect_run
from clps_core.jobs import service
from clps_core.look import Look
from clps_core.policy import read_policy
from clps_core.store import Store, open_store
from clps_core.store.archive import import_run
from clps_core.training.checkpoint import checkpoint_path, latest, read
from clps_core.training.loading import load_model
from clps_core.training.probe_file import read_probe
from clps_core.training.run_folder import fixed_placement, open_folder, read_config

SAMPLE = Path(__file__).parents[2] / "clps_core" / "samples" / "runs" / "sample-dates-none"
DEEP = "[" * 200_000
SECRET = "what nobody may read"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # its name may have 107 characters
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def a_link(path: Path) -> None:
    outside = path.parent / "outside"
    outside.write_text(SECRET)
    path.symlink_to(outside)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


ODD = {
    "pipe": (fifo, "it is not a regular file"),
    "socket": (a_socket, "it is not a regular file"),
    "link": (a_link, "it is a symbolic link"),
    "folder": (a_folder, "it is not a regular file"),
    "device behind a link": (a_device, "it is a symbolic link"),
}
Make = Callable[[Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("runs") / "whole", small_config(), step=7)


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A run's folder to be spoilt."""
    folder = tmp_path / "run"
    for path in whole.rglob("*"):
        target = folder / path.relative_to(whole)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


# The door itself


@pytest.mark.parametrize("odd", ODD)
def test_only_a_regular_file_of_the_folder_is_opened(tmp_path: Path, odd: str) -> None:
    make, sentence = ODD[odd]
    make(tmp_path / "file")
    with pytest.raises(OSError, match=sentence):
        open_regular(tmp_path, "file")


def test_a_link_on_the_way_and_a_name_that_leads_out_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="a symbolic link or not a folder"):
        open_regular(tmp_path / "run", "checkpoints", "file")
    for names in (("..", "elsewhere", "file"), ("../elsewhere/file",), ("",), ("a\0b",), ()):
        with pytest.raises(OSError, match="it is outside its folder"):
            open_regular(tmp_path / "run", *names)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "run", "nothing")


def test_the_folder_itself_may_be_a_link_and_so_may_a_file_that_its_administrator_names(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").write_bytes(b"123")
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    with open_regular(tmp_path / "home", "file", limit=3) as file:
        assert file.read() == b"123"
    (tmp_path / "policy").symlink_to(tmp_path / "disk" / "file")
    with open_given(tmp_path / "policy") as file:
        assert file.read() == b"123"


def test_a_file_beyond_its_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(16 << 30)
    with pytest.raises(OSError, match="it has 17,179,869,184 bytes, more than 4,194,304"):
        read_json(tmp_path, "sparse")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (DEEP, f"at most {MAX_JSON_LEVELS} levels"),
        ("[" * 100 + "]" * 100, f"at most {MAX_JSON_LEVELS} levels"),
        ('{"a":' * 70 + "1" + "}" * 70, f"at most {MAX_JSON_LEVELS} levels"),
        ("9" * 5_000, "whole numbers of at most 40 digits. Got one of 5000"),
        ("[NaN]", "finite numbers only. Got NaN"),
        ("-Infinity", "finite numbers only. Got -Infinity"),
        (b"\xff", "utf-8"),
    ],
)
def test_json_that_would_break_its_reader_is_a_value_error(text: str | bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        parsed_json(text)
    assert "set_int_max_str_digits" not in str(caught.value)


def test_json_as_deep_as_allowed_is_read() -> None:
    assert parsed_json("[" * MAX_JSON_LEVELS + "]" * MAX_JSON_LEVELS)
    assert parsed_json('{"perplexity": Infinity}', finite=False) == {"perplexity": float("inf")}


# Every file of a run


def asked_of(run: Path, name: str) -> None:
    """Do what reads this file of a run."""
    if name == "plan.json":
        fixed_placement(run, small_config(), None)
    elif name == "versions.json":
        open_folder(run, small_config(), load_task(small_config()))
    else:
        inspect_run(Look(run, "Sunday, July 20, 1969"))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "plan.json", "versions.json", "checkpoints/best.safetensors"]
)
def test_an_odd_file_of_a_run_is_one_sentence(run: Path, name: str, odd: str) -> None:
    path = run / name
    path.unlink(missing_ok=True)
    if name.startswith("checkpoints"):
        for other in ("last", "previous"):
            checkpoint_path(run, other).unlink(missing_ok=True)
    ODD[odd][0](path)
    with pytest.raises(ClpsError) as caught:
        asked_of(run, name)
    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["config.json", "versions.json", "plan.json"])
def test_json_of_200_000_levels_in_a_runs_folder_is_one_sentence(run: Path, name: str) -> None:
    (run / name).write_text(DEEP)
    with pytest.raises(CheckpointError, match=rf"{name} (is damaged|must list)"):
        asked_of(run, name)


@pytest.mark.parametrize(
    "change", [{"threads": 10**9}, {"threads": 0}, {"device": "../x"}, {"precision": "fp8"}, {"threads": "9" * 5_000}]
)
def test_a_device_plan_that_no_run_had_is_refused(run: Path, change: dict[str, object]) -> None:
    plan = {"device": "cpu", "precision": "fp32", "threads": 1, "reason": "x"}
    (run / "plan.json").write_text(json.dumps(plan | change))
    with pytest.raises(CheckpointError, match=r"plan\.json must list the run's device, precision and threads"):
        fixed_placement(run, small_config(), None)


# Checkpoints


def test_a_config_of_another_size_is_refused_before_its_model_is_built(run: Path) -> None:
    """512 layers of width 65,536 would take terabytes."""
    config = json.loads((run / "config.json").read_text())
    config["model"] |= {"num_layers": 512, "num_decoder_layers": 512, "d_model": 65_536, "d_ff": 65_536}
    (run / "config.json").write_text(json.dumps(config))
    before = psutil.Process().memory_info().rss
    with pytest.raises(CheckpointError, match=r"a checkpoint must fit its model\. model\..* must be .*65536"):
        load_model(run)
    assert psutil.Process().memory_info().rss - before < 512 << 20


def tensor_file(path: Path, header: dict[str, object] | bytes, size: int, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with path.open("wb") as file:
        file.write((len(text) if length is None else length).to_bytes(8, "little") + text)
        file.truncate(max(size, 8 + len(text)))


def entry(shape: list[int], begin: int, end: int, kind: str = "F32") -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


GIB = 1 << 30
HEADERS = {
    "a header of terabytes": (b"{}", 10, 1 << 40),
    "a header as long as the file": (b"{}", 16 * GIB, 16 * GIB - 8),
    "a negative length": (b"{}", 10, (1 << 64) - 1),
    "deep": (DEEP.encode(), 0, None),
    "no object": (b"[1, 2]", 0, None),
    "sparse, and the header tells of less": ({"model.a": entry([1], 0, 4)}, 16 * GIB, None),
    "a hole": ({"model.a": entry([1], 0, 4), "model.b": entry([1], 8, 12)}, 0, None),
    "one over another": ({"model.a": entry([2], 0, 8), "model.b": entry([1], 4, 8)}, 0, None),
    "a shape that is not its size": ({"model.a": entry([1 << 20, 1 << 20], 0, 4)}, 0, None),
    "a negative size": ({"model.a": entry([-1, -1], 0, 4)}, 0, None),
    "an unknown type": ({"model.a": entry([1], 0, 4, "F4")}, 0, None),
    "true as a size": ({"model.a": {"dtype": "U8", "shape": [True], "data_offsets": [0, 1]}}, 0, None),
    "no offsets": ({"model.a": {"dtype": "F32", "shape": [1]}}, 0, None),
    "texts as offsets": ({"model.a": {"dtype": "F32", "shape": [1], "data_offsets": "04"}}, 0, None),
    "metadata that is a list": ({"__metadata__": []}, 0, None),
    "no facts": ({"__metadata__": {"clps": DEEP}}, 0, None),
    "facts that are a number": ({"__metadata__": {"clps": "1"}}, 0, None),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_hostile_header_is_one_sentence(tmp_path: Path, case: str) -> None:
    header, size, length = HEADERS[case]
    path = checkpoint_path(tmp_path, "last")
    path.parent.mkdir()
    tensor_file(path, header, size, length)
    with pytest.raises(CheckpointError, match=r"is damaged"):
        read(path)
    with pytest.raises(CheckpointError, match="Start the run again"):
        latest(tmp_path)


def test_a_sparse_checkpoint_whose_header_is_sound_does_not_fit_the_model(run: Path) -> None:
    for name in ("best", "last"):
        tensor_file(checkpoint_path(run, name), {"model.a": entry([4 * GIB], 0, 16 * GIB)}, 0)
        with checkpoint_path(run, name).open("r+b") as file:
            file.truncate(checkpoint_path(run, name).stat().st_size + 16 * GIB)
    with pytest.raises(CheckpointError, match="must fit its model"):
        load_model(run)


def test_a_checkpoint_larger_than_the_memory_is_refused_where_no_model_is_known(tmp_path: Path) -> None:
    path = checkpoint_path(tmp_path, "last")
    path.parent.mkdir()
    size = 1 << 42
    tensor_file(path, {"__metadata__": {"clps": "{}"}, "model.a": entry([size], 0, size, "U8")}, 0)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)
    with pytest.raises(CheckpointError, match=r"does not fit into memory: it has 4096\.0 GiB"):
        read(path)


def test_the_librarys_reader_and_ours_read_the_same(whole: Path) -> None:
    import torch
    from safetensors.torch import load_file

    path = checkpoint_path(whole, "best")
    theirs, ours = load_file(path), read(path).tensors
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) and theirs[name].dtype == ours[name].dtype for name in ours)


# Probes


def probe(path: Path, arrays: dict[str, np.ndarray], declared: tuple[int, ...] | None = None) -> Path:
    """A probe file, in which the attention may declare more than it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=True)
            data = content.getvalue()
            if declared is not None and "attention" in name:
                header = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    header, {"descr": "|u1", "fortran_order": False, "shape": declared}
                )
                data = header.getvalue() + data[128:]
            archive.writestr(f"{name}.npy", data)
    return path


def arrays(shape: tuple[int, ...] = (2, 2, 3, 3), labels: int = 3) -> dict[str, np.ndarray]:
    return {
        "step": np.array(6),
        "count": np.array(1),
        "0.attention.encoder": np.zeros(shape, np.uint8),
        "0.text": np.array("abc"),
        "0.source": np.array(list("abc" * 400)[:labels]),
        "0.target": np.array([], dtype=np.str_),
    }


def test_probes_are_read_and_must_be_those_of_the_model(tmp_path: Path) -> None:
    path = probe(tmp_path / "probes" / "step-000006.npz", arrays())
    step, (record,) = read_probe(path, {"encoder": (2, 2)})
    assert (step, record.text, record.attention["encoder"].shape) == (6, "abc", (2, 2, 3, 3))
    for other in ({"encoder": (4, 2)}, {"encoder": (2, 1)}, {"decoder": (2, 2)}):
        with pytest.raises(CheckpointError, match="attention of another model or input"):
            read_probe(path, other)


@pytest.mark.parametrize(
    ("given", "declared"),
    [
        (arrays(), (64, 64, 512, 512)),
        (arrays(), (1 << 40, 1, 1, 1)),
        (arrays(), (64, 64, 128, 128)),
        (arrays((2, 2, 200, 200), labels=200), None),
        (arrays() | {"0.attention.encoder": np.zeros((2, 2, 3, 3), np.float64)}, None),
        (arrays() | {"0.attention.encoder": np.array([{"a": 1}], dtype=object)}, None),
        (arrays() | {"count": np.array(10**9)}, None),
        (arrays() | {"0.text": np.array("x" * 400_000)}, None),
        (arrays() | {"0.source": np.array([b"abc"])}, None),
        ({name: one for name, one in arrays().items() if name != "0.text"}, None),
    ],
)
def test_probes_that_declare_what_they_cannot_have_are_refused(
    tmp_path: Path, given: dict[str, np.ndarray], declared: tuple[int, ...] | None
) -> None:
    path = probe(tmp_path / "probes" / "step-000006.npz", given, declared)
    with pytest.raises(CheckpointError, match="is not a valid probe file"):
        read_probe(path)


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_as_a_probe_is_one_sentence(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "probes" / "step-000006.npz"
    path.parent.mkdir()
    ODD[odd][0](path)
    with pytest.raises(CheckpointError, match=f"is not a valid probe file: {ODD[odd][1]}"):
        read_probe(path)


# Logs, policies and archives


@pytest.fixture
def store(tmp_path: Path):
    store = open_store(tmp_path / "home")
    yield store
    store.close()


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_as_a_log_is_one_sentence(store: Store, odd: str) -> None:
    run = import_run(store, SAMPLE)
    ODD[odd][0](store.run_folder(run.id) / "log.txt")
    with pytest.raises(JobError, match=f"the log of run .* cannot be read: {ODD[odd][1]}"):
        service.log_text(store, run.id)


def test_a_pipe_as_a_policy_is_one_sentence(tmp_path: Path) -> None:
    fifo(tmp_path / "policy.yaml")
    with pytest.raises(ClpsError, match=r"the policy must be a readable YAML file\. Got .*not a regular file"):
        read_policy(tmp_path, {})


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["run.json", "config.json", "metrics.csv"])
def test_an_odd_file_in_an_export_is_refused(store: Store, tmp_path: Path, name: str, odd: str) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for path in SAMPLE.glob("*.*"):
        if path.name != name:
            (folder / path.name).write_bytes(path.read_bytes())
    ODD[odd][0](folder / name)
    with pytest.raises(NotFoundError, match=f"is not a complete exported run: its {name} is missing or damaged"):
        import_run(store, folder)
    assert store.runs() == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a\x1b]0;owned\x07"},
        {"name": "a\nb"},
        {"name": "x" * 10_000},
        {"name": ""},
        {"step": 2**70},
        {"step": -1},
        {"seconds": 1e300},
        {"created_at": 1e18},
        {"device": "\u202ecpu"},
        {"artefacts": [["a\x1b[2J", 5, "checkpoints/best.safetensors"]]},
        {"artefacts": [["best", 2**70, "checkpoints/best.safetensors"]]},
    ],
)
def test_an_export_with_hostile_facts_is_refused(store: Store, tmp_path: Path, change: dict[str, object]) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for path in SAMPLE.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(about | change))
    with pytest.raises(NotFoundError, match=r"its run\.json is missing or damaged"):
        import_run(store, folder)
    assert store.runs() == []


@pytest.mark.parametrize(
    "row",
    [
        "train,loss,999999999999999999999,1,1",
        "train,loss,-1,1,1",
        ",loss,1,1,1",
        "train,\x1b[2J,1,1,1",
        "train,loss," + "9" * 5_000 + ",1,1",
        "train,loss,1,1," + "x" * 200_000,
    ],
)
def test_an_export_with_hostile_curves_is_refused(store: Store, tmp_path: Path, row: str) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for path in SAMPLE.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "metrics.csv").write_text(f"split,name,step,value,seconds\n{row}\n")
    with pytest.raises(NotFoundError, match=r"its metrics\.csv is missing or damaged"):
        import_run(store, folder)
    assert store.runs() == []


def test_a_run_with_other_tokens_or_a_huge_tokenizer_is_refused(run: Path) -> None:
    with (run / "tokenizer.json").open("wb") as file:
        file.truncate(16 << 30)
    with pytest.raises(DataError, match="trained with other tokens"):
        inspect_run(Look(run, "Sunday, July 20, 1969"))


def test_a_sentence_about_a_file_of_a_run_does_not_say_where_the_home_lies(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "20261128-all"
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("checkpoints/best.safetensors", "config.json"):
        (folder / name).write_bytes(b"damaged")
    for name, reader in {
        "checkpoints/best.safetensors": lambda: read(checkpoint_path(folder, "best")),
        "config.json": lambda: read_config(folder),
    }.items():
        with pytest.raises(CheckpointError, match=f"^(the checkpoint )?runs/20261128-all/{name} is damaged"):
            reader()
    with pytest.raises(CheckpointError) as refused:
        load_model(folder)
    assert str(tmp_path) not in str(refused.value)
