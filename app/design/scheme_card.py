"""What is known of the chosen design: its schemes as cards, and the parameter arithmetic. Start at scheme_cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.design.designs import Costed
from app.design.drawn import looks
from app.design.scheme_gallery import pictured
from app.look.assets import asset, script
from app.look.component import component
from app.look.formatting import compact, exact, percent
from app.services import escape_markdown
from clps_core.analysis.counts import share_of_unshared
from clps_core.config import ModelConfig
from clps_core.errors import ClpsError
from clps_core.schemes import KINDS, Arithmetic, Card, Claim, Scheme, arithmetic, card, schemes_of
from clps_core.words import _, kept_by_language, listed, ngettext

__all__ = ["arithmetic_expander", "cards_payload", "scheme_cards"]

_component = component(
    "clps.scheme_cards",
    html='<div class="known"></div>',
    css=asset("design/scheme_card.css"),
    js=script("design/sharing_thumb.js", "design/scheme_card.js"),
)


def scheme_cards(design: Costed, model: ModelConfig) -> None:
    """A card for every scheme that the design makes use of, drawn at the model's own depth."""
    st.header(_("About the schemes in this design"), anchor=False)
    schemes = schemes_of(design.strategy, model)
    names = listed(scheme.title for scheme in schemes)
    st.caption(
        ngettext(
            "{n} card describes {design}: {names}.",
            "{n} cards describe {design}: {names}.",
            len(schemes),
            design=design.name,
            names=names,
        )
    )
    _component(key="scheme_cards", data=cards_payload(design.strategy, model))


@kept_by_language(maxsize=64)
def cards_payload(strategy: str, model: ModelConfig) -> dict[str, Any]:
    """What the browser gets."""
    cards = [_card(scheme, model) for scheme in schemes_of(strategy, model)]
    rows = [row["slots"] for one in cards for stack in one["stacks"] for row in stack["rows"]]
    most = max((slot for slots in rows for slot in slots if slot is not None), default=0)
    return {"cards": cards, "looks": looks(most + 1), "words": {"evidence": _("Evidence"), "paper": _("Proposed by")}}


def _card(scheme: Scheme, model: ModelConfig) -> dict[str, Any]:
    found = _drawn(scheme, model)
    facts = [
        (_("Rule"), scheme.rule, "rule"),
        (_("Shared"), scheme.shared, ""),
        (_("Separate"), scheme.kept, ""),
        (_("Saved"), scheme.saved, ""),
        (_("Cost"), scheme.lost, ""),
        (_("Not implemented"), scheme.beyond, ""),
    ]
    addresses = dict(scheme.links)
    return {
        "title": scheme.title,
        "kind": KINDS[scheme.kind],
        "here": _here(found),
        "stacks": pictured(found),
        "facts": [{"name": name, "text": text, "style": style} for name, text, style in facts if text],
        "source": {"text": scheme.source, "link": _link(scheme.source, addresses)} if scheme.source != "-" else None,
        "evidence": [
            {"text": one.claim, "source": one.source, "link": _link(one.source, addresses)} for one in scheme.evidence
        ],
    }


def _drawn(scheme: Scheme, model: ModelConfig) -> Card:
    """The scheme at the model's depth; at the standard depth where its default options do not fit that."""
    try:
        return card(scheme, model=model)
    except ClpsError:
        return card(scheme)


def _here(found: Card) -> str:
    """The picture in words."""
    return ngettext(
        "This scheme alone, with {n} layer: {stored} stored parameters, {share} of the unshared model",
        "This scheme alone, with {n} layers: {stored} stored parameters, {share} of the unshared model",
        found.model.num_layers,
        stored=compact(found.unique_parameters),
        share=percent(share_of_unshared(found.unique_parameters, found.model), 0),
    )


def _link(text: str, addresses: dict[str, str]) -> str:
    return next((address for name, address in addresses.items() if name in text), "")


def arithmetic_expander(model: ModelConfig) -> None:
    """The sum of a layer's weights, step by step, beside a common slip, at the current sizes."""
    with st.expander(_("Parameter arithmetic for these sizes"), icon=":material/calculate:"):
        found = arithmetic(model)
        _claims(found)
        _steps(found)
        more, fewer = found.biases_and_norms
        st.caption(
            _(
                "Not included: biases and norms ({more} without sharing, {fewer} if all layers share them) and "
                "embeddings, final norms and output ({outside}). With these, the model stores {all} parameters "
                "without sharing.",
                more=exact(more),
                fewer=exact(fewer),
                outside=exact(found.outside),
                all=exact(found.right.without_sharing + more + found.outside),
            )
        )


def _claims(found: Arithmetic) -> None:
    heads = (_("Layer weights"), _("no sharing"), _("all layers share"))
    _table(heads, [(_said(one), exact(one.without_sharing), exact(one.with_sharing)) for one in found.claims])


def _said(claim: Claim) -> str:
    """A claim with its mark, and behind a wrong one why it is wrong; as Markdown."""
    text = f"{'✓' if claim.right else '✗'} {escape_markdown(claim.text)}"
    if not claim.why:
        return text
    wrong = _("Wrong. {why}", why=claim.why)
    return f"{text}. :small[{escape_markdown(wrong)}]"


def _steps(found: Arithmetic) -> None:
    rows = [(escape_markdown(step.text), exact(step.value)) for step in found.steps]
    _table((_("Step by step"), _("weights")), rows)


def _table(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Words, and figures that stand right: Markdown, without the bytes and the time of a styled ``st.table``."""
    words, *figures = map(escape_markdown, heads)
    lines = [(words, *figures), (":--", *("--:" for _figure in figures)), *rows]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))
