"""The chapters of Learn that end in a design: they say what the counter says, and their links open."""

from __future__ import annotations

import pytest
from page_reading import sentences

from app.learn import loosened, when, when_words
from clps_core.advice import LIMITS, SCARCE, Answers, advise, every_answer, with_strategy
from clps_core.config import build_config
from clps_core.learning import Progress, keep_progress
from clps_core.spec import to_spec


def told(test):
    return " ".join(one.value for one in (*test.markdown, *test.subheader)).replace("\\", "")


@pytest.fixture
def opened(open_page, store):
    """A chapter after its prediction."""

    def one(key):
        keep_progress(store.home, "local", Progress({key: "2"}))
        return open_page("learn", chapter=key)

    return one


def test_every_answer_gets_its_words():
    said = set()
    for answers in every_answer():
        advice = advise(answers)
        said.add(when_words.lead(answers, advice))
        for one in advice.designs:
            text = when_words.reason(one, advice)
            assert text.endswith(".")
            assert "{" not in text + when_words.title(one)
    assert len(said) > 5 * len(LIMITS)


def test_the_helper_follows_what_is_scarce(opened):
    test = opened("when")
    for scarce in SCARCE:
        test.radio(key=when.SCARCE_KEY).set_value(scarce).run()
        assert sentences(test) == []
        advice = advise(Answers(scarce, "steps", when.USUAL.most))
        assert when_words.headline(advice.verdict) in told(test)
        assert all(when_words.reason(one, advice) in told(test) for one in advice.designs)
    test.radio(key=when.NEED_KEY).set_value("facts").run()
    test.radio(key=when.SCARCE_KEY).set_value("weights").run()
    assert "Do not share" in [one.value for one in test.subheader]
    assert sentences(test) == []


@pytest.mark.parametrize("page", ["design", "train"])
def test_the_advised_designs_open(open_page, page):
    for scarce, need in (("answer_time", "steps"), ("cache", "text"), ("training_memory", "text")):
        for one in advise(Answers(scarce, need, LIMITS[0])).designs:
            spec = to_spec(with_strategy(one.config, "none"))
            test = open_page(page, spec=spec, strategy=[one.config.sharing.strategy])
            assert sentences(test) == []
            assert not test.warning


def test_a_rank_beyond_the_even_one_no_longer_saves(opened):
    test = opened("loosened")
    assert "of the way from everything shared" in told(test)
    test.select_slider(key=loosened.RANK).set_value(512).run()
    assert "the tie no longer saves anything" in told(test)
    test.select_slider(key=loosened.RANK).set_value(0).run()
    assert "Nothing is relaxed" in told(test)
    test.pills(key=loosened.KEPT).set_value(["norms"]).run()
    assert "of the way from everything shared" in told(test)
    assert sentences(test) == []


@pytest.mark.parametrize("place", loosened.PLACES)
@pytest.mark.parametrize("kept", [(), ("norms",), tuple(loosened.OWN)])
def test_the_even_rank_is_the_lowest_that_stores_as_much_as_no_sharing(place, kept):
    model = loosened._model()
    even, none = loosened._even(model, place, kept), loosened._stored(model, "none")
    assert (even is None) == (place != "layer")
    if even is None:
        assert loosened._stored(model, loosened._strategy(model.d_model, place, kept)) < none
        return
    below, at = (loosened._stored(model, loosened._strategy(rank, place, kept)) for rank in (even - 1, even))
    assert below < none <= at


def test_the_live_run_of_loosened_ties_resolves():
    stored = [
        loosened._stored(loosened.counted_model(build_config({"data": {"task": loosened.LIVE_TASK}})), one)
        for one in loosened.LIVE
    ]
    none, everything, norms, lora = stored
    assert everything < norms < lora < none
