"""The glossary: every technical word of a label has an entry, entries are short, and the search finds them."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po

from clps_core.catalogues import FOLDER
from clps_core.errors import ConfigError
from clps_core.glossary import METRIC_TERMS, TERMS, TOPIC_TITLES, TOPICS, meaning, meaning_of_metric, searched, term
from clps_core.metrics import METRICS
from clps_core.presets import PRESETS
from clps_core.schemes import SCHEMES

LABEL_WORDS = 5
"""A message of at most so many words is a label, not a sentence."""

FIELD = """
accuracy, activation, attention, AdamW, baseline, batch size, bias, BertViz, CKA, class token, coda,
component, core, cosine, cross-attention, data seed, decoder, depth, depth signal, design, difficulty,
dropout, embedding, encoder, entropy, exact match, executed, factor, FFN, field, FLOPs, fold, fork, gradient norm,
head, KV cache, KV heads, layer, learning rate, LoRA, loop, loss, map, metric, micro-batch, muon,
norm, norm position, Pareto front, perplexity, prelude, prompt, query, rank, relative size, rollout, rule,
run, scheme, seed, sharing map, slot, stored parameters, strategy, sweep, swap, task, temperature, test,
tie, token, tokenizer, top k, true class, validation, verdict, vocabulary, warm-up, weight decay, width
"""
"""What people who know Transformers look for, in labels of the pages."""

NO_TERMS = {
    *("API", "CLPS", "CLPS_SLOTS", "CLPS_THREADS", "CPU", "CPUs", "CSV", "CUDA", "CUDA_VISIBLE_DEVICES", "GPU", "GPUs"),
    *("GiB", "HTML", "ID", "JSON", "LaTeX", "MiB", "NAME", "OK", "PNG", "SVG", "TensorBoard", "URL", "UTF-8", "YAML"),
    *("MNIST", "QR", "WAV"),
    *("at_once", "batch_size", "encoder_decoder", "run_id", "seq_len"),
}
"""Written like terms: formats, hardware, settings, and fields that an error names."""


def papers() -> set[str]:
    """Words of the names of papers' models and schemes, whose cards explain them."""
    texts = [*(one.title for one in PRESETS.values()), *(f"{one.title} {one.source}" for one in SCHEMES.values())]
    return {word for text in texts for word in re.findall(r"[A-Za-z][\w-]*", text)}


def labels() -> list[str]:
    with (FOLDER / "clps.pot").open("rb") as file:
        messages = [one.id for one in read_po(file) if one.id]
    texts = [text for one in messages for text in ([one] if isinstance(one, str) else one)]
    return [text for text in texts if len(text.split()) <= LABEL_WORDS]


def names() -> set[str]:
    return {name.casefold() for one in TERMS.values() for name in one.names}


def test_every_short_form_and_symbol_of_a_label_has_an_entry():
    known = {word for name in names() for word in (name, *re.findall(r"[\w-]+", name))}
    written = {
        word for label in labels() for word in re.findall(r"(?<!{)\b[A-Za-z][\w-]*", re.sub(r"{[^}]*}", "", label))
    }
    short = {word for word in written if re.search(r"[A-Z].*[A-Z]|_", word)} - NO_TERMS
    assert {"LoRA", "FFN", "FLOPs", "d_model", "CKA"} <= short, "labels are read as labels"
    assert sorted(word for word in short - papers() if word.casefold() not in known) == []


@pytest.mark.parametrize("word", re.split(r",\s+", FIELD.strip()))
def test_a_term_of_the_field_that_a_label_shows_has_an_entry(word):
    assert any(re.search(rf"\b{re.escape(word)}", label, re.IGNORECASE) for label in labels())
    assert word.casefold() in [name.casefold() for name in searched(word)[0].names]


def test_entries_are_short_plain_and_complete():
    assert len(TERMS) == sum(len(terms) for terms in TOPICS.values()), "no key twice"
    assert list(TOPICS) == list(TOPIC_TITLES)
    titles = [one.title.casefold() for one in TERMS.values()]
    assert sorted(titles) == sorted(set(titles))
    for key, one in TERMS.items():
        assert re.fullmatch(r"[a-z0-9-]+", key)
        assert one.pages, key
        assert one.text.endswith("."), key
        assert len(one.text) <= 240, key
        assert one.source is None or one.source.link.startswith("https://"), key


def test_the_search_finds_names_first_then_texts_in_any_case():
    assert searched("kv cache")[0] is searched(" KV  CACHE ")[0] is term("kv-cache")
    assert searched("d_model")[0] is term("d-model")
    assert [one.key for one in searched("grouped-query")] == ["kv-heads"]
    assert term("fork") in searched("starts weights another run")
    assert searched("") == list(TERMS.values())
    assert searched("slot", [term("cka")]) == []
    assert searched("x" * 100_000) == searched("\0<b>{}%s") == []


def test_a_term_that_is_not_there_is_one_sentence():
    with pytest.raises(ConfigError, match="must be in the glossary"):
        term("<script>" * 1000)


def test_every_metric_has_a_meaning_and_one_of_a_task_has_what_is_added():
    assert set(METRIC_TERMS) == set(METRICS)
    assert meaning_of_metric("validation.exact_match", "More.") == f"{meaning('exact-match')} More."
    assert meaning_of_metric("phone_error_rate", "More.") == "More."
