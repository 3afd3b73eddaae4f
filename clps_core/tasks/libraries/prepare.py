"""Make ``docstrings.tsv.xz`` from the source files of eight libraries. Nothing of the product calls this.

    python clps_core/tasks/libraries/prepare.py

The libraries of this Python are read, in the versions of ``constraints.txt``: their source files are parsed and never
imported. One line for each text: the number of its file, the library, the text, with tabs between. A text is the first
paragraph of the docstring of a public module, class or function, on one line. Left out:

* texts of fewer than five words, or of more than 48 words and marks, and those with characters beyond ASCII;
* tests, and folders that hold the work of other projects (``OF_OTHERS``);
* texts that two libraries have, and those that came before. Same: but for capitals and all that is no letter or digit.

Words with the name of a library in them, and the usual short forms, become ``[name]`` (``data.masked``): they would
give the answer away. Of each library at most ``MOST`` texts are kept, chosen by a hash.
"""

from __future__ import annotations

import ast
import hashlib
import lzma
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from clps_core.tasks.libraries.data import masked, words_of

__all__ = ["chosen", "docstrings", "main"]

FOLDER = Path(__file__).parent
LIBRARIES = {
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "numpy": "numpy",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "sympy": "sympy",
    "torch": "torch",
}
"""Distribution -> its package."""
OF_OTHERS = frozenset(
    {
        *("_external", "_vendor", "_vendored", "extern", "external", "externals", "third_party", "vendored-meson"),
        *("array_api_compat", "array_api_extra", "autolev", "latex", "multipledispatch", "_lib"),
        *("test", "tests", "testing", "mpl-data"),
    }
)
SHORTEST_WORDS, LONGEST_WORDS = 5, 48
"""The longest: words and marks."""
MOST = 3000
BUNDLED = re.compile(r"^(?:-{4,}|The .* (?:bundles|can also bundle)|This binary distribution of).*", re.MULTILINE)
"""Where a licence file goes on with those of what a wheel has besides the library."""


def docstrings(source: str) -> Iterator[str]:
    """First paragraphs of the docstrings of what is public in a source file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escape sequences
        tree = ast.parse(source)
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield " ".join(re.split(r"\n\s*\n", text.strip())[0].split())
        if isinstance(node, ast.Module | ast.ClassDef):
            waiting += [one for one in node.body if not str(getattr(one, "name", "_")).startswith("_")]


def chosen(found: Iterator[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The (library, file, text) that are kept of those ``found``, as the module says."""
    owners: dict[str, set[str]] = defaultdict(set)
    kept: dict[str, dict[str, tuple[str, str, str]]] = defaultdict(dict)
    for library, file, text in found:
        clean = masked(text)
        key = _same(clean)
        owners[key].add(library)
        fits = len(clean.split()) >= SHORTEST_WORDS and len(words_of(clean)) <= LONGEST_WORDS
        if fits and clean.isascii() and clean.isprintable():
            kept[library].setdefault(key, (library, file, clean))
    rows: list[tuple[str, str, str]] = []
    for library in sorted(kept):
        mine = [key for key in kept[library] if len(owners[key]) == 1]
        mine.sort(key=lambda key: hashlib.sha256(key.encode()).hexdigest())
        rows += sorted(kept[library][key] for key in mine[:MOST])
    return rows


def _same(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _read(name: str) -> Iterator[tuple[str, str, str]]:
    root = Path(str(distribution(name).locate_file(LIBRARIES[name])))
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if not OF_OTHERS.intersection(inside.parts) and not path.name.startswith("test_"):
            try:
                texts = list(docstrings(path.read_text(encoding="utf-8")))
            except (SyntaxError, ValueError):
                continue
            yield from ((name, f"{name}/{inside.as_posix()}", text) for text in texts)


def _licence(name: str) -> str:
    """The library's own licence, without those of what its wheel bundles."""
    here = distribution(name)
    names = [str(file) for file in here.files or () if re.search(r"dist-info/(licenses/)?(LICENSE|COPYING)", str(file))]
    text = Path(str(here.locate_file(min(names, key=len)))).read_text(encoding="utf-8")
    end = BUNDLED.search(text)
    return text if end is None else text[: end.start()].rstrip() + "\n"


def main() -> None:
    """Write the file and the licences beside this script, and print the hash of the text for ``data.py``."""
    rows = chosen(row for name in LIBRARIES for row in _read(name))
    files = {file: number for number, file in enumerate(sorted({file for _library, file, _text in rows}))}
    text = "".join(f"{files[file]}\t{library}\t{said}\n" for library, file, said in rows).encode("utf-8")
    packed = lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)
    (FOLDER / "docstrings.tsv.xz").write_bytes(packed)
    for name in LIBRARIES:
        (FOLDER / f"LICENSE.{name}").write_text(_licence(name), encoding="utf-8")
    versions = ", ".join(f"{name} {distribution(name).version}" for name in LIBRARIES)
    print(f"{len(rows)} texts of {len(files)} files, {len(packed):,} bytes; {versions}")
    print(f"SHA-256 {hashlib.sha256(text).hexdigest()}")


if __name__ == "__main__":
    main()
