"""BLEU and chrF of whole translations, by sacrebleu. Start at written_scores; sacrebleu is imported when it is called.

Both are of all texts together, from 0 to 100. A signature says with which settings and which version a score was made;
without it a BLEU cannot be compared with another one (Post 2018, arXiv 1804.08771).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["words_of", "written_scores", "written_signatures"]

LOOKED_AT = 200
"""Right answers that tell which script a language has."""


def written_scores(pairs: Sequence[tuple[str, str]], /) -> dict[str, float]:
    """``bleu`` (Papineni et al. 2002) and ``chrf`` (Popovic 2015) of (written, right) texts; empty without any."""
    said, right = [one for one, _right in pairs], [one for _said, one in pairs]
    if not pairs:
        return {}
    return {name: float(one.corpus_score(said, [right]).score) for name, one in _scorers(right).items()}


def written_signatures(right: Sequence[str], /) -> dict[str, str]:
    """Metric -> sacrebleu's signature, for scores against these right answers; empty without any."""
    if not right:
        return {}
    found = _scorers(right)
    for one in found.values():
        one.corpus_score([right[0]], [[right[0]]])  # a signature has the number of references, known after a score
    return {name: str(one.get_signature()) for name, one in found.items()}


def _scorers(right: Sequence[str]) -> dict[str, Any]:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return {"bleu": BLEU(tokenize=words_of(right)), "chrf": CHRF()}


def words_of(right: Sequence[str]) -> str:
    """How BLEU cuts these texts into words: sacrebleu's ``13a``, or ``zh`` for Chinese.

    ``char``, a character at a time, where words have no space between them and nothing tells them apart here: Japanese,
    Thai, Lao, Khmer, Burmese. By the scripts of most letters in the first texts.
    """
    letters = [letter for text in right[:LOOKED_AT] for letter in text if letter.isalpha()]
    scripts = [unicodedata.name(letter, "").split(" ")[0] for letter in letters]
    han, kana = scripts.count("CJK"), scripts.count("HIRAGANA") + scripts.count("KATAKANA")
    others = sum(map(scripts.count, ("THAI", "LAO", "KHMER", "MYANMAR")))
    if 2 * (han + kana + others) <= len(letters):
        return "13a"
    return "zh" if han > others and 10 * kana <= han else "char"
