"""Say which language a sentence is in. Start at Languages.

The sentences are messages of three programs and their translations; ``prepare.py`` says which. An input is a sentence
by characters, its class one of 20 languages. The split is by message: no message of validation or tests is in training
in any language. So are the parts of a cross-validation. Messages of one program are alike ("Move 1 page", "Move 1
file"), so a test sentence is not as new as a sentence from elsewhere. Logistic regression on counts of character
n-grams is right in 97.4 % of the test sentences (28 November 2026, ``benchmarks/languages_linear.py``): the usual
small model, trained for a minute, stays below that.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import Array, Fold, TaskData, fold_of
from clps_core.data.classified import PAD, SPECIALS, UNK, Classified, ClassifiedTexts, read_classified
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.languages import LANGUAGES
from clps_core.tasks.languages import facts as own_facts
from clps_core.words import _

__all__ = ["Languages", "load"]

FILE = Path(__file__).parent / "sentences.tsv.xz"
SHA256 = "97e6127693a893cdfd246659a77e1297794a6eb0eb8a1881ea4244370fef8f8c"


@cache
def _sentences() -> Classified:
    return read_classified(
        FILE,
        SHA256,
        name="languages 1",
        group="message",
        classes=tuple(LANGUAGES),
        vocabulary=lambda texts, _training: sorted(set("".join(texts))),
    )


class Languages(ClassifiedTexts):
    """The ``languages`` task: see the module. ``fold`` splits all but the test examples in another way."""

    def __init__(self, seed: int, fold: Fold | None = None, facts: TaskFacts | None = None) -> None:
        super().__init__(_sentences(), tuple(LANGUAGES.values()), facts or own_facts(), seed, fold)

    def even(self, text: str) -> str:
        """Single spaces; accents and their letters as one character."""
        return unicodedata.normalize("NFC", " ".join(text.split()))

    def pieces(self, text: str) -> list[str]:
        """Its characters."""
        return list(text)

    def too_long(self, longest: int, got: int) -> DataError:
        """That it has too many characters."""
        return DataError(
            _("the text must have at most {longest} characters. Got {got}. Shorten it.", longest=longest, got=got)
        )

    def input_text(self, tokens: Array) -> str:
        """The sentence of an input; an unknown character shows as the replacement character."""
        names = [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist() if token != PAD]
        return "".join("�" if name == SPECIALS[UNK] else name for name in names)

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Characters as they are, a space as ``␣``."""
        names = [self.name(token) for token in np.asarray(tokens).reshape(-1).tolist()]
        return ["␣" if name.isspace() else name for name in names]

    def tokenizer_json(self) -> str:
        """One token per character."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel(dict(self._all.ids), unk_token=SPECIALS[UNK]))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.add_special_tokens(list(SPECIALS))
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The sentences that ship beside this file; raises ``DataError`` where they are damaged."""
    return Languages(seed=config.data.seed, fold=fold_of(config.data.fold, config.data.folds), facts=facts)
