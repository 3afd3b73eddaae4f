"""The maps of a run as the grid draws them: each head, put together over heads or layers, or rolled out.

Start at choose_how and maps_view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from app import state
from app.attention.grid import GridView, Sent
from app.attention.source import AS_TRAINED, Question, Turned, read_maps
from app.look.address_choice import address_choice
from app.look.colours import slot_colour, slot_letter
from clps_core.inspection import Inspection
from clps_core.maps import RunMaps
from clps_core.store import Run
from clps_core.words import _, sentences

__all__ = ["NEUTRAL", "choose_how", "how_sentence", "maps_view", "sent_of"]

NEUTRAL = "#76808f"


def choose_how() -> str:
    """Whether each head is shown, or what they come to."""
    names = {
        "heads": _("Every head"),
        "mean_heads": _("Mean over heads"),
        "max_heads": _("Maximum over heads"),
        "mean_layers": _("Mean over layers"),
        "max_layers": _("Maximum over layers"),
        "rollout": _("Rollout"),
    }
    return address_choice("attention", state.MAPS, names, _("Maps"), many=True)


def how_sentence(how: str, kind: str, *, two_stacks: bool) -> str:
    """What is seen when maps are put together so, and what it may hide; nothing for single heads."""
    stack = _("the encoder's self-attention") if kind == "encoder" else _("the decoder's self-attention")
    seen = {
        "mean_heads": _(
            "Seen: the mean over a layer's heads; each row adds up to 1. It may hide one head that differs "
            "from the others, and it includes heads that later layers do not use."
        ),
        "max_heads": _(
            "Seen: for each cell, the largest weight of any head of the layer. Rows do not add up to 1, so "
            "they are not shares. It hides which head it was, and that most heads may look elsewhere."
        ),
        "mean_layers": _(
            "Seen: the mean over all executed layers of the heads with the same number; each row adds up to 1. "
            "These heads need not do the same in different layers, and a mean hides the order of the layers."
        ),
        "max_layers": _(
            "Seen: for each cell, the largest weight of the heads with the same number in any executed layer. "
            "Rows do not add up to 1. It hides in which layer it was."
        ),
        "rollout": _(
            "Seen: {stack} followed through all executed layers, including loops. In each layer, half of a "
            "position stays and half comes from where the mean head looks (Abnar and Zuidema 2020). Rollout "
            "ignores values, feed-forward layers and single heads. It shows where information could come from, "
            "not where it did.",
            stack=stack,
        ),
    }
    if how == "rollout" and two_stacks:
        return sentences((seen[how], _("Cross-attention is not included: each stack has its own rollout.")))
    return seen.get(how, "")


def maps_view(
    run: Run, question: Question, answer: Inspection, kind: str, how: str, turned: Turned = AS_TRAINED
) -> GridView:
    """What the grid draws of ``run``'s attention; ``answer`` has the words, and needs no attention of its own."""
    ask = partial(read_maps, run, question, kind, how, turned=turned)
    found = ask()
    queries, keys = answer.labels(kind)
    plain = how == "heads"
    return GridView(
        kind=kind,
        name=question.name(run.id, kind, how, str(turned)),
        weights=sent_of(found, ask),
        queries=queries,
        keys=keys,
        letters=[slot_letter(group) for group in found.groups] or [""],
        colours=[slot_colour(group) for group in found.groups] or [NEUTRAL],
        causal=run.config.model.is_causal(kind),
        next_tokens=[(guess.label, guess.probability) for guess in answer.next_tokens] if kind != "encoder" else [],
        image=answer.patches(kind),
        layers=found.layers,
        words={} if plain else _words(how),
        how=how,
    )


def sent_of(found: RunMaps, ask: Callable[..., RunMaps]) -> Sent:
    """``found`` as it is sent; ``ask(at=...)`` finds one of its maps in full."""

    def fetch(row: int, column: int) -> np.ndarray:
        one: np.ndarray = ask(at=(row, column)).full[0]
        return one

    def exact(row: int, column: int) -> tuple[np.ndarray, tuple[int, ...]]:
        numbers = ask(at=(row, column), exact=True)
        return numbers.full, numbers.full_at

    shape = (found.rows, found.columns, *found.full.shape[1:])
    return Sent(shape, found.small, found.full, found.full_at, fetch, exact)


def _words(how: str) -> Mapping[str, str]:
    """What rows and columns are called where they are no single heads."""
    name = {
        "mean_heads": _("Mean over heads"),
        "max_heads": _("Maximum over heads"),
        "mean_layers": _("Mean over layers"),
        "max_layers": _("Maximum over layers"),
        "rollout": _("Rollout"),
    }[how]
    scale = {
        "max_heads": _("largest share of any head"),
        "max_layers": _("largest share in any layer"),
        "rollout": _("share that comes from there; each row adds up to 1"),
    }
    if how in ("mean_layers", "max_layers"):
        title = _("{what}: head {head}", what=name, head="{head}")
        words = {"layer": _("All layers"), "title": title, "cell": title}
    else:
        title = (
            _("Rollout up to layer {layer}")
            if how == "rollout"
            else _("{what}: layer {layer}", what=name, layer="{layer}")
        )
        words = {"head": name, "title": title, "cell": title}
    if how == "rollout":
        words["hint"] = _(
            "Point at a cell to see how much of a position (row) comes from which token (column). Click to pin it."
        )
        words["strip"] = _("Where {token} (position {position}) comes from:")
    return {**words, **({"scale": scale[how]} if how in scale else {})}
