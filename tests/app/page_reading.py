"""What a page says, as AppTest sees it."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest


def sentences(test: AppTest) -> list[str]:
    """What the page complains about."""
    return [error.value for error in test.error]


def tables(test: AppTest) -> str:
    """All tables and bars that the page shows, as text: HTML of its own, and Streamlit's without Markdown's escapes."""
    drawn = [block.proto.body for block in test.get("html")]
    shown = [f"{name} {' '.join(map(str, row))}" for table in test.table for name, *row in table.value.itertuples()]
    titles = [" ".join(map(str, table.value.columns)) for table in test.table]
    bars = [bar.proto.text for bar in test.get("progress")]
    return "\n".join([*drawn, *(re.sub(r"\\(.)", r"\1", text) for text in (*titles, *shown, *bars))])
