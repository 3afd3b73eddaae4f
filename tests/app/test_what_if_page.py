"""Scaling, swapping and patching on Attention: the address and the menu, and what the page says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from page_reading import sentences
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.lens import lens_payload
from clps_core.inspection import inspect_run, quantised
from clps_core.lens import lens_of_run
from clps_core.look import Look
from clps_core.patching import Patching
from clps_core.samples import install, ready_named
from clps_core.store import Store

HOPS, OTHER = "3 1 7 0 2 6 4 5", "1 2 3 4 5 6 7 0"
LOOPED, PLAIN = "sample-hops-3-all-0", "sample-hops-3-none-0"


def components(test: AppTest, field: str) -> list[dict[str, Any]]:
    """The data of each component on the page that has ``field``, in order."""
    found = [json.loads(one.proto.json) for one in test.get("bidi_component") if one.proto.json]
    return [one for one in found if field in one]


def layer_views(test: AppTest) -> list[bytes]:
    """What "Same weights, different input" was given."""
    return [
        one.proto.bytes for one in test.get("bidi_component") if one.proto.component_name == "clps.attention_layers"
    ]


def said(test: AppTest) -> list[str]:
    """What the page says of each run's changes."""
    words = ("Without", "Changed:", "Patched")
    return [one.value for one in test.markdown if one.value.startswith(words)]


def given(test: AppTest, name: str) -> list[str]:
    """What the address says under ``name``."""
    found = test.query_params[name]
    return [found] if isinstance(found, str) else list(found)


def answers(test: AppTest) -> list[str]:
    return [one["said"] for one in components(test, "correctness")]


def test_a_patch_from_the_menu_stands_in_the_address_and_answer_lens_and_sentence_follow(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    install(store, [ready_named("hops")])
    test = open_page("attention", view="lens", run=LOOPED, text=HOPS)
    assert said(test) == []
    test.selectbox(key="attention.change.to").select_index(2)
    test.selectbox(key="attention.change.from").select_index(2)
    test.text_input(key="attention.change.positions").set_value(" 15, 14 : 8 ").run()
    test.button(key="attention.change.add").click().run()
    assert given(test, "patch") == ["decoder.2[15,14:8]=decoder.2"]
    assert "Patched from the same run and input" in said(test)[0]
    test.query_params["patch_text"] = OTHER
    test.run()
    assert sentences(test) == []
    folder = store.run_folder(LOOPED)
    patching = Patching(("decoder.2[15,14:8]=decoder.2",), OTHER)
    expected = inspect_run(Look(folder, HOPS, patching=patching))
    assert expected.effect is not None
    whole = inspect_run(Look(folder, HOPS)).prediction
    assert answers(test) == [expected.prediction] != [whole]
    (sentence,) = said(test)
    assert f"with the input “{OTHER}”: Layer 2, state at 15, 14:8 ← Layer 2." in sentence
    assert f"The whole model answers **{whole}**. Its 8 tokens together have a probability of 99." in sentence
    assert f"At {expected.effect.others} of 8 positions, another token" in sentence
    shown = components(test, "wanted")[0]
    assert shown["top"] == lens_payload(lens_of_run(Look(folder, HOPS, patching=patching)), "")["top"]
    assert any("f(0)=3" in one.value.replace("\\", "") for one in test.caption), "which position is which"

    test.multiselect(key="attention.without").set_value([]).run()
    assert said(test) == []
    assert not {"patch", "patch_text", "patch_run"} & set(test.query_params)


def test_two_runs_are_patched_into_each_other_and_the_maps_follow(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    install(store, [ready_named("hops")])
    patch = "decoder.1.attention=decoder.1.attention"
    test = open_page("attention", run=LOOPED, beside=PLAIN, text=HOPS, patch=[patch], patch_run="other")
    assert sentences(test) == []
    assert [one.partition(":")[0] for one in said(test)] == ["Patched from the other run, with the same input"] * 2
    folders = [store.run_folder(one) for one in (LOOPED, PLAIN)]
    for folder, other, answer in zip(folders, reversed(folders), answers(test), strict=True):
        found = inspect_run(Look(folder, HOPS, patching=Patching((patch,), folder=other)))
        assert answer == found.prediction
        assert (found.attention["decoder"][1] == inspect_run(Look(other, HOPS)).attention["decoder"][1]).all()
    alike = open_page(
        "attention", run=LOOPED, beside=PLAIN, text=HOPS, patch=[patch], patch_run="other", view="layers", slot="all"
    )
    for folder, other, sent in zip(folders, reversed(folders), layer_views(alike), strict=True):
        maps = inspect_run(Look(folder, HOPS, patching=Patching((patch,), folder=other))).attention["decoder"]
        assert sent.endswith(quantised(maps).swapaxes(0, 1).tobytes()), "layers of one slot, as they are patched"
    one_alone = open_page("attention", run=LOOPED, text=HOPS, patch=[patch], patch_run="other")
    assert "needs a second run" in sentences(one_alone)[0]
    assert len(answers(one_alone)) == 1, "the page goes on without it"


def test_what_holds_whatever_the_input_is_said(open_page: Callable[..., AppTest], store: Store) -> None:
    install(store, [ready_named("hops")])
    test = open_page("attention", view="lens", run=LOOPED, text=HOPS)
    test.segmented_control(key="attention.change.kind").set_value("swap").run()
    test.button(key="attention.change.add").click().run()
    assert given(test, "without") == ["decoder.0<>decoder.2"]
    assert "use the same weights, so swapping them changes nothing" in said(test)[0]
    test.multiselect(key="attention.without").set_value(["decoder.1"]).run()
    assert "leaving out any one of its loops has the same effect as one loop less" in said(test)[0]
    test.segmented_control(key="attention.change.kind").set_value("scale").run()
    test.button(key="attention.change.add").click().run()
    assert given(test, "without") == ["decoder.1", "decoder.0*0.5"]
    assert said(test)[0].startswith("Without Layer 1. Changed: Layer 0 × 0.5.")
    assert "one loop less" not in said(test)[0], "not where something else is changed, too"
    untied = open_page("attention", view="lens", run=PLAIN, text=HOPS, without=["decoder.0<>decoder.2"])
    assert "changes nothing" not in said(untied)[0]


def test_layers_of_one_slot_are_named_by_where_they_run(open_page: Callable[..., AppTest], store: Store) -> None:
    def shown(test: AppTest) -> dict[str, Any]:
        assert sentences(test) == []
        (sent,) = layer_views(test)
        header: dict[str, Any] = json.loads(sent[4 : 4 + int.from_bytes(sent[:4], "little")])
        return header

    install(store, [ready_named("hops")])
    looped = open_page("attention", view="layers", run=LOOPED, text=HOPS, loops="5")
    assert shown(looped)["layers"] == [0, 1, 2, 3, 4]
    assert "use the same query and key matrices" in shown(looped)["words"]["about"]
    assert any("As trained: Layers with the same letter" in one.value for one in looped.caption)
    cycle = stored_run(store, small_config("digits"))
    swapped = open_page("attention", view="layers", run=cycle.id, without=["encoder.0<>encoder.1"])
    assert shown(swapped)["layers"] == [1, 2], "0 and 2 of the design"
    assert "use the same query and key matrices" in shown(swapped)["words"]["about"]


def test_a_hostile_or_impossible_change_is_one_sentence(open_page: Callable[..., AppTest], store: Store) -> None:
    install(store, [ready_named("hops")])
    test = open_page("attention", view="lens", run=LOOPED, text=HOPS)
    for query, sentence in (
        ({"patch": "<b>=decoder.1"}, "must be written like"),
        ({"patch": "decoder.9=decoder.1"}, "0 to 2. Got 9"),
        ({"patch": "decoder.1[99]=decoder.1"}, "must be from 0 to 15. Got 99"),
        ({"patch": "decoder.1=decoder.1", "patch_text": "1 2"}, "The input to patch from: "),
        ({"patch": "decoder.1=decoder.1", "patch_text": "1 " * 4000}, "at most 4000 characters"),
        ({"patch": "decoder.1=decoder.1", "patch_run": "<i>"}, "must be one of other"),
        ({"without": "decoder.1<>encoder.1"}, "of one stack"),
    ):
        for name, value in {"patch": None, "patch_text": None, "patch_run": None, "without": None, **query}.items():
            if value is not None:
                test.query_params[name] = value
            elif name in test.query_params:
                del test.query_params[name]
        test.run()
        assert not test.exception
        assert len(sentences(test)) == 1, query
        assert sentence in sentences(test)[0].replace("\\", "")


def test_what_only_one_of_two_runs_has_is_told_for_the_other(open_page: Callable[..., AppTest], store: Store) -> None:
    install(store, [ready_named("hops")])
    query = {"run": LOOPED, "beside": "sample-hops-1-all-0", "text": HOPS}
    test = open_page("attention", view="lens", patch=["decoder.0=decoder.2"], without=["decoder.1*0.5"], **query)
    assert sentences(test) == []
    assert "This run does not have these parts: Layer 1 × 0.5; Layer 0, state ← Layer 2." in [
        one.value for one in test.markdown
    ]


def test_runs_of_unequal_widths_are_one_sentence_and_both_are_shown(
    open_page: Callable[..., AppTest], store: Store
) -> None:
    one, other = (stored_run(store, small_config("digits", d_model=width)) for width in (16, 32))
    query = {"view": "lens", "run": one.id, "beside": other.id, "text": "17"}
    test = open_page("attention", patch=["encoder.3=encoder.3"], patch_run="other", **query)
    assert not test.exception
    assert len(sentences(test)) == 1
    assert "Got 16 and 32" in sentences(test)[0].replace("\\", "")
    assert len(components(test, "wanted")) == 2
    everything = [f"encoder.{place}" for place in range(4)]
    test = open_page("attention", without=everything, patch=["encoder.3=encoder.3"], patch_text="18", **query)
    assert sentences(test) == []
    expected = [inspect_run(Look(store.run_folder(run.id), "18")).prediction for run in (one, other)]
    assert answers(test) == expected, "all that the last layer says is the other picture's"
