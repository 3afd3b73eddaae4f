"""Tokenizers of the ``tokenizers`` library: named, trained, brought. Start at parsed_tokenizer, then trained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.errors import DataError
from clps_core.own_data.brought import brought
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["BOS", "EOS", "PAD", "UNK", "parsed_tokenizer", "special_ids", "tokenizer_of", "trained", "with_specials"]

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)
OTHER_SPECIALS = (
    ("<pad>", "[PAD]", "<|pad|>"),
    ("<bos>", "<s>", "[CLS]", "<|startoftext|>"),
    ("<eos>", "</s>", "[SEP]", "<|endoftext|>"),
    ("<unk>", "[UNK]"),
)
"""What other tokenizers call ours."""
USUAL_SIZES = {"words": 5000, "bpe": 2000, "wordpiece": 2000, "unigram": 2000}
SIZES = {"words": (20, 100_000), "bpe": (300, 50_000), "wordpiece": (100, 50_000), "unigram": (100, 50_000)}
KINDS = ("bytes", "characters", *USUAL_SIZES, "file")
MOST_CHARACTERS = 4000
"""Entries of a vocabulary of characters; rarer ones are unknown."""


def parsed_tokenizer(text: str) -> tuple[str, int]:
    """(kind, entries) of ``bpe:2000`` or ``bytes``; raises ``DataError`` for what is none."""
    kind, colon, number = text.strip().lower().partition(":")
    kind = {"chars": "characters", "byte": "bytes", "word": "words"}.get(kind, kind)
    if kind not in KINDS or (colon and (kind not in USUAL_SIZES or not re.fullmatch(r"[0-9]{1,6}", number))):
        raise DataError(
            _("a tokenizer must be one of bytes, characters, words:N, bpe:N, wordpiece:N, unigram:N or file, where N "
              "is the size of the vocabulary. Got {got!r}.",
              got=visible(text[:40]))
        )  # fmt: skip
    size = int(number) if colon else USUAL_SIZES.get(kind, 0)
    if kind in SIZES and not SIZES[kind][0] <= size <= SIZES[kind][1]:
        low, high = SIZES[kind]
        raise DataError(
            _("the vocabulary of {kind} must have {low:,} to {high:,} entries. Got {got:,}.",
              kind=kind, low=low, high=high, got=size)
        )  # fmt: skip
    return kind, size


def trained(kind: str, size: int, texts: Sequence[str]) -> Tokenizer:
    """A tokenizer as ``parsed_tokenizer`` names it, made of ``texts``."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    specials = list(SPECIALS)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("\n"), "isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
            pre_tokenizers.Split(Regex(r"[^\w\s▁]"), "isolated"),
        ]
    )
    common: dict[str, Any] = {"vocab_size": size, "special_tokens": specials, "show_progress": False}
    trainer: Any = None
    match kind:
        case "bytes":
            entries = {token: place for place, token in enumerate([*specials, *alphabet])}
            tokenizer = Tokenizer(models.BPE(vocab=entries, merges=[]))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
            tokenizer.decoder = decoders.ByteLevel()
        case "characters":
            counted = Counter(character for one in texts for character in one).most_common(MOST_CHARACTERS)
            known = [*specials, *sorted(character for character, _times in counted)]
            entries = {token: place for place, token in enumerate(known)}
            tokenizer = Tokenizer(models.WordLevel(entries, unk_token=SPECIALS[UNK]))
            tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
            tokenizer.decoder = decoders.Fuse()
        case "words":
            tokenizer = Tokenizer(models.WordLevel({SPECIALS[UNK]: 0}, unk_token=SPECIALS[UNK]))
            tokenizer.pre_tokenizer, tokenizer.decoder = words, decoders.Metaspace(prepend_scheme="always")
            trainer = trainers.WordLevelTrainer(**common)
        case "bpe":
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
            trainer = trainers.BpeTrainer(**common, initial_alphabet=alphabet)
        case "wordpiece":
            tokenizer = Tokenizer(models.WordPiece({SPECIALS[UNK]: 0}, unk_token=SPECIALS[UNK]))
            tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            tokenizer.decoder = decoders.WordPiece(prefix="##")
            trainer = trainers.WordPieceTrainer(**common)
        case _:
            tokenizer = Tokenizer(models.Unigram())
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
            tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
            trainer = trainers.UnigramTrainer(**common, unk_token=SPECIALS[UNK])
    if trainer is not None:
        tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(specials)
    return tokenizer


def with_specials(folder: Path) -> Tokenizer:
    """The tokenizer that a person brought, with the special tokens that it lacks."""
    tokenizer = brought(folder)
    known = tokenizer.get_vocab(with_added_tokens=True)
    missing = [own for own, *others in OTHER_SPECIALS if not known.keys() & {own, *others}]
    if missing:
        tokenizer.add_special_tokens(missing)
    return tokenizer


def special_ids(tokenizer: Tokenizer) -> tuple[int, int, int, int]:
    """The ids of pad, bos, eos and unknown in a tokenizer that has them all (``with_specials``)."""
    known = tokenizer.get_vocab(with_added_tokens=True)
    found = [next(known[one] for one in names if one in known) for names in OTHER_SPECIALS]
    return (found[0], found[1], found[2], found[3])


def tokenizer_of(text: str) -> Tokenizer:
    """A tokenizer of its JSON; a typed ``<eos>`` is five characters to it."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(text)
    tokenizer.encode_special_tokens = True
    return tokenizer
