"""A second design beside the chosen one: what differs is true for any pair, and the address brings the pair back."""

import json

import pytest
from page_reading import sentences, tables
from shared_server import shared  # noqa: F401  # a fixture
from test_design_page import address, designs_of, field
from untrained_runs import small_config

from app import state
from app.design.beside import beside_of, with_design
from app.design.designs import Designs, cost, counted_model
from app.design.sharing_pair import pair_numbers, pair_payload
from app.look.formatting import exact, times
from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, SharingConfig, build_config
from clps_core.errors import ClpsError
from clps_core.presets import PRESETS
from clps_core.sharing.difference import compare_plans
from clps_core.spec import to_spec

DECODER = ModelConfig(family="decoder", num_layers=4, vocab_size=32, max_positions=16)


def button(test, label):
    return next(one for one in test.button if one.label == label)


def words(test):
    return "\n".join([*(one.value for one in test.markdown), *(one.value for one in test.info)])


def pair(test):
    """What the browser gets of the pair; nothing where none is drawn."""
    found = [one for one in test.get("bidi_component") if one.proto.component_name == "clps.sharing_pair"]
    return json.loads(found[0].proto.json) if found else None


def stored(store, config):
    return store.runs(comparison=store.create_comparison("seen before", [config]))[0]


def small_model(test):
    return counted_model(designs_of(test).base)


def two(one, other, layers=4):
    first = cost(DECODER, one)
    return first, cost(DECODER.model_copy(update={"num_layers": layers}), other)


def marks(payload, side, component):
    (row,) = [row for row in payload["designs"][side]["stacks"][0]["rows"] if row["component"] == component]
    return row["marks"]


def test_the_browser_gets_the_marks_of_every_cell_and_of_layers_that_one_design_lacks():
    designs = two("q=0-0-1-2", "q=0-0-0-1-2-3", layers=6)
    found = compare_plans(*(design.plan for design in designs))
    payload = pair_payload(designs, ["A", "B"], found)
    assert marks(payload, 0, "q") == ["sharing"] * 3 + [""]
    assert marks(payload, 1, "q") == ["sharing"] * 3 + ["", "only", "only"]
    assert marks(payload, 1, "k") == [""] * 4 + ["only"] * 2
    assert [design["stacks"][0]["lacking"] for design in payload["designs"]] == [[], [4, 5]]
    assert [key["mark"] for key in payload["keys"]] == ["sharing", "only"]
    rows = list(pair_numbers(designs, ["A", "B"], found).rows)
    assert len(rows) == 8 * (4 + 6)
    assert ("A", "q=0-0-1-2", "decoder", 1, "q", "A", "sharing") in rows


def test_a_design_is_kept_and_what_is_changed_afterwards_is_told(open_page):
    test = open_page("design", spec="1;task=python-docs", strategy=["none", "all"])
    assert "beside" not in address(test)
    button(test, "Compare side by side").click().run()
    test.button_group(key="beside.kind").set_value("now").run()
    test.button(key="beside.put").click().run()
    assert not test.exception
    assert address(test)["beside"] == ["1;task=python-docs;sharing.strategy=all"]
    assert "The two designs are equal in every field: All layers." in words(test)
    assert pair(test) is None
    test.number_input(key=field(test, "num_layers")).set_value(6).run()
    assert "The sites that both designs have are shared in the same way. Only All layers · num\\_layers 6 has" in words(
        test
    )
    assert [design["stacks"][0]["lacking"] for design in pair(test)["designs"]] == [[4, 5], []]
    again = open_page("design", **address(test))
    assert (pair(again), designs_of(again)) == (pair(test), designs_of(test))
    assert sentences(again) == []


def test_the_figures_of_both_are_the_engines_and_swapping_twice_is_nothing(open_page):
    test = open_page("design", strategy=["none", "all"], beside="albert-base", opened="0")
    other = PRESETS["albert-base"]
    here, there = count(small_model(test), SharingConfig(strategy="none")), count(other.model, other.sharing)
    shown = tables(test)
    assert f'title="−{exact(there.unique_parameters - here.unique_parameters)}"' in shown
    assert f">{times(here.train_flops_per_token / there.train_flops_per_token)}<" in shown
    assert "Only No sharing has a decoder." in words(test)
    before = address(test)
    test.button(key="beside.swap").click().run()
    assert not test.exception
    assert designs_of(test).base.model == other.model
    assert designs_of(test).strategies[designs_of(test).chosen] == "all"
    assert address(test)["beside"] == [before["spec"][0]]
    assert "Only No sharing has a decoder." in words(test)
    test.button(key="beside.swap").click().run()
    assert address(test) == before
    test.button(key="beside.take").click().run()
    assert designs_of(test).base.model == other.model
    assert pair(test) is None
    button(test, "Undo").click().run()
    assert address(test) == before
    assert pair(test) is not None


def test_a_run_stands_beside_a_design_under_its_name_until_it_is_gone(open_page, store):
    run = stored(store, small_config("dates", "0-1-1-0"))
    test = open_page("design", spec=to_spec(small_config("dates")), strategy=["cycle:2", "all"], opened="0")
    button(test, "Compare side by side").click().run()
    for kind, known in (("scheme", "Cycle"), ("paper", "ALBERT base")):
        test.button_group(key="beside.kind").set_value(kind).run()
        assert any(known in label for label in test.selectbox(key=f"beside.{kind}").options)
        assert not test.button(key="beside.put").disabled
    test.button_group(key="beside.kind").set_value("run").run()
    test.text_input(key="beside.search").set_value("num_layers>=9").run()
    assert test.button(key="beside.put").disabled
    test.text_input(key="beside.search").set_value(run.id[:4]).run()
    test.button(key="beside.put").click().run()
    assert address(test)["beside"] == [f"run:{run.id}"]
    assert [design["title"] for design in pair(test)["designs"]] == ["All layers", run.name]
    store.forget_run(run.id)
    test.run()
    assert len(sentences(test)) == 1
    assert "The second design cannot be shown: there is no run" in sentences(test)[0].replace("\\", "")
    test.button(key="beside.close").click().run()
    assert sentences(test) == []
    assert "beside" not in address(test)


HOSTILE = [
    "<script>",
    "run:../../etc",
    "run:",
    "2;task=dates",
    "1;task=dates;sharing.strategy=0-1",
    "albert-bas",
    "x" * 9000,
]


def test_a_made_up_design_beside_is_refused_in_bounds(home):
    for text in HOSTILE:
        with pytest.raises(ClpsError) as problem:
            beside_of(text)
        assert len(str(problem.value)) < 400


@pytest.mark.parametrize("beside", [HOSTILE[0], HOSTILE[-1]])
def test_the_page_says_so_in_one_sentence_and_stays(open_page, beside):
    test = open_page("design", strategy=["none", "all"], beside=beside, opened="9" * 50)
    assert not test.exception
    assert len(sentences(test)) == 1
    assert designs_of(test).strategies == ("none", "all")
    test.number_input(key=field(test, "num_layers")).set_value(3).run()
    assert len(sentences(test)) == 1


def test_on_a_shared_server_only_ones_own_runs_are_listed(open_page, store, shared):  # noqa: F811
    mine = shared.visitor()
    for owner in ("somebody-else", mine):
        store.create_comparison(f"of {owner}", [small_config()], owner=owner)
    test = open_page("design")
    button(test, "Runs").click().run()
    (own,) = [run.id for run in store.runs() if run.owner == mine]
    assert [own in label for label in test.selectbox(key="design.run.run").options] == [True]


def test_one_takes_a_runs_whole_design_or_only_its_map(open_page, store):
    run = stored(store, small_config("python-docs", "0-1-1-0,norms=own", num_layers=4, d_model=32))
    test = open_page("design", spec="1;task=dates;model.num_layers=6", strategy=["none", "all"])
    button(test, "Runs").click().run()
    test.button(key="design.run.map").click().run()
    assert ["must name one slot for each of the 6 layers" in said for said in sentences(test)] == [True]
    assert designs_of(test).strategies == ("none", "all")
    test.button(key="design.run.design").click().run()
    assert not test.exception
    found = designs_of(test)
    assert (found.base.data.task, found.base.model.d_model, found.strategies) == (
        "python-docs", 32, ("none", "all", "0-1-1-0,norms=own")
    )  # fmt: skip
    assert test.number_input(key=field(test, "d_model")).value == 32
    assert test.session_state[state.DESIGN_DIALOG] is None
    mapped = open_page("design", spec="1;task=dates", strategy=["none", "all"])
    button(mapped, "Runs").click().run()
    mapped.button(key="design.run.map").click().run()
    found = designs_of(mapped)
    assert (found.base.data.task, found.strategies[found.chosen]) == ("dates", run.strategy)


def test_a_whole_design_keeps_of_the_list_what_fits_and_replaces_one_of_a_full_list():
    full = Designs(build_config(), tuple(f"all,lora={rank}" for rank in range(1, state.MAX_STRATEGIES + 1)), 3)
    replaced = with_design(full, full.config("none"))
    assert replaced.strategies[3] == "none"
    assert len(replaced.strategies) == state.MAX_STRATEGIES
    deeper = build_config({"model": {"num_layers": 6}, "sharing": {"strategy": "cycle:3"}})
    found = with_design(Designs(build_config(), ("0-1-1-0", "all")), deeper)
    assert (found.strategies, found.strategies[found.chosen]) == (("all", "cycle:3"), "cycle:3")
