"""What a component is sent arrives, or is an error here: never an empty picture in the browser."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.look.component import check_payload
from clps_core.words import N_, Words

APP = Path(__file__).resolve().parents[2] / "app"


def test_what_json_cannot_hold_is_an_error_that_names_its_place() -> None:
    check_payload("clps.chart", {"words": {"loss": "Loss"}, "rows": [(1, 2.5, None, True)]})
    check_payload("clps.pixels", b"\x00\xff")
    with pytest.raises(TypeError, match=re.escape("clps.chart: data['words']['axes'] cannot be sent as JSON")):
        check_payload("clps.chart", {"words": {"title": "Loss", "axes": Words({"step": N_("Steps")})}})
    with pytest.raises(ValueError, match=re.escape("clps.chart: data[1] cannot be sent as JSON")):
        check_payload("clps.chart", [0.5, math.nan])


def _page() -> None:
    import streamlit as st

    from app.look.component import component
    from clps_core.words import N_, Words

    tried = component("clps.tried", html="<div></div>", js="export default () => {}")
    try:
        tried(data=Words({"step": N_("Steps")}), key="x")
    except TypeError as error:
        st.text(str(error))


def test_drawing_a_component_with_it_is_an_error() -> None:
    test = AppTest.from_function(_page).run()
    assert [one.value for one in test.text] == [
        "clps.tried: data cannot be sent as JSON: Object of type Words is not JSON serializable"
    ]
    assert not test.get("bidi_component")


def test_every_component_goes_through_the_one_door() -> None:
    users = [path.name for path in APP.rglob("*.py") if "components.v2" in path.read_text(encoding="utf8")]
    assert users == ["component.py"]
