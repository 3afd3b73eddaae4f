"""The documentation that comes with Python itself, as named texts. Start at library_texts.

Two sources: ``pydoc_data.topics`` (chapters of the language reference) and the docstrings of the
standard library's public modules. The modules are parsed, never imported: importing some of them
opens windows or browsers. Both differ between Python versions.
"""

from __future__ import annotations

import ast
import os
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from clps_core.data.base import SPLITS, digest

__all__ = ["library_files", "library_key", "library_texts", "split_texts"]

SKIPPED_FOLDERS = frozenset(
    {
        *("dist-packages", "ensurepip", "lib-dynload", "pydoc_data", "site-packages"),
        *("distutils", "encodings", "idlelib", "lib2to3", "msilib", "tkinter", "turtledemo"),
        *("test", "tests"),
    }
)
LARGEST_FILE = 1_000_000
HELD_OUT = 0.04
REPEAT_LENGTH = 40
"""Paragraphs of at least this many characters are kept only once."""


def library_files() -> list[Path]:
    """Source files of public standard modules, sorted by name."""
    found: list[Path] = []
    for folder, folders, names in os.walk(_library_folder()):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith(("_", "config-"))]
        found += [Path(folder, name) for name in names if _is_public(name)]
    return sorted(found)


def _is_public(name: str) -> bool:
    return name.endswith(".py") and (not name.startswith("_") or name in {"__init__.py", "__main__.py"})


def _library_folder() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])


def library_key() -> str:
    """A hash that changes when the library's files do; costs a directory listing, reads no file."""
    listing = sorted((path.as_posix(), path.stat().st_size) for path in library_files())
    return digest("library", *listing, *sorted((name, len(text)) for name, text in _topics().items()))


def library_texts() -> dict[str, str]:
    """Documents by name: ``topic for``, ``module textwrap``, ... in sorted order."""
    root = _library_folder()
    documents = {f"topic {name}": text for name, text in _topics().items()}
    for path in library_files():
        name = _module_name(path.relative_to(root))
        text = _module_text(path, name)
        if text:
            documents[f"module {name}"] = text
    return {name: documents[name] for name in sorted(documents)}


def split_texts(documents: dict[str, str]) -> dict[str, dict[str, str]]:
    """Each split's documents; no long paragraph stands in two of them, or twice in one.

    A hash of its name decides when a document's turn comes: the first fill validation, the next test,
    ``HELD_OUT`` of all characters each; documents so long that they would be much of a split are for
    training. Chapters of the reference repeat their sections (``for`` is also in ``compound``): what
    is held out is taken away from training, not the other way round.
    """
    wanted = HELD_OUT * sum(len(text) for text in documents.values())
    splits: dict[str, dict[str, str]] = {split: {} for split in SPLITS}
    sizes = dict.fromkeys(SPLITS, 0)
    seen: set[str] = set()
    for name in sorted(documents, key=lambda name: (len(documents[name]) > wanted / 4, digest("clps split", name))):
        split = next((split for split in SPLITS[1:] if sizes[split] < wanted), "train")
        kept = "\n\n".join(_fresh_paragraphs(documents[name], seen)).strip("\n")
        if kept:
            splits[split][name] = kept
            sizes[split] += len(kept)
    return {split: {name: texts[name] for name in sorted(texts)} for split, texts in splits.items()}


def _fresh_paragraphs(text: str, seen: set[str]) -> Iterator[str]:
    for paragraph in text.replace("\r\n", "\n").split("\n\n"):
        words = " ".join(paragraph.split())
        if len(words) >= REPEAT_LENGTH:
            if words in seen:
                continue
            seen.add(words)
        yield paragraph.rstrip()


def _topics() -> dict[str, str]:
    try:
        from pydoc_data.topics import topics
    except ImportError:  # some distributions leave it out
        return {}
    return dict(topics)


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module_text(path: Path, name: str) -> str:
    """The module's docstring, then each class's and function's under its full name."""
    if path.stat().st_size > LARGEST_FILE:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escape sequences
            tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError):
        return ""
    return "\n\n".join(_docstrings(tree, name))


def _docstrings(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[str]:
    text = ast.get_docstring(node)
    if text:
        yield f"{name}\n\n{text}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield from _docstrings(child, f"{name}.{child.name}")
