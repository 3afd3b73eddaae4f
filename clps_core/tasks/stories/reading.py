"""Stories as people write them, from and to tokens. numpy only; start at read and written."""

from __future__ import annotations

import re
from typing import Any

from numpy.typing import NDArray

from clps_core.errors import DataError
from clps_core.suggestions import nearest
from clps_core.tasks.stories.rules import (
    ASKED,
    CONTAINERS,
    DROPPED,
    ENTITIES,
    GOT,
    IN,
    LENGTH,
    PEOPLE,
    PLACES,
    THINGS,
    TOOK,
    WENT,
)
from clps_core.words import _

__all__ = ["name", "read", "written"]

Array = NDArray[Any]
VERBS = {"went": WENT, "took": TOOK, "got": GOT, "dropped": DROPPED, "in": IN}
NOT_READ = frozenset({"a", "is", "the", "to"})
"""Words that may stand in a sentence, and say nothing."""
LONGEST = 2000
"""Characters of a typed story that are looked at; the longest story that fits has fewer."""


def name(token: int) -> str:
    """What a token reads as: ``Anna``, ``went to the kitchen``, ``took the ball``, ``is in the box``, ``Ben?``."""
    if token >= ASKED:
        return f"{ENTITIES[token - ASKED]}?"
    if token >= TOOK:
        verb = next(words for words, first in reversed(VERBS.items()) if token >= first)
        return f"{'is in' if verb == 'in' else verb} the {THINGS[(token - TOOK) % len(THINGS)]}"
    return f"went to the {PLACES[token - WENT]}" if token >= WENT else ENTITIES[token]


def written(tokens: Array) -> str:
    """A story [L] as text: ``Anna went to the kitchen. The coin is in the box. Coin? Anna?``."""
    said = []
    for token in tokens.tolist():
        if token >= ASKED:
            said.append(name(token).capitalize())
        elif token >= WENT:
            said[-1] += f" {name(token)}."
        else:
            said.append(name(token) if token < len(PEOPLE) else f"The {name(token)}")
    return " ".join(said)


def read(text: str) -> list[int]:
    """The tokens of a story; a ``DataError`` says what is wrong with it in one sentence."""
    found: list[int] = []
    for part in re.findall(r"[^.?!\n]+[.?!]?", text[:LONGEST]):
        words = [word for word in re.findall(r"[^\s,;:.?!]+", part.lower()) if word not in NOT_READ]
        is_question = part.endswith("?") or words[:1] == ["where"]
        asked = words[1:] if words[:1] == ["where"] else words
        if not words:
            continue
        _check_words(words)
        found += _question(asked, part) if is_question else _sentence(words, part)
    if not any(token >= ASKED for token in found):
        raise DataError(
            _(
                "the input must be a story with a question, such as: Anna went to the kitchen. Where is Anna? "
                "Got {got!r}.",
                got=text.strip()[:60],
            )
        )
    if len(found) > LENGTH or len(text) > LONGEST:
        raise DataError(
            _(
                "the input must be a story of at most {most} tokens: a sentence counts as 2 and a question as 1. "
                "Got {got}. Remove sentences or questions.",
                most=LENGTH,
                got=len(found),
            )
        )
    return found


def _check_words(words: list[str]) -> None:
    known = [one.lower() for one in (*ENTITIES, *PLACES)] + [*VERBS, "where"]
    for word in words:
        if word not in known:
            likely = nearest(word, known)
            raise DataError(
                _(
                    "the input must be a story with these words only: {known}. Got {got!r}.{hint}",
                    known=", ".join([*ENTITIES, *PLACES, *VERBS, "is", "where"]),
                    got=word[:40],
                    hint=_(" Did you mean {name}?", name=likely) if likely else "",
                )
            )


def _question(asked: list[str], part: str) -> list[int]:
    entities = [one.lower() for one in ENTITIES]
    if len(asked) != 1 or asked[0] not in entities:
        raise DataError(
            _(
                "a question must ask for one person or thing, such as: Where is the ball? Got {got!r}.",
                got=part.strip()[:60],
            )
        )
    return [ASKED + entities.index(asked[0])]


def _sentence(words: list[str], part: str) -> list[int]:
    who, verb, other = words if len(words) == 3 else ("", "", "")
    entities = [one.lower() for one in ENTITIES]
    subject = entities.index(who) if who in entities else -1
    is_person = 0 <= subject < len(PEOPLE)
    if verb == "went" and is_person and other in PLACES:
        return [subject, WENT + PLACES.index(other)]
    if verb in ("took", "got", "dropped") and is_person and other in THINGS:
        return [subject, VERBS[verb] + THINGS.index(other)]
    if verb == "in" and subject >= len(PEOPLE) and other in THINGS:
        inside = entities.index(other)
        if inside in CONTAINERS and subject < inside:
            return [subject, IN + THINGS.index(other)]
    raise DataError(
        _(
            "a sentence of the story must be one of these: Anna went to the kitchen. Anna took the ball. Ben got the "
            "ball. Ben dropped the ball. The coin is in the box (or the bag). Got {got!r}.",
            got=part.strip()[:60],
        )
    )
