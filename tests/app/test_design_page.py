"""The Design page counts what the engine counts, keeps everything in its address, and survives bad input."""

from dataclasses import replace

import pytest
from page_reading import sentences, tables
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app import state
from app.design.designs import Designs, costed, counted_model, default_designs
from app.design.origins import origins, published_beside, trainable
from app.design.painting import apply_action
from app.look.formatting import compact, exact, memory, percent
from clps_core.analysis.counts import count, share_of_unshared
from clps_core.config import SharingConfig, build_config, resolve
from clps_core.errors import ConfigError
from clps_core.presets import PRESETS
from clps_core.sharing import Slot
from clps_core.spec import from_spec, to_spec
from clps_core.store import schema


def designs_of(test: AppTest) -> Designs:
    return test.session_state[state.DESIGNS]


def field(test: AppTest, name: str) -> str:
    return f"design_{name}_{test.session_state[state.DESIGNS_VERSION]}"


def address(test: AppTest) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in test.query_params.items()}


def test_the_first_click_finds_a_choice_already_made_which_the_address_names(open_page):
    test = open_page("design")
    assert designs_of(test).strategies == ("none", "all", "cycle")
    assert address(test) == {"spec": ["1;task=python-docs"], "strategy": ["none", "all", "cycle"]}
    assert any(button.label == "Train this comparison" and not button.disabled for button in test.button)


@pytest.mark.parametrize("strategies", [["none", "all"], ["cycle:2", "attention_only", "0-1-1-0"]])
@pytest.mark.parametrize("task", ["dates", "python-docs", "digits"])
def test_the_figures_are_those_of_the_engine(open_page, task, strategies):
    test = open_page("design", spec=f"1;task={task}", strategy=strategies)
    shown = tables(test)
    for strategy in strategies:
        config = resolve(build_config({"data": {"task": task}, "sharing": {"strategy": strategy}})).config
        counts = count(config.model, config.sharing)
        assert f'title="{exact(counts.unique_parameters)}">{compact(counts.unique_parameters)}<' in shown
        assert f'title="{exact(counts.training_bytes)}">{memory(counts.training_bytes)}<' in shown


def test_what_is_the_same_for_all_designs_is_said_once_and_what_differs_has_a_column(open_page):
    same = open_page("design", strategy=["none", "all"])
    assert ">Executed<" not in tables(same)
    assert any("The same for every design: Executed" in caption.value for caption in same.caption)
    reading = open_page("design", spec="1;task=python-docs", strategy=["none", "kv_source=every:2"])
    figures = [one.counts.kv_cache_bytes_per_token for one in costed(designs_of(reading))[0]]
    assert figures[0] == 2 * figures[1]
    for size in figures:
        assert f'title="{exact(size)}">{memory(size)}<' in tables(reading)


@pytest.mark.parametrize("name", PRESETS)
def test_a_papers_preset_is_counted_as_the_engine_counts_it(name):
    preset, designs = PRESETS[name], origins()[name].designs
    found, problems = costed(designs)
    assert problems == []
    looked_at = found[designs.chosen]
    assert looked_at.strategy == preset.sharing.strategy
    assert looked_at.counts == count(preset.model, preset.sharing)
    assert published_beside(preset)[1] == preset.exact


def test_an_edit_goes_into_the_address_and_the_address_brings_it_back(open_page):
    test = open_page("design")
    test.number_input(key=field(test, "num_layers")).set_value(6).run()
    test.number_input(key=field(test, "d_model")).set_value(64).run()
    there = address(test)
    assert from_spec(there["spec"][0]).model.num_layers == 6
    again = open_page("design", **there)
    assert sentences(again) == []
    assert designs_of(again) == designs_of(test)
    assert again.number_input(key=field(again, "num_layers")).value == 6
    assert address(again) == there


def test_a_class_token_is_offered_to_models_of_patches_alone(open_page):
    test = open_page("design", spec="1;task=digits")
    plain = costed(designs_of(test))[0][0].counts.unique_parameters
    test.toggle(key=field(test, "class_token")).set_value(True).run()
    assert address(test)["spec"] == ["1;task=digits;model.class_token=true"]
    base = designs_of(test).base.model
    assert costed(designs_of(test))[0][0].counts.unique_parameters == plain + base.d_model
    words = open_page("design")
    assert field(words, "class_token") not in [toggle.key for toggle in words.toggle]


def test_sizes_that_do_not_fit_are_one_sentence_and_the_last_figures_stay(open_page):
    test = open_page("design")
    before = tables(test)
    test.number_input(key=field(test, "num_heads")).set_value(5).run()
    assert not test.exception
    assert len(sentences(test)) == 1
    assert "d\\_model must be divisible by num\\_heads" in sentences(test)[0]
    assert tables(test) == before
    test.number_input(key=field(test, "num_heads")).set_value(8).run()
    assert sentences(test) == []


def test_a_strategy_that_does_not_fit_is_named_and_the_others_are_shown(open_page):
    test = open_page("design", strategy=["none", "0-1-1", "all"])
    assert len(sentences(test)) == 1
    assert "0\\-1\\-1 is left out" in sentences(test)[0]
    assert "All layers" in tables(test)
    next(button for button in test.button if button.label == "Remove invalid designs").click().run()
    assert sentences(test) == []
    assert designs_of(test).strategies == ("none", "all")


@pytest.mark.parametrize(
    "spec",
    ["nonsense", "1;task=dates;model.family=decoder", "1;model.num_heads=5", "9;task=dates", "1;model.d_model=-3"],
)
def test_a_bad_spec_is_one_sentence_and_the_page_works_with_the_default(open_page, spec):
    test = open_page("design", spec=spec)
    assert not test.exception
    assert len(sentences(test)) == 1
    assert designs_of(test).base == default_designs().base
    test.number_input(key=field(test, "num_layers")).set_value(3).run()
    assert sentences(test) == []


def test_a_bad_address_in_mid_session_loses_nothing(open_page):
    test = open_page("design", spec="1;task=dates;model.num_layers=6", strategy=["none", "cycle:2"])
    before = designs_of(test)
    test.query_params["spec"] = "1;model.num_layers=banana"
    test.query_params["strategy"] = "sideways"
    test.run()
    assert len(sentences(test)) == 2
    assert designs_of(test) == before
    assert from_spec(address(test)["spec"][0]).model.num_layers == 6


def test_another_family_starts_from_its_own_task_and_keeps_the_sizes(open_page):
    test = open_page("design", spec="1;task=dates")
    test.number_input(key=field(test, "num_layers")).set_value(5).run()
    test.button_group(key=field(test, "family")).set_value("decoder").run()
    assert not test.exception
    base = designs_of(test).base
    assert (base.data.task, base.model.family, base.model.num_layers) == ("python-docs", "decoder", 5)


def test_starting_from_a_paper_compares_its_published_strategies(open_page):
    test = open_page("design")
    test.selectbox(key=field(test, "origin")).set_value("albert-base").run()
    assert not test.exception
    assert designs_of(test).strategies == ("none", "all", "attention_only", "ffn_only")
    assert 'title="11,683,584"' in tables(test)


def paint(**changes):
    return {
        "kind": "paint",
        "design": 1,
        "stack": "encoder",
        "component": "q",
        "layer": 0,
        "like": None,
        "scope": "cell",
    } | changes


def test_painting_a_cell_makes_a_custom_map_beside_what_was_painted_on():
    designs = apply_action(Designs(build_config()), paint(layer=3))
    assert designs.strategies == ("none", "all", "all,encoder.q=0-0-0-1", "cycle")
    assert designs.chosen == 2
    found, problems = costed(designs)
    assert problems == []
    row = found[2].map.row("encoder", "q")
    assert [slot.index for slot in row] == [0, 0, 0, 1]


def test_painting_a_sublayer_or_a_layer_takes_its_norms_along():
    sublayer = apply_action(Designs(build_config()), paint(layer=3, scope="sublayer"))
    assert sublayer.strategies[2] == "all,encoder.attention=0-0-0-1"
    layer = apply_action(Designs(build_config()), paint(layer=3, scope="layer"))
    mapping = costed(layer)[0][2].map
    assert mapping.layer_groups("encoder") == (0, 0, 0, 1)
    assert mapping.layer_groups("decoder") == (0, 0, 0, 0)


def test_painting_keeps_ties_reuse_and_extras():
    texts = ("loop:1/1/2,k=@q,lora=4,norms=own", "kv_source=every:2", "decoder=@encoder,depth_embedding=learned")
    designs = Designs(build_config(), texts)
    tied = apply_action(designs, paint(design=0, component="v", layer=0, like=1)).strategies[1]
    assert tied.endswith("k=@q,norms=own,lora=4")
    reading = apply_action(designs, paint(design=1, component="v", layer=2, like=0)).strategies[2]
    mapping = costed(replace(designs, strategies=(reading,)))[0][0].map
    assert mapping.row("encoder", "v") == (Slot("encoder.v", 0), None, Slot("encoder.v", 0), None)
    both = apply_action(designs, paint(design=2, component="q", layer=1, like=0)).strategies[3]
    mapping = costed(replace(designs, strategies=(both,)))[0][0].map
    assert mapping.row("decoder", "q") == mapping.row("encoder", "q")
    assert [slot.index for slot in mapping.row("encoder", "q")] == [0, 0, 1, 2]
    assert both.endswith("depth_embedding=learned")


def test_a_cell_without_weights_cannot_be_painted_and_says_why():
    designs = Designs(build_config(), ("kv_source=every:2",))
    with pytest.raises(ConfigError, match="k of encoder layer 1 has none: the layer reads another layer's activations"):
        apply_action(designs, paint(design=0, component="k", layer=1))
    sublayer = apply_action(designs, paint(design=0, layer=1, like=0, scope="sublayer")).strategies[1]
    mapping = costed(replace(designs, strategies=(sublayer,)))[0][0].map
    assert [mapping.slot("encoder", 1, name) for name in ("q", "k", "v")] == [Slot("encoder.q", 0), None, None]


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"kind": "paint"},
        {"kind": "sing", "design": 0},
        {"kind": "choose", "design": 99},
        {"kind": "choose", "design": "0"},
        paint(stack="<b>"),
        paint(component="zz"),
        paint(layer=99),
        paint(layer="0"),
        paint(like=-1),
        paint(like=10**9),
        paint(like="0"),
    ],
)
def test_what_a_browser_makes_up_is_refused(action):
    with pytest.raises(ConfigError):
        apply_action(Designs(build_config()), action)


def test_the_last_design_cannot_be_removed():
    designs = Designs(build_config(), ("all",))
    assert apply_action(designs, {"kind": "remove", "design": 0}) == designs
    two = apply_action(Designs(build_config()), {"kind": "remove", "design": 0})
    assert two.strategies == ("all", "cycle")


@pytest.mark.parametrize("origin", origins().values(), ids=lambda origin: origin.name)
def test_whatever_is_compared_can_be_trained_at_least_small(origin):
    start = trainable(origin.designs, origin.designs.strategies)
    assert start.strategies[0] == "none"
    assert len(start.strategies) >= 2
    for strategy in start.strategies:
        resolve(start.config(strategy))
    assert counted_model(start.base).d_model <= 128


def test_relative_size_is_one_figure_on_design_train_and_compare(open_page, store):
    strategies = ["none", "all,lora=4"]
    config = small_config("dates", "all,lora=4")
    run = stored_run(store, config)
    counts = count(config.model, config.sharing)
    with store.writing() as connection:
        sizes = {"unique_parameters": counts.unique_parameters, "executed_parameters": counts.executed_parameters}
        connection.execute(schema.run.update().where(schema.run.c.id == run.id).values(**sizes))
    spec = to_spec(config.model_copy(update={"sharing": SharingConfig(strategy="none")}))
    share = percent(share_of_unshared(counts.unique_parameters, config.model), 0)
    assert share != percent(counts.unique_parameters / counts.executed_parameters, 0)
    for page in (
        open_page("design", spec=spec, strategy=strategies),
        open_page("train", spec=spec, strategy=strategies),
        open_page("compare", runs=run.id),
    ):
        assert not page.exception
        assert "Relative size" in tables(page)
        assert "as a share of those of the same model without sharing" in tables(page)
        assert share in tables(page)


def test_design_says_why_operations_differ_where_they_do(open_page):
    test = open_page("design", spec="1;task=dates", strategy=["none", "all", "all,lora=4"])
    said = [caption.value for caption in test.caption if "FLOPs/token, compared with no sharing" in caption.value]
    assert len(said) == 2
    assert "All layers −" in said[0]
    assert "Layers that share the keys and values of cross-attention compute them once" in said[0]
    assert "LoRA adds" in said[1]
    same = open_page("design", spec="1;task=python-docs", strategy=["none", "all"])
    assert not [caption for caption in same.caption if "compared with no sharing" in caption.value]
