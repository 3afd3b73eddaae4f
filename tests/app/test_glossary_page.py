"""The glossary is one tap from every page, lists what is asked for, and is the source of the help texts."""

from __future__ import annotations

import pytest
from page_reading import sentences

from app.learn.chapters import CHAPTERS
from app.navigation import PAGES
from clps_core.glossary import SHOWN_ON, TERMS, meaning, term


def listed(test):
    """Titles that are drawn: in lists, and on cards."""
    drawn = " ".join(one.proto.body for one in test.get("html")) + " ".join(one.value for one in test.header)
    return {key for key, one in TERMS.items() if f"<dt>{one.title}<" in drawn or f"{one.title} " in f"{drawn} "}


def links(test):
    return [one.proto.label for one in test.get("page_link")]


def test_pages_and_chapters_of_the_terms_are_there():
    assert set(SHOWN_ON) <= {page.name for page in PAGES}
    assert {one.chapter for one in TERMS.values()} - {""} <= {chapter.key for chapter in CHAPTERS}


def test_all_terms_are_listed_and_a_search_stands_in_the_address(open_page):
    test = open_page("glossary")
    assert sentences(test) == []
    assert listed(test) == set(TERMS)
    test.text_input(key="glossary.find").set_value("kv cache").run()
    assert test.query_params["find"] in ("kv cache", ["kv cache"])
    assert [one.value for one in test.header] == ["KV cache"]
    assert links(test) == ["Reading another layer's keys and values", "Design", "Compare"]
    test.text_input(key="glossary.find").set_value("no such word").run()
    assert any("No term matches" in one.value for one in test.markdown)
    test.text_input(key="glossary.find").set_value("").run()
    assert listed(test) == set(TERMS)


def test_a_page_leads_to_its_own_terms_and_the_address_asks_for_one(open_page):
    (link,) = [one.proto for one in open_page("depth").get("page_link") if one.proto.label == "Glossary"]
    assert "on=depth" in link.query_string
    test = open_page("glossary", on="depth")
    assert listed(test) == {key for key, one in TERMS.items() if "depth" in one.pages}
    asked = open_page("glossary", term="cka", find="cka")
    assert [one.value for one in asked.header] == ["CKA", "CKA"]
    assert any(term("cka").source.link in one.value for one in asked.caption)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "x" * 9000, "\u202e\x00'\"", "KV-CACHE"])
def test_an_address_that_asks_for_nothing_known_is_told(open_page, text):
    test = open_page("glossary", term=text, find=text, on=text)
    assert not test.exception
    assert len(sentences(test)) == 2


def test_help_texts_are_the_glossarys(open_page):
    test = open_page("design")
    helps = {one.label: one.help for one in test.number_input}
    assert helps["Heads"] == meaning("head")
    assert helps["d_model"] == meaning("d-model")
