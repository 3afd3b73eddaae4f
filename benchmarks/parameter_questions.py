"""Questions whose answers stand in docstrings, as data of one's own: a recipe of ``docs/data.md``.

    python benchmarks/parameter_questions.py .venv/lib/python3.11/site-packages questions
    clps data add parameters questions/train.jsonl --validation questions/validation.jsonl --test questions/test.jsonl

Read are the numpydoc sections "Parameters" of five libraries, from a folder of installed packages. Each is cut into
entries: names, what stands behind the colon, the indented description. Two or more whole entries side by side, joined
to one line, are a context of at most ``LONGEST`` words. The questions come from templates, one entry and one fact each:

* type: "What type has alpha?", answered by what stands behind the colon up to a remark such as "optional";
* shape: "What shape has X?", answered by the brackets of "of shape (n_samples, 3)";
* default: "What is the default of alpha?", where the entry names one default.

Left out: test files, sections with templates, and questions about an entry that was asked about before: libraries copy
entries from file to file. A hash of the file's name says which split its questions are in.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clps_core.data.base import held_out_split

QUESTIONS = {
    "type": "What type has {name}?",
    "shape": "What shape has {name}?",
    "default": "What is the default of {name}?",
}
LIBRARIES = ("numpy", "scipy", "sklearn", "pandas", "networkx")
LONGEST = 56
"""Words and marks of a context."""
FEWEST_ENTRIES, MOST_ENTRIES = 2, 4
WORD = re.compile(r"\w+|[^\w\s]")
SECTION = re.compile(r"^Parameters\n-{3,}\n(.*?)(?=^[A-Z][\w ]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)
HEAD = re.compile(r"^([*\w][\w, *]*?) ?: ?(\S.*)$")
REMARK = re.compile(r",? *(?:\(?optional\)?|\(?keyword[- ]only\)?|default.*|\(default.*|\(optional.*)$", re.IGNORECASE)
SHAPE = re.compile(r"\bshape *(?:=|of)? *(\((?:[^()]|\([^()]*\))*\))")
VALUE = r"""('[^']*'|"[^"]*"|``[^`\s]+``|-?[\w.+-]*\w|\([^()\s]*\))"""
DEFAULTS = (
    re.compile(rf"\bdefault *[:=] *{VALUE}", re.IGNORECASE),
    re.compile(rf"\bdefault(?: value)? is {VALUE}", re.IGNORECASE),
    re.compile(rf"\bdefaults? to {VALUE}", re.IGNORECASE),
    re.compile(r"\bdefault ('[^']*'|None|True|False|-?\d[\w.]*)"),
)
NO_VALUES = {"the", "to", "a", "an", "of", "in", "that", "this", "value", "values", "set", "all", "no", "not", "is"}


@dataclass(frozen=True)
class Entry:
    """``text``: one line. ``name``: of the parameter. ``kind``: where what stands behind the colon begins and ends."""

    text: str
    name: str
    kind: tuple[int, int]


def docstrings(source: str) -> Iterator[str]:
    """Of all functions and classes in ``source``, without their indentation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield inspect.cleandoc(text)


def entries(docstring: str) -> list[Entry]:
    """The entries of the section "Parameters"; empty where there is none, or where it has templates."""
    found = SECTION.search(docstring)
    if found is None or re.search(r"%\(|\{0\}|%s", found[1]):
        return []
    done: list[Entry] = []
    head = ""
    lines: list[str] = []
    for line in [*found[1].rstrip().splitlines(), "end : end"]:
        if line and not line[0].isspace():
            if head and (made := _entry(head, lines)) is not None:
                done.append(made)
            head, lines = line, []
        elif line.strip():
            lines.append(line)
    return done


def _entry(head: str, lines: Sequence[str]) -> Entry | None:
    matched = HEAD.match(head)
    if matched is None or "," in matched[1]:
        return None
    name, said = matched[1].strip("* "), " ".join(matched[2].split())
    begin = len(name) + 3
    kind = REMARK.sub("", said).rstrip(" ,.;")
    text = " ".join(" ".join([f"{name} : {said}", *lines]).split())
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text) if ":`" in " ".join(lines) and ":`" not in said else text
    return Entry(text, name, (begin, begin + len(kind)))


def facts_of(entry: Entry) -> list[tuple[str, int, int]]:
    """(kind of question, begin, end in the entry's text): answers that stand there once and can be told by words."""
    begin, end = entry.kind
    found = []
    shapes = list(SHAPE.finditer(entry.text))
    if len(shapes) == 1:
        found.append(("shape", *shapes[0].span(1)))
    said = entry.text[begin:end]
    shaped = re.search(r",? *(?:of |with )?shape", said)
    if shaped is not None:
        end = begin + len(said[: shaped.start()].rstrip(" ,("))
    if end > begin and len(WORD.findall(entry.text[begin:end])) <= 12:
        found.append(("type", begin, end))
    values = {match.span(1) for pattern in DEFAULTS for match in pattern.finditer(entry.text)}
    values = {(a, b) for a, b in values if entry.text[a:b].lower() not in NO_VALUES}
    if len(values) == 1:
        (span,) = values
        found.append(("default", *span))
    return found


def contexts(found: Sequence[Entry], longest: int = LONGEST) -> Iterator[list[Entry]]:
    """Neighbouring entries of one docstring, up to ``MOST_ENTRIES`` and ``longest`` words; longer ones are left out."""
    now: list[Entry] = []
    size = 0
    for entry in found:
        words = len(WORD.findall(entry.text))
        if now and (size + words > longest or len(now) == MOST_ENTRIES):
            yield now
            now, size = [], 0
        if words <= longest:
            now.append(entry)
            size += words
    if now:
        yield now


def files(place: Path) -> Iterator[tuple[str, str]]:
    """(path, source) of every Python file of the libraries in a folder of packages, without tests."""
    for library in LIBRARIES:
        for path in sorted((place / library).rglob("*.py")):
            name = path.relative_to(place).as_posix()
            if not any(part in name for part in ("/tests/", "/_vendor", "/externals/")):
                yield name, path.read_text(encoding="utf-8")


def rows_of(place: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """(file, row) of every question."""
    known: set[str] = set()
    for path, source in files(place):
        for docstring in docstrings(source):
            for group in contexts(entries(docstring)):
                context = " ".join(entry.text for entry in group)
                names = [entry.name for entry in group]
                if len(set(names)) < max(len(names), FEWEST_ENTRIES) or not context.isprintable():
                    continue
                begin = 0
                for entry in group:
                    for kind, first, end in facts_of(entry) if entry.text not in known else ():
                        answer = context[begin + first : begin + end]
                        question = QUESTIONS[kind].format(name=entry.name)
                        yield path, {"context": context, "question": question, "answer": answer,
                                     "answer_start": begin + first}  # fmt: skip
                    begin += len(entry.text) + 1
                known |= {entry.text for entry in group}


def main(place: Path, out: Path) -> None:
    """Write a file of rows for each split."""
    out.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for path, row in rows_of(place):
        lines[held_out_split(path, 10)].append(json.dumps(row) + "\n")
    for split, found in lines.items():
        (out / f"{split}.jsonl").write_text("".join(found), encoding="utf-8")
        print(f"{split}: {len(found)} questions")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
