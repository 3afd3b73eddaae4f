"""Bring every language's file up to date with the catalogue, and say what is missing or wrong in it.

    python -m docs.make_languages          # what `make words` runs
    python -m docs.make_languages fr       # begin a language

Messages keep their translation while their English text is the same. A message that is gone is dropped. A new one has
an empty translation and is read in English until somebody translates it. Nothing is guessed.
"""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from clps_core.catalogues import FOLDER

TEMPLATE = FOLDER / "clps.pot"
FIELD = re.compile(r"\{[^{}]*\}")


def texts(message: Message) -> tuple[str, ...]:
    """The translations of ``message``, one for each plural form; none where it is not translated."""
    found = message.string if isinstance(message.string, tuple) else (message.string,)
    return found if all(found) else ()


def faults(message: Message) -> list[str]:
    """What is wrong in a translation: each fault as English text and translation."""
    english = message.id if isinstance(message.id, tuple) else (message.id,)
    wanted = {tuple(sorted(FIELD.findall(one))) for one in english}
    return [
        f"{english[-1]!r} has other fields than {text!r}"
        for text in texts(message)
        if tuple(sorted(FIELD.findall(text))) not in wanted
    ]


def own_name(name: str) -> str:
    """What the language ``name`` calls itself."""
    return str(Locale.parse(name).get_display_name(name))


def file_of(name: str) -> Path:
    """Where the language ``name`` lies."""
    return FOLDER / name / "LC_MESSAGES" / "clps.po"


def read(name: str) -> Catalog:
    """The language ``name`` as its file has it."""
    with file_of(name).open("rb") as file:
        return read_po(file, locale=name)


def write(name: str, catalogue: Catalog, title: str) -> None:
    """The file of the language ``name``: its own name, its plural rule, and the messages in the catalogue's order."""
    body = BytesIO()
    write_po(body, catalogue, width=0, sort_output=True, omit_header=True, ignore_obsolete=True, no_location=True)
    header = [
        f"# {title}",
        'msgid ""',
        'msgstr ""',
        f'"Language: {name}\\n"',
        f'"Plural-Forms: {catalogue.plural_forms}\\n"',
        '"Content-Type: text/plain; charset=utf-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
    ]
    file_of(name).parent.mkdir(parents=True, exist_ok=True)
    file_of(name).write_text("\n".join(header) + "\n\n" + body.getvalue().decode().strip() + "\n", encoding="utf-8")


def update(name: str) -> Catalog:
    """Bring the file of the language ``name`` up to date, or begin it."""
    begun = file_of(name).is_file()
    catalogue = read(name) if begun else Catalog(locale=name)
    title = file_of(name).read_text(encoding="utf-8").partition("\n")[0].strip("# ") if begun else own_name(name)
    with TEMPLATE.open("rb") as file:
        catalogue.update(read_po(file), no_fuzzy_matching=True)
    write(name, catalogue, title)
    return read(name)


def main(begin: list[str]) -> int:
    wrong = 0
    for name in sorted({*(file.parents[1].name for file in FOLDER.glob("*/LC_MESSAGES/clps.po")), *begin}):
        messages = [one for one in update(name) if one.id]
        done = [one for one in messages if texts(one)]
        sys.stdout.write(f"{name}: {len(done)} of {len(messages)} messages translated\n")
        for one in done:
            for fault in faults(one):
                wrong += 1
                sys.stdout.write(f"{name}: {fault}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
