"""Each language's file fits the catalogue: the same messages, the same fields, its own plural forms."""

from __future__ import annotations

import gettext
import re
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markdown_it import MarkdownIt

from clps_core import catalogues
from docs import make_languages

LANGUAGES = [name for name in catalogues.titles() if name != catalogues.ENGLISH]
UNTRANSLATED: dict[str, int] = {}
"""How many messages of a language may be read in English, where that is more than none. Lower it; never raise it."""


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_is_a_chinese_edition() -> None:
    assert catalogues.titles()["zh"] == "中文"
    assert "zh" in LANGUAGES


def test_a_file_has_the_messages_of_the_catalogue_in_its_order(language: str) -> None:
    with make_languages.TEMPLATE.open("rb") as file:
        wanted = [one.id for one in read_po(file) if one.id]
    assert [one.id for one in make_languages.read(language) if one.id] == wanted, "run 'make words'"


def test_a_file_is_as_make_words_writes_it(language: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = make_languages.file_of(language).read_text(encoding="utf-8")
    monkeypatch.setattr(make_languages, "FOLDER", tmp_path)
    make_languages.file_of(language).parent.mkdir(parents=True)
    make_languages.file_of(language).write_text(kept, encoding="utf-8")
    make_languages.update(language)
    assert make_languages.file_of(language).read_text(encoding="utf-8") == kept, "run 'make words'"


def test_a_translation_has_the_fields_of_its_message(language: str) -> None:
    assert [fault for one in make_languages.read(language) if one.id for fault in make_languages.faults(one)] == []


def test_a_translation_with_other_fields_is_a_fault() -> None:
    catalogue = Catalog(locale="zh")
    catalogue.add("{n} of {all}", "{all} 中的 {number}")
    catalogue.add(("{n} run", "{n} runs"), ("{n} 次运行",))
    catalogue.add("Loss", "损失")
    assert [len(make_languages.faults(one)) for one in catalogue if one.id] == [1, 0, 0]


def test_few_messages_wait_for_their_translation(language: str) -> None:
    waiting = [one.id for one in make_languages.read(language) if one.id and not make_languages.texts(one)]
    print(f"{language}: {len(waiting)} messages are read in English")
    assert len(waiting) <= UNTRANSLATED.get(language, 0), waiting[:20]


def test_what_is_bold_is_bold(language: str) -> None:
    """Markdown ends no bold text behind a full-width mark that a letter follows."""
    drawn = MarkdownIt()
    texts = [text for one in make_languages.read(language) if one.id for text in make_languages.texts(one)]
    bold = [text for text in texts if text.count("**") > 1]
    assert [text for text in bold if "**" in drawn.renderInline(re.sub(r"\{[^{}]*\}", "x", text))] == []


def test_a_file_compiles_and_every_plural_has_its_forms(language: str) -> None:
    catalogue = make_languages.read(language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    opened = gettext.GNUTranslations(compiled)
    for one in catalogue:
        if isinstance(one.id, tuple) and make_languages.texts(one):
            assert len(one.string) == catalogue.num_plurals
            for n in (0, 1, 2, 5, 21):
                assert opened.ngettext(*one.id, n) in one.string
    assert not any(one.fuzzy for one in catalogue if one.id)


def test_a_new_language_begins_with_every_message_and_no_translation(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_languages, "FOLDER", tmp_path)
    begun = make_languages.update("pl")
    assert make_languages.file_of("pl").read_text(encoding="utf-8").startswith("# polski\n")
    assert begun.num_plurals == 3 or begun.num_plurals == 4
    assert not any(make_languages.texts(one) for one in begun if one.id)
