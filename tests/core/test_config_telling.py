"""Names tell apart whatever stands together, in as few fields as that takes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clps_core.config.telling import said_fields, telling, told_apart

SIZES = [
    {"model.d_model": 64, "model.d_ff": 256, "model.num_heads": 4, "model.head_dim": 16, "optim.learning_rate": 0.001},
    {"model.d_model": 128, "model.d_ff": 512, "model.num_heads": 4, "model.head_dim": 32, "optim.learning_rate": 0.001},
    {"model.d_model": 128, "model.d_ff": 512, "model.num_heads": 8, "model.head_dim": 16, "optim.learning_rate": 0.01},
]


def test_designs_that_differ_in_width_heads_and_rate_get_three_names() -> None:
    assert told_apart(["All layers"] * 3, SIZES) == [
        "All layers · d_model 64 · num_heads 4 · d_ff 256",
        "All layers · d_model 128 · num_heads 4 · d_ff 512",
        "All layers · d_model 128 · num_heads 8 · d_ff 512",
    ]


def test_a_field_that_is_needed_is_said_however_many_others_differ() -> None:
    many = {f"model.a{number}": number for number in range(9)}
    tables: list[dict[str, Any]] = [{}, {**many, "optim.eps": 1}, {**many, "optim.eps": 2}]
    assert len(set(told_apart(["x"] * 3, tables))) == 3


def test_what_differs_only_from_other_names_is_not_said() -> None:
    tables = [{"model.d_model": 64}, {"model.d_model": 64, "optim.eps": 1}, {"model.d_model": 32}]
    assert told_apart(["a", "a", "b"], tables) == ["a · eps –", "a · eps 1", "b"]


def test_two_fields_of_one_name_keep_their_whole_names() -> None:
    assert said_fields(["model.norm", "x.norm"], {"model.norm": 1, "x.norm": 2}) == ["model.norm 1", "x.norm 2"]
    assert said_fields(["seed", "data.seed"], {"seed": 1, "data.seed": 2}) == ["seed 1", "data.seed 2"]


tables = st.lists(st.dictionaries(st.sampled_from(list("abcdef")), st.integers(0, 2)), min_size=1, max_size=8)


@given(tables)
def test_names_are_equal_only_for_equal_tables(found: list[dict[str, int]]) -> None:
    told = told_apart(["x"] * len(found), found)
    for name, table in zip(told, found, strict=True):
        for other_name, other in zip(told, found, strict=True):
            assert (name == other_name) == (table == other)
    assert set(telling(found)) <= {field for table in found for field in table}
