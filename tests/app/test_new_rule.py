"""A rule is one function and one line: whatever names rules then knows it."""

import json

import pytest
from own_rule import RULE
from page_reading import sentences, tables
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from app import state
from app.design.designs import costed
from app.design.scheme_card import cards_payload
from app.design.scheme_gallery import gallery_payload
from app.look.colours import contrast, strategy_colour
from app.look.formatting import strategy_name
from clps_core.cli import app
from clps_core.schemes import SCHEMES, card, schemes_of, standard_model
from clps_core.sharing import NAMED_STRATEGIES, RULES, Rule, parse_strategy
from docs.make_schemes import page as schemes_page

NAME = RULE.name


@pytest.fixture
def rule(monkeypatch):
    """All that somebody who adds a rule writes."""
    monkeypatch.setitem(RULES, RULE.name, RULE)
    return RULE


def test_the_notation_the_catalogue_and_the_colours_know_a_rule_that_gives_nothing_but_its_function(rule):
    assert parse_strategy("inside_out,norms=own").text == "inside_out,norms=own"
    assert NAMED_STRATEGIES[NAME].title == strategy_name(NAME) == "Inside out"
    found = card("inside-out", 6)
    assert found.rows[0].slots == (0, 1, 2, 2, 1, 0)
    assert contrast(strategy_colour(NAME), "#ffffff") >= 3
    assert "### Inside out" in schemes_page([card(name) for name in SCHEMES])


def test_the_new_rule_is_recognised_by_its_map_and_explained(rule):
    model = standard_model("decoder", 7)
    assert [scheme.name for scheme in schemes_of("0-1-2-3-2-1-0", model)] == ["inside-out"]
    assert [one["title"] for one in cards_payload(NAME, model)["cards"]] == ["Inside out"]
    offered = [one["title"] for kind in gallery_payload("decoder")["kinds"] for one in kind["schemes"]]
    assert "Inside out" in offered


def test_a_rule_says_its_own_words_colour_options_and_core(monkeypatch):
    words = {"rule": "slot = l mod M, said anew", "lost": "Nothing at all."}
    cycle = RULES["cycle"]
    own = Rule("again", cycle.function, title="Again", takes_slots=True, core=cycle.core, colour="#123456", card=words)
    monkeypatch.setitem(RULES, own.name, own)
    scheme = SCHEMES["again"]
    assert (scheme.title, scheme.rule, scheme.lost) == ("Again", words["rule"], words["lost"])
    assert strategy_colour("again") == "#123456"
    assert card("again", 6, strategy="again:3").cores == {"decoder": (0, 3, 0)}


def test_a_rule_that_was_taken_away_is_gone_everywhere():
    assert NAME not in NAMED_STRATEGIES
    assert "inside-out" not in SCHEMES


def test_the_command_line_counts_lists_and_explains_it(rule):
    def said(*arguments):
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    assert said("count", "--task", "dates", "--strategy", NAME)["strategy"] == NAME
    assert "inside-out" in [one["name"] for one in said("schemes")]
    assert said("schemes", "inside-out")["strategy"] == NAME
    assert CliRunner().invoke(app, ["schemes"]).exit_code == 0


def test_pages_that_name_rules_open_with_it(rule, open_page, store):
    run = stored_run(store, small_config("dates", NAME))
    design = open_page("design", spec="1;task=dates", strategy=["none", NAME])
    assert not design.exception
    assert "Inside out" in tables(design)
    assert any("Inside out" in caption.value for caption in design.caption)
    assert costed(design.session_state[state.DESIGNS])[1] == []
    next(button for button in design.button if button.label == "Add a design").click().run()
    assert not design.exception
    assert "Inside out" in next(box for box in design.selectbox if box.label == "Rule").options
    pages = [
        open_page("start"),
        open_page("train", spec="1;task=dates", strategy=["none", NAME]),
        open_page("depth", runs=run.id),
    ]
    for page in pages:
        assert not page.exception
        assert not [said for said in sentences(page) if "rule" in said]
    assert NAME in pages[1].multiselect(key="train.strategies").value
