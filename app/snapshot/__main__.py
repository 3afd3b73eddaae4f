"""``python -m app.snapshot``: what ``clps snapshot`` starts, since the engine knows no dashboard."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from clps_core.errors import ClpsError


def main() -> int:
    """Write the file; a problem is one sentence on the error output, and status 2."""
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # its pages are not run here
    reader = argparse.ArgumentParser(prog="clps snapshot")
    reader.add_argument("--home", type=Path, required=True)
    reader.add_argument("--out", type=Path, required=True)
    reader.add_argument("--comparison", default="")
    reader.add_argument("runs", nargs="*")
    given = reader.parse_args()
    from app.snapshot.page import snapshot
    from clps_core.store import open_store
    from clps_core.store.shelf import find_comparison

    try:
        store = open_store(given.home)
        name, note, ids = "", None, given.runs
        if given.comparison:
            comparison = find_comparison(store, given.comparison)
            name, note, ids = comparison.name, comparison.notes, list(comparison.run_ids)
        text = snapshot(store, [store.run(one) for one in ids], title=name, note=note)
        given.out.write_text(text, encoding="utf-8")
    except ClpsError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or given.out}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
