"""A table of facts in words. Start at facts_table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from app.look.assets import asset
from clps_core.shown import visible

__all__ = ["Cell", "facts_table"]


@dataclass(frozen=True)
class Cell:
    """``text``, and before it a bar of how much of it is done or used, 0 to 1; ``quiet``: nothing to see here."""

    text: str
    part: float | None = None
    quiet: bool = False

    @property
    def html(self) -> str:
        """One table cell; all text is escaped."""
        bar = ""
        if self.part is not None:
            width = 100 * min(1.0, max(0.0, self.part))
            bar = f'<i aria-hidden="true"><b style="width:{width:.1f}%"></b></i>'
        text = f"<bdi>{escape(visible(self.text))}</bdi>"
        text = f"<span>{text}</span>" if bar else text
        kind = ' class="clps-quiet"' if self.quiet else ""
        return f"<td{kind}>{bar}{text}</td>"


def facts_table(caption: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]]) -> None:
    """Draw ``rows`` of (name, cells) under ``columns``, the first of which is for the names; none: no head."""
    head = ""
    if columns:
        titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in columns)
        head = f"<thead><tr>{titles}</tr></thead>"
    body = "".join(
        f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th>{"".join(cell.html for cell in cells)}</tr>'
        for name, cells in rows
    )
    kind = "clps-facts" if columns else "clps-facts clps-pairs"
    st.html(
        f"<style>{asset('system/table.css')}</style>"
        f'<div class="{kind}" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}">'
        f"<table><caption>{escape(caption)}</caption>"
        f"{head}<tbody>{body}</tbody></table></div>"
    )
