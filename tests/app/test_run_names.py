"""Runs and designs are told apart by one function, wherever several are shown."""

import pytest
from page_reading import tables
from recorded_runs import record

from app.attention.source import run_label
from app.chart.run_curves import LONGEST_LABEL, line_styles
from app.compare.scatter import LONGEST_NAME
from app.compare.summary import group_names, grouped, summary
from app.runs.names import run_names, shortened
from clps_core.config import build_config, resolve
from clps_core.store.designs import design_of

SIZES = (
    {"model": {"d_model": 64, "num_heads": 4}, "optim": {"learning_rate": 0.001}},
    {"model": {"d_model": 128, "num_heads": 4}, "optim": {"learning_rate": 0.001}},
    {"model": {"d_model": 128, "num_heads": 8}, "optim": {"learning_rate": 0.01}},
)


@pytest.fixture
def three(store):
    """Three designs of one strategy that differ in width, heads and learning rate."""
    configs = [
        resolve(build_config({"data": {"task": "digits"}, "sharing": {"strategy": "all"}, **sizes})).config
        for sizes in SIZES
    ]
    store.create_comparison("sizes", configs, parameters=[(100, 200)] * 3)
    return store.runs()


def test_three_designs_of_one_strategy_have_three_names_everywhere(store, three):
    names = [
        list(run_names(three).values()),
        group_names(grouped([summary(store, run) for run in three])),
        [style.name for style in line_styles(three)],
        [style.design_name for style in line_styles(three)],
        [style.design_label for style in line_styles(three)],
        [shortened(name, LONGEST_NAME) for name in run_names(three).values()],
        [run_label(run).rpartition(" · ")[0] for run in three],
    ]
    assert [len(set(one)) for one in names] == [3] * len(names), names
    assert "learning_rate 0.01" in run_names(three)[three[2].id]
    assert all(len(style.design_label) <= LONGEST_LABEL for style in line_styles(three))


def test_the_pages_tables_show_them_apart(open_page, three):
    for page in ("compare", "runs"):
        said = tables(open_page(page, runs=",".join(run.id for run in three)))
        for name in run_names(three).values():
            assert f"{name}</" in said, (page, name)


def test_seeds_are_grouped_by_config_and_not_by_strategy(store):
    runs = record(store, ["all"], [0, 1]) + record(store, ["all"], [0, 1], batch_size=8)
    assert [design_of(run) == design_of(runs[0]) for run in runs] == [True, True, False, False]
    assert list(run_names(runs).values()) == [
        "All layers · batch_size 64, seed 0",
        "All layers · batch_size 64, seed 1",
        "All layers · batch_size 8, seed 0",
        "All layers · batch_size 8, seed 1",
    ]


def test_equal_runs_are_told_apart_by_their_ids(store):
    names = run_names(record(store, ["all"]) + record(store, ["all"]))
    assert all(name.endswith(f"seed 0 ({run_id[:4]})") for run_id, name in names.items())


def test_a_name_that_is_too_long_keeps_the_values_of_its_fields():
    name = "All layers · d_model 128 · num_heads 8 · learning_rate 0.01"
    assert shortened(name, 34) == "All layers · 128 · 8 · 0.01"
    assert shortened(name, 18) == "All lay…128/8/0.01"
