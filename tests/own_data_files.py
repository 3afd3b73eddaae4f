"""Small files of a person's own data. Start at reviews, pairs, notes and questions."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

WORDS = ("the", "film", "plot", "actor", "music", "scene", "story", "was", "is", "very", "quite", "rather")


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def reviews(path: Path, count: int = 120) -> Path:
    """A text whose class is said by one word in it."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        words = [*draw.choices(WORDS, k=draw.randint(3, 8)), ("bad", "good")[number % 2], *draw.choices(WORDS, k=3)]
        rows.append({"review": " ".join(words), "sentiment": ("neg", "pos")[number % 2]})
    return write_csv(path, rows)


def pairs(path: Path, count: int = 120) -> Path:
    """Letters, and the same letters backwards."""
    draw = random.Random(0)
    texts = ["".join(draw.choices("abcdefgh", k=draw.randint(3, 8))) for _ in range(count)]
    return write_jsonl(path, [{"source": text, "target": text[::-1]} for text in texts])


def notes(path: Path, count: int = 60) -> Path:
    """Paragraphs of a running text."""
    draw = random.Random(0)
    path.write_text("\n\n".join(" ".join(draw.choices(WORDS, k=70)) + "." for _ in range(count)) + "\n")
    return path


COLOURS = ("red", "blue", "dark green", "pale yellow", "grey", "black")
THINGS = ("door", "roof", "wall", "lamp", "chair", "table", "floor", "gate")


def questions(path: Path, count: int = 120) -> Path:
    """Rows as SQuAD's: things with colours, and what colour one of them has."""
    draw = random.Random(0)
    rows = []
    for number in range(count):
        things, colours = draw.sample(THINGS, 3), draw.sample(COLOURS, 3)
        text = f"House {number}: " + " ".join(f"The {a} is {b}." for a, b in zip(things, colours, strict=True))
        asked = number % 3
        begin = text.index(f"The {things[asked]} is ") + len(f"The {things[asked]} is ")
        answers = {"text": [colours[asked]], "answer_start": [begin]}
        rows.append({"id": str(number), "context": text, "question": f"What colour is the {things[asked]}?",
                     "answers": answers})  # fmt: skip
    return write_jsonl(path, rows)


def squad(path: Path, count: int = 120) -> Path:
    """The same as ``questions``, in the nested form in which SQuAD is published; the first one has no answer."""
    rows = [json.loads(line) for line in questions(path, count).read_text().splitlines()]
    paragraphs = [
        {
            "context": row["context"],
            "qas": [
                {
                    "id": row["id"],
                    "question": row["question"],
                    "answers": [
                        {"text": text, "answer_start": start}
                        for text, start in zip(
                            *(row["answers"][name] for name in ("text", "answer_start")), strict=True
                        )
                    ],
                }
            ],
        }
        for row in rows
    ]
    paragraphs[0]["qas"].insert(0, {"id": "none", "question": "Who?", "answers": [], "is_impossible": True})
    articles = [{"title": f"Part {n}", "paragraphs": paragraphs[n::3]} for n in range(3)]
    path.write_text(json.dumps({"version": "v2.0", "data": articles}))
    return path


def question_table(path: Path, count: int = 60) -> Path:
    """The same as a table of context, question and answer."""
    rows = [json.loads(line) for line in questions(path, count).read_text().splitlines()]
    return write_csv(path, [{**row, "answers": row["answers"]["text"][0]} for row in rows])


def hub_folder(path: Path, count: int = 40) -> Path:
    """A folder laid out as a data set on Hugging Face, which ``load_dataset`` reads: a table for each split."""
    (path / "data").mkdir(parents=True)
    for split, begin in (("train", 0), ("test", count)):
        rows = [
            {"text": f"{'good' if n % 2 else 'bad'} film number {n}", "label": "praise" if n % 2 else "blame"}
            for n in range(begin, begin + count)
        ]
        write_csv(path / "data" / f"{split}.csv", rows)
    return path
