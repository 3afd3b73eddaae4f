"""Runs are searched by fields, metrics, tags and words, in the database and page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from job_room import tiny

from clps_core.config import build_config, resolve
from clps_core.errors import ConfigError
from clps_core.finding import LONGEST, parse_where
from clps_core.store import Point, Store, metrics, open_store, schema
from clps_core.store.found import count_archived, find_runs


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Six runs that differ in fields, figures, notes and tags."""
    store = open_store(Path(tmp_path_factory.mktemp("found")) / "home")
    given = [{"seed": seed, "sharing": {"strategy": "all" if seed % 2 else "none"}} for seed in range(6)]
    configs = [resolve(build_config({"data": {"task": "digits"}, **one})) for one in given]
    made = store.create_comparison("Größer 50%_off", configs, run_names=[f"run {n}" for n in range(6)])
    ids = [run.id for run in store.runs(comparison=made)]
    change(store, ids[0], notes='says "hello" <b>loud</b>', tags=json.dumps(["paper", "ähnlich"], ensure_ascii=False))
    change(store, ids[1], tags=json.dumps(["paper2"]), archived_at=1.0)
    change(store, ids[2], status="finished", unique_parameters=5000, created_at=1_767_225_600.0 + 3600)
    older = json.loads(store.run(ids[3]).config_text)
    del older["model"]["dropout"]
    older["model"] |= {"d_model": 48, "bias": False}
    change(store, ids[3], config=json.dumps(older))
    with store.writing() as connection:
        for place, run_id in enumerate(ids[:3]):
            curve = [("validation", step, value / 10 - place / 10) for step, value in ((0, 5), (10, 9), (20, 7))]
            points = [Point(run_id, split, "accuracy", step, value, 1.0) for split, step, value in curve]
            metrics.append(connection, run_id, [*points, Point(run_id, "test", "accuracy", 10, 0.8 - place / 10, 2.0)])
    yield store
    store.close()


def change(store: Store, run_id: str, **values: Any) -> None:
    with store.writing() as connection:
        connection.execute(schema.run.update().where(schema.run.c.id == run_id).values(**values))


def seeds(store: Store, text: str, **given: Any) -> list[int]:
    """The seeds of what is found: 0 to 5 tell the runs apart."""
    return [run.seed for run in find_runs(store, parse_where(text), **given).runs]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [0, 2, 3, 4, 5]),
        ("is:archived", [1]),
        ("-is:archived strategy:none", [0, 2, 4]),
        ("strategy:all", [3, 5]),
        ("strategy!=all seed<=2", [0, 2]),
        ("seed:0|4|5", [0, 4, 5]),
        ("-seed:0|4|5", [2, 3]),
        ("seed>3.5", [4, 5]),
        ("status:finished", [2]),
        ("d_model:48", [3]),
        ("model.d_model>47 model.d_model<49", [3]),
        ("bias:false", [3]),
        ("dropout=0", [3]),
        ("num_kv_heads:null seed:5", [5]),
        ("test.accuracy>0.65", [0]),
        ("test.accuracy>65%", [0]),
        ("accuracy:0.9", [0]),
        ("best.accuracy<0.8", [2]),
        ("last.accuracy<0.6", [2]),
        ("-accuracy>0", [3, 4, 5]),
        ("tag:paper", [0]),
        ("tag:paper*", [0]),
        ("tag:ÄHNLICH", [0]),
        ("tag:ähnlich", [0]),
        ("is:noted", [0]),
        ("-is:tagged seed>4", [5]),
        ('"hello" LOUD', [0]),
        ('note:"<b>loud"', [0]),
        ("50%_off seed:2", [2]),
        ("50_off", []),
        ("%", [0, 2, 3, 4, 5]),
        ('"run 4"', [4]),
        ("name:RUN seed>3", [4, 5]),
        ("parameters>4_000", [2]),
        ("created:2026-01-01", [2]),
        ("created<=2026-01-01", [2]),
        ("created<2026-01-01", []),
        ("sort:-seed", [5, 4, 3, 2, 0]),
        ("sort:test.accuracy accuracy>0", [2, 0]),
        ("sort:d_model d_model<200 seed:3", [3]),
    ],
)  # fmt: skip
def test_a_search_finds_what_it_says(store: Store, text: str, found: list[int]) -> None:
    wanted = seeds(store, text)
    assert (wanted if "sort:" in text else sorted(wanted)) == found


def test_a_search_gives_pages_and_the_whole_number_in_few_statements(store: Store) -> None:
    def found(text: str, **given: int) -> tuple[list[int], int, int]:
        statements: list[str] = []

        def noted(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        sa.event.listen(store._engine, "before_cursor_execute", noted)
        try:
            page = find_runs(store, parse_where(text), **given)
        finally:
            sa.event.remove(store._engine, "before_cursor_execute", noted)
        return [run.seed for run in page.runs], page.total, len(statements)

    *page, one = found("sort:seed status:queued", limit=1, offset=1)
    assert page == [[3], 4]
    *page, several = found("sort:-test.accuracy status:queued accuracy>0 d_model>1 tag:paper", limit=4)
    assert page == [[0], 1]
    *page, all_of_them = found("", limit=100)
    assert page[1] == len(page[0]) == 5
    assert one == several == all_of_them, "the number of statements must not grow with runs and terms"
    assert seeds(store, "sort:seed", archived=True, limit=3) == [0, 1, 2]
    assert find_runs(store, parse_where(""), offset=100).runs == []
    assert count_archived(store) == 1


def test_runs_of_an_archived_comparison_are_in_the_archive(store: Store) -> None:
    made = store.create_comparison("old", [resolve(tiny(seed=9))])
    change_comparison = schema.comparison.update().where(schema.comparison.c.id == made)
    with store.writing() as connection:
        connection.execute(change_comparison.values(archived_at=1.0))
    try:
        assert seeds(store, "seed:9") == []
        assert seeds(store, "seed:9 is:archived") == [9]
    finally:
        store.forget_run(store.runs(comparison=made)[0].id)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "must name a field of the config"),
        ("d_modle>3", "Did you mean d_model?"),
        ("test.acuracy>1", "Did you mean test.accuracy?"),
        ("d_model>wide", "must be compared with a number. Got 'wide'"),
        ("d_model>nan", "must be compared with a number"),
        ("bias:maybe", "must be compared with true or false"),
        ("created>yesterday", "a day such as 2026-05-31"),
        ("created:2026-13-45", "a day such as 2026-05-31"),
        ("name>b", "is text and must be compared with"),
        ("is:lost", "must be followed by one of archived"),
        ("seed:", "must be compared with a value"),
        ('"half', "a filter must have quotes in pairs"),
        ("-", "must not be empty"),
        ("sort:tag", "must be followed by a sortable field"),
        ("sort:", "must be followed by a sortable field"),
        ("a " * 30, "at most 20 terms"),
        ("a" * (LONGEST + 1), "at most 500 characters"),
    ],
)
def test_a_search_that_is_none_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match="must") as refused:
        parse_where(text)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["'; DROP TABLE run; --", "seed:0 OR 1=1", "\\", "%%%", "_", "\x00", "🙂 '"])
def test_hostile_text_is_only_text(store: Store, text: str) -> None:
    with suppress(ConfigError):
        find_runs(store, parse_where(text))
    assert len(find_runs(store, parse_where("")).runs) == 5
