"""Make ``sentences.tsv.xz`` from the interface texts of three programs. Nothing of the product calls this.

    pip download --no-deps django==5.2 wagtail==8.0 spyder==6.1.0
    python clps_core/tasks/languages/prepare.py Django-5.2-*.whl wagtail-8.0-*.whl spyder-6.1.0-*.whl

The wheels are read as archives. One line for each sentence: the number of its message, the language, the sentence,
with tabs between. The English sentence of a message is the message itself. Left out:

* messages of fewer than three English words, and sentences of more than 64 characters;
* what holds placeholders, markup, key marks or addresses;
* translations that are the English text, sentences that are the same in two languages, and sentences that another
  message has in that language already. Same: but for capitals and all that is no letter or digit.

Of a plural the first form is taken.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from babel.messages.mofile import read_mo

__all__ = ["cleaned", "even", "main", "messages", "same"]

FOLDER = Path(__file__).parent
SAME = ("ca", "de", "el", "es", "fi", "fr", "gl", "hu", "is", "it", "nl", "pl", "ro", "ru", "sl", "sv", "tr", "uk")
LANGUAGES = {**dict(zip(SAME, SAME, strict=True)), "is_IS": "is", "pt_BR": "pt"}
"""Locale of a catalogue -> language; English is in every one."""
LONGEST = 64
ODD = re.compile(r"[%{}<>&\\_|`=#@\[\]/~⌘⏯]|https?:")
LICENCES = (
    ("LICENSE.django", "Django-5.2.dist-info/LICENSE"),
    ("LICENSE.wagtail", "wagtail-8.0.dist-info/licenses/LICENSE"),
    ("LICENSE.spyder", "spyder-6.1.0.dist-info/licenses/LICENSE.txt"),
)

Sentences = dict[str, dict[str, str]]


def messages(archive: zipfile.ZipFile, languages: Mapping[str, str] = LANGUAGES) -> Iterator[tuple[str, str, str]]:
    """(English text, language, translation) of every translated message in the archive.

    ``languages``: locale of a catalogue -> language; the other catalogues are not read.
    """
    for name in sorted(archive.namelist()):
        language = languages.get(name.split("/")[-3]) if name.endswith(".mo") else None
        if language is None:
            continue
        for message in read_mo(io.BytesIO(archive.read(name))):
            english, said = first_form(message.id), first_form(message.string)
            if english and said:  # the first has no text: it is the header
                yield even(english), language, even(said)


def first_form(text: str | Sequence[str] | None) -> str:
    """``text``; of a plural its first form; empty where there is none."""
    return text if isinstance(text, str) else str(next(iter(text or ()), ""))


def even(text: str) -> str:
    """``text`` with single spaces, and without those that have no width."""
    return " ".join(text.replace("\u200b", "").split())


def cleaned(found: Iterator[tuple[str, str, str]]) -> list[dict[str, str]]:
    """The sentences of each message by language, as the module says."""
    groups: Sentences = defaultdict(dict)
    for english, language, said in found:
        if len(english.split()) >= 3 and not ODD.search(english + said):
            group = groups[same(english)]
            group.setdefault("en", english)
            if same(said) != same(english):
                group.setdefault(language, said)
    languages: dict[str, set[str]] = defaultdict(set)
    for group in groups.values():
        for language, text in group.items():
            languages[same(text)].add(language)
    kept, seen = [], set()
    for key in sorted(groups):
        good = {}
        for language, text in sorted(groups[key].items()):
            mine = (language, same(text))
            if len(text) <= LONGEST and len(languages[same(text)]) == 1 and mine not in seen:
                seen.add(mine)
                good[language] = text
        kept += [good] if good else []
    return kept


def same(text: str) -> str:
    """``text`` without capitals and without all that is no letter or digit."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def main(wheels: Sequence[Path]) -> None:
    """Write the file and the licences beside this script, and print the hash of the text for ``data.py``."""
    found: list[tuple[str, str, str]] = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            found += messages(archive)
            for kept, licence in LICENCES:
                if licence in names:
                    (FOLDER / kept).write_bytes(archive.read(licence))
    groups = cleaned(iter(found))
    lines = [f"{n}\t{code}\t{text}\n" for n, group in enumerate(groups) for code, text in group.items()]
    text = "".join(lines).encode("utf-8")
    (FOLDER / "sentences.tsv.xz").write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(lines)} sentences of {len(groups)} messages, SHA-256 {hashlib.sha256(text).hexdigest()}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
