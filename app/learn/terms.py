"""The terms of a chapter: those it teaches, then those it uses. Start at terms_of."""

from __future__ import annotations

from app.learn.chapter import Chapter
from clps_core.glossary import TERMS, Term, term

__all__ = ["terms_of"]


def terms_of(chapter: Chapter) -> list[Term]:
    """Entries of the glossary that ``chapter`` teaches, in the glossary's order, then those that it uses."""
    taught = [one for one in TERMS.values() if one.chapter == chapter.key]
    return [*taught, *(term(key) for key in chapter.uses)]
