"""docs/config.md is what the config's models give."""

from __future__ import annotations

from docs.make_config import FILE, page


def test_the_page_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf8") == page(), "run 'python -m docs.make_config'"
