"""What each chapter of Learn offers to do, done once by a Reader. Start at ACTIONS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from app.look.strategy_names import name_of
from clps_core.samples.ready import ready_named
from clps_core.samples.shipped import figures_of
from clps_core.words import _ as said
from clps_core.words import together

if TYPE_CHECKING:
    from chapter_reader import Reader

__all__ = ["ACTIONS"]


def follows_an_input(reader: Reader) -> None:
    """One's own numbers through the second and the last layer."""
    typed = reader.page.get_by_label(said("Your input"), exact=True)
    reader.types(typed, "7 6 5 4 3 2 1 0")
    expect(reader.page.get_by_role("region", name=said("Scores and weights of this row"))).to_contain_text("f(7)=0")
    reader.picks(said("Layer"), "2")
    reader.tells(said("This was the last layer. The final norm and the output matrix turn this state into the answer."))
    expect(reader.page.locator(".clps-strip").first).to_be_visible()


def adds_a_layer(reader: Reader) -> None:
    """Seven layers instead of six: a column more in both maps."""
    last = reader.page.locator('.cell[data-component=q][data-layer="6"]')
    expect(reader.page.locator('.cell[data-component=q][data-layer="5"]')).to_have_count(2)
    expect(last).to_have_count(0)
    reader.turns(reader.main.get_by_role("slider"))
    expect(last).to_have_count(2)
    expect(last.last).to_have_text("A")
    expect(last.first).to_have_text("G")


def paints_a_layer(reader: Reader) -> None:
    """Another scheme above; below, layer 2 gets the weights of layer 1."""
    maps = reader.page.locator('.cell[data-component=q][data-layer="2"]')
    expect(maps).to_have_text(["A", "C"])
    reader.picks(said("Scheme"), name_of("cycle:3"))
    expect(maps).to_have_text(["C", "C"])
    reader.selects(maps.last)
    reader.presses(reader.page.get_by_role("button", name=said("the whole layer")))
    reader.presses(
        reader.page.get_by_role("button", name=said("Use slot {letter}, as layer {layer}", letter="B", layer=1))
    )
    expect(maps.last).to_have_text("B")
    expect(reader.page.locator('.cell[data-component=o][data-layer="2"]').last).to_have_text("B")


def reads_both_tables(reader: Reader) -> None:
    """Two comparisons that ship, each with its spread, and the way to train one."""
    expect(reader.main.locator(".clps-figures")).to_have_count(2)
    expect(reader.main.locator(".clps-figures td").filter(has_text="±").first).to_be_visible()
    reader.looks_at(said("Train it live"), "train", "strategy=cycle%3A2.*task%3Dpairs")


def paints_a_cell(reader: Reader) -> None:
    """One query matrix of its own: the map is none of the four, and has a row of its own."""
    cell = reader.page.locator('.cell[data-component=q][data-layer="1"]')
    reader.selects(cell)
    reader.presses(reader.page.get_by_role("button", name=said("this cell")))
    reader.presses(reader.page.get_by_role("button", name=said("Use a new slot")))
    expect(cell).to_have_text("B")
    table = reader.page.get_by_role("region", name=said("Parameters stored in the layers"))
    expect(table).to_contain_text(said("Your map"))


def compares_two_layers(reader: Reader) -> None:
    """Maps of two uses of one weight are painted; a chosen head stays with another input and other layers."""
    maps = reader.page.locator(".attention[data-layers='0,2']")
    expect(maps.locator("canvas.map")).to_have_count(2)
    other = "0" if maps.get_attribute("data-selected") == "3" else "3"
    reader.presses(maps.get_by_role("button", name=said("Head {head}", head=other), exact=True))
    expect(maps).to_have_attribute("data-selected", other)
    typed = reader.page.locator("[data-testid=stTextInput] input")
    before = typed.input_value()
    reader.presses(reader.page.get_by_role("button", name=said("Another example")))
    expect(typed).not_to_have_value(before)
    expect(maps).to_have_attribute("data-selected", other)
    reader.picks(said("Compare layers"), together(("1", "2")))
    expect(reader.page.locator(".attention[data-layers='1,2'] canvas.map")).to_have_count(2)
    assert "cell=" not in reader.page.url


def sees_both_charts(reader: Reader) -> None:
    """Two charts with a line for each design, and the way to the dial."""
    lines = len(figures_of(ready_named("cups")))
    charts = reader.main.locator(".js-plotly-plot")
    expect(charts).to_have_count(2)
    for chart in (charts.first, charts.last):
        expect(chart.locator(".scatterlayer .trace")).to_have_count(lines)
    reader.looks_at(said("Turn the dial on the Depth page"), "depth", "runs=sample-cups")


def takes_fewer_heads(reader: Reader) -> None:
    """A quarter of the heads for keys and values: a quarter of the cache."""
    row = reader.page.get_by_role("row").filter(has_text="100.0 %")
    expect(row.first).to_contain_text("67.1 MB")
    reader.picks(said("Heads for keys and values"), "2")
    quarter = reader.page.get_by_role("row").filter(has_text="16.8 MB")
    expect(quarter.first).to_contain_text("25.0 %")


def raises_the_rank(reader: Reader) -> None:
    """Twice the rank is twice as far along the line."""
    reader.tells("2.8 %")
    reader.turns(reader.main.get_by_role("slider"))
    reader.tells("5.6 %")


def lacks_time(reader: Reader) -> None:
    """Too little time for training: the helper's answer is another design, which Design opens."""
    reader.takes(reader.main.get_by_role("radiogroup", name=said("What is scarce?")), said("Time for training"))
    expect(reader.main.get_by_role("heading", name=said("Do not share"), exact=True)).to_be_visible()
    reader.looks_at(said("Open in Design"), "design", "strategy=none")


ACTIONS: dict[str, Callable[[Reader], None]] = {
    "layer": follows_an_input,
    "stored": adds_a_layer,
    "map": paints_a_layer,
    "costs": reads_both_tables,
    "parts": paints_a_cell,
    "inputs": compares_two_layers,
    "loops": sees_both_charts,
    "kv": takes_fewer_heads,
    "loosened": raises_the_rank,
    "when": lacks_time,
}
"""Key of a chapter -> what its reader does there."""
