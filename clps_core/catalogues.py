"""The languages that texts are read in: one file each, ``locale/NAME/LC_MESSAGES/clps.po``. Start at opened.

A catalogue is compiled in memory when the first reader asks for it: 4,000 messages take 0.1 s, once per process, and
there is no compiled file that could be older than its text. Readers of English open nothing.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

__all__ = ["ENGLISH", "SETTING", "add", "best", "names", "of_environment", "opened", "setting_problem", "titles"]

ENGLISH = "en"
SETTING = "CLPS_LANGUAGE"
FOLDER = Path(__file__).parent / "locale"
USUAL = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Where a system says the language of its user; the first that says anything counts, as for other programs."""

_added: dict[str, gettext.NullTranslations] = {}


def add(name: str, translations: gettext.NullTranslations) -> None:
    """Know the language ``name`` by ``translations``, besides those of the locale folder."""
    _added[name] = translations


@cache
def titles() -> Mapping[str, str]:
    """What each language that has a file calls itself: its file's first line. English comes first."""
    found = {ENGLISH: "English"}
    for file in sorted(FOLDER.glob("*/LC_MESSAGES/clps.po")):
        with file.open(encoding="utf-8") as lines:
            found[file.parents[1].name] = lines.readline().strip("# \n")
    return found


def names() -> tuple[str, ...]:
    """All languages that texts can be read in, as their folders are called."""
    return (*titles(), *_added)


def best(asked: Iterable[str | None]) -> str | None:
    """The first of ``asked`` that there is: ``zh`` for ``zh-CN`` and ``zh_CN.UTF-8``, ``en`` for ``C``."""
    for one in asked:
        plain = (one or "").partition(".")[0].partition("@")[0].replace("-", "_")
        if plain in ("C", "POSIX"):
            return ENGLISH
        for known in names():
            if plain.lower() == known.lower():
                return known
        short = plain.partition("_")[0].lower()
        if short in names():
            return short
    return None


def of_environment(environment: Mapping[str, str] = os.environ) -> str:
    """The language that ``CLPS_LANGUAGE`` or else the system asks for; English where there is no such."""
    setting = best([environment.get(SETTING)])
    if setting is not None:
        return setting
    said = next((value for name in USUAL if (value := environment.get(name))), "")
    return best(said.split(":")) or ENGLISH


def setting_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """What ``CLPS_LANGUAGE`` asks for where there is no such language."""
    asked = environment.get(SETTING, "").strip()
    return asked if asked and best([asked]) is None else None


def opened(name: str) -> gettext.NullTranslations:
    """The catalogue of the language ``name``; what it does not translate stays English."""
    return _added[name] if name in _added else _of_file(name)


@cache
def _of_file(name: str) -> gettext.NullTranslations:
    file = FOLDER / name / "LC_MESSAGES" / "clps.po"
    if name not in titles() or not file.is_file():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with file.open("rb") as text:
        write_mo(compiled, read_po(text, locale=name))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
