"""A second language changes every text of a session, and no other session's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from own_language import BEGIN, END, FAKE, Marked, without_marked
from streamlit.testing.v1 import AppTest

from app import state
from app.design.paper_gallery import papers_payload
from app.navigation import PAGES
from clps_core import catalogues, words
from clps_core.presets import PAPERS, PRESETS, get_preset
from clps_core.samples import install, ready_named
from clps_core.schemes import KINDS, SCHEMES
from clps_core.sharing import NAMED_STRATEGIES
from clps_core.store import Store
from docs import make_languages

ROOT = Path(__file__).resolve().parents[2]
RUNS = "sample-dates-all,sample-dates-none"
STORED = ("Costs little: translate dates", "Universal Transformer")
"""Names, which stay as they are: of the runs that ship with the project, and of a paper's model."""
QUERIES: dict[str, dict[str, str]] = {
    "runs": {"runs": RUNS},
    "compare": {"runs": RUNS},
    "depth": {"runs": RUNS, "depths": "4"},
    "attention": {"run": "sample-dates-all"},
}


@pytest.fixture(autouse=True)
def _fake_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(catalogues, "_added", {})
    words.add_language(FAKE, Marked())
    yield
    words.ask_language(None)


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """Messages that nothing fills and that are long enough to be told from other text."""
    with (ROOT / "clps_core" / "locale" / "clps.pot").open("rb") as file:
        known = [one.id for one in read_po(file) if isinstance(one.id, str)]
    return [one for one in known if len(one) > 14 and " " in one and "{" not in one]


@pytest.fixture(scope="module")
def untranslated() -> list[str]:
    """Messages that Chinese has as they are in English; tests/house/test_language_files.py says how many may be so."""
    ids = [one.id for one in make_languages.read("zh") if one.id and make_languages.texts(one) in ((), (one.id,))]
    return [text for one in ids for text in ([one] if isinstance(one, str) else one)]


def texts(test: AppTest) -> str:
    """Every text that the page sent, whatever it is for."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            for key, one in value.items():
                if key != "jsContent":
                    collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)

    def walk(node: Any) -> None:
        if isinstance(proto := getattr(node, "proto", None), Message):
            collect(MessageToDict(proto))
        for child in getattr(node, "children", {}).values():
            walk(child)

    walk(test._tree)
    return "\n".join(found).replace("\\u00ab", BEGIN).replace("\\u00bb", END)


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_every_text_of_a_page_is_in_the_language_of_its_session(
    open_page: Callable[..., AppTest], store: Store, messages: list[str], untranslated: list[str], name: str
) -> None:
    install(store, [ready_named("dates")])
    test = open_page(name, **QUERIES.get(name, {}))
    assert not test.exception
    english = texts(test)
    assert BEGIN not in english

    test.session_state[state.LANGUAGE] = FAKE
    foreign = texts(test.run())
    assert not test.exception
    assert test.title[0].value.startswith(BEGIN)
    seen = [one for one in messages if one in english]
    assert len(seen) > 2
    left = [one for one in seen if one in without_marked(foreign) and one not in STORED]
    assert left == []

    other = open_page(name, **{state.LANG: "zh", **QUERIES.get(name, {})})
    chinese = texts(other)
    assert not other.exception
    assert BEGIN not in chinese, "another session reads its own language"
    left = [one for one in seen if one in chinese and one not in STORED]
    assert [one for one in left if not any(one in whole for whole in untranslated)] == []


def test_constants_are_put_into_words_when_they_are_read() -> None:
    before = SCHEMES["albert-all"].title, KINDS["weights"], NAMED_STRATEGIES["cycle"].title
    words.ask_language(lambda: FAKE)
    after = SCHEMES["albert-all"].title, KINDS["weights"], NAMED_STRATEGIES["cycle"].title
    assert after == tuple(f"{BEGIN}{one}{END}" for one in before)
    assert SCHEMES["albert-all"].evidence[0].claim.startswith(BEGIN)


def test_what_is_kept_is_kept_for_readers_of_one_language() -> None:
    made: list[str] = []

    @words.kept_by_language(maxsize=8)
    def title(number: int) -> str:
        made.append(text := words._("Loss"))
        return text * number

    assert title(1) == title(1) == "Loss"
    words.ask_language(lambda: FAKE)
    assert title(1) == title(1) == f"{BEGIN}Loss{END}"
    assert len(made) == 2


NAMES = {"ALBERT large", "ALBERT xlarge", "ALBERT xxlarge", "Transformer base", "Transformer big"}
"""Titles of designs that are a model's name and nothing else: they are in no catalogue."""


def test_titles_and_notes_of_the_papers_designs_are_in_the_readers_language() -> None:
    with_paper = {name: preset.title.partition(":") for name, preset in PRESETS.items()}
    folder = ROOT / "clps_core" / "presets"
    extracted = {one[2] for one in extract_from_dir(str(folder), keywords={"_": None, "N_": None})}
    unmarked = {preset.title for preset in PRESETS.values() if preset.title.message not in extracted}
    assert unmarked == NAMES
    words.ask_language(lambda: FAKE)
    for preset in PRESETS.values():
        assert without_marked(preset.title) == ""
        assert without_marked(preset.note).strip() == ""
        name, colon, _what = with_paper[preset.name]
        assert not colon or preset.model_name == name, "a model's name stays as it is"
    shown = [row for paper in papers_payload()["papers"] for row in paper["presets"]]
    assert all(without_marked(row["title"]) == without_marked(row["note"]).strip() == "" for row in shown)
    assert PAPERS["founding-documents"].startswith(BEGIN)
    assert without_marked(get_preset("mor-135m-cycle").title) == ""
    assert "135M: cycle" in get_preset("mor-135m-cycle").title
