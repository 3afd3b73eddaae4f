"""The views of attention that stand beside the maps: heads in figures, maps put together, differences."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from page_reading import sentences
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.attention.heads import heads_payload, tops_of
from clps_core.heads import heads_of_run
from clps_core.inspection import inspect_run, quantised
from clps_core.look import Look
from clps_core.store import Store

OpenPage = Callable[..., AppTest]
GERMAN = {"language": "de"}
TEXT = "May 3"


def drawn(test: AppTest, name: str) -> list[bytes]:
    found = [one.proto for one in test.get("bidi_component")]
    return [one.bytes or one.json.encode() for one in found if one.component_name == f"clps.{name}"]


def grids(test: AppTest) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Header and maps in full of each grid on the page."""
    found = []
    for payload in drawn(test, "attention_grid"):
        length = struct.unpack("<I", payload[:4])[0]
        header = json.loads(payload[4 : 4 + length])
        body = np.frombuffer(payload[4 + length :], np.uint8)[header["full_at"] :]
        found.append((header, body.reshape(-1, len(header["queries"]), len(header["keys"]))))
    return found


def captions(test: AppTest) -> str:
    return " ".join(caption.value for caption in test.caption)


def fine(test: AppTest) -> AppTest:
    assert not test.exception
    assert sentences(test) == []
    return test


def test_heads_of_both_runs_are_summed_up_on_one_scale(open_page: OpenPage, store: Store) -> None:
    runs = [stored_run(store, small_config()), stored_run(store, small_config(strategy="none", num_layers=2))]
    given = {"run": runs[0].id, "beside": runs[1].id, "view": "heads", "text": TEXT, "kind": "decoder"}
    test = fine(open_page("attention", measure="distance", layer="3", head="1", **given))
    found = [heads_of_run(Look(store.run_folder(run.id), TEXT, GERMAN), "decoder") for run in runs]
    shown = [json.loads(one) for one in drawn(test, "attention_heads")]
    for one, expected in zip(shown, found, strict=True):
        payload = heads_payload(
            expected, "distance", tops_of(found), one["view"], tuple(one["selected"]), patches=False
        )
        assert one == json.loads(json.dumps(payload))
    assert [one["selected"] for one in shown] == [[3, 1], [1, 1]], "the second run has two layers"
    assert "next" not in shown[0]["figures"], "a decoder sees no next token"
    counted = found[0].counted
    assert (
        f"means on this input over the {counted} of {found[0].queries} queries that see two or more keys"
        in captions(test)
    )
    assert "Not proved" in captions(test)
    assert test.query_params["layer"] in ("3", ["3"])

    test.button_group(key="attention.kind").set_value("cross").run()
    assert list(fine(test).button_group(key="attention.measure").options) == [
        "Entropy (bits)",
        "Normalised entropy",
        "On the first token",
    ]


def test_maps_are_put_together_and_the_address_says_how(open_page: OpenPage, store: Store) -> None:
    run, other = stored_run(store, small_config()), stored_run(store, small_config(strategy="none"))
    attention = inspect_run(Look(store.run_folder(run.id), TEXT, options=GERMAN)).attention
    given = {"run": run.id, "beside": other.id, "text": TEXT, "kind": "encoder", "layer": "2", "head": "1"}
    test = fine(open_page("attention", maps="mean_heads", **given))
    (header, maps), _second = grids(test)
    assert np.abs(maps.astype(int) - quantised(attention["encoder"].mean(1))).max() <= 1
    assert header["numbers"] == [0, 1, 2, 3]
    assert header["selected"] == [2, 0]
    assert "It may hide one head" in captions(test)
    assert test.query_params["head"] in ("1", ["1"]), "the head that was chosen is not forgotten"

    test.button_group(key="attention.maps").set_value("rollout").run()
    assert len(grids(fine(test))) == 2
    assert "Cross-attention is not included" in captions(test)
    test.button_group(key="attention.maps").set_value("max_layers").run()
    header, maps = grids(fine(test))[0]
    np.testing.assert_array_equal(maps, quantised(attention["encoder"].max(0)))
    assert header["letters"] == [""]

    across = fine(open_page("attention", run=run.id, text=TEXT, kind="cross", maps="rollout"))
    assert "Choose Encoder or Decoder" in across.info[0].value


def test_the_difference_of_two_runs_and_of_the_layers_of_a_slot(open_page: OpenPage, store: Store) -> None:
    run, other = stored_run(store, small_config()), stored_run(store, small_config(strategy="none"))
    one, two = (inspect_run(Look(store.run_folder(each.id), TEXT, options=GERMAN)).attention for each in (run, other))
    given = {"run": run.id, "beside": other.id, "view": "difference", "text": TEXT, "kind": "encoder"}
    test = fine(open_page("attention", **given))
    ((header, maps),) = grids(test)
    expected = one["encoder"] - two["encoder"]
    shown = (maps.astype(float) - 128) / 127 * header["range"]
    np.testing.assert_allclose(shown.reshape(expected.shape), expected, atol=header["range"] / 250 + 5e-5)
    moved = np.abs(expected).sum(-1).mean(-1) / 2
    assert header["notes"] == [[f"{100 * value:.0f} %" for value in row] for row in moved]
    assert "head 0 of one may do what another head of the other does" in captions(test)

    test.button_group(key="attention.of").set_value("B").run()
    header, maps = grids(fine(test))[0]
    assert header["numbers"] == [3]
    expected = one["encoder"][3] - one["encoder"][1]
    np.testing.assert_allclose((maps.astype(float) - 128) / 127 * header["range"], expected, atol=0.01)
    assert "This run has no slot B" in test.info[0].value


def test_runs_that_read_other_tokens_or_have_another_shape_say_so(open_page: OpenPage, store: Store) -> None:
    run, other = stored_run(store, small_config()), stored_run(store, small_config(num_layers=2))
    test = fine(open_page("attention", run=run.id, beside=other.id, view="difference", text=TEXT, kind="encoder"))
    assert test.info[0].value == "Two runs must execute the same number of layers to be compared. Got 4 and 2."
    assert grids(test) == []


@pytest.mark.parametrize("view", ["heads", "difference", "grid"])
def test_an_image_and_one_layer_are_shown(open_page: OpenPage, store: Store, view: str) -> None:
    run = stored_run(store, small_config("digits", "none", num_layers=1))
    test = fine(open_page("attention", run=run.id, view=view, maps="rollout"))
    if view == "difference":
        assert "only one layer" in test.info[0].value
    if view == "heads":
        (shown,) = drawn(test, "attention_heads")
        assert json.loads(shown)["figures"]["previous"]["title"] == "On the previous patch"
