"""People, things and places: what may happen in a story, and where everything is then. numpy only; start at drawn.

Stories are like the first tasks of bAbI (Weston et al. 2015, arXiv 1502.05698), with words and rules of their own: no
text of bAbI is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clps_core.tasks.generated import split_by_content

__all__ = [
    *("ASKED", "CONTAINERS", "DROPPED", "ENTITIES", "GOT", "HELD_OUT", "IN", "LEAST", "LENGTH", "MOST", "PEOPLE"),
    *("PLACES", "THINGS", "TOOK", "UNKNOWN", "VOCABULARY", "WENT"),
    *("Stories", "World", "beginnings", "begun", "drawn", "guessed", "guessed_shares", "held_out", "told"),
]

PEOPLE = ("Anna", "Ben", "Carla")
THINGS = ("coin", "ball", "box", "bag")
"""By size: a thing can lie in a box or bag further on in this list."""
PLACES = ("kitchen", "garden", "cellar", "attic", "office", "garage")
ENTITIES = PEOPLE + THINGS
CONTAINERS = tuple(ENTITIES.index(name) for name in ("box", "bag"))
WENT = len(ENTITIES)
"""The token "went to the kitchen"; the other places follow. It is also the answer "kitchen"."""
TOOK = WENT + len(PLACES)
GOT = TOOK + len(THINGS)
"""Got from another person; ``TOOK``: from where it lay."""
DROPPED = GOT + len(THINGS)
IN = DROPPED + len(THINGS)
"""The token "is in the coin", never used, then those of the other things."""
ASKED = IN + len(THINGS)
"""The question where the first entity is; the others follow."""
VOCABULARY = ASKED + len(ENTITIES)
EVENTS, QUESTIONS = 7, 3
"""Sentences after the beginning of a story, and questions after each of them."""
LENGTH = 2 * len(PEOPLE) + EVENTS * (2 + QUESTIONS)
LEAST, MOST = 2, 4
"""Sentences that an answer may need."""
HELD_OUT = 1000
"""Stories of validation, and as many of test."""
UNKNOWN = -1
Array = NDArray[Any]
_KINDS = (WENT, TOOK, GOT, DROPPED, IN, ASKED)


class World:
    """Where everything is in each of B stories.

    ``holder`` int64 [B, E]: what an entity is with: an entity, a place (its token from ``WENT`` on), or -1 where
    nothing was said. ``sentences`` int64 [B, E]: how many say so: 2 for a thing that somebody dropped, else 1.
    """

    def __init__(self, count: int) -> None:
        self.holder = np.full((count, len(ENTITIES)), UNKNOWN)
        self.sentences = np.ones((count, len(ENTITIES)), dtype=np.int64)

    def tell(self, said: Array) -> None:
        """Let a sentence [B, 2] (who, and what happened, as tokens) happen in each story."""
        rows, (who, event) = np.arange(len(said)), said.T
        dropped = (event >= DROPPED) & (event < IN)
        with_ = np.select(
            [event < TOOK, event >= IN, dropped],
            [event, event - IN + len(PEOPLE), self.holder[rows, who]],
            who,
        )
        entity = np.where((event < TOOK) | (event >= IN), who, _thing(event))
        self.holder[rows, entity] = with_
        self.sentences[rows, entity] = 1 + dropped

    def answers(self) -> tuple[Array, Array]:
        """The place of each entity (its token, -1 where unknown), and how many sentences say so: int64 [B, E] each."""
        at, needed = self.holder, self.sentences
        for _step in range(len(CONTAINERS) + 1):  # a thing, in a box, in a bag, with somebody
            inner = (at >= 0) & (at < len(ENTITIES))
            held = np.where(inner, at, 0)
            needed = needed + np.where(inner, np.take_along_axis(self.sentences, held, 1), 0)
            at = np.where(inner, np.take_along_axis(self.holder, held, 1), at)
        return at, needed


@dataclass(frozen=True)
class Stories:
    """``tokens``, ``labels`` (-1 where nothing is asked), ``needed`` (sentences that an answer needs): int64 [B, L]."""

    tokens: Array
    labels: Array
    needed: Array

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, part: slice) -> Stories:
        return Stories(self.tokens[part], self.labels[part], self.needed[part])


def _thing(event: Array) -> Array:
    """The thing that was taken, handed over or dropped, as an entity; anything for other events."""
    return len(PEOPLE) + (event - TOOK) % len(THINGS)


@cache
def _sentences() -> tuple[Array, Array]:
    """int64 [N, 2]: all that can be said after the beginning; and the kind of each: went, took, got, dropped, in."""
    people, things = range(len(PEOPLE)), range(len(THINGS))
    said = [(person, WENT + place) for person in people for place in range(len(PLACES))]
    said += [(person, verb + thing) for verb in (TOOK, GOT, DROPPED) for person in people for thing in things]
    said += [(thing, IN + other - len(PEOPLE)) for other in CONTAINERS for thing in range(len(PEOPLE), other)]
    listed = np.array(said)
    return listed, np.searchsorted(_KINDS, listed[:, 1], side="right") - 1


def _possible(world: World) -> Array:
    """bool [B, N]: which of ``_sentences`` can happen now. A thing comes up where it is first taken or lies."""
    (who, event), kind = _sentences()[0].T, _sentences()[1]
    (at, _needed), holder = world.answers(), world.holder
    thing = np.where(kind == 0, who, np.where(kind == 4, event - IN + len(PEOPLE), _thing(event)))
    keeper = holder[:, thing]
    is_near = at[:, who] == at[:, thing]
    is_held, lies = (keeper >= 0) & (keeper < len(PEOPLE)), keeper >= len(ENTITIES)
    can = [
        holder[:, who] != event,
        (keeper == UNKNOWN) | (lies & is_near),
        is_held & is_near & (keeper != who),
        keeper == who,
        (holder[:, who] == UNKNOWN) & (at[:, thing] >= 0),
    ]
    found: Array = np.select([kind == number for number in range(5)], can).astype(bool)
    return found


def drawn(generator: np.random.Generator, chosen: Array, most: int) -> Stories:
    """Stories that begin as the beginnings of the numbers ``chosen`` [B], with answers of up to ``most`` sentences."""
    rows, world, begin = np.arange(len(chosen)), World(len(chosen)), beginnings()[chosen]
    tokens = np.empty((len(chosen), LENGTH), dtype=np.int64)
    labels, needed = np.full_like(tokens, -1), np.zeros_like(tokens)
    place = begin.shape[1]
    tokens[:, :place] = begin
    for start in range(0, place, 2):
        world.tell(begin[:, start : start + 2])
    for _event in range(EVENTS):
        said = _next_sentence(generator, world, most)
        world.tell(said)
        tokens[:, place : place + 2] = said
        at, facts = world.answers()
        odds = _odds(at, facts, most)
        for spot in range(place + 2, place + 2 + QUESTIONS):
            asked = _choose(generator, odds)
            odds[rows, asked] = 0
            tokens[:, spot], labels[:, spot], needed[:, spot] = ASKED + asked, at[rows, asked], facts[rows, asked]
        place += 2 + QUESTIONS
    return Stories(tokens, labels, needed)


def _next_sentence(generator: np.random.Generator, world: World, most: int) -> Array:
    listed, kind = _sentences()
    weights = np.array([0.25, 0.3, 0.12, 0.15, (0.0, 0.5, 1.5)[most - LEAST]])
    can = _possible(world) & (weights[kind] > 0)
    alike = np.stack([can[:, kind == number].sum(1) for number in range(5)], 1)
    found: Array = listed[_choose(generator, can * (weights / np.maximum(1, alike))[:, kind])]
    return found


def _odds(at: Array, facts: Array, most: int) -> Array:
    """How likely each entity is asked for [B, E]: those that need as many sentences share what these are worth."""
    known = (at >= 0) & (facts <= most)
    alike = np.stack([(known & (facts == number)).sum(1) for number in range(MOST + 2)], 1)
    odds: Array = known * facts**2 / np.maximum(1, np.take_along_axis(alike, np.minimum(facts, MOST + 1), 1))
    return odds


def _choose(generator: np.random.Generator, odds: Array) -> Array:
    """One place of each row of ``odds`` [B, N], drawn with these odds: int64 [B]."""
    sums = odds.cumsum(1)
    passed = (sums <= generator.random((len(odds), 1)) * sums[:, -1:]).sum(1)
    found: Array = np.minimum(passed, odds.shape[1] - 1)
    return found


@cache
def beginnings() -> Array:
    """int64 [1296, 6]: every way to begin: all people, in some order, go somewhere."""
    orders = np.array(list(permutations(range(len(PEOPLE)))))
    places = np.indices((len(PLACES),) * len(PEOPLE)).reshape(len(PEOPLE), -1).T
    who, where = np.repeat(orders, len(places), axis=0), np.tile(places, (len(orders), 1)) + WENT
    return np.stack([who, where], axis=-1).reshape(len(who), -1)


@cache
def begun() -> dict[str, Array]:
    """Split -> the numbers of its beginnings: a tenth is never trained on."""
    return dict(split_by_content(np.arange(len(beginnings()))))


def told(chosen: Array, most: int) -> Stories:
    """``HELD_OUT`` stories, always the same, that begin with the beginnings ``chosen`` in turn."""
    generator = np.random.Generator(np.random.PCG64([most, *chosen[:8].tolist()]))
    return drawn(generator, np.resize(chosen, HELD_OUT), most)


@cache
def held_out(split: str, most: int) -> Stories:
    """The stories of ``validation`` or ``test``."""
    return told(begun()[split], most)


def guessed(stories: Stories) -> Array:
    """bool [B, L]: where a guess is right: the place where a person went last, and of a thing the place named last."""
    hits = np.zeros(stories.tokens.shape, dtype=bool)
    rows = np.arange(len(stories.tokens))
    last, went = np.full(len(rows), UNKNOWN), np.full((len(rows), len(PEOPLE)), UNKNOWN)
    for place in range(stories.tokens.shape[1]):
        token = stories.tokens[:, place]
        moved = (token >= WENT) & (token < TOOK)
        who = stories.tokens[:, place - 1]
        went[rows[moved], who[moved]] = last[moved] = token[moved]
        asked = token - ASKED
        person = (asked >= 0) & (asked < len(PEOPLE))
        said = np.where(person, went[rows, np.where(person, asked, 0)], last)
        hits[:, place] = (asked >= 0) & (said == stories.labels[:, place])
    return hits


def guessed_shares(stories: Stories, most: int) -> tuple[float, ...]:
    """The share of questions at which ``guessed`` is right: of all, then of those that need 1, 2, ... sentences."""
    hits = guessed(stories)
    parts = [stories.needed > 0, *(stories.needed == number for number in range(1, most + 1))]
    return tuple(float(hits[part].mean()) if part.any() else 0.0 for part in parts)
