"""What tests of the store, its queue and what works on them share."""

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
def queue(store: Store) -> Queue:
    """The queue of ``store``."""
    return Queue(store)
