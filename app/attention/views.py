"""The views of one inspection: the grid, layers of one slot, BertViz. Start at explore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from app import state
from app.attention.grid import GridView, attention_grid
from app.attention.layers import LayersView, asked_head, layers_view
from app.attention.maps import NEUTRAL
from app.attention.pictures import Shown, grid_picture, layers_picture
from app.attention.source import Question, Turned, look_of
from app.design.sharing_sentences import compared_sentence, sharing_sentences
from app.look.address_choice import address_choice
from app.look.colours import slot_colour, slot_letter
from app.services import models
from clps_core.config import sharing_plan
from clps_core.inspection import Inspection
from clps_core.layer_maps import RunLayers
from clps_core.numbers import layer_list
from clps_core.serving import ReadLayers
from clps_core.sharing.shared_with import KIND_SITES, AttentionSharing, kinds_of_family, tied_kinds
from clps_core.store import Run
from clps_core.words import _, sentences

__all__ = [
    "choose_kind",
    "choose_view",
    "explore",
    "kind_sentence",
    "kinds_of",
    "same_weights",
    "sharing_of",
    "similarity_sentence",
]

KIND_ORDER = ("cross", "encoder", "decoder")
"""The kind shown first: where the answer reads the input, if the model has that."""
ALL_LAYERS = "all"


def choose_view() -> str:
    """Which of the views is open."""
    names = {
        "grid": _("All layers and heads"),
        "heads": _("Head statistics"),
        "difference": _("Difference"),
        "layers": _("Same weights, different input"),
        "lens": _("Prediction after each layer"),
        "matters": _("What matters"),
        "moves": _("How the state moves"),
        "tie": _("Check the sharing"),
        "training": _("During training"),
        "bertviz": _("BertViz"),
    }
    return address_choice("attention", state.VIEW, names, _("View"), many=True)


def choose_kind(kinds: Sequence[str]) -> str:
    """Which attention is shown, of the kinds that the model has."""
    names = {"encoder": _("Encoder"), "decoder": _("Decoder"), "cross": _("Cross")}
    first = next(kind for kind in KIND_ORDER if kind in kinds)
    return address_choice("attention", state.KIND, {kind: names[kind] for kind in kinds}, _("Attention"), first=first)


def kinds_of(run: Run) -> tuple[str, ...]:
    """The attention kinds that a run's model has, in order of execution."""
    return kinds_of_family(run.config.model.family)


def kind_sentence(kind: str, *, two_stacks: bool, queries: bool = False) -> str:
    """Who looks at whom in this kind of attention; ``queries``: the decoder reads learned ones."""
    if queries and kind == "cross":
        return _("Cross-attention: each query (rows) looks at the input (columns).")
    if queries and kind == "decoder":
        return _("Decoder: each query (rows) looks at all queries (columns).")
    if kind == "cross":
        return _("Cross-attention: each token of the answer (rows) looks at the input (columns).")
    if kind == "encoder":
        return _("Encoder: each part of the input (rows) looks at the whole input (columns).")
    if two_stacks:
        return _("Decoder: each token of the answer (rows) looks at itself and the tokens before it (columns).")
    return _("Decoder: each token of the text (rows) looks at itself and the tokens before it (columns).")


def sharing_of(run: Run, kind: str) -> AttentionSharing:
    """What the layers of ``kind`` share in ``run``, with each other and with the rest of its map."""
    return AttentionSharing(sharing_plan(run.config.model, run.config.sharing), kind)


def explore(view: GridView, shown: Shown, *, key: str, follow: tuple[int, int] | None = None) -> tuple[int, int]:
    """The grid of layers x heads, and its files; returns what is selected.

    Without ``follow`` the selection stands in the URL; with it the grid selects what another one did.
    """
    layers, heads = view.weights.shape[:2]
    if follow is not None:
        wanted = (min(follow[0], layers - 1), min(follow[1], heads - 1))
        wanted = attention_grid(view, selected=wanted, key=key, led=True)
        grid_picture(shown, view, wanted, key=key)
        return wanted
    layer, head = state.read_number(state.LAYER, 10**6), state.read_number(state.HEAD, heads)
    row = view.numbers.index(layer) if layer in view.numbers else 0
    row, head = attention_grid(view, selected=(row, head or 0), key=key)
    # Where all layers or heads come to one map, the address keeps the one that was chosen before.
    of_layer = {state.LAYER: str(view.numbers[row])} if view.layers or layers > 1 else {}
    state.write(**of_layer, **({state.HEAD: str(head)} if heads > 1 else {}))
    grid_picture(shown, view, (row, head), key=key)
    return row, head


def same_weights(
    answer: Inspection,
    sharing: AttentionSharing,
    question: Question,
    turned: Turned,
    shown: Shown,
    *,
    beside: bool = False,
) -> None:
    """Pick a slot: all its layers side by side for one head, and how similar they are; then those of other kinds."""
    kind = sharing.kind
    name = question.name(shown.run.id, kind, str(turned))
    ask = partial(_read_layers, shown.run, question, turned)
    groups, ran = answer.groups[kind], answer.ran[sharing.stack]
    elsewhere = _tied(answer, sharing)
    members = {
        slot_letter(slot): [layer for layer, group in enumerate(groups) if group == slot]
        for slot in sorted(set(groups))
    }
    tied = {letter: elsewhere[layers[0]] for letter, layers in members.items()}
    shared = {letter: layers for letter, layers in members.items() if len(layers) > 1 or tied[letter]}
    if not shared:
        _nothing_alike(sharing)
    choice = _choose_slot(shared, tied, beside=beside)
    layers = shared.get(choice, list(range(len(groups))))
    if len(layers) < 2 and not tied.get(choice):
        st.info(_("This model has only one layer, so there is nothing to compare."), icon=":material/info:")
        return
    about = compared_sentence(sharing, [ran[place] for place in layers]) if len(layers) > 1 else ""
    key = "attention.layers.beside" if beside else "attention.layers"
    found = ask(kind, layers)
    head = asked_head(found.similarities, state.read_number(state.HEAD, found.similarities.shape[1]), key=key)
    exact = partial(ask, kind, layers, head=head, exact=True)
    letter = choice if choice in shared else ""
    view = _layers_of(answer, _with_head(found, ask, layers, head), layers, f"{name} {choice}", letter, about)
    layers_view(view, head, key=key)
    layers_picture(shown, view, head, exact, key=key)
    if not beside:
        state.write(**{state.HEAD: str(head)})
    for other, its_layers in tied.get(choice, {}).items():
        st.caption(_elsewhere_sentence(other, its_layers))
        found = _with_head(ask(other, its_layers), ask, its_layers, head)
        view = _layers_of(answer, found, its_layers, f"{name} {choice} {other} {head}", choice, "")
        layers_view(view, head, key=f"{key}.{other}", led=True)
        exact = partial(ask, other, its_layers, head=head, exact=True)
        layers_picture(shown, view, head, exact, key=f"{key}.{other}")


def _tied(answer: Inspection, sharing: AttentionSharing) -> list[dict[str, tuple[int, ...]]]:
    """Per executed layer: which executed layers of each other kind use its weights."""
    designed = tied_kinds(sharing.plan, sharing.kind, answer.kinds)
    found = []
    for layer in answer.ran[sharing.stack]:
        places = {
            other: tuple(place for place, one in enumerate(answer.ran[KIND_SITES[other][0]]) if one in its_layers)
            for other, its_layers in designed[layer].items()
        }
        found.append({other: its_places for other, its_places in places.items() if its_places})
    return found


def _read_layers(
    run: Run,
    question: Question,
    turned: Turned,
    kind: str,
    layers: Sequence[int],
    *,
    head: int | None = None,
    exact: bool = False,
) -> RunLayers:
    """``layers`` of ``run`` beside each other: how similar they are, or one ``head`` of them in full."""
    look = look_of(run, question, turned)
    return models().ask(ReadLayers(look.folder, look.stamp, look, kind, tuple(layers), head, exact))


def _with_head(found: RunLayers, ask: partial[RunLayers], layers: Sequence[int], head: int) -> RunLayers:
    """``found`` with the maps of ``head``, which are asked for where they did not come with it."""
    if head in found.heads:
        return found
    return replace(ask(found.kind, layers, head=head), similarities=found.similarities)


def _layers_of(
    answer: Inspection, found: RunLayers, layers: Sequence[int], name: str, letter: str, about: str
) -> LayersView:
    """What is drawn of some layers of one kind; they have no slot in common without a ``letter``."""
    kind = found.kind
    queries, keys = answer.labels(kind)
    return LayersView(
        kind=kind,
        name=name,
        letter=letter or ALL_LAYERS,
        colour=slot_colour(answer.groups[kind][layers[0]]) if letter else NEUTRAL,
        layers=layers,
        weights=found.weights,
        heads=found.heads,
        similarities=found.similarities,
        queries=queries,
        keys=keys,
        causal=answer.is_causal(kind),
        image=answer.patches(kind),
        about=about,
    )


def _elsewhere_sentence(kind: str, layers: Sequence[int]) -> str:
    """Layers of another kind that look with the chosen slot's weights."""
    listed = layer_list(layers)
    text = {
        "encoder": _("The encoder uses these query and key weights, too: in layers {layers}.", layers=listed),
        "decoder": _(
            "The decoder's self-attention uses these query and key weights, too: in layers {layers}.",
            layers=listed,
        ),
        "cross": _("Cross-attention uses these query and key weights, too: in layers {layers}.", layers=listed),
    }
    more = _("It reads other tokens, so compare these maps with each other, not with those above.")
    return sentences((text[kind], more))


def _nothing_alike(sharing: AttentionSharing) -> None:
    """No layers of one letter: what is shared all the same, and what stands below instead."""
    st.info(
        sharing_sentences(sharing) + " " + _("All layers are shown below for comparison."),
        icon=":material/info:",
    )


def _choose_slot(shared: dict[str, list[int]], tied: Mapping[str, Mapping[str, Sequence[int]]], *, beside: bool) -> str:
    """The letter of a slot with several layers, or ``all``."""
    first = next(iter(shared), ALL_LAYERS)
    if beside:
        return first
    kinds = {"encoder": _("encoder"), "decoder": _("decoder"), "cross": _("cross-attention")}
    names = {
        letter: "; ".join(
            [
                _("Slot {letter}: layers {layers}", letter=letter, layers=", ".join(map(str, layers))),
                *(f"{kinds[other]} {', '.join(map(str, its))}" for other, its in tied[letter].items()),
            ]
        )
        for letter, layers in shared.items()
    }
    return address_choice("attention", state.SLOT, {**names, ALL_LAYERS: _("All layers")}, _("Slot"), first=first)


def similarity_sentence() -> str:
    """What the similarity number is."""
    return _(
        "Similarity is 1 minus the Jensen-Shannon divergence (in bits) between the rows of two layers, "
        "averaged over all rows. 1: both look at the same places. 0: they look at no place in common."
    )
