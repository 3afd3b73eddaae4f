"""A tokenizer.json that a person brings: checked before the library reads it. Start at bring, then brought.

The library takes memory by the largest id, and changes texts as often as the file says. So ids and such changes are
looked at in the JSON first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clps_core.errors import DataError
from clps_core.files import open_given, parsed_json, read_regular
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["LARGEST_TOKENIZER", "bring", "brought", "check_use", "loaded", "trace"]

NAME = "tokenizer.json"
LARGEST_TOKENIZER = 32 << 20
MOST_GROWTH = 16
"""Characters that may come of one by all steps, and tokens."""
MOST_STEPS = 64
LONGEST_PREPENDED = 100
GROWTH_OF_BYTES = 4
TRIED_CHARACTERS = 1000
"""Of each text that is tried."""
RARE = "ꙮ 🜁 𓂀 \ue000"
"""A text that no vocabulary knows."""


def bring(path: str, folder: Path) -> None:
    """Keep the tokenizer.json at ``path``; raises ``DataError`` where it cannot be used."""
    try:
        with open_given(Path(path).expanduser(), limit=LARGEST_TOKENIZER) as file:
            text = file.read(LARGEST_TOKENIZER).decode()
        loaded(text)
    except OSError as error:
        why = error.strerror or type(error).__name__
    except (ValueError, RuntimeError) as error:  # RuntimeError: of ~ without such a person
        why = visible(str(error)[:200])
    else:
        (folder / NAME).write_text(text)
        return
    raise DataError(
        _("the tokenizer must be a tokenizer.json of the tokenizers library. Got {path}: {why}.",
          path=visible(path[-200:]), why=why.rstrip("."))
    ) from None  # fmt: skip


def brought(folder: Path) -> Tokenizer:
    """The tokenizer that was kept in ``folder``, without cutting and padding."""
    try:
        text = read_regular(folder, NAME, limit=LARGEST_TOKENIZER).decode()
    except (OSError, UnicodeDecodeError):
        raise DataError(
            _("the tokenizer 'file' needs a tokenizer.json. Give its path when you add the data.")
        ) from None
    try:
        tokenizer = loaded(text)
    except ValueError as error:
        raise _unusable(str(error)) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def trace(folder: Path) -> tuple[int, ...]:
    """By which one sees that the file is another one; empty where there is none."""
    try:
        facts = (folder / NAME).stat()
    except OSError:
        return ()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def loaded(text: str) -> Tokenizer:
    """The tokenizer; raises ``ValueError`` for what is none or would need memory without bound."""
    from tokenizers import Tokenizer

    plain = parsed_json(text)
    _check_ids(plain)
    for parts in (("normalizer", "pre_tokenizer"), ("decoder",)):
        _check_growth([plain.get(part) for part in parts])
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare exceptions
        raise ValueError(str(error)) from None


def check_use(tokenizer: Tokenizer, specials: Sequence[int], texts: Sequence[str]) -> None:
    """Raise ``DataError`` where ids have gaps, special tokens share one, or ``texts`` do not become tokens."""
    ids = set(tokenizer.get_vocab(with_added_tokens=True).values())
    if max(ids) + 1 != tokenizer.get_vocab_size(with_added_tokens=True) or len(ids) != max(ids) + 1:
        raise _unusable(_gaps())
    if len(set(specials)) < len(specials):
        raise _unusable(_("padding, begin, end and unknown must have four different ids"))
    tried = [*(text[:TRIED_CHARACTERS] for text in texts), RARE]
    try:
        codes = tokenizer.encode_batch(tried, add_special_tokens=False)
        tokenizer.decode(codes[0].ids)
    except Exception as error:  # the library raises bare exceptions
        raise _unusable(_("it cannot tokenize a text: {why}", why=str(error))) from None
    if any(len(code.ids) > MOST_GROWTH * max(1, len(text)) for code, text in zip(codes, tried, strict=True)):
        raise _unusable(_grows())


def _unusable(why: str) -> DataError:
    return DataError(
        _("the tokenizer.json cannot be used: {why}. Correct it, or choose another tokenizer.",
          why=visible(" ".join(why.split())[:200]).rstrip("."))
    )  # fmt: skip


def _gaps() -> str:
    return _("its ids must be 0, 1, 2 and so on without a gap, each for one token")


def _grows() -> str:
    return _("a text may become at most {limit} times as long. This tokenizer makes longer ones", limit=MOST_GROWTH)


def _check_ids(plain: Any) -> None:
    """Raise ``ValueError`` unless the ids of vocabulary and added tokens are 0 to their number less one."""
    if not isinstance(plain, dict) or not isinstance(plain.get("model"), dict):
        raise ValueError(_("it has no model"))
    words, added = plain["model"].get("vocab") or {}, plain.get("added_tokens") or []
    if not isinstance(words, dict | list) or not isinstance(added, list):
        raise ValueError(_("its vocabulary is not a table"))
    # A table of token and id, or a list of tokens with their scores.
    known = dict(words) if isinstance(words, dict) else {f"{place} ": place for place in range(len(words))}
    ids = {*known.values()} if all(type(one) is int for one in known.values()) else set()
    for one in added:
        if not isinstance(one, dict) or type(one.get("id")) is not int or not isinstance(one.get("content"), str):
            raise ValueError(_gaps())
        ids.add(one["id"])
    tokens = len(known) + sum(isinstance(words, dict) and one["content"] not in known for one in added)
    if not ids or min(ids) != 0 or max(ids) + 1 != len(ids) or (isinstance(words, dict) and len(ids) != tokens):
        raise ValueError(_gaps())


def _steps(part: Any) -> Iterator[Mapping[str, Any]]:
    """The steps in ``part`` of the JSON, however they are nested."""
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from _steps(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _steps(inner)


def _check_growth(parts: Sequence[Any]) -> None:
    """Raise ``ValueError`` where the steps of ``parts``, one after another, could make a long text of a character."""
    growth, count = 1.0, 0
    for step in _steps(list(parts)):
        kind = step.get("type")
        count += kind is not None
        if kind == "ByteLevel":
            growth *= GROWTH_OF_BYTES
        elif kind == "Replace":
            growth *= _growth_of(step)
        elif kind == "Prepend" and len(str(step.get("prepend", ""))) > LONGEST_PREPENDED:
            raise ValueError(_grows())
    if growth > MOST_GROWTH or count > MOST_STEPS:
        raise ValueError(_grows())


def _growth_of(step: Mapping[str, Any]) -> float:
    pattern, content = step.get("pattern"), str(step.get("content", ""))
    text = pattern.get("String") if isinstance(pattern, dict) else None
    # A regular expression may match nothing, between any two characters.
    return max(1.0, len(content) / len(text)) if isinstance(text, str) and text else 1.0 + len(content)
