"""What the attention page's figures are called as files, and their numbers. Start at run_facts and grid_picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.attention.grid import GridView, Sent
from app.attention.layers import LayersView
from app.look.colours import slot_letter
from app.look.picture import Table, picture
from clps_core.heads import RunHeads
from clps_core.layer_maps import RunLayers
from clps_core.lens import RunLens
from clps_core.store import Run
from clps_core.words import _

__all__ = [
    "Shown",
    "grid_numbers",
    "grid_picture",
    "heads_numbers",
    "heads_picture",
    "layers_numbers",
    "layers_picture",
    "lens_numbers",
    "lens_picture",
]

MOST_ROWS = 200_000
"""A file with more weights than this holds the chosen head alone."""
LONGEST_INPUT = 120


@dataclass(frozen=True)
class Shown:
    """Of which run a figure is, as people call it (``label``), with the weights of which ``step``.

    ``text``: on which input, with whatever else was chosen for it.
    """

    run: Run
    label: str
    step: int
    text: str

    @property
    def about(self) -> str:
        """The line below the picture."""
        digest = hashlib.sha256(self.text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
        text = self.text if len(self.text) <= LONGEST_INPUT else self.text[: LONGEST_INPUT - 1] + "…"
        return _(
            "Run {id}, weights of step {step}. Input ({digest}): {text}", id=self.run.id, step=self.step, digest=digest,
            text=text,
        )  # fmt: skip


def grid_picture(shown: Shown, view: GridView, chosen: tuple[int, int], *, key: str) -> None:
    """Files of the grid with the map ``chosen``, a row and a column, at large."""
    row, head = chosen
    layer, letter = view.numbers[row], view.letters[row]
    if view.how == "heads":
        title = _(
            "{run}: {kind} attention; enlarged: layer {layer}, head {head}, slot {letter}", run=shown.label,
            kind=_kind(view.kind), layer=layer, head=head, letter=letter,
        )  # fmt: skip
    elif view.how == "difference":
        title = _(
            "{run}: difference of {kind} attention; enlarged: layer {layer}, head {head}", run=shown.label,
            kind=_kind(view.kind), layer=layer, head=head,
        )  # fmt: skip
    else:
        at = view.words["title"].replace("{layer}", str(layer)).replace("{head}", str(head))
        title = _("{run}: {kind} attention. {what}", run=shown.label, kind=_kind(view.kind), what=at)
    name = ("attention", shown.run.id, view.kind, *([] if view.how == "heads" else [view.how]))
    name += (*([] if view.all_layers else [f"layer{layer}"]), *([] if view.all_heads else [f"head{head}"]))
    picture(key, title=title, name=name, about=shown.about, numbers=lambda: grid_numbers(view, chosen))


def layers_picture(shown: Shown, view: LayersView, head: int, exact: Callable[[], RunLayers], *, key: str) -> None:
    """Files of the layers of one slot, beside each other for one head; ``exact`` finds its numbers."""
    title = _(
        "{run}: {kind} attention of head {head} in the layers {layers}, slot {letter}", run=shown.label,
        kind=_kind(view.kind), head=head, layers=", ".join(map(str, view.layers)), letter=view.letter,
    )  # fmt: skip
    name = ("layers", shown.run.id, view.kind, f"slot-{view.letter}", f"head{head}")
    picture(key, title=title, name=name, about=shown.about, numbers=lambda: layers_numbers(view, exact()))


def heads_picture(shown: Shown, found: RunHeads, title: str, measure: str, *, key: str) -> None:
    """Files of the heads in figures, coloured by ``measure``, which is called ``title``."""
    what = _("{run}: heads in numbers, {kind} attention; {measure}", run=shown.label, kind=_kind(found.kind),
             measure=title)  # fmt: skip
    name = ("heads", shown.run.id, found.kind, measure)
    picture(key, title=what, name=name, about=shown.about, numbers=lambda: heads_numbers(found))


def lens_picture(shown: Shown, lens: RunLens, *, key: str) -> None:
    """Files of the lens."""
    title = _("{run}: prediction after each layer (logit lens)", run=shown.label)
    picture(
        key, title=title, name=("lens", shown.run.id), about=shown.about, numbers=lambda: lens_numbers(lens)
    )  # fmt: skip


def grid_numbers(view: GridView, chosen: tuple[int, int]) -> Table:
    """One row per weight of every map, or of the chosen one where that would be very many.

    They are asked for anew: what the browser has is rounded. What was kept while a run learned was kept at 8 bits.
    """
    maps, places = _exact(view, chosen)
    columns = view.weights.shape[1]
    rows = (
        ("" if view.all_layers else view.numbers[row], "" if view.all_heads else head, view.letters[row], *cell)
        for one, (row, head) in zip(maps, (divmod(place, columns) for place in places), strict=True)
        for cell in _cells(one, view.queries, view.keys, causal=view.causal)
    )
    value = "difference" if view.signed else "weight"
    return Table(["layer", "head", "slot", *CELL[:-1], value], rows)


def _exact(view: GridView, chosen: tuple[int, int]) -> tuple[np.ndarray, Sequence[int]]:
    """Maps in full, and their places as row * columns + column."""
    if isinstance(view.weights, Sent):
        assert view.weights.exact is not None
        return view.weights.exact(*chosen)
    rows, columns, queries, keys = view.weights.shape
    maps = view.weights.reshape(-1, queries, keys) / 255
    if maps.size <= MOST_ROWS:
        return maps, range(rows * columns)
    place = chosen[0] * columns + chosen[1]
    return maps[place][None], [place]


def layers_numbers(view: LayersView, exact: RunLayers) -> Table:
    """One row per weight and layer of ``exact``, with how similar the layer's head is to that of the first one."""
    rows = (
        (layer, one, view.letter, view.similarities[at, one], *cell)
        for at, layer in enumerate(view.layers)
        for place, one in enumerate(exact.heads)
        for cell in _cells(exact.weights[at, place], view.queries, view.keys, causal=view.causal)
    )
    return Table(["layer", "head", "slot", "similarity_to_first", *CELL], rows)


CELL = ("query_position", "query", "key_position", "key", "weight")


def _cells(
    weights: np.ndarray, queries: Sequence[str], keys: Sequence[str], *, causal: bool
) -> Iterator[tuple[object, ...]]:
    for query, line in enumerate(weights.tolist()):
        for key, weight in enumerate(line):
            if not (causal and key > query):
                yield query, queries[query], key, keys[key], weight


def heads_numbers(found: RunHeads) -> Table:
    """One row per head, with all its figures; entropies in bits, distances in positions."""
    names = found.names
    rows = (
        (layer, head, slot_letter(found.groups[layer]), names[layer][head],
         *(None if np.isnan(one[layer, head]) else float(one[layer, head]) for one in found.measures.values()))
        for layer in range(len(found.groups))
        for head in range(len(names[layer]))
    )  # fmt: skip
    return Table(["layer", "head", "slot", "name", *found.measures], rows)


def lens_numbers(lens: RunLens) -> Table:
    """One row per depth and position, with the most probable tokens in order; depth 0 is before the first layer."""
    best = lens.top.shape[-1]
    columns = ["depth", "layer", "loop", "slot", "position", "reads", "wanted", "wanted_rank", "wanted_probability"]
    columns += ["entropy_bits", *(f"{what}_{place + 1}" for place in range(best) for what in ("token", "probability"))]

    def rows() -> Iterator[tuple[object, ...]]:
        for line in zip(*map(lens.at, range(len(lens.positions))), strict=True):
            for place, one in enumerate(line):
                pairs = (value for pair in zip(one.tokens, one.probabilities, strict=True) for value in pair)
                wanted = lens.wanted[place], one.rank, one.wanted_probability
                layer = one.depth, one.layer, one.loop, one.slot
                yield (*layer, place, lens.positions[place], *wanted, one.entropy, *pairs)

    return Table(columns, rows())


def _kind(kind: str) -> str:
    return {"encoder": _("encoder"), "decoder": _("decoder"), "cross": _("cross")}[kind]
