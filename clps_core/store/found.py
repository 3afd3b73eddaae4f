"""Runs that a search finds, page by page: the search (``clps_core.finding``) as SQL. Start at find_runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from clps_core.finding import Key, Term, Where
from clps_core.metrics import metric_named
from clps_core.store import schema
from clps_core.store.database import Store
from clps_core.store.metrics import best_of
from clps_core.store.records import IMPORTED, TRAINING, Run

__all__ = ["Found", "columns_of", "count_archived", "find_runs"]

_r, _c, _m = schema.run.c, schema.comparison.c, schema.metric.c
DAY = 86_400.0
MOST = 10_000
"""Runs of one page, at most."""

Condition = sa.ColumnElement[bool]
Compared = sa.ColumnElement[Any]


class Found(NamedTuple):
    """One page of the runs that are like the search, and how many there are in all."""

    runs: list[Run]
    total: int


def find_runs(store: Store, where: Where, *, archived: bool = False, limit: int = 50, offset: int = 0) -> Found:
    """The trainings that ``where`` asks for, in its order, else the newest first; ``limit`` of them from ``offset``.

    ``archived``: archived ones too. A search that speaks of the archive itself (``is:archived``) gets what it asks for.
    Two or three statements, however many runs there are.
    """
    with store.reading() as connection:
        speaks = connection.dialect.name
        conditions = [_r.kind == TRAINING, *(_holds(term, speaks) for term in where.terms)]
        if not archived and not where.asks_for_archived:
            conditions.append(~_archived())
        total = connection.execute(sa.select(sa.func.count()).select_from(schema.run).where(*conditions)).scalar_one()
        query = sa.select(_r.id).where(*conditions).order_by(*_order(where, speaks))
        ids = list(connection.execute(query.limit(min(limit, MOST)).offset(offset)).scalars())
    return Found(store.some_runs(ids), total)


def columns_of(store: Store, run_ids: Sequence[str], keys: Sequence[Key]) -> dict[str, tuple[Any, ...]]:
    """Run -> what each of ``keys`` is of it (``None``: nothing), in one statement. Tags are the text of a JSON list."""
    with store.reading() as connection:
        found = [_compared(key, connection.dialect.name) for key in keys]
        rows = connection.execute(sa.select(_r.id, *found).where(_r.id.in_(list(run_ids)))).all()
    return {row[0]: tuple(row[1:]) for row in rows}


def count_archived(store: Store) -> int:
    """How many trainings the archive has, alone or with their comparison."""
    with store.reading() as connection:
        query = sa.select(sa.func.count()).select_from(schema.run).where(_r.kind == TRAINING, _archived())
        return int(connection.execute(query).scalar_one())


def _archived() -> Condition:
    """Whether a run is in the archive: by itself, or with its comparison."""
    with_it = sa.select(_c.id).where(_c.archived_at.is_not(None))
    return sa.or_(_r.archived_at.is_not(None), sa.func.coalesce(_r.comparison_id.in_(with_it), sa.false()))


def _order(where: Where, speaks: str) -> list[sa.ColumnElement[Any]]:
    newest: list[sa.ColumnElement[Any]] = [_r.created_at.desc(), _r.position, _r.id]
    if where.sort is None:
        return newest
    by = _compared(where.sort, speaks)
    return [by.is_(None), by.desc() if where.descending else by.asc(), *newest]


def _holds(term: Term, speaks: str) -> Condition:
    """The condition of one term; what is not known holds for no term, so it holds for every ``-term``."""
    any_of = sa.or_(*(_one(term, value, speaks) for value in term.values))
    known = sa.func.coalesce(any_of, sa.false())
    return sa.not_(known) if term.negated else known


def _one(term: Term, value: float | str | None, speaks: str) -> Condition:
    key = term.key
    if key.kind == "word":
        return _word(str(value))
    if key.kind == "flag":
        return _flag(str(value))
    if key.kind == "tag":
        return _tag(str(value))
    if key.name == "comparison":
        return sa.or_(_r.comparison_id == str(value), _in_comparison(_c.name, str(value)))
    compared = _compared(key, speaks)
    if value is None:
        return compared.is_(None)
    if key.kind == "moment":
        return _at(compared, term.op, float(value))
    if key.numeric:
        return _OPERATORS[term.op](compared, sa.literal(float(value), sa.Float()))
    if key.kind == "text":
        return compared.icontains(str(value), autoescape=True)
    if str(value).endswith("*"):
        return compared.startswith(str(value).removesuffix("*"), autoescape=True)
    if key.name == "id":
        return compared.startswith(str(value), autoescape=True)
    return compared == str(value)


_OPERATORS: dict[str, Callable[[Compared, Compared], Condition]] = {
    ":": lambda compared, value: compared == value,
    "<": lambda compared, value: compared < value,
    "<=": lambda compared, value: compared <= value,
    ">": lambda compared, value: compared > value,
    ">=": lambda compared, value: compared >= value,
}


def _at(compared: Compared, op: str, day: float) -> Condition:
    """A day is all its moments: ``<=`` includes them, ``>`` begins after them."""
    begin, end = compared >= day, compared >= day + DAY
    return {":": sa.and_(begin, ~end), ">=": begin, "<": ~begin, ">": end, "<=": ~end}[op]


def _word(text: str) -> Condition:
    columns = (_r.name, _r.task, _r.strategy, _r.tags, _r.notes)
    return sa.or_(
        _r.id.startswith(text.lower(), autoescape=True),
        *(column.icontains(text, autoescape=True) for column in columns),
        _in_comparison(_c.name, text),
    )


def _in_comparison(column: sa.ColumnElement[Any], text: str) -> Condition:
    return _r.comparison_id.in_(sa.select(_c.id).where(column.icontains(text, autoescape=True)))


def _tag(text: str) -> Condition:
    """``tags`` is a JSON list of words that have no quotes in them."""
    text = text.lower()  # as they are kept
    begun = f'"{text.removesuffix("*")}' if text.endswith("*") else f'"{text}"'
    return _r.tags.contains(begun, autoescape=True)


def _flag(text: str) -> Condition:
    known: dict[str, Callable[[], Condition]] = {
        "archived": _archived,
        "fork": lambda: _r.start_from.is_not(None),
        "imported": lambda: _r.comparison_id.startswith(IMPORTED),
        "pinned": lambda: _r.pinned_at.is_not(None),
        "noted": lambda: _r.notes.is_not(None),
        "tagged": lambda: _r.tags.is_not(None),
    }
    return known[text]()


def _compared(key: Key, speaks: str) -> Compared:
    """What a key stands for in a row of ``run``."""
    if key.kind == "metric":
        return _value_of(key)
    if key.kind != "field":
        if key.name == "comparison":
            return sa.select(_c.name).where(_c.id == _r.comparison_id).correlate(schema.run).scalar_subquery()
        return _r[key.path]
    # The column is text; a server's database must be told that it is JSON, and SQLite must not.
    config = sa.type_coerce(_r.config, sa.JSON) if speaks == "sqlite" else sa.cast(_r.config, sa.JSON)
    found = config[tuple(key.path.split("."))]
    if key.boolean:
        as_text = sa.func.lower(found.as_string())  # SQLite says 1, a server's database true
        value: Compared = sa.case((as_text.in_(["1", "true"]), 1.0), (as_text.in_(["0", "false"]), 0.0))
    else:
        value = found.as_float() if key.numeric else found.as_string()
    return value if key.default is None else sa.func.coalesce(value, key.default)


def _value_of(key: Key) -> Compared:
    """One value of a run's curve or test score; no row of it gives none."""
    own = (_m.run_id == _r.id, _m.split == ("validation" if key.split == "best" else key.split), _m.name == key.path)
    if key.split == "best":
        query = sa.select(best_of(metric_named(key.path), _m.value)).where(*own)
    else:
        query = sa.select(_m.value).where(*own).order_by(_m.step.desc()).limit(1)
    return query.correlate(schema.run).scalar_subquery()
