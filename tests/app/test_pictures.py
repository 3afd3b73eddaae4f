"""A figure's files: their names, and numbers that are those of the figure."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest
from recorded_runs import record

from app.attention.grid import GridView, Sent
from app.attention.layers import LayersView
from app.attention.pictures import MOST_ROWS, grid_numbers, heads_numbers, layers_numbers, lens_numbers
from app.chart.live_chart import LineStyle, Panel, curve_numbers
from app.design.designs import cost
from app.design.sharing_map import map_numbers
from app.look.charts import CostBar, cost_bars
from app.look.picture import Table, as_csv, figure_table_of, file_name
from clps_core.config import build_config, resolve
from clps_core.heads import RunHeads
from clps_core.layer_maps import RunLayers
from clps_core.lens import RunLens
from clps_core.store import Store


def read(table: Table) -> list[dict[str, str]]:
    """The file as a program reads it."""
    return list(csv.DictReader(io.StringIO(as_csv(table).decode())))


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (("attention", "k3", "layer2"), "clps-attention-k3-layer2"),
        (("map", "../../etc/passwd"), "clps-map-etc-passwd"),
        (("map", "<script>alert('1')</script>"), "clps-map-script-alert-1-script"),
        (("map", 'a "quoted"\u202egnp.exe'), "clps-map-a-quoted-gnp-exe"),
        (("map", "größer als"), "clps-map-größer-als"),
        (("map", "..", ""), "clps-map"),
        (("map", "x" * 500), "clps-map-" + "x" * 91),
    ],
)
def test_a_file_name_says_what_it_is_and_nothing_else(parts: tuple[str, ...], wanted: str) -> None:
    assert file_name(parts) == wanted


def test_numbers_stay_exact_and_text_is_no_formula() -> None:
    values = [0.1 + 0.2, 1e-300, np.float32(0.1), np.int64(2**60), -1.5]
    rows = [(text, value) for text, value in zip(["=1+1", "+1", "-1", "@a", 'a,"b"\n'], values, strict=True)]
    found = read(Table(["=name", "value"], rows))
    assert [row["value"] for row in found] == [
        "0.30000000000000004",
        "1e-300",
        repr(float(np.float32(0.1))),
        str(2**60),
        "-1.5",
    ]
    assert [row["'=name"] for row in found] == ["'=1+1", "'+1", "'-1", "'@a", 'a,"b"\n']
    assert [row["value"] for row in read(Table(["value"], [(None,), (math.nan,), (0,)]))] == ["", "", "0"]


def test_the_numbers_of_bars_and_of_a_heat_map_are_those_drawn() -> None:
    import plotly.graph_objects as go

    bars = cost_bars(
        (
            CostBar("one", "#112233", (("attention", 3), ("FFN", 5)), 16),
            CostBar("two", "#445566", (("attention", 4), ("FFN", 6)), 10),
        )
    )
    found = [(row["series"], row["y"], int(row["parameters"])) for row in read(figure_table_of(bars))]
    assert found == [
        ("attention", "one", 3), ("attention", "two", 4), ("FFN", "one", 5), ("FFN", "two", 6),
        ("executed", "one", 16), ("executed", "two", 10),
    ]  # fmt: skip
    heat = go.Figure(go.Heatmap(z=np.array([[0.25, 1 / 3], [np.nan, 1.0]]), x=["a", "b"], y=["c", "d"]))
    cells = [(row["x"], row["y"], row["value"]) for row in read(figure_table_of(heat))]
    assert cells == [("a", "c", "0.25"), ("b", "c", repr(1 / 3)), ("a", "d", ""), ("b", "d", "1.0")]


def view_of(weights: np.ndarray, *, causal: bool = False) -> GridView:
    labels = [f"t{place}" for place in range(weights.shape[2])]
    letters = ["A", "B"] * weights.shape[0]
    quantised = np.round(weights * 255).astype(np.uint8)
    return GridView("decoder", "name", quantised, labels, labels, letters, ["#000000"] * len(letters), causal=causal)


def test_attention_is_written_as_the_engine_gave_it_without_what_the_mask_hides() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(3), (2, 2, 3)).astype(np.float32)
    sent = Sent((2, 2, 3, 3), weights, weights, (), exact=lambda _row, _column: (weights.reshape(4, 3, 3), range(4)))
    found = read(grid_numbers(replace(view_of(weights), weights=sent), (0, 0)))
    assert len(found) == weights.size
    for row in found:
        place = tuple(int(row[name]) for name in ("layer", "head", "query_position", "key_position"))
        assert np.float32(row["weight"]) == weights[place]
        assert (row["slot"], row["query"], row["key"]) == ("AB"[place[0]], f"t{place[2]}", f"t{place[3]}")
    kept = read(grid_numbers(view_of(weights, causal=True), (0, 0)))
    assert {(row["query"], row["key"]) for row in kept} == {
        (f"t{one}", f"t{other}") for one in range(3) for other in range(one + 1)
    }
    assert float(kept[0]["weight"]) == view_of(weights).weights[0, 0, 0, 0] / 255


def test_a_file_of_very_many_weights_holds_the_chosen_head() -> None:
    weights = np.zeros((2, 2, 230, 230), np.float32)
    assert weights.size > MOST_ROWS
    heads = {row[:2] for row in grid_numbers(view_of(weights), (1, 0)).rows}
    assert heads == {(1, 0)}


@pytest.mark.parametrize(
    ("how", "columns"),
    [("mean_heads", ("1", "")), ("rollout", ("1", "")), ("max_layers", ("", "1")), ("heads", ("1", "1"))],
)
def test_what_stands_for_all_heads_or_layers_has_no_number(how: str, columns: tuple[str, str]) -> None:
    view = replace(view_of(np.ones((2, 2, 1, 1), np.float32)), how=how)
    last = read(grid_numbers(view, (0, 0)))[-1]
    assert (last["layer"], last["head"]) == columns


def test_a_difference_is_written_with_its_sign_and_the_layer_that_it_is_of() -> None:
    maps = np.array([[[-0.25]]], np.float32)
    sent = Sent((1, 1, 1, 1), maps, maps, (), exact=lambda _row, _column: (maps, (0,)))
    view = GridView("encoder", "", sent, "a", "a", "B", ["#000000"], layers=(3,), signed=True, how="difference")
    assert read(grid_numbers(view, (0, 0))) == [
        {"layer": "3", "head": "0", "slot": "B", "query_position": "0", "query": "a", "key_position": "0", "key": "a",
         "difference": "-0.25"}
    ]  # fmt: skip


def test_heads_are_written_with_all_their_figures() -> None:
    entropy = np.array([[1 / 3, np.nan]], np.float32)
    found = RunHeads(
        "cross",
        7,
        {"entropy": entropy, "entropy_share": entropy, "first": entropy},
        counted=5,
        queries=6,
        keys=2,
        groups=(1,),
    )
    rows = read(heads_numbers(found))
    assert [(row["layer"], row["head"], row["slot"], row["first"]) for row in rows] == [
        ("0", "0", "B", repr(float(np.float32(1 / 3)))), ("0", "1", "B", ""),
    ]  # fmt: skip


def test_layers_of_one_slot_say_how_alike_they_are() -> None:
    weights = np.random.default_rng(1).random((2, 3, 2, 2)).astype(np.float32)
    alike = np.array([[1, 1, 1], [0.5, 0.25, 0.125]])
    view = LayersView(
        "encoder", "n", "B", "#000000", [1, 3], np.zeros_like(weights, np.uint8), range(3), alike, ["a", "b"],
        ["a", "b"],
    )  # fmt: skip
    found = read(layers_numbers(view, RunLayers("encoder", 7, (0, 1, 2), weights, np.zeros((0, 0)))))
    assert len(found) == weights.size
    assert {(row["layer"], row["head"], float(row["similarity_to_first"])) for row in found} == {
        (str(layer), str(head), alike[at, head]) for at, layer in enumerate((1, 3)) for head in range(3)
    }


def test_the_lens_is_written_row_by_row_with_its_tokens_in_order() -> None:
    chances = np.array([[[0.75, 0.25]], [[0.625, 0.375]]])
    lens = RunLens(
        "decoder", 3, "=b", ("x",), ("a", "=b"), np.array([[[0, 1]], [[1, 0]]]), chances, np.array([[0.8], [0.9]]),
        ("=b",), "right", np.array([[2], [1]]), np.array([[0.25], [0.625]]), (4,), (2,), (1,),
    )  # fmt: skip
    first, last = read(lens_numbers(lens))
    assert (first["depth"], first["layer"], first["slot"], first["token_1"], first["probability_2"]) == (
        "0",
        "",
        "",
        "a",
        "0.25",
    )
    assert (last["layer"], last["loop"], last["slot"], last["token_1"]) == ("4", "2", "B", "'=b")
    assert (last["wanted"], last["wanted_rank"], last["wanted_probability"], last["entropy_bits"]) == (
        "'=b",
        "1",
        "0.625",
        "0.9",
    )


def test_curves_are_written_with_every_point_and_without_a_run_that_is_gone(store: Store) -> None:
    run = record(store, ("none",))[0]
    lines = [LineStyle(run.id, "a name", "a", "#000000"), LineStyle("gone", "gone", "g", "#000000")]
    panels = [Panel("train.loss", "Loss"), Panel("validation.accuracy", "Accuracy")]
    found = read(curve_numbers(store, lines, panels))
    points = [
        point for name in ("train.loss", "validation.accuracy") for point in store.curve(run.id, *name.split("."))
    ]
    assert [(row["metric"], int(row["step"]), float(row["value"])) for row in found] == [
        (f"{one.split}.{one.name}", one.step, one.value) for one in points
    ]


def test_a_map_is_written_site_by_site() -> None:
    model = resolve(build_config({"data": {"task": "digits"}})).config.model
    costed = cost(model, "cycle:2")
    sizes = {key: 7 for key, _slots in costed.map.rows}
    found = read(map_numbers([costed], sizes))
    letters = [row["letter"] for row in found if (row["stack"], row["component"]) == ("encoder", "q")]
    assert letters == ["A", "B"] * (model.num_layers // 2)
    assert {row["slot"] for row in found if row["component"] == "q"} == {"encoder.q:0", "encoder.q:1"}
    assert {row["parameters"] for row in found} == {"7"}
