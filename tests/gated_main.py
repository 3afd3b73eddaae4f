"""The dashboard's entry point with gates: the import of a module waits until a test opens it.

For each module a FIFO of its name lies in the folder ``CLPS_TEST_GATES``; who writes to it opens the gate. So a test
sees what a page says while a slow machine would still be importing or loading a model. It stands in ``tests`` since
pages are looked for beside the entry point's folder.
"""

from __future__ import annotations

import os
import runpy
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class Gate(MetaPathFinder):
    """Finds no module; some it keeps waiting."""

    def find_spec(self, name: str, *_more: object) -> None:
        gate = Path(os.environ["CLPS_TEST_GATES"]) / name
        if gate.is_fifo():
            gate.read_bytes()


if not any(type(one).__name__ == "Gate" for one in sys.meta_path):
    sys.meta_path.insert(0, Gate())
runpy.run_path(str(Path(__file__).parents[1] / "app" / "main.py"), run_name="__main__")
