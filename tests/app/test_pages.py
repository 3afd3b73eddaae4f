"""Every page works on a home that was never used, and says so calmly where it cannot."""

import ast
from pathlib import Path

import pytest
from page_reading import sentences

from app.navigation import PAGES

NAMES = [page.name for page in PAGES]
HOSTILE = [
    "<script>alert(1)</script>",
    "🦆\u202e\x00'\"",
    *(pytest.param(text, marks=pytest.mark.slow) for text in ("1;task=nothing", "1;" + "x" * 9000, "../../etc/passwd")),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_renders_on_an_empty_home(open_page, name):
    test = open_page(name)
    assert not test.exception
    assert sentences(test) == []
    assert len(test.title) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_address_gives_sentences_and_never_a_traceback(open_page, name, text):
    test = open_page(name, spec=text, strategy=[text, "none"], seed=text, runs=text, run=text)
    assert not test.exception
    assert len(test.title) == 1
    for sentence in sentences(test):
        assert "Traceback" not in sentence
        assert "went wrong in CLPS Lab" not in sentence


@pytest.mark.parametrize("name", ["start", "runs", "compare", "train"])
def test_a_home_that_cannot_be_is_one_sentence(open_page, home, name):
    home.write_text("a file where a folder should be")
    test = open_page(name)
    assert not test.exception
    assert len(test.title) == 1
    assert len(sentences(test)) == 1
    assert "went wrong in CLPS Lab" not in sentences(test)[0]


def test_no_text_stands_alone_in_the_file_of_a_page() -> None:
    """Streamlit would show it."""
    for file in sorted((Path(__file__).parents[2] / "pages").glob("*.py")):
        alone = [one for one in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(one, ast.Expr)]
        texts = [one.lineno for one in alone if isinstance(one.value, ast.Constant)]
        assert texts == [1], file.name
