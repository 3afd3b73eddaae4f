"""Say which library a docstring is from. Start at Libraries.

The texts are first paragraphs of docstrings of eight libraries; ``prepare.py`` says which, and that the libraries'
names are left out. An input is a text by words: letters in small ones, each digit and mark by itself; words that fewer
than ``RAREST`` training texts have are unknown. The split is by source file: no file of validation or tests is in
training. So are the parts of a cross-validation. Logistic regression on words and pairs of words is right in 68.0 %
of the test texts (28 November 2026, ``benchmarks/libraries_linear.py``), the usual small model in about 66 %.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import Array, Fold, TaskData, fold_of
from clps_core.data.classified import PAD, SPECIALS, UNK, Classified, ClassifiedTexts, read_classified
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.libraries import LIBRARIES
from clps_core.tasks.libraries import facts as own_facts
from clps_core.words import _

__all__ = ["Libraries", "docstrings", "load", "masked", "words_of"]

FILE = Path(__file__).parent / "docstrings.tsv.xz"
SHA256 = "a459b6dc56a6f7e4b95f56e44e6e12944ffe9c11a043ca777844965cb015053d"
NAMES = re.compile(
    r"\b\w*(?:matplotlib|networkx|numpy|pandas|scikit|sklearn|scipy|sympy|torch)\w*(?:-learn)?|"
    r"\b(?:caffe2|mpl|np|nx|pd|plt|pyplot)\b",
    re.IGNORECASE,
)
NAME = "[name]"
"""What the names become: they would give the answer away."""
WORD = r"\[name\]|[a-z]+|[^\sa-z]"
RAREST = 3


def masked(text: str) -> str:
    """``text`` without the names of libraries."""
    return NAMES.sub(NAME, text)


def words_of(text: str) -> list[str]:
    """``text`` as words, digits and marks, without capitals."""
    return re.findall(WORD, text.lower())


def _vocabulary(texts: Sequence[str], training: Array) -> list[str]:
    counts = Counter(word for place in training for word in set(words_of(texts[place])))
    return sorted(word for word, count in counts.items() if count >= RAREST)


@cache
def docstrings() -> Classified:
    """The file's rows with their splits, classes and vocabulary; raises ``DataError`` where it is damaged."""
    return read_classified(FILE, SHA256, name="libraries 1", group="file", classes=LIBRARIES, vocabulary=_vocabulary)


class Libraries(ClassifiedTexts):
    """The ``libraries`` task: see the module. ``fold`` splits all but the test examples; the vocabulary stays."""

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        super().__init__(docstrings(), LIBRARIES, facts or own_facts(), seed, fold)

    def even(self, text: str) -> str:
        """Single spaces; names of libraries left out."""
        return masked(" ".join(text.split()))

    def pieces(self, text: str) -> list[str]:
        """Its words."""
        return words_of(text)

    def too_long(self, longest: int, got: int) -> DataError:
        """That it has too many words."""
        return DataError(
            _(
                "the text must have at most {longest} words and punctuation marks. Got {got}. Shorten it.",
                longest=longest,
                got=got,
            )
        )

    def input_text(self, tokens: Array) -> str:
        """The words of an input with spaces between; an unknown one shows as the replacement character."""
        names = [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist() if token != PAD]
        return " ".join("�" if name == SPECIALS[UNK] else name for name in names)

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Words as they are."""
        return [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist()]

    def tokenizer_json(self) -> str:
        """One token for each word and mark, in small letters."""
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel(dict(self._all.ids), unk_token=SPECIALS[UNK]))
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(r"\s+"), "removed"), pre_tokenizers.Split(Regex(WORD), "isolated")]
        )
        tokenizer.add_special_tokens(list(SPECIALS))
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The texts that ship beside this file; raises ``DataError`` where they are damaged."""
    return Libraries(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
