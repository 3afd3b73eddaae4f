"""Gates in a server under test: the import of a module waits until a test opens it.

Python imports a module of this name before all others where its folder is on ``PYTHONPATH``. For each module that shall
wait a FIFO of its name lies in the folder ``CLPS_TEST_GATES``; who writes to it opens the gate. So a test sees what a
server does while a slow machine would still be importing or loading a model. The server's model process inherits both:
at the gate of ``torch`` it is the one that waits.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class Gate(MetaPathFinder):
    """Finds no module; some it keeps waiting."""

    def find_spec(self, name: str, *_more: object) -> None:
        gate = Path(os.environ["CLPS_TEST_GATES"]) / name
        if gate.is_fifo():
            gate.read_bytes()


sys.meta_path.insert(0, Gate())
