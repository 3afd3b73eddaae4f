"""Reading in a process of its own, for the dashboard. Start at preview_in_child and add_in_child.

The ``datasets`` library takes seconds to import and a hostile file may take all the memory it can get. This process has
a limit of time and, for uploads, of memory; the dashboard's stays small. Request and answer are one line of JSON each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clps_core.catalogues import SETTING
from clps_core.errors import ClpsError, DataError
from clps_core.files import parsed_json
from clps_core.own_data.sources import Source
from clps_core.shown import visible
from clps_core.words import _, language

__all__ = ["Told", "add_in_child", "main", "preview_in_child"]

logger = logging.getLogger(__name__)

MEMORY = 6 * 2**30
"""Bytes of addresses that reading an upload may take; libraries alone take more than one GiB of them."""
SECONDS = 900.0
NICENESS = 5
LONGEST_CELL = 400
MOST_LOGGED = 4000
"""Bytes of what a process that failed said."""


@dataclass(frozen=True)
class Told:
    """``media.Preview`` as plain data; cells are cut to ``LONGEST_CELL`` characters."""

    kind: str
    columns: Mapping[str, str]
    note: str
    rows: Mapping[str, Sequence[str | None]]
    running_text: bool
    medium: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def preview_in_child(home: Path, source: Source, **given: Any) -> Told:
    """``adding.preview``; raises ``DataError`` as it does."""
    return Told(**_asked("preview", home, source, given))


def add_in_child(home: Path, name: str, source: Source, **given: Any) -> str:
    """``adding.add``; returns the data set's name."""
    return str(_asked("add", home, source, {"name": name, **given})["name"])


def _asked(do: str, home: Path, source: Source, given: Mapping[str, Any]) -> dict[str, Any]:
    request = {"do": do, "home": str(home), "source": _plain(source), "given": dict(given)}
    environment = dict(os.environ)
    if (reader := language()) is not None:
        environment[SETTING] = reader
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "clps_core.own_data.child"],
            input=json.dumps(request).encode(), capture_output=True, env=environment, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DataError(
            _("reading the data took longer than the {minutes} minutes allowed here. Use a part of the data.",
              minutes=round(SECONDS / 60))
        ) from None  # fmt: skip
    lines = ended.stdout.decode("utf-8", "replace").splitlines()
    try:
        answer = parsed_json(lines[-1])
        if "problem" not in answer:
            return dict(answer["found"])
        problem = str(answer["problem"])
    except (IndexError, ValueError, KeyError, TypeError):
        problem = _unexpected(ended)
    raise DataError(problem)


def _unexpected(ended: subprocess.CompletedProcess[bytes]) -> str:
    """What to say of a process that ended without an answer; what it said itself goes into the log."""
    logger.error(
        "Reading data ended with %s. It said: %s",
        ended.returncode, visible(ended.stderr[-MOST_LOGGED:].decode("utf-8", "replace")),
    )  # fmt: skip
    if ended.returncode < 0:  # by a signal: the system's, or of a library that got no memory
        return _too_large()
    return _(
        "reading the data failed because of an error in CLPS Lab. The server's log has the details: tell the person "
        "who runs this server.")  # fmt: skip


def _too_large() -> str:
    return _("the data do not fit into the memory allowed for reading. Use a part of them.")


def _plain(source: Source) -> dict[str, Any]:
    plain = dataclasses.asdict(source)
    plain["path"] = None if source.path is None else str(source.path)
    plain["splits"] = [[name, str(path)] for name, path in source.splits]
    return plain


def _source(plain: Mapping[str, Any]) -> Source:
    path = None if plain["path"] is None else Path(plain["path"])
    splits = tuple((name, Path(one)) for name, one in plain["splits"])
    return Source(**{**plain, "path": path, "splits": splits})


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> int:
    """Answer the request on the standard input."""
    request = json.loads(sys.stdin.read())
    home, source, given = Path(request["home"]), _source(request["source"]), request["given"]
    os.nice(NICENESS)
    if source.called:  # an upload; a saved folder of one's own is mapped as a whole, and may be larger
        _limit_memory()
    from clps_core.own_data import adding

    try:
        if request["do"] == "add":
            answer: dict[str, Any] = {"found": {"name": adding.add(given.pop("name"), source, home, **given).name}}
        else:
            found = adding.preview(source, home, **given)
            rows = {name: [None if one is None else str(one)[:LONGEST_CELL] for one in values]
                    for name, values in found.rows.items()}  # fmt: skip
            guessed = {"kind": found.guess.kind, "columns": dict(found.guess.columns), "note": found.guess.note}
            answer = {"found": guessed | {"rows": rows, "running_text": found.running_text,
                                         "medium": dict(found.medium)}}  # fmt: skip
    except ClpsError as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": _too_large()}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
