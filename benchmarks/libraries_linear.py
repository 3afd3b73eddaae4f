"""A linear classifier on the task ``libraries``: how far counting words gets, against always one library.

Run ``python benchmarks/libraries_linear.py``: TF-IDF of words and pairs of words, logistic regression,
fitted to the training part (C chosen on validation) and scored on the test part of the task.
"""

from __future__ import annotations

import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from clps_core.tasks.libraries.data import Libraries
from report import write_table

STRENGTHS = (1.0, 10.0, 100.0)


def main() -> None:
    data = Libraries(seed=0)
    parts = {split: data.sentences(split) for split in ("train", "validation", "test")}
    texts = {split: [text for _file, _library, text in rows] for split, rows in parts.items()}
    right = {split: [library for _file, library, _text in rows] for split, rows in parts.items()}
    started = time.perf_counter()
    fitted = {}
    for strength in STRENGTHS:
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            LogisticRegression(C=strength, max_iter=300),
        )
        model.fit(texts["train"], right["train"])
        fitted[accuracy_score(right["validation"], model.predict(texts["validation"])), strength] = model
    best = max(fitted)
    said = fitted[best].predict(texts["test"])
    trivial = data.baselines("test")
    rows = [
        [
            f"words and pairs of words, C = {best[1]:g}",
            f"{accuracy_score(right['test'], said):.1%}",
            f"{f1_score(right['test'], said, average='macro'):.1%}",
            f"{time.perf_counter() - started:.0f}",
        ],
        ["always the most frequent library", f"{trivial['accuracy']:.1%}", f"{trivial['macro_f1']:.1%}", "0"],
    ]
    write_table(
        "libraries_linear",
        "Library of a docstring, without a Transformer",
        ("answer", "accuracy", "macro F1", "s"),
        rows,
        f"{len(said)} test texts; seconds for all {len(STRENGTHS)} values of C, on a machine that had other work.",
    )


if __name__ == "__main__":
    main()
