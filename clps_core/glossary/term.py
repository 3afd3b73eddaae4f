"""One entry of the glossary. Start at Term."""

from __future__ import annotations

from dataclasses import dataclass

from clps_core.words import Worded

__all__ = ["Source", "Term"]


@dataclass(frozen=True)
class Source:
    """Where a term was introduced: ``name`` as papers are cited, ``link`` an https address."""

    name: str
    link: str


@dataclass(frozen=True)
class Term:
    """A term of the field.

    ``key``: in the address, lower-case letters, digits and hyphens. ``text``: one to three plain sentences. ``also``:
    other names, separated by commas. ``symbols``: how formulas, configs and tables write it, in every language.
    ``unit``: of its values. ``pages``: names of the pages that show it. ``chapter``: the one of Learn that teaches it.
    """

    key: str
    title: Worded = Worded()
    text: Worded = Worded()
    also: Worded = Worded("")
    symbols: tuple[str, ...] = ()
    unit: Worded = Worded("")
    pages: tuple[str, ...] = ()
    chapter: str = ""
    source: Source | None = None

    @property
    def names(self) -> list[str]:
        """All that it is called, its title first."""
        others = [name.strip() for name in self.also.split(",")]
        return [name for name in (self.title, *others, *self.symbols) if name]
