"""Every term and symbol that pages use, in one or two plain sentences. Start at TOPICS.

The one source of these texts: the glossary's page lists them, and help texts of the pages are ``meaning(key)``.
"""

from __future__ import annotations

from collections.abc import Iterable

from clps_core.errors import ConfigError
from clps_core.glossary import cost_terms, inside_terms, model_terms, result_terms, sharing_terms, training_terms
from clps_core.glossary.term import Source, Term
from clps_core.words import N_, Words, _

__all__ = [
    "MAX_SEARCH",
    "METRIC_TERMS",
    "SHOWN_ON",
    "TERMS",
    "TOPICS",
    "TOPIC_TITLES",
    "Source",
    "Term",
    "meaning",
    "meaning_of_metric",
    "searched",
    "term",
]

MAX_SEARCH = 200
"""Characters of a search that are read."""

TOPICS: dict[str, tuple[Term, ...]] = {
    "sharing": sharing_terms.TERMS,
    "model": model_terms.TERMS,
    "costs": cost_terms.TERMS,
    "training": training_terms.TERMS,
    "results": result_terms.TERMS,
    "inside": inside_terms.TERMS,
}
"""Topic -> its terms, in the order in which they are best read."""

TOPIC_TITLES = Words(
    {
        "sharing": N_("Sharing weights"),
        "model": N_("Transformers"),
        "costs": N_("Costs"),
        "training": N_("Training and data"),
        "results": N_("Results"),
        "inside": N_("Looking inside"),
    }
)

TERMS: dict[str, Term] = {one.key: one for terms in TOPICS.values() for one in terms}
"""All of them, by their keys."""

METRIC_TERMS = {
    "loss": "loss",
    "exact_match": "exact-match",
    "accuracy": "accuracy",
    "top3_accuracy": "top-k-accuracy",
    "top5_accuracy": "top-k-accuracy",
    "macro_f1": "f1",
    "token_accuracy": "token-accuracy",
    "token_f1": "f1",
    "perplexity": "perplexity",
    "bits_per_byte": "bits-per-byte",
    "masked_accuracy": "token-accuracy",
    "pseudo_perplexity": "perplexity",
    "bleu": "bleu",
    "chrf": "chrf",
    "word_error_rate": "word-error-rate",
    "character_error_rate": "word-error-rate",
    "gradient_norm": "gradient-norm",
    "learning_rate": "learning-rate",
    "tokens_per_second": "tokens-per-second",
}
"""Metric, as it is stored -> the term that explains it."""

SHOWN_ON: tuple[str, ...] = tuple(dict.fromkeys(page for one in TERMS.values() for page in one.pages))
"""Names of the pages that have terms."""


def term(key: str) -> Term:
    """The entry ``key``. Raises ``ConfigError`` for one that is not there."""
    if key not in TERMS:
        raise ConfigError(_("a term must be in the glossary. Got {got!r}. Search for it.", got=key[:40]))
    return TERMS[key]


def meaning(key: str, *more: str) -> str:
    """What the term ``key`` means, for a help text: one to three plain sentences, then those of ``more``."""
    return " ".join([TERMS[key].text, *more])


def meaning_of_metric(name: str, *more: str) -> str:
    """What the metric ``name``, as it is stored, means, then ``more``; only that for a metric without a term."""
    key = METRIC_TERMS.get(name.rpartition(".")[2])
    return meaning(key, *more) if key else " ".join(more)


def searched(text: str, among: Iterable[Term] | None = None) -> list[Term]:
    """The terms that have all words of ``text``, in any case: names that are it first, then names that have it.

    ``among``: by default all terms. Only the first ``MAX_SEARCH`` characters of ``text`` are read; no words find all.
    """
    terms = list(TERMS.values() if among is None else among)
    words = text[:MAX_SEARCH].casefold().split()
    asked = " ".join(words)

    def place(one: Term) -> int | None:
        names = [name.casefold() for name in one.names]
        if asked in names:
            return 0
        if any(all(word in name for word in words) for name in names):
            return 1
        whole = " ".join([*names, one.text.casefold(), one.unit.casefold()])
        return 2 if all(word in whole for word in words) else None

    ranked = [(found, number) for number, one in enumerate(terms) if (found := place(one)) is not None]
    return [terms[number] for _found, number in sorted(ranked)]
