"""The data of a masked language model: the windows of a language model with some tokens masked. Start at MaskedText.

What a text is made of, its tokens and its splits are those of the language model's data, whatever they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from clps_core.data.base import Array, Batch, Example, check_split, digest, step_generator
from clps_core.data.masking import MASK, chosen, mask_tokens, training_inputs
from clps_core.data.scores import constant_answer
from clps_core.errors import DataError
from clps_core.tasks.facts import TaskFacts
from clps_core.words import _

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

__all__ = ["SHORTEST_WINDOW", "MaskedText", "Windows"]

SHORTEST_WINDOW = 8
LONGEST_TYPED = 20_000
"""Characters of a typed text that are looked at at all."""
MOST_BASELINE_WINDOWS = 20_000
MOST_EXAMPLES = 1000
TRIED_PLACES = 6
LAYOUT = 1
"""Raise this when masks are drawn in another way: it is part of the fingerprint."""


class Windows(Protocol):
    """What is needed of a language model's data: those of ``TaskData`` with these."""

    pad_id: int
    bos_id: int
    eos_id: int
    fingerprint: str
    seed: int

    @property
    def tokenizer(self) -> Tokenizer: ...  # noqa: D102
    def batch(self, step: int, batch_size: int) -> Batch: ...  # noqa: D102
    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]: ...  # noqa: D102
    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]: ...  # noqa: D102
    def decode(self, tokens: Sequence[int] | Array) -> str: ...  # noqa: D102
    def unknown(self, text: str) -> tuple[str, ...]: ...  # noqa: D102
    def held_out_texts(self) -> list[str]: ...  # noqa: D102


class MaskedText:
    """Windows of ``source`` with masked tokens; see ``TaskData`` for the methods.

    ``length``: tokens of a window. ``mask_id``: the token of the mask, the last one of the vocabulary where the
    tokenizer has none of its own. Special and unknown tokens are never masked.
    """

    def __init__(self, source: Windows, facts: TaskFacts, length: int, mask_id: int) -> None:
        if length < SHORTEST_WINDOW:
            raise DataError(
                _("seq_len must be at least {least} for a masked language model. Got {got}. Raise it.",
                  least=SHORTEST_WINDOW, got=length)
            )  # fmt: skip
        self.source, self.facts, self.length, self.mask_id = source, facts, length, mask_id
        self.pad_id, self.bos_id, self.eos_id = source.pad_id, source.bos_id, source.eos_id
        self.unk_id = int(getattr(source, "unk_id", -1))
        self.fingerprint = digest("clps masked", LAYOUT, source.fingerprint, mask_id)
        specials = [self.pad_id, self.bos_id, self.eos_id, mask_id]
        self._special = np.zeros(max(facts.vocab_size or 0, mask_id + 1), dtype=bool)
        self._special[specials] = True
        ordinary = ~self._special
        if self.unk_id >= 0:
            ordinary[self.unk_id] = False
        self._ordinary = np.flatnonzero(ordinary)

    # What is learned

    def batch(self, step: int, batch_size: int) -> Batch:
        """The windows that a language model sees at this step, with masks that depend on (fingerprint, seed, step)."""
        windows = self.source.batch(step, batch_size).inputs
        generator = step_generator(self.fingerprint, self.source.seed, step)
        places = chosen(self._maskable(windows), generator)
        inputs, labels = training_inputs(windows, places, self.mask_id, self._ordinary, generator)
        return Batch(inputs, None, None, labels)

    def evaluation(self, split: str, limit: int, batch_size: int) -> Iterator[Batch]:
        """Windows side by side; the masks of each depend on its tokens alone, and every chosen token is the mask.

        So they are the same in every fold and for every number of examples.
        """
        for batch in self.source.evaluation(split, limit, batch_size):
            windows = batch.inputs
            able = self._maskable(windows)
            places = np.concatenate([chosen(able[at : at + 1], self._generator(row)) for at, row in enumerate(windows)])
            inputs, labels = mask_tokens(windows, places, self.mask_id)
            yield Batch(inputs, None, None, labels)

    def _generator(self, window: Array) -> np.random.Generator:
        key = digest("clps masks", LAYOUT, np.ascontiguousarray(window).tobytes())
        return np.random.Generator(np.random.PCG64(int(key, 16)))

    def _maskable(self, windows: Array) -> Array:
        """bool [B, L]: no special tokens, and unknown ones only in a window that has nothing else."""
        able = ~self._special[windows]
        known = able & (windows != self.unk_id)
        return np.where(known.any(1, keepdims=True), known, able)

    def baselines(self, split: str = "validation", limit: int | None = None) -> Mapping[str, float]:
        """``masked_accuracy`` of always saying the token that is masked most often; ``loss``: of the tokens' shares.

        Of at most ``MOST_BASELINE_WINDOWS``.
        """
        check_split(split)
        count = min(limit or MOST_BASELINE_WINDOWS, MOST_BASELINE_WINDOWS)
        found = [batch.labels for batch in self.evaluation(split, count, 64)]
        accuracy, loss = constant_answer(np.concatenate(found))
        return {"masked_accuracy": accuracy, "loss": loss, "pseudo_perplexity": float(np.exp(loss))}

    # What is typed

    def encode_source(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """int64 [1, S]; ``DataError`` for a text that is empty, too long, or has no ``[MASK]``."""
        if not text.strip():
            raise DataError(_("the text must not be empty. Type one, with {mask} in place of a word.", mask=MASK))
        if MASK not in text:
            raise DataError(
                _("the text must have {mask} where a token is to be filled in. Got none. Write {mask} in place of a "
                  "word.",
                  mask=MASK)
            )  # fmt: skip
        if len(text) > LONGEST_TYPED:
            raise DataError(
                _("the text must have at most {longest} characters. Got {got}. Shorten it.",
                  longest=LONGEST_TYPED, got=len(text))
            )  # fmt: skip
        ids = self._ids(self.kept_text(text))
        if len(ids) > self.length:
            raise DataError(
                _("the text must have at most {longest} tokens. Got {got}. Shorten it.",
                  longest=self.length, got=len(ids))
            )  # fmt: skip
        return np.array([ids], dtype=np.int64)

    def kept_text(self, text: str) -> tuple[str, ...]:
        """What stands before, between and after the masks, as the model reads it: n + 1 texts of n masks.

        Where a token may begin with a blank, one blank before a mask belongs to the token that is missing.
        """
        *before, last = _clean(text).split(MASK)
        return (*(one.removesuffix(" ") if self._joins_blanks else one for one in before), last)

    def _ids(self, kept: Sequence[str]) -> list[int]:
        found = self._encode(kept[0]).ids
        for one in kept[1:]:
            found += [self.mask_id, *self._after_mask(one)]
        return list(found)

    def _after_mask(self, text: str) -> list[int]:
        """The tokens of ``text`` inside a text: some tokenizers treat the beginning of one in another way."""
        code = self._encode(f"a{text}")
        if any(start < 1 < end for start, end in code.offsets):  # the letter became a part of the text's first token
            return list(self._encode(text).ids)
        return [token for token, (_start, end) in zip(code.ids, code.offsets, strict=True) if end > 1]

    def _encode(self, text: str) -> Encoding:
        return self.source.tokenizer.encode(text, add_special_tokens=False)

    @cached_property
    def _joins_blanks(self) -> bool:
        """Whether a blank and the word behind it are one token, as in most tokenizers of subwords."""
        return bool(self._encode("a ").ids + self._encode("a").ids != self._encode("a a").ids)

    def encode_target(self, text: str, *, options: Mapping[str, str] | None = None) -> Array:  # noqa: ARG002
        """There is no decoder target: always a ``DataError``."""
        raise DataError(_("{task} does not use a typed target. Type an input only.", task=self.facts.title))

    def right_answer(self, text: str, *, options: Mapping[str, str] | None = None) -> str | None:  # noqa: ARG002
        """The whole text, where ``text`` is one of ``examples``."""
        return self._rights.get(text.strip())

    def unknown(self, text: str) -> tuple[str, ...]:
        """As the language model's data say it of the text without its masks."""
        return self.source.unknown(text.replace(MASK, " "))

    # What is shown

    def filled(self, inputs: Array, tokens: Sequence[int] | Array) -> str:
        """The text of ``inputs`` [1, S] with ``tokens`` [n] in place of its n masks."""
        row = inputs[0].copy()
        row[row == self.mask_id] = tokens
        return self._text(row)

    def _text(self, tokens: Array) -> str:
        specials = (self.pad_id, self.bos_id, self.eos_id)
        return self.source.decode([token for token in tokens.tolist() if token not in specials])

    def input_text(self, tokens: Array) -> str:
        """The text of a window, with ``[MASK]`` at its masks."""
        ids = [token for token in np.asarray(tokens).tolist() if token not in (self.pad_id, self.bos_id, self.eos_id)]
        text = self._with_mask_token.decode(ids, skip_special_tokens=False)
        if self.unk_id >= 0:
            text = text.replace(str(self._with_mask_token.id_to_token(self.unk_id)), "�")
        name = str(self._with_mask_token.id_to_token(self.mask_id))
        return str(text).replace(name, f" {MASK}" if self._joins_blanks else MASK).removeprefix(" ")

    @cached_property
    def _with_mask_token(self) -> Tokenizer:
        """The tokenizer with the mask as one more special token, where it has none."""
        from tokenizers import AddedToken, Tokenizer

        tokenizer = Tokenizer.from_str(self.source.tokenizer.to_str())
        if tokenizer.id_to_token(self.mask_id) is None:
            tokenizer.add_special_tokens([AddedToken(MASK, special=True, lstrip=self._joins_blanks)])
        return tokenizer

    def decode(self, tokens: Sequence[int] | Array) -> str:
        """The text of ``tokens``."""
        return self.source.decode(tokens)

    def fillings(self, tokens: Sequence[int] | Array) -> str:
        """The labels of ``tokens`` with a blank between them: labels have none, so that each can be told again."""
        return " ".join(self.token_labels(tokens))

    def token_labels(self, tokens: Sequence[int] | Array) -> list[str]:
        """Those of the language model, and ``[MASK]``."""
        ids = np.asarray(tokens).reshape(-1)
        labels = self.source.token_labels(ids)
        return [MASK if token == self.mask_id else label for token, label in zip(ids.tolist(), labels, strict=True)]

    def examples(self, count: int) -> list[Example]:
        """Held-out texts with one token masked, most often a word."""
        return [Example(text, right) for text, right in list(self._rights.items())[:count]]

    @cached_property
    def _rights(self) -> dict[str, str]:
        """Masked text -> the whole text, as the tokenizer gives it back."""
        found: dict[str, str] = {}
        for text in self.source.held_out_texts():
            masked = self._with_mask(text.strip())
            if masked is not None:
                found.setdefault(masked, self.source.decode(self._encode(text.strip()).ids))
            if len(found) >= MOST_EXAMPLES:
                break
        return found

    def _with_mask(self, text: str) -> str | None:
        """``text`` with one token masked that a hash chooses, words first; ``None`` where no place reads back."""
        code = self._encode(text)
        if MASK in text or not 1 < len(code.ids) <= self.length:
            return None
        labels = self.token_labels(code.ids)
        able = np.flatnonzero(self._maskable(np.array([code.ids]))[0]).tolist()
        order = sorted(able, key=lambda at: (not _is_word(labels, at), digest("clps mask", text, at)))
        for place in order[:TRIED_PLACES]:
            start, end = code.offsets[place]
            blanks = text[start:end][: len(text[start:end]) - len(text[start:end].lstrip(" "))]
            masked = f"{text[:start]}{blanks}{MASK}{text[end:]}"
            wanted = [*code.ids[:place], self.mask_id, *code.ids[place + 1 :]]
            if self._ids(self.kept_text(masked)) == wanted:
                return masked
        return None

    def tokenizer_json(self) -> str:
        """The tokenizer, with the mask among its special tokens."""
        return json.dumps(json.loads(self._with_mask_token.to_str()), ensure_ascii=False)


def _is_word(labels: Sequence[str], place: int) -> bool:
    """Whether the token there is a whole word with a blank before it."""
    word = labels[place].removeprefix("␣")
    whole = place + 1 == len(labels) or not labels[place + 1][:1].isalnum()
    return word != labels[place] and len(word) > 1 and word.isalpha() and whole


def _clean(text: str) -> str:
    """``text`` with one kind of line end, and nothing that UTF-8 cannot hold."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
