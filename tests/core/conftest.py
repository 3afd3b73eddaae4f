"""What several tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clps_core.store import Store, open_store
from clps_core.store.queue import Queue


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on which nobody works."""
    store = open_store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, as the bits of a training depend on their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def queue(store: Store) -> Queue:
    """The queue of ``store``."""
    return Queue(store)
