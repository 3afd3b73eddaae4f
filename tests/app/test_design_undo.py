"""Every edit of a design can be taken back, by a button, a key or the browser's Back; a preset painted on stays."""

import pytest
from page_reading import sentences, tables

from app import state
from app.design.designs import Designs, default_designs
from app.design.origins import origins
from app.design.painting import apply_action
from clps_core.config import build_config
from clps_core.errors import ConfigError

CELL = {"kind": "paint", "stack": "encoder", "component": "q", "layer": 1, "like": None, "scope": "cell"}
ALBERT = origins()["albert-base"].designs


def designs_of(test):
    return test.session_state[state.DESIGNS]


def field(test, name):
    return f"design_{name}_{test.session_state[state.DESIGNS_VERSION]}"


def layers(test, number):
    test.number_input(key=field(test, "num_layers")).set_value(number).run()
    assert not test.exception


def button(test, label):
    return next(one for one in test.button if one.label == label)


def go(test, address):
    """What the browser's Back does: the page runs again with the address of that step."""
    test.query_params.clear()
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception


def test_undo_takes_back_one_edit_after_the_other_and_redo_makes_them_again(open_page):
    test = open_page("design")
    start, address = designs_of(test), dict(test.query_params)
    assert button(test, "Undo").disabled
    assert button(test, "Redo").disabled
    layers(test, 5)
    layers(test, 6)
    button(test, "Undo").click().run()
    assert designs_of(test).base.model.num_layers == 5
    assert test.number_input(key=field(test, "num_layers")).value == 5
    button(test, "Undo").click().run()
    assert designs_of(test) == start
    assert dict(test.query_params) == address
    assert button(test, "Undo").disabled
    button(test, "Redo").click().run()
    button(test, "Redo").click().run()
    assert designs_of(test).base.model.num_layers == 6
    layers(test, 7)
    assert button(test, "Redo").disabled


def test_an_address_of_the_history_is_a_step_back_or_forward(open_page):
    test = open_page("design")
    layers(test, 5)
    five = dict(test.query_params)
    layers(test, 6)
    six = dict(test.query_params)
    go(test, five)
    assert designs_of(test).base.model.num_layers == 5
    assert test.number_input(key=field(test, "num_layers")).value == 5
    go(test, {})
    assert designs_of(test) == default_designs()
    assert test.number_input(key=field(test, "num_layers")).value == default_designs().base.model.num_layers
    go(test, six)
    assert designs_of(test).base.model.num_layers == 6
    assert [one.base.model.num_layers for one in history_of(test).past] == [4, 5]


def history_of(test):
    return test.session_state[state.DESIGNS_HISTORY]


def test_a_visit_from_another_page_finds_the_designs_as_they_were_left(open_page):
    test = open_page("design")
    layers(test, 6)
    test.switch_page("../pages/system.py").run()
    test.query_params.clear()
    test.switch_page("../pages/design.py").run()
    assert designs_of(test).base.model.num_layers == 6
    layers(test, 7)
    go(test, {})
    assert designs_of(test).base.model.num_layers == 6


def test_one_edit_is_one_step_of_the_browsers_history(open_page, monkeypatch):
    """Streamlit's page makes a step of each message."""
    from streamlit.runtime.state.query_params import QueryParams

    sent = []
    send = QueryParams._send_query_param_msg
    monkeypatch.setattr(QueryParams, "_send_query_param_msg", lambda self: (sent.append(1), send(self))[1])
    test = open_page("design")
    assert sent == [1], "what the page chose"
    test.selectbox(key=field(test, "origin")).set_value("albert-base").run()
    assert {"spec", "strategy"} <= set(test.query_params)
    assert sent == [1, 1]


def test_a_preset_that_is_painted_on_stays_and_a_named_copy_is_made():
    painted = apply_action(ALBERT, {**CELL, "design": 1})
    assert painted.strategies[:2] == ("none", "all")
    assert painted.strategies[3:] == ALBERT.strategies[2:]
    copy = painted.strategies[2]
    assert painted.chosen == 2
    assert painted.name(copy) == "Custom map, from ALBERT base"
    assert painted.name("all") == "All layers"
    again = apply_action(painted, {**CELL, "design": 2, "layer": 3})
    assert len(again.strategies) == len(painted.strategies)
    assert again.name(again.strategies[2]) == "Custom map, from ALBERT base"
    back = apply_action(painted, {**CELL, "design": 2, "like": 0})
    assert back.strategies == ALBERT.strategies
    assert back.chosen == 1


def test_of_a_rule_a_copy_is_made_too_and_a_custom_map_is_painted_in_place():
    painted = apply_action(Designs(build_config()), {**CELL, "design": 2})
    assert painted.strategies[:3] == ("none", "all", "cycle")
    assert painted.name(painted.strategies[3]) == "Custom map, from Cycle"
    own = apply_action(Designs(build_config(), ("none", "0-1-1-0")), {**CELL, "design": 1})
    assert len(own.strategies) == 2
    assert own.copies == ()


def test_where_there_is_no_place_for_a_copy_nothing_is_lost():
    full = Designs(build_config(), tuple(f"all,lora={rank}" for rank in range(1, state.MAX_STRATEGIES + 1)))
    with pytest.raises(ConfigError, match="at most 8 designs"):
        apply_action(full, {**CELL, "design": 0})


def test_the_copys_name_is_in_the_table_and_in_the_address(open_page):
    painted = apply_action(ALBERT, {**CELL, "design": 1})
    spec, strategies, copied, *_beside = painted.address
    test = open_page("design", spec=spec, strategy=list(strategies), copied=list(copied))
    assert sentences(test) == []
    assert designs_of(test).copies == painted.copies
    assert "Custom map, from ALBERT base" in tables(test)


@pytest.mark.parametrize("copied", ["9:albert-base", "x", "0:<script>", "-1:all", ":", "١:all"])
def test_a_bad_copy_in_the_address_is_one_sentence(open_page, copied):
    test = open_page("design", strategy=["none", "all"], copied=copied)
    assert not test.exception
    assert len(sentences(test)) == 1
    assert designs_of(test).copies == ()


def test_a_painted_draft_can_be_taken_back(open_page):
    test = open_page("design")
    button(test, "Add a design").click().run()
    first = test.text_input(key="design_draft_text").value
    test.selectbox(key="draft_base").set_value("cycle").run()
    assert test.text_input(key="design_draft_text").value != first
    test.button(key="draft_undo").click().run()
    assert test.text_input(key="design_draft_text").value == first
    assert test.button(key="draft_undo").disabled
