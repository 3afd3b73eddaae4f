"""Mappings that follow the rules there are. Start at Derived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from clps_core.sharing.rules import RULES, Rule
from clps_core.words import language

__all__ = ["Derived"]

Value = TypeVar("Value")


class Derived(Mapping[str, Value]):
    """A mapping that ``make`` makes out of ``RULES``, again whenever a rule was added, changed or removed.

    One for each language, as what is made may hold words.
    """

    def __init__(self, make: Callable[[], Mapping[str, Value]]) -> None:
        self._make = make
        self._made_of: tuple[Rule, ...] = ()
        self._made: dict[str | None, Mapping[str, Value]] = {}

    def _now(self) -> Mapping[str, Value]:
        rules, reads = tuple(RULES.values()), language()
        if len(rules) != len(self._made_of) or not all(map(_is, rules, self._made_of)):
            self._made, self._made_of = {}, rules
        made = self._made
        if reads not in made:
            made[reads] = self._make()
        return made[reads]

    def __getitem__(self, name: str) -> Value:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


def _is(one: Rule, other: Rule) -> bool:
    return one is other
