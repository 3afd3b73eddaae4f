"""What a page reads from its URL, and what it writes there. Start at read_spec and write.

A URL is a stranger's input: readers here return what is usable and a sentence about what is not, they never raise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

import streamlit as st

from app.state.names import BESIDE, OF_EVERY_PAGE, PAGE, QUALITY, RUN, RUNS, SEED, SPEC, STRATEGY, SWEEP, VISITED
from clps_core.errors import ClpsError, ConfigError
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.config import RunConfig

__all__ = [
    "MAX_RUNS",
    "MAX_SEEDS",
    "MAX_STRATEGIES",
    "MAX_TEXT",
    "given",
    "left_out",
    "read_beside",
    "read_choice",
    "read_decimal",
    "read_number",
    "read_run",
    "read_runs",
    "read_seeds",
    "read_spec",
    "read_strategies",
    "read_sweep",
    "read_text",
    "run_ids",
    "visited",
    "write",
]

MAX_STRATEGIES = 8
MAX_SEEDS = 8
MAX_RUNS = 200
"""As many as one comparison can have (``jobs.service``): its address names them all."""
MAX_TEXT = 8192


class Named(Protocol):
    """What has an id: any record of a run."""

    @property
    def id(self) -> str: ...


class SpecRead(NamedTuple):
    """A config from the URL: ``config`` is ``None`` where there was none or it was bad."""

    config: RunConfig | None
    problem: str | None


class TextsRead(NamedTuple):
    """Checked texts from the URL, and a sentence about those that were not usable."""

    values: tuple[str, ...]
    problem: str | None


def read_spec() -> SpecRead:
    """The config that ``?spec=`` asks for, unless its task is a data set that the person may not use."""
    text = _text(SPEC)
    if not text:
        return SpecRead(None, None)
    try:
        from app.services import check_use_of
        from clps_core.spec import from_spec

        found = from_spec(text)
        check_use_of(
            found.data.task, found.data.tokenizer
        )  # before anything is asked of the data: a tokenizer may be trained for it
        return SpecRead(found, None)
    except ClpsError as error:
        return SpecRead(None, str(error))


def read_strategies() -> TextsRead:
    """The strategies that ``?strategy=`` (repeated) asks for, in their shortest notation, each once."""
    from clps_core.sharing import parse_strategy

    return _each(STRATEGY, lambda text: parse_strategy(text).text, MAX_STRATEGIES)


def read_seeds() -> tuple[tuple[int, ...], str | None]:
    """The seeds that ``?seed=`` (repeated) asks for, and a sentence about unusable ones."""
    found = _each(SEED, _seed, MAX_SEEDS)
    return tuple(map(int, found.values)), found.problem


def left_out(config: RunConfig | None, strategies: Sequence[str], seeds: Sequence[int] = ()) -> list[str]:
    """A sentence for what ``?spec=`` says and ``?strategy=`` or ``?seed=`` say otherwise: the lists win."""
    if config is None:
        return []
    given = ((STRATEGY, config.sharing.strategy, "none", strategies), (SEED, config.seed, 0, seeds))
    return [
        _(
            "the address must give {name} only once. Its spec says {got}, its list says {listed}. The list is used.",
            name=name,
            got=value,
            listed=", ".join(map(str, listed)),
        )
        for name, value, usual, listed in given
        if listed and value != usual and value not in listed
    ]


def read_runs() -> TextsRead:
    """The well-formed run ids of ``?runs=a,b``; whether there are such runs, the store knows."""
    return _ids(RUNS, MAX_RUNS)


def run_ids(runs: Iterable[Named | str]) -> str:
    """``runs`` (records or ids) as ``?runs=`` names them: as many as an address may have."""
    return ",".join(one if isinstance(one, str) else one.id for one in islice(runs, MAX_RUNS))


def read_run() -> TextsRead:
    """The well-formed run id of ``?run=``, as zero or one values."""
    return _ids(RUN, 1)


def read_beside() -> TextsRead:
    """The well-formed run id of ``?beside=``, as zero or one values."""
    return _ids(BESIDE, 1)


def read_sweep() -> TextsRead:
    """The well-formed id of ``?sweep=``, as zero or one values; whether there is such a sweep, the store knows."""
    return _ids(SWEEP, 1)


def given(name: str) -> bool:
    """Whether the address says anything under ``name``: then the page shows that or says why not, never another."""
    return bool(_text(name))


def read_text(name: str) -> str:
    """A free text from the URL, cut where it is too long for any use; empty where there is none."""
    return _text(name)


def read_choice(name: str, choices: Sequence[str]) -> TextsRead:
    """One of ``choices`` from the URL, as zero or one values."""
    asked = _text(name)
    if not asked or asked in choices:
        return TextsRead((asked,) if asked else (), None)
    problem = _(
        "the address's {name} must be one of {choices}. Got {got!r}. It is ignored.",
        name=name,
        choices=", ".join(choices),
        got=asked[:40],
    )
    return TextsRead((), problem)


def read_number(name: str, limit: int) -> int | None:
    """A whole number from 0 up to and without ``limit`` from the URL; ``None`` where there is no such."""
    asked = _text(name)
    return int(asked) if re.fullmatch(r"[0-9]{1,6}", asked) and int(asked) < limit else None


def read_decimal(name: str, lowest: float, highest: float) -> float | None:
    """A decimal number from ``lowest`` to ``highest`` from the URL; ``None`` where there is no such."""
    asked = _text(name)
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", asked):
        return None
    return float(asked) if lowest <= float(asked) <= highest else None


def write(**values: str | Sequence[str] | None) -> None:
    """Put ``values`` into the URL of this page; ``None`` or nothing removes a parameter.

    Lists become repeated parameters. All of it is one message, and so one entry of the browser's history; nothing is
    sent where nothing changes.
    """
    query = st.query_params
    wanted = {name: [value] if isinstance(value, str) else list(value or ()) for name, value in values.items()}
    changed = {name: value for name, value in wanted.items() if any(value) and query.get_all(name) != value}
    gone = [name for name, value in wanted.items() if not any(value) and name in query]
    short = {name: value if len(value) > 1 else value[0] for name, value in changed.items()}
    if not gone:
        if short:
            query.update(short)
    elif QUALITY in query:  # bound to its widget, so Streamlit refuses to write all at once
        for name in gone:
            del query[name]
        query.update(short)
    else:
        kept = {name: query.get_all(name) for name in query if name not in gone}
        query.from_dict({**kept, **short})
    if page := st.session_state.get(PAGE):
        visited(page)


def visited(page: str) -> None:
    """Remember the address that ``page`` has now: a lesson can be made of it."""
    query = st.query_params
    now = [(name, value) for name in query if name not in OF_EVERY_PAGE for value in query.get_all(name)]
    seen = {name: one for name, one in st.session_state.get(VISITED, {}).items() if name != page}
    st.session_state[VISITED] = {**seen, page: now}


def _text(name: str) -> str:
    return st.query_params.get(name, "")[: MAX_TEXT + 1]


def _ids(name: str, limit: int) -> TextsRead:
    from clps_core.store.records import is_run_id

    asked = [part.strip() for part in _text(name).split(",") if part.strip()]
    good = list(dict.fromkeys(part for part in asked if is_run_id(part)))
    bad = next((part for part in asked if not is_run_id(part)), None)
    problem = None
    if bad is not None:
        problem = _(
            "a run id in the address must have lower-case letters, digits and hyphens only. Got {got!r}. It is "
            "ignored.",
            got=bad[:40],
        )
    elif len(good) > limit:
        problem = _(
            "an address must have at most {limit} runs. Got {got}. The rest is ignored.", limit=limit, got=len(good)
        )
    return TextsRead(tuple(good[:limit]), problem)


def _each(name: str, read: Callable[[str], str], limit: int) -> TextsRead:
    values: dict[str, None] = {}
    problem = None
    asked = st.query_params.get_all(name)
    for text in asked[:limit]:
        try:
            values[read(text[:MAX_TEXT])] = None
        except ClpsError as error:
            problem = problem or str(error)
    if len(asked) > limit:
        problem = problem or _(
            "an address must have at most {limit} values of {name}. Got {got}. The rest is ignored.",
            limit=limit,
            name=name,
            got=len(asked),
        )
    return TextsRead(tuple(values), problem)


def _seed(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= 2**31:
        raise ConfigError(_("seed must be a whole number from 0 to 2147483647. Got {got!r}.", got=text[:20]))
    return str(int(text))
