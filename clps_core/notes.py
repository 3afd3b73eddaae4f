"""Notes and tags that people give to runs and comparisons. Start at check_note, check_tags and harmless_markdown.

Notes are Markdown, and anybody who may write one is a stranger to those who read it. They are kept as they were
written, and made harmless where they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from clps_core.errors import ConfigError
from clps_core.shown import visible
from clps_core.words import _, shown

__all__ = ["MAX_NOTE", "MAX_TAGS", "check_note", "check_tag", "check_tags", "harmless_markdown"]

MAX_NOTE = 10_000
"""Characters of one note."""
MAX_TAGS = 20
"""Of one run."""
_TAG = re.compile(r"\w[\w.-]{0,39}")
_APART = "\u200b"
"""Cannot be seen; between two signs of Markdown it makes text of them."""
DEEPEST = 8
"""Levels of quotes and lists, and signs in a row (``_DEEP``): a browser gives up on thousands of them."""


def check_note(text: object) -> str | None:
    """A note as it is kept, ``None`` for an empty one; raises ``ConfigError`` for one that is too long."""
    if not isinstance(text, str):
        raise ConfigError(_("a note must be text. Got {got}.", got=type(text).__name__))
    if len(text) > MAX_NOTE:
        raise ConfigError(
            _(
                "a note must have at most {limit:,} characters. Got {got:,}. Shorten it, or link to the rest.",
                limit=MAX_NOTE,
                got=len(text),
            )
        )
    return visible(text.replace("\r\n", "\n").strip(), keep="\n\t")[: 2 * MAX_NOTE] or None


def check_tag(text: object) -> str:
    """A tag in small letters; raises ``ConfigError`` where it cannot be one."""
    tag = text.strip().lower() if isinstance(text, str) else ""
    if not _TAG.fullmatch(tag):
        raise ConfigError(
            _("a tag must be one word of at most 40 letters, digits, hyphens and dots. Got {got}.", got=shown(text))
        )
    return tag


def check_tags(tags: Iterable[object]) -> tuple[str, ...]:
    """Tags in alphabetical order, each once; raises ``ConfigError`` where one is none, or where there are too many."""
    found = sorted({check_tag(one) for one in tags})
    if len(found) > MAX_TAGS:
        raise ConfigError(
            _("a run must have at most {limit} tags. Got {got}. Remove some.", limit=MAX_TAGS, got=len(found))
        )
    return tuple(found)


_IMAGE = re.compile(r"!(?=\[)")
_LINK = re.compile(r"\](?=\((?!<?https?://))|\](?=:(?!\s*<?https?://))", re.IGNORECASE)
_ANGLE = re.compile(r"<(?!https?://)", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,3}(?=[ \t])")
_DEEP = re.compile(r"(?:[>\[(*_~`#+-][ \t]*){9,}")


def harmless_markdown(text: str) -> str:
    """``text`` such that Markdown without HTML shows no image and no link but to http and https.

    Pictures become links, other links and all tags plain text. Deeply nested quotes and lists are cut to 8 levels.
    Headings are small: those of the page stay above them.
    """
    text = _DEEP.sub(lambda found: "".join(found[0].split())[:DEEPEST] + " ", text)
    for sign in (_IMAGE, _LINK, _ANGLE):
        text = sign.sub(lambda found: found[0] + _APART, text)
    return "\n".join(_small_headings(text.split("\n")))


def _small_headings(lines: Iterable[str]) -> Iterator[str]:
    """``# Title`` as ``#### Title``, but for comments in fenced code."""
    fenced = False
    for line in lines:
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        yield line if fenced else _HEADING.sub("####", line)
