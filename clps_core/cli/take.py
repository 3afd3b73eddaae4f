"""``clps snapshot``: results as files to keep and to mail. Start at snapshot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from clps_core.cli.output import print_json, say, size
from clps_core.errors import StoreError
from clps_core.snapshot import snapshot_of
from clps_core.store import open_store
from clps_core.words import _

__all__ = ["snapshot"]


def snapshot(ids: Sequence[str], out: Path, *, as_json: bool) -> None:
    """Write the snapshot of comparisons and runs to ``out``."""
    _check_new(out)
    with closing(open_store()) as store:
        content = snapshot_of(store, ids)
    _write(out, content)
    if as_json:
        print_json({"path": str(out), "bytes": len(content)})
    else:
        say(_("Snapshot written to {path}, {size}.", path=out, size=size(len(content))))


def _check_new(out: Path) -> None:
    """Before any work: nothing is overwritten."""
    if out.exists() or out.is_symlink():
        raise StoreError(_("an export must not overwrite anything. {path} is there already.", path=out))


def _write(out: Path, content: bytes) -> None:
    """Whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    arriving = out.with_name(f".{out.name}.{os.getpid()}.writing")
    try:
        arriving.write_bytes(content)
        arriving.replace(out)
    finally:
        arriving.unlink(missing_ok=True)
