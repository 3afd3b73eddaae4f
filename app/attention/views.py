"""The views of one inspection: the grid, layers of one slot, BertViz. Start at explore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from app import state
from app.attention.grid import GridView, attention_grid
from app.attention.layers import LayersView, layers_view
from app.attention.pictures import Shown, grid_picture, layers_picture
from app.design.sharing_sentences import compared_sentence, sharing_sentences
from app.look.address_choice import address_choice
from app.look.colours import slot_colour, slot_letter
from clps_core.analysis.similarity import similarity_to_first
from clps_core.config import sharing_plan
from clps_core.inspection import Inspection, quantised
from clps_core.sharing.shared_with import AttentionSharing
from clps_core.store import Run
from clps_core.words import _

__all__ = [
    "choose_kind",
    "choose_view",
    "explore",
    "grid_view",
    "kind_sentence",
    "kinds_of",
    "same_weights",
    "sharing_of",
    "similarity_sentence",
]

KIND_ORDER = ("cross", "encoder", "decoder")
"""The kind shown first: where the answer reads the input, if the model has that."""
ALL_LAYERS = "all"
NEUTRAL = "#76808f"


def choose_view() -> str:
    """Which of the views is open."""
    names = {
        "grid": _("All layers and heads"),
        "layers": _("Same weights, different input"),
        "lens": _("Prediction after each layer"),
        "matters": _("What matters"),
        "moves": _("What moves"),
        "tie": _("Prove the tie"),
        "training": _("While it learned"),
        "bertviz": _("BertViz"),
    }
    return address_choice("attention", state.VIEW, names, _("View"))


def choose_kind(kinds: Sequence[str]) -> str:
    """Which attention is shown, of the kinds that the model has."""
    names = {"encoder": _("Encoder"), "decoder": _("Decoder"), "cross": _("Cross")}
    first = next(kind for kind in KIND_ORDER if kind in kinds)
    return address_choice("attention", state.KIND, {kind: names[kind] for kind in kinds}, _("Attention"), first=first)


def kinds_of(run: Run) -> tuple[str, ...]:
    """The attention kinds that a run's model has, in order of execution."""
    family = run.config.model.family
    return ("encoder", "decoder", "cross") if family == "encoder_decoder" else (family,)


def kind_sentence(kind: str, *, two_stacks: bool) -> str:
    """Who looks at whom in this kind of attention."""
    if kind == "cross":
        return _("Cross-attention: each token of the answer (rows) looks at the input (columns).")
    if kind == "encoder":
        return _("Encoder: each part of the input (rows) looks at the whole input (columns).")
    if two_stacks:
        return _("Decoder: each token of the answer (rows) looks at itself and what stands before it (columns).")
    return _("Decoder: each token of the text (rows) looks at itself and what stands before it (columns).")


def sharing_of(run: Run, kind: str) -> AttentionSharing:
    """What the layers of ``kind`` share in ``run``, with each other and with the rest of its map."""
    return AttentionSharing(sharing_plan(run.config.model, run.config.sharing), kind)


def grid_view(answer: Inspection, kind: str, name: str) -> GridView:
    """What the grid draws of one attention kind."""
    queries, keys = answer.labels(kind)
    groups = answer.groups[kind]
    return GridView(
        kind=kind,
        name=name,
        weights=quantised(answer.attention[kind]),
        queries=queries,
        keys=keys,
        letters=[slot_letter(group) for group in groups],
        colours=[slot_colour(group) for group in groups],
        causal=kind == "decoder",
        next_tokens=[(guess.label, guess.probability) for guess in answer.next_tokens] if kind != "encoder" else [],
        image=answer.patches,
    )


def explore(
    view: GridView, shown: Shown, *, key: str, follow: tuple[int, int] | None = None, exact: np.ndarray | None = None
) -> tuple[int, int]:
    """The grid of layers x heads, and its files; returns what is selected.

    Without ``follow`` the selection stands in the URL; with it the grid selects what another one did. ``exact``: the
    weights as they were before they became bytes, where they are known.
    """
    layers, heads = view.weights.shape[:2]
    if follow is not None:
        wanted = (min(follow[0], layers - 1), min(follow[1], heads - 1))
        wanted = attention_grid(replace(view, name=f"{view.name} {wanted}"), selected=wanted, key=key, led=True)
        grid_picture(shown, view, wanted, exact, key=key)
        return wanted
    asked = (state.read_number(state.LAYER, layers) or 0, state.read_number(state.HEAD, heads) or 0)
    layer, head = attention_grid(view, selected=asked, key=key)
    state.write(**{state.LAYER: str(layer), state.HEAD: str(head)})
    grid_picture(shown, view, (layer, head), exact, key=key)
    return layer, head


def same_weights(
    answer: Inspection, sharing: AttentionSharing, name: str, shown: Shown, *, beside: bool = False
) -> None:
    """Pick a slot: all its layers side by side for one head, and how alike they are."""
    kind = sharing.kind
    groups = answer.groups[kind]
    members = {
        slot_letter(slot): [layer for layer, group in enumerate(groups) if group == slot]
        for slot in sorted(set(groups))
    }
    shared = {letter: layers for letter, layers in members.items() if len(layers) > 1}
    if not shared:
        _nothing_alike(sharing)
    choice = _choose_slot(shared, beside=beside)
    layers = shared.get(choice, list(range(len(groups))))
    if len(layers) < 2:
        st.info(_("This model has one layer only: there is nothing to compare it with."), icon=":material/info:")
        return
    queries, keys = answer.labels(kind)
    causal = kind == "decoder"
    weights = answer.attention[kind]
    view = LayersView(
        kind=kind,
        name=f"{name} {choice}",
        letter=choice,
        colour=slot_colour(groups[layers[0]]) if choice in shared else NEUTRAL,
        layers=layers,
        weights=quantised(weights[layers]),
        similarities=similarity_to_first(weights, layers, causal=causal),
        queries=queries,
        keys=keys,
        causal=causal,
        image=answer.patches,
        about=compared_sentence(sharing, layers),
    )
    asked = state.read_number(state.HEAD, weights.shape[1])
    key = "attention.layers.beside" if beside else "attention.layers"
    head = layers_view(view, head=asked, key=key)
    layers_picture(shown, view, head, weights[layers], key=key)
    if not beside:
        state.write(**{state.HEAD: str(head)})


def _nothing_alike(sharing: AttentionSharing) -> None:
    """No layers of one letter: what is shared all the same, and what stands below instead."""
    st.info(
        sharing_sentences(sharing) + " " + _("Below are all layers, for comparison."),
        icon=":material/info:",
    )


def _choose_slot(shared: dict[str, list[int]], *, beside: bool) -> str:
    """The letter of a slot with several layers, or ``all``."""
    first = next(iter(shared), ALL_LAYERS)
    if beside:
        return first
    names = {
        letter: _("Slot {letter}: layers {layers}", letter=letter, layers=", ".join(map(str, layers)))
        for letter, layers in shared.items()
    }
    return address_choice("attention", state.SLOT, {**names, ALL_LAYERS: _("All layers")}, _("Slot"), first=first)


def similarity_sentence() -> str:
    """What the similarity number is."""
    return _(
        "Similarity is 1 minus the Jensen-Shannon divergence of two layers' rows (in bits), averaged over all "
        "rows: 1 means that both look at the same places, 0 that they have no place in common."
    )
