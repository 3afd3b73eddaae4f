"""What a page says, as AppTest sees it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def sentences(test: AppTest) -> list[str]:
    """What the page complains about."""
    return [error.value for error in test.error]


def tables(test: AppTest) -> str:
    """All HTML that the page draws itself, as text."""
    return "".join(block.proto.body for block in test.get("html"))
