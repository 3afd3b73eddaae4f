"""The utterances of ``spoken-digits`` for a model that writes digits one after the other. Start at DictatedDigits.

All sounds, also those drawn in training at each step, are those of ``spoken-digits``: a run of each task with one seed
of the data hears the same. Tokens 0 to 9 are the digits; behind them stand those of ``data.transcripts.Specials``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clps_core.config import RunConfig
from clps_core.data.base import Array, Fold, TaskData, fold_of
from clps_core.data.transcripts import answered, specials
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.tasks.spoken_digits.data import SpokenDigits
from clps_core.tasks.spoken_digits.recordings import DIGITS
from clps_core.tasks.spoken_digits_seq2seq import facts as own_facts
from clps_core.words import _

__all__ = ["DictatedDigits", "load"]

SPECIALS = specials(DIGITS)
NAMES = {SPECIALS.begin: "<bos>", SPECIALS.end: "<eos>", SPECIALS.pad: "<pad>"}


class DictatedDigits(SpokenDigits):
    """The ``spoken-digits-seq2seq`` task: see the module, and ``TaskData`` for the methods."""

    pad_id, bos_id, eos_id = SPECIALS.pad, SPECIALS.begin, SPECIALS.end

    def __init__(
        self, seed: int, facts: TaskFacts | None = None, fold: Fold | None = None, home: Path | None = None
    ) -> None:
        super().__init__(seed, facts or own_facts(), fold, home)

    def _answers(self, strings: Sequence[Sequence[int]]) -> tuple[Array | None, Array]:
        return answered(strings, DIGITS, self.facts.max_target_len)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, 1 + T]: digits such as ``3 1 4`` or ``314`` after the beginning, as far as they are typed."""
        digits = "".join(text.split())
        if not re.fullmatch(r"[0-9]*", digits, re.ASCII) or len(digits) > self.most:
            raise DataError(
                _("the digits must be at most {most} of 0 to 9. Got {got!r}.", most=self.most, got=digits[:40])
            )
        return np.array([[self.bos_id, *map(int, digits)]], dtype=np.int64)

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """Digits with blanks between, up to the first end."""
        ids = np.asarray(tokens, dtype=np.int64).reshape(-1).tolist()
        ids = ids[: ids.index(self.eos_id)] if self.eos_id in ids else ids
        return " ".join(str(token) for token in ids if 0 <= token < DIGITS)

    def name_of(self, token: int) -> str:
        """The digit, or what a special token is called."""
        return NAMES.get(token, str(token))

    def tokenizer_json(self) -> str:
        """One token per digit."""
        from tokenizers import Tokenizer, models, pre_tokenizers

        words = {str(digit): digit for digit in range(DIGITS)} | {name: token for token, name in NAMES.items()}
        tokenizer = Tokenizer(models.WordLevel(words, unk_token=NAMES[SPECIALS.pad]))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.add_special_tokens(list(NAMES.values()))
        return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)


def load(config: RunConfig, facts: TaskFacts, *, home: Path, cache_folder: Path | None) -> TaskData:  # noqa: ARG001
    """The recordings that ship with ``spoken-digits``; raises ``DataError`` where they are damaged."""
    return DictatedDigits(config.data.seed, facts, fold_of(config.data.fold, config.data.folds), home)
