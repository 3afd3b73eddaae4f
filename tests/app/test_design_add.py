"""Every scheme can be put together without knowing the notation, and no mistake loses anything."""

import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest

from app import state
from app.design import drafts
from app.design.scheme_gallery import gallery_payload
from clps_core.config import SharingConfig, sharing_plan
from clps_core.errors import ConfigError
from clps_core.schemes import SCHEMES, standard_model
from clps_core.sharing import parse_strategy

PAIRS, TEXT = "1;task=dates", "1;task=python-docs"


def adding(open_page, spec=PAIRS, strategy=("none", "all")) -> AppTest:
    test = open_page("design", spec=spec, strategy=list(strategy))
    return next(button for button in test.button if button.label == "Add a design").click().run()


def typed(test: AppTest, text: str) -> AppTest:
    return test.text_input(key="design_draft_text").set_value(text).run()


def draft(test: AppTest) -> str:
    return test.text_input(key="design_draft_text").value


def control(test: AppTest, kind: str, name: str):
    return getattr(test, kind)(key=f"draft_{name}")


def strategies(test: AppTest) -> tuple[str, ...]:
    return test.session_state[state.DESIGNS].strategies


def test_a_design_is_put_together_by_choices_alone_and_added_once(open_page):
    test = adding(open_page)
    control(test, "selectbox", "base").set_value("cycle").run()
    control(test, "number_input", "whole_stored").set_value(3).run()
    control(test, "button_group", "norms").set_value("own").run()
    control(test, "number_input", "lora").set_value(4).run()
    control(test, "button_group", "ties").set_value(["k=@q"]).run()
    assert draft(test) == "cycle:3,k=@q,norms=own,lora=4"
    assert sentences(test) == []
    test.button(key="draft_add").click().run()
    assert strategies(test) == ("none", "all", "cycle:3,k=@q,norms=own,lora=4")
    assert test.session_state[state.DESIGNS].chosen == 2
    assert test.session_state[state.DESIGN_DIALOG] is None
    again = next(button for button in test.button if button.label == "Add a design").click().run()
    assert draft(again) == "cycle:3,k=@q,norms=own,lora=4"
    again.button(key="draft_add").click().run()
    assert len(strategies(again)) == 3


def test_parts_reuse_and_loops_are_choices_too(open_page):
    test = adding(open_page, "1;task=python-docs;model.num_layers=6")
    control(test, "selectbox", "base").set_value("loop").run()
    control(test, "number_input", "whole_loop1").set_value(1).run()
    control(test, "button_group", "inject").set_value("concat").run()
    control(test, "toggle", "random").set_value(True).run()
    assert draft(test) == "loop:1/1/1,inject=concat,train_loops=1-4"
    assert any("1 in the prelude, 1 in the core, 1 in the coda" in caption.value for caption in test.caption)
    control(test, "toggle", "random").set_value(False).run()
    control(test, "button_group", "inject").set_value("none").run()
    control(test, "selectbox", "base").set_value("none").run()
    control(test, "multiselect", "targets").set_value(["ffn"]).run()
    control(test, "selectbox", "rule_ffn").set_value("cycle").run()
    control(test, "number_input", "part_ffn_stored").set_value(2).run()
    control(test, "button_group", "kv_source").set_value("every").run()
    control(test, "number_input", "kv_source_number").set_value(3).run()
    assert draft(test) == "none,ffn=cycle:2,kv_source=every:3"
    assert any("q of decoder layer 2 uses different ones" in caption.value for caption in test.caption), (
        "why nothing loops"
    )
    assert sentences(test) == []


MISTAKES = {
    PAIRS: {"0-1-1": ["encoder", "q", "each of the 4 layers", "3 slots"]},
    f"{TEXT};model.num_kv_heads=2": {"k=@q": ["q of decoder layer 0", "k of decoder layer 0"]},
    TEXT: {
        "kv_source=0-2-2-3": ["decoder layer 1", "forward"],
        "kv_source=0-0-1-3": ["decoder layer 2", "layer 1 itself reads layer 0"],
        "kv_source=0-0-2-2,attention_source=0-0-2-2": ["decoder layer 1", "either keys and values or"],
        "none,train_loops=1-4": ["decoder", "core"],
        "lora.q=4096": ["q of decoder layer 0", "rank"],
        "all,lora=4,train_loops=1-6": ["train_loops", "Each executed layer has its own LoRA"],
        "cycle:9": ["between 1 and the number of layers"],
        "sideways": ["Strategy must be one of"],
    },
}


@pytest.mark.parametrize("spec", MISTAKES)
def test_a_mistake_is_one_sentence_and_nothing_is_lost(open_page, spec):
    test = adding(open_page, spec)
    for text, words in MISTAKES[spec].items():
        typed(test, text)
        assert not test.exception
        (sentence,) = sentences(test)
        plain = sentence.replace("\\", "").lower()
        for word in words:
            assert word.lower() in plain
        assert draft(test) == text
        assert test.button(key="draft_add").disabled
        assert strategies(test) == ("none", "all")
    typed(test, "cycle:2")
    assert sentences(test) == []
    assert not test.button(key="draft_add").disabled


def test_what_cannot_be_read_leaves_the_choices_as_they_were(open_page):
    test = adding(open_page)
    typed(test, "cycle:3,norms=own")
    typed(test, "cycle:3,norms=purple")
    assert control(test, "number_input", "whole_stored").value == 3
    assert control(test, "button_group", "norms").value == "own"
    control(test, "number_input", "whole_stored").set_value(2).run()
    assert draft(test) == "cycle:2,norms=own"


def test_a_choice_that_contradicts_another_is_refused_in_one_sentence(open_page):
    test = adding(open_page)
    typed(test, "none,k=all")
    control(test, "button_group", "ties").set_value(["k=@q"]).run()
    assert "rule or a tie" in sentences(test)[0]
    assert draft(test) == "none,k=all"


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_in_the_gallery_can_be_drafted_on_a_model_of_its_family(name):
    scheme = SCHEMES[name]
    offered = {one["name"]: one for kind in gallery_payload(scheme.family)["kinds"] for one in kind["schemes"]}
    if scheme.kind == "outside":
        assert name not in offered
        return
    assert offered[name]["refused"] == ""
    if scheme.strategy != "custom":
        sharing_plan(standard_model(scheme.family), SharingConfig(strategy=scheme.strategy))


def test_a_scheme_that_a_family_cannot_have_says_why():
    offered = {one["name"]: one for kind in gallery_payload("decoder")["kinds"] for one in kind["schemes"]}
    assert "a tie must name parts that the model has" in offered["tied-transformers"]["refused"]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("cycle:3,lora=8", "all", "all,lora=8"),
        ("attention_only", "cycle", "cycle"),
        ("all,decoder.q=none", "cycle", "cycle,decoder.q=none"),
        ("cycle:3,norms=own", "ffn_only", "ffn_only,norms=own"),
        ("cycle:3", drafts.CUSTOM, "0-1-2-3"),
    ],
)
def test_another_rule_keeps_what_it_says_nothing_of(text, name, expected):
    assert drafts.with_base(text, name, 4) == expected


def test_drafts_refuse_what_the_notation_refuses():
    with pytest.raises(ConfigError):
        drafts.with_extras("all", train_loops=(4, 1))
    assert drafts.base_name(parse_strategy("ffn_only,norms=own")) == "ffn_only"


def test_a_map_pasted_from_a_paper_is_the_custom_map_and_offers_its_number_of_layers(open_page):
    test = typed(adding(open_page), "[1, 2, 3,\n 3, 2, 1]")
    assert draft(test) == "0-1-2-2-1-0"
    assert ["Got 6 slots" in said for said in sentences(test)] == [True]
    test.button(key="draft_layers").click().run()
    assert not test.exception
    assert sentences(test) == []
    assert test.session_state[state.DESIGNS].base.model.num_layers == 6
    test = typed(test, "A B one C B A")
    assert ["Got 'one' in place 3 of 6" in said.replace("\\", "") for said in sentences(test)] == [True]
    assert test.text_input(key="draft_whole_integers").value == "0-1-2-2-1-0"
    test = test.text_input(key="draft_whole_integers").set_value("ABCABC").run()
    assert draft(test) == "0-1-2-0-1-2"
    test.button(key="draft_add").click().run()
    assert strategies(test) == ("none", "all", "0-1-2-0-1-2")
