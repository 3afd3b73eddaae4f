"""Notes in Markdown as harmless HTML. Start at notes_html.

Everything is escaped before a tag is made of it, and the only tags are those below: no HTML of the note's own, no
pictures, no links but to http and https.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from clps_core.shown import visible

__all__ = ["notes_html"]

_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\((https?://[^\s()\[\]]{1,1000})\)")
_BOLD = re.compile(r"\*\*([^*\n]{1,2000})\*\*")
_ITALIC = re.compile(r"\*([^*\n]{1,2000})\*")
_HEADING = re.compile(r"(#{1,6}) +(.+)")
_ITEM = re.compile(r"(?:([-*+])|\d{1,9}[.)]) +(.+)")


def notes_html(text: str) -> str:
    """``text`` as paragraphs, headings, lists and code."""
    lines = visible(text.replace("\r\n", "\n"), keep="\n\t").split("\n")
    return "\n".join(_blocks(lines))


def _blocks(lines: list[str]) -> Iterator[str]:
    place = 0
    while place < len(lines):
        line = lines[place].strip()
        place += 1
        if not line:
            continue
        if line.startswith("```"):
            end = next((i for i in range(place, len(lines)) if lines[i].strip().startswith("```")), len(lines))
            yield f"<pre>{html.escape(chr(10).join(lines[place:end]))}</pre>"
            place = end + 1
        elif found := _HEADING.fullmatch(line):
            yield f"<h4>{_inline(found[2])}</h4>"
        elif found := _ITEM.fullmatch(line):
            tag = "ul" if found[1] else "ol"
            items = [found[2]]
            while (
                place < len(lines)
                and (more := _ITEM.fullmatch(lines[place].strip()))
                and bool(more[1]) == (tag == "ul")
            ):
                items.append(more[2])
                place += 1
            yield f"<{tag}>{''.join(f'<li>{_inline(one)}</li>' for one in items)}</{tag}>"
        else:
            parts = [line]
            while place < len(lines) and _goes_on(lines[place].strip()):
                parts.append(lines[place].strip())
                place += 1
            yield f"<p>{'<br>'.join(map(_inline, parts))}</p>"


def _goes_on(line: str) -> bool:
    """Whether ``line`` belongs to the paragraph before it."""
    return bool(line) and not line.startswith("```") and not _HEADING.fullmatch(line) and not _ITEM.fullmatch(line)


def _inline(text: str) -> str:
    """Code between backticks; links, bold and italic in what is left."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone backtick is a character
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    return "".join(
        f"<code>{html.escape(part)}</code>" if place % 2 else _linked(part) for place, part in enumerate(parts)
    )


def _linked(text: str) -> str:
    title_or_target = _LINK.split(text)
    found = []
    for place, part in enumerate(title_or_target):
        if place % 3 == 0:
            found.append(_marked(part))
        elif place % 3 == 2:
            title = _marked(title_or_target[place - 1])
            found.append(f'<a href="{html.escape(part)}" rel="noopener noreferrer">{title}</a>')
    return "".join(found)


def _marked(text: str) -> str:
    return _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", html.escape(text)))
