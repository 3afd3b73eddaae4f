"""The terms of a chapter: those it teaches, then those it uses. Start at terms_of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.learn.chapter import Chapter, Estimate
from clps_core.glossary import TERMS, Term

__all__ = ["terms_of"]

ALSO_VERBS = ("run",)
"""Terms whose name is mostly another word in the text of a chapter."""


def terms_of(chapter: Chapter) -> list[Term]:
    """Entries of the glossary, in its order: those that ``chapter`` teaches, then those whose title its text has.

    The text is that of the reader's language, and so are the titles.
    """
    text = " ".join(_texts(chapter))
    taught = [one for one in TERMS.values() if one.chapter == chapter.key]
    used = [one for one in TERMS.values() if one not in taught and one.key not in ALSO_VERBS and _has(text, one.title)]
    return [*taught, *used]


def _texts(chapter: Chapter) -> Iterator[str]:
    yield from (chapter.begins(), chapter.claim(), chapter.seen(), chapter.open())
    for question in (chapter.predict, *chapter.checks):
        yield from (question.asks(), question.why())
        if not isinstance(question, Estimate):
            yield from question.options().values()


def _has(text: str, title: str) -> bool:
    """Whether ``text`` has ``title``, or its plural, as a word; a Chinese word has no ends."""
    if not title.isascii():
        return title in text
    return re.search(rf"(?<![A-Za-z]){re.escape(title)}s?(?![A-Za-z])", text, re.IGNORECASE) is not None
