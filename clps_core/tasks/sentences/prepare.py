"""Make ``pairs.tsv.xz`` and ``tokenizer.json.xz`` from the interface texts of five programs. Nothing of the product
calls this.

    pip download --no-deps django==5.2 wagtail==8.0 spyder==6.1.0 jupyterlab-language-pack-de-DE==4.5.post3
    pip download --no-deps --only-binary=:all: --python-version 3.14 homeassistant==2026.2.3
    python -m clps_core.tasks.sentences.prepare *.whl

The wheels are read as archives: gettext catalogues as for task ``languages``, and the JSON files of Home Assistant. One
line for each sentence: the English text, a tab, the German one. Left out:

* texts of more than 64 characters in one of the languages, and pairs without a letter;
* an English text that came before, but for capitals and spaces: its first translation stays;
* references to another text (``[%key:...]``).

Placeholders, key marks (``&``) and markup stay as they are. Of a plural the first form is taken. The tokenizer, a
byte-level BPE for both languages, is trained on what is not for tests.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from clps_core.data.base import held_out_split
from clps_core.tasks.languages.prepare import even, messages
from clps_core.tasks.sentences import HELD_OUT_PERCENT, SPECIALS, VOCABULARY, folded, split_name

__all__ = ["json_messages", "main", "pairs", "trained"]

FOLDER = Path(__file__).parent
LANGUAGES = {"de": "de", "de_DE": "de"}
"""Locale of a catalogue -> language."""
LONGEST = 64
LICENCES = (
    ("LICENSE.django", "Django-5.2.dist-info/LICENSE"),
    ("LICENSE.wagtail", "wagtail-8.0.dist-info/licenses/LICENSE"),
    ("LICENSE.spyder", "spyder-6.1.0.dist-info/licenses/LICENSE.txt"),
    ("LICENSE.jupyterlab", "jupyterlab_language_pack_de_de-4.5.post3.dist-info/licenses/LICENSE.txt"),
    ("LICENSE.homeassistant", "homeassistant-2026.2.3.dist-info/licenses/LICENSE.md"),
)


def json_messages(archive: zipfile.ZipFile) -> Iterator[tuple[str, str, str]]:
    """(English text, language, translation) of every ``translations/de.json`` that has an ``en.json`` beside it."""
    names = set(archive.namelist())
    for name in sorted(names):
        other = name.replace("/translations/en.json", "/translations/de.json")
        if other != name and other in names:
            english, german = (dict(_flat(json.loads(archive.read(one)))) for one in (name, other))
            for key, text in english.items():
                yield even(text), "de", even(german.get(key, ""))


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(one, f"{key}/{name}")
    elif isinstance(value, str):
        yield key, value


def pairs(found: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """English text -> its translation, as the module says."""
    kept: dict[str, tuple[str, str]] = {}
    for texts in ((english, said) for english, _language, said in found):
        if all(len(one) <= LONGEST and any(map(str.isalpha, one)) and "[%key:" not in one for one in texts):
            kept.setdefault(folded(texts[0]), texts)
    return dict(kept[key] for key in sorted(kept))


def trained(texts: Sequence[str]) -> str:
    """A byte-level BPE for ``texts``, as JSON of the ``tokenizers`` library."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str()


def main(wheels: Sequence[Path]) -> None:
    """Write the files and the licences beside this script, and print the hashes of the texts for ``data.py``."""
    found: list[tuple[str, str, str]] = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            found += messages(archive, LANGUAGES)
            found += json_messages(archive)
            for kept, licence in LICENCES:
                if licence in names:
                    (FOLDER / kept).write_bytes(archive.read(licence))
    kept_pairs = pairs(found)
    known = [one for one in kept_pairs.items() if held_out_split(split_name(one[0]), HELD_OUT_PERCENT) != "test"]
    lines = "".join(f"{english}\t{said}\n" for english, said in kept_pairs.items())
    tokenizer = trained([text for one in known for text in one])
    for name, text in (("pairs.tsv.xz", lines), ("tokenizer.json.xz", tokenizer)):
        content = text.encode("utf-8")
        (FOLDER / name).write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
        print(f"{name}: {len(text.splitlines())} lines, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
