"""Notes of people, Markdown, as HTML that is safe to open. Start at note_html."""

from __future__ import annotations

from urllib.parse import urlsplit

from clps_core.shown import visible

__all__ = ["note_html"]


def note_html(text: str | None) -> str:
    """``text`` as HTML: markup in it is text, there are no pictures, and links lead to web pages only."""
    from markdown_it import MarkdownIt

    if not text:
        return ""
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    tokens = reader.parse(visible(text, keep="\n\t"))
    for token in [child for one in tokens for child in one.children or ()]:
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
            token.attrs = {"rel": "noopener noreferrer", **({"href": address} if _web(address) else {})}
    return f'<div class="note">{reader.renderer.render(tokens, reader.options, {})}</div>'


def _web(address: str) -> bool:
    return urlsplit(address).scheme in ("http", "https")
