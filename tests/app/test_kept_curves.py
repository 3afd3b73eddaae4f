"""Curves that a page read before are not read again, and never are they old."""

from __future__ import annotations

import pytest
from recorded_runs import extend, go_back, mark, record, score

from app.compare.kept import Kept
from app.compare.summary import Measured
from clps_core.store import Store


def finals(store: Store) -> list[tuple[int, float] | None]:
    return [one.final for one in Measured.of(store, store.runs()).summaries()]


def test_figures_follow_news_going_back_and_a_score(store: Store) -> None:
    run, other = record(store, ["none", "all"])
    before = finals(store)
    assert [one and one[0] for one in before] == [200, 200]
    extend(store, run, [220])
    assert [one and one[0] for one in finals(store)] == [220, 200]
    go_back(store, run, 100)
    assert [one and one[0] for one in finals(store)] == [100, 200]
    extend(store, run, range(105, 201, 5), pace=0.1)
    again = finals(store)
    assert again[0] is not None
    assert again[0] != before[0]
    score(store, other, 0.5)
    assert [one.test_value for one in Measured.of(store, store.runs()).summaries()] == [None, 0.5]


def test_a_curve_without_news_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    record(store, ["none", "all"])
    runs, asked = store.runs(), []
    read = store.scored_curves
    monkeypatch.setattr(store, "scored_curves", lambda runs: asked.append([run.id for run in runs]) or read(runs))
    curves = Kept()
    for _ in range(3):
        found = curves.curves(store, runs, store.latest([run.id for run in runs]))
    assert asked == [[run.id for run in runs]]
    extend(store, runs[1], [220])
    found = curves.curves(store, runs, store.latest([run.id for run in runs]))
    assert asked[1:] == [[runs[1].id]]
    assert found[runs[1].id].points[-1].step == 220
    mark(store, runs[0], attempts=9)
    curves.curves(store, store.runs(), store.latest([run.id for run in runs]))
    assert len(asked) == 3, "another attempt begins anew"


def test_few_points_are_kept_and_the_oldest_go_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, curves, asked = record(store, ["none", "all", "cycle"]), Kept(most_points=25), []
    read = store.scored_curves
    monkeypatch.setattr(store, "scored_curves", lambda runs: asked.append(runs[0].strategy) or read(runs))
    for run in (*runs, runs[2], runs[0]):  # 11 points each: two are kept
        assert len(curves.curves(store, [run], store.latest([run.id]))[run.id].points) == 11
    assert asked == ["none", "all", "cycle", "none"]
