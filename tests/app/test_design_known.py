"""The Design page says what is known of a design: papers' figures, schemes with evidence, the right arithmetic."""

import pytest
from page_reading import tables

from app import state
from app.design.origins import origins
from app.design.paper_gallery import papers_payload
from app.design.scheme_card import _card, cards_payload
from app.design.scheme_gallery import gallery_payload
from app.look.formatting import compact, exact
from clps_core.analysis.counts import count
from clps_core.config import ModelConfig, SharingConfig
from clps_core.presets import PAPERS, PRESETS
from clps_core.schemes import SCHEMES, schemes_of, standard_model
from clps_core.spec import from_spec

TEXT = ModelConfig(family="decoder", num_layers=7, vocab_size=32, max_positions=16)


def field(test, name):
    return f"design_{name}_{test.session_state[state.DESIGNS_VERSION]}"


@pytest.mark.parametrize(
    "strategy", ["none", "cycle:3,lora=8", "kv_source=every:2", "none,q=all,k=@q", "0-1-1-0-0-1-0"]
)
def test_every_scheme_of_the_chosen_design_has_a_card_at_the_models_depth(strategy):
    cards = cards_payload(strategy, TEXT)["cards"]
    assert [card["title"] for card in cards] == [scheme.title for scheme in schemes_of(strategy, TEXT)]
    assert cards
    for card in cards:
        assert {fact["name"] for fact in card["facts"]} >= {"Rule", "Saved", "Cost"}
        assert card["stacks"][0]["layers"] in (7, 6)
        assert card["source"] is None or card["source"]["link"].startswith("https://arxiv.org/abs/")


def test_a_cards_figure_is_counted_on_the_model_at_hand():
    (card,) = [one for one in cards_payload("all", TEXT)["cards"] if "ALBERT" in one["title"]]
    assert (
        f"with 7 layers: {compact(count(TEXT, SharingConfig(strategy='all')).unique_parameters)} stored" in card["here"]
    )


def test_the_arithmetic_of_the_founding_documents_is_set_right(open_page):
    sizes = "model.num_layers=6;model.d_model=512;model.d_ff=2048;model.num_heads=8"
    test = open_page("design", spec=f"1;task=digits;{sizes}")
    shown = "".join(one.value for one in test.markdown if one.value.startswith("|")).replace("\\", "")
    for slip in ("25,080,832", "15,728,640"):
        assert f"| {slip} |" in shown
    right = "✓ L (4 d^2 + 2 d d_ff): counted from the model's matrices"
    assert f"| {right} | 18,874,368 | 3,145,728 |" in shown
    assert "The printed count is not what the formula gives, which is 15,728,640." in shown
    assert "The formula counts two attention matrices per layer, but there are four: q, k, v and o." in shown


def test_the_search_of_schemes_looks_through_all_that_a_card_says():
    for name, scheme in SCHEMES.items():
        if scheme.kind == "outside":
            continue
        kinds = gallery_payload(scheme.family)["kinds"]
        (texts,) = [one["texts"] for kind in kinds for one in kind["schemes"] if one["name"] == name]
        said = {fact["text"] for fact in _card(scheme, standard_model(scheme.family))["facts"]}
        assert said <= set(texts)
        assert all(any(one.claim in text for text in texts) for one in scheme.evidence)
    cla = next(one for kind in kinds for one in kind["schemes"] if one["name"] == "cla")
    assert any("KV cache" in text for text in cla["texts"])


def test_the_papers_gallery_has_every_preset_under_its_paper_with_both_figures():
    papers = papers_payload()["papers"]
    rows = {row["name"]: (paper["title"], row) for paper in papers for row in paper["presets"]}
    assert set(rows) == set(PRESETS)
    for name, preset in PRESETS.items():
        title, row = rows[name]
        assert title == PAPERS[preset.paper]
        assert row["exact"] == exact(preset.exact)
        assert bool(row["published"]) == bool(preset.published)


def test_starting_from_a_paper_loads_its_sizes_its_strategies_and_its_published_figure(open_page):
    test = open_page("design")
    test.selectbox(key=field(test, "origin")).set_value("albert-base-shared-attention").run()
    assert not test.exception
    designs = test.session_state[state.DESIGNS]
    assert designs.strategies == ("none", "all", "attention_only", "ffn_only")
    assert designs.strategies[designs.chosen] == "attention_only"
    said = " ".join(caption.value for caption in test.caption).replace("\\", "")
    assert "published 64M, counted 63,647,232 parameters" in said
    assert 'title="11,683,584"' in tables(test)


def test_training_a_papers_comparison_starts_from_its_small_version(open_page):
    origin = origins()["mobilellm-ls-125m"]
    test = open_page("design", **origin.designs.query)
    next(button for button in test.button if button.label == "Train this comparison").click().run()
    assert not test.exception
    assert test.multiselect(key="train.strategies").value == ["none", "sequence:3"]
    spec = test.query_params["spec"]
    model = from_spec(spec if isinstance(spec, str) else spec[0]).model
    small = PRESETS["mobilellm-ls-125m"].small["model"]
    assert {name: getattr(model, name) for name in small} == small
