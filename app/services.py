"""The cached handles, and the guard that turns errors into sentences. The only cache decorators.

``store()`` is the store of this server, and ``desk()`` is where whoever looks at the page asks for
things: to queue runs, to stop or delete them, to read a log. ``page_guard`` wraps every page
(``app/main.py`` does it once) and every fragment, which reruns without its page.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from clps_core.errors import ClpsError
from clps_core.shown import isolated
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.jobs.desk import Desk
    from clps_core.serving import ModelService
    from clps_core.store import Store

__all__ = ["check_use_of", "desk", "escape_label", "escape_markdown", "models", "page_guard", "show_problem", "store"]

log = logging.getLogger("clps.dashboard")
_MEANS_SOMETHING = re.compile(r"[\\`*\[\]<>|~$]|^[#+-]|-(?=[->])|(?<=[-<])-|:(?!\s|$)|(?<!\w)_|_(?!\w)")
"""Signs within one line of Markdown that are more than themselves there."""


def store() -> Store:
    """The store under ``CLPS_HOME``; raises ``StoreError`` where there can be none."""
    import os

    return _open_store(os.environ.get("CLPS_HOME", ""), os.environ.get("CLPS_DATABASE_URL", ""))


@st.cache_resource(max_entries=4, show_spinner=False)
def _open_store(home: str, url: str) -> Store:
    from pathlib import Path

    from clps_core.store.database import open_store

    return open_store(Path(home) if home else None, url or None)


def desk() -> Desk:
    """Where the person who looks at this page acts on runs, within the server's policy.

    Never kept: who they are belongs to their connection, and the policy's file may change.
    """
    from app.people.identity import person, why_nobody
    from clps_core.jobs.desk import Desk

    current = store()
    who = person(current.home)
    return Desk.of(current, who, why_nobody(current.home) if who is None else None)


def check_use_of(task: str, tokenizer: str | None) -> None:
    """Raise ``ClpsError`` where who looks at this page may not use the data set that the task is, or so."""
    from clps_core.own_data.record import PREFIX

    if task.startswith(PREFIX):
        desk().data.check_use_of(task, tokenizer)


@st.cache_resource(max_entries=1, show_spinner=False)
def models() -> ModelService:
    """The one service that answers all browsers' questions about models; raises ``ConfigError`` for its settings."""
    import atexit

    from clps_core.serving import ModelService, Settings

    service = ModelService(Settings.of())
    atexit.register(service.close)
    return service


@contextmanager
def page_guard() -> Iterator[None]:
    """Show any error as one calm sentence; also usable as a decorator, ``@page_guard()``.

    A ``ClpsError`` is its own sentence. Anything else is a fault of ours: its traceback goes to the
    log under a reference that the page shows, never to the page.
    """
    try:
        yield
    except ClpsError as error:
        show_problem(str(error))
    except Exception:
        reference = secrets.token_hex(3)
        log.exception("unexpected error, reference %s", reference)
        show_problem(
            _(
                "Something went wrong in CLPS Lab. Your work is not lost; reload the page to continue. The server's "
                "log has the details under {reference}.",
                reference=reference,
            )
        )


def show_problem(sentence: str) -> None:
    """One sentence about what does not work, shown as text whatever it contains.

    Errors begin small, to stand behind a colon; alone they begin like a sentence, unless with a field's name.
    """
    if sentence.partition(" ")[0].isalpha():
        sentence = sentence[0].upper() + sentence[1:]
    st.error(escape_markdown(sentence), icon=":material/error:")


def escape_markdown(text: str) -> str:
    """``text`` such that Streamlit's Markdown shows exactly its characters, and they stay among themselves."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()<>#+-!|~$:" else char for char in isolated(text))


def escape_label(text: str) -> str:
    """As ``escape_markdown``, for a widget's label: it is read out as written, so with few backslashes."""
    return _MEANS_SOMETHING.sub(r"\\\g<0>", isolated(text))
