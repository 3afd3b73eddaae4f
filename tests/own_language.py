"""A language for tests, whose words are the English ones between marks."""

from __future__ import annotations

import gettext
import re

FAKE = "qps"
BEGIN, END = "«»"


class Marked(gettext.NullTranslations):
    """All that such a language is."""

    def gettext(self, message: str) -> str:
        return f"{BEGIN}{message}{END}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{BEGIN}{msgid1 if n == 1 else msgid2}{END}"


def without_marked(text: str) -> str:
    """``text`` without what stands between marks, those within others first."""
    while (rest := re.sub(f"{BEGIN}[^{BEGIN}{END}]*{END}", "", text)) != text:
        text = rest
    return text
