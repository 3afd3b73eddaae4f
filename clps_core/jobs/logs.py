"""The supervisor's log: one JSON object per line, for people with ``jq`` and for machines. Start at tell.

::

    {"time": "2026-11-21T13:00:00.123Z", "level": "info", "event": "started", "text": "run ...", "run": "4k7c...",
     "attempt": 1, "slot": 0}
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import sys
from pathlib import Path
from types import TracebackType

from clps_core.files import open_given, parsed_json
from clps_core.shown import json_escaped

__all__ = ["CANNOT_START", "JsonLines", "keep_small", "log_to_stderr", "make_room", "tell", "why_not_started"]

logger = logging.getLogger("clps.supervisor")

LARGEST_LOG = 4 << 20
FACTS = "clps_facts"
CANNOT_START = "cannot_start"
TAIL = 64_000


def tell(event: str, text: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Log one ``event`` in words, with its ``facts`` as fields of their own."""
    logger.log(level, "%s", text, extra={FACTS: {"event": event, **facts}})


class JsonLines(logging.Formatter):
    """One record as one line; a traceback is the field ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": "message",
        }
        facts = dict(getattr(record, FACTS, {}))
        line |= {"event": facts.pop("event", "message"), "text": record.getMessage(), **facts}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json_escaped(json.dumps(line, ensure_ascii=False, default=str))


def log_to_stderr() -> None:
    """Everything this process logs, and the error that ends it, goes to stderr in JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    sys.excepthook = _tell_of_crash


def _tell_of_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    facts = {FACTS: {"event": "crashed"}}
    logger.critical("the supervisor ends with an unexpected error", exc_info=(kind, error, trace), extra=facts)


def why_not_started(path: Path) -> str | None:
    """The sentence with which the supervisor of this log refused to start, if that is the last it said."""
    try:
        with open_given(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            last = parsed_json(file.read().splitlines()[-1])
    except (OSError, ValueError, IndexError):  # nothing said yet, or not by us
        return None
    refused = isinstance(last, dict) and last.get("event") == CANNOT_START
    return str(last.get("text")) if refused else None


def make_room(path: Path) -> None:
    """Set a log that has grown large aside, in the place of the one set aside before."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_name(path.name + ".1"))


def keep_small(path: Path) -> None:
    """For a process that works for weeks: go on in a new file once ``path``, to which our stderr goes, is large."""
    with contextlib.suppress(OSError):
        ours, there = os.fstat(sys.stderr.fileno()), path.stat()
        if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino) or there.st_size <= LARGEST_LOG:
            return
        make_room(path)
        with path.open("ab") as log:
            os.dup2(log.fileno(), sys.stderr.fileno())
