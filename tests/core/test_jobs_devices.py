"""A run on CUDA is refused before it is queued where nobody could give it CUDA."""

from __future__ import annotations

import pytest

from clps_core.config import build_config
from clps_core.errors import ConfigError
from clps_core.jobs import devices, service
from clps_core.jobs.desk import Desk
from clps_core.store import Store
from clps_core.store.queue import Queue

CUDA = build_config({"train": {"device": "cuda", "steps": 1}})
WORDS = "train.device cuda must have a usable CUDA GPU.*Use train.device auto or cpu"


@pytest.fixture
def torch_for(monkeypatch: pytest.MonkeyPatch):
    """Say which build of torch is there, and which drivers; the machine's own GPUs are hidden."""

    def say(build: str, drivers: tuple[str, ...] = (), gpus: tuple[str, ...] = ()) -> None:
        monkeypatch.setattr(devices, "version", lambda _name: build)
        monkeypatch.setattr(devices, "visible_gpus", lambda _environment: gpus)
        monkeypatch.setattr(devices, "DRIVERS", drivers)
        monkeypatch.setattr(devices.sys, "platform", "linux")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return say


def test_a_run_on_cuda_is_refused_everywhere_and_nothing_is_queued(store: Store, torch_for) -> None:
    torch_for("2.8.0+cpu")
    for ask in (lambda: service.submit(store, [CUDA]), lambda: Desk.of(store, None).checked([CUDA])):
        with pytest.raises(ConfigError, match=WORDS):
            ask()
    assert store.runs() == []


def test_a_run_that_another_machine_of_the_store_may_take_is_let_through(store: Store, torch_for) -> None:
    torch_for("2.8.0+cpu")
    store.create_comparison("x", [build_config()])
    Queue(store).start_next(0, "the-one-with-the-gpu", "boot")
    assert service.checked(store, [CUDA])[0].config.train.device == "cuda"


@pytest.mark.parametrize(
    ("build", "drivers", "gpus", "hidden", "why"),
    [
        ("2.8.0+cpu", (), (), None, "this build of torch"),
        ("2.8.0+cu128", (), (), None, "no NVIDIA driver and no GPU were found"),
        ("2.8.0+cu128", (), (), "", "CUDA_VISIBLE_DEVICES hides all GPUs"),
        ("2.8.0+cu128", (), ("0",), None, None),
        ("2.8.0+cu128", ("/",), (), None, None),
        ("2.8.0+rocm6.4", (), (), None, None),
    ],
)
def test_only_what_is_sure_to_fail_is_refused(torch_for, monkeypatch, build, drivers, gpus, hidden, why) -> None:
    torch_for(build, drivers, gpus)
    environment = {} if hidden is None else {"CUDA_VISIBLE_DEVICES": hidden}
    found = devices.why_no_cuda(environment)
    assert found is None if why is None else why in str(found)


def test_other_devices_are_never_refused(store: Store, torch_for) -> None:
    torch_for("2.8.0+cpu")
    for device in ("auto", "cpu"):
        devices.check_devices(store, [build_config({"train": {"device": device}})])
