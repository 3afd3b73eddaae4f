"""From a design on Design to another scheme at the same budget: opened there, or trained."""

from __future__ import annotations

from page_reading import sentences

from clps_core.config import build_config
from clps_core.matching import match
from clps_core.spec import from_spec


def test_the_match_of_a_design_is_opened_or_trained(open_page):
    test = open_page("design", spec="1;task=dates", match="0", scheme="all")
    assert sentences(test) == []
    found = match(build_config(), "all").config
    assert test.selectbox(key="design.match").value == "0"
    (link,) = [one for one in test.get("page_link") if one.proto.label == "Train with this design"]
    assert f"model.d_model%3D{found.model.d_model}" in link.proto.query_string
    test.button(key="design.match.open").click().run()
    assert sentences(test) == []
    asked = {name: value if isinstance(value, str) else value[0] for name, value in test.query_params.items()}
    assert from_spec(asked["spec"]).model == found.model
    assert asked["strategy"] == "all"
    assert "match" not in asked
    assert not test.toggle(key="design.match.on").value


def test_sizes_of_a_paper_are_matched_and_not_trained(open_page):
    test = open_page("design", spec="1;task=python-docs;model.vocab_size=10;model.d_model=64", match="9")
    assert any("address's match must be one of 0, 1" in one for one in sentences(test))
    assert any("design cannot be trained" in one.value for one in test.caption)
    assert any("The matched design" in one.value for one in test.caption)
