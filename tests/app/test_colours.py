"""One colour per strategy and slot: the same every day, readable on both themes and under white letters."""

import tomllib
from pathlib import Path

import pytest

from app.look.colours import PAPER, contrast, ink_on, slot_colour, slot_letter, strategy_colour, strategy_colours
from clps_core.sharing import NAMED_STRATEGIES

STRATEGIES = [*NAMED_STRATEGIES, "cycle:3", "grouped:2", "attention=all,ffn=none", "0-1-1-0", "", "<b>"]
COLOURS = [*map(strategy_colour, STRATEGIES), *map(slot_colour, range(80))]


def test_colours_stay_what_they_are():
    assert strategy_colour("all") == "#1b72c5"
    assert strategy_colour("cycle:3") == "#6f7630"
    assert slot_colour(0) == "#1b72c5"
    assert slot_colour(40) == "#80720d"


ALIKE = ("decoder=@encoder", "all,lora=16")


def apart(one: str, other: str) -> int:
    return max(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5))


def test_strategies_shown_together_are_told_apart_where_alone_they_look_alike():
    assert apart(*map(strategy_colour, ALIKE)) < 12
    shown = strategy_colours(["none", "all", *ALIKE])
    assert apart(*(shown[text] for text in ALIKE)) > 40
    assert min(contrast(colour, paper) for colour in shown.values() for paper in PAPER.values()) >= 3


def test_a_strategy_keeps_its_colour_unless_another_one_comes_too_near():
    assert strategy_colours(["cycle:3"]) == {"cycle:3": strategy_colour("cycle:3")}
    named = {name: strategy_colour(name) for name in NAMED_STRATEGIES}
    shown = strategy_colours([*ALIKE, *NAMED_STRATEGIES])
    assert {name: shown[name] for name in NAMED_STRATEGIES} == named
    assert strategy_colours([*reversed(ALIKE), *NAMED_STRATEGIES]) == shown


def test_named_strategies_and_the_first_slots_have_colours_of_their_own():
    assert len({strategy_colour(name) for name in NAMED_STRATEGIES}) == len(NAMED_STRATEGIES)
    assert len({slot_colour(index) for index in range(12)}) == 12


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_stands_out_from_the_page(theme):
    assert min(contrast(colour, PAPER[theme]) for colour in COLOURS) >= 3


def test_letters_on_every_colour_can_be_read():
    assert min(contrast(colour, ink_on(colour)) for colour in COLOURS) >= 4.5
    assert {ink_on(colour) for colour in COLOURS} == {"#ffffff"}


def test_slots_are_lettered_like_columns_of_a_sheet():
    assert [slot_letter(index) for index in (0, 25, 26, 27, 701, 702)] == ["A", "Z", "AA", "AB", "ZZ", "AAA"]


def test_the_paper_is_the_themes_paper():
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    assert {name: config["theme"][name]["backgroundColor"] for name in PAPER} == PAPER
