"""A linear classifier on the task ``languages``: how far counting pieces of words gets, against always one language.

Run ``python benchmarks/languages_linear.py``: TF-IDF of character 1- to 4-grams within words, logistic regression,
fitted to the training part (C chosen on validation) and scored on the test part of the task.
"""

from __future__ import annotations

import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from clps_core.tasks.languages.data import Languages
from report import write_table

STRENGTHS = (1.0, 10.0, 100.0)


def main() -> None:
    data = Languages(seed=0)
    parts = {split: data.sentences(split) for split in ("train", "validation", "test")}
    texts = {split: [text for _message, _language, text in rows] for split, rows in parts.items()}
    right = {split: [language for _message, language, _text in rows] for split, rows in parts.items()}
    started = time.perf_counter()
    fitted = {}
    for strength in STRENGTHS:
        model = make_pipeline(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True, min_df=2),
            LogisticRegression(C=strength, max_iter=300),
        )
        model.fit(texts["train"], right["train"])
        fitted[accuracy_score(right["validation"], model.predict(texts["validation"])), strength] = model
    best = max(fitted)
    said = fitted[best].predict(texts["test"])
    trivial = data.baselines("test")
    rows = [
        [
            f"character n-grams, C = {best[1]:g}",
            f"{accuracy_score(right['test'], said):.1%}",
            f"{f1_score(right['test'], said, average='macro'):.1%}",
            f"{time.perf_counter() - started:.0f}",
        ],
        ["always the most frequent language", f"{trivial['accuracy']:.1%}", f"{trivial['macro_f1']:.1%}", "0"],
    ]
    write_table(
        "languages_linear",
        "Language of a sentence, without a Transformer",
        ("answer", "accuracy", "macro F1", "s"),
        rows,
        f"{len(said)} test sentences; seconds for all {len(STRENGTHS)} values of C, on a machine that had other work.",
    )


if __name__ == "__main__":
    main()
