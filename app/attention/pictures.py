"""What the attention page's figures are called as files, and their numbers. Start at run_facts and grid_picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.attention.grid import GridView
from app.attention.layers import LayersView
from app.look.colours import slot_letter
from app.look.picture import Table, picture
from clps_core.lens import RunLens
from clps_core.store import Run
from clps_core.words import _

__all__ = ["Shown", "grid_numbers", "grid_picture", "layers_numbers", "layers_picture", "lens_numbers", "lens_picture"]

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


def grid_picture(shown: Shown, view: GridView, chosen: tuple[int, int], exact: np.ndarray | None, *, key: str) -> None:
    """Files of the grid with the head ``chosen`` at large; ``exact``: the weights before they were made bytes."""
    layer, head = chosen
    letter = view.letters[layer]
    title = _(
        "{run}: {kind} attention; at large layer {layer}, head {head}, slot {letter}", run=shown.label,
        kind=_kind(view.kind), layer=layer, head=head, letter=letter,
    )  # fmt: skip
    name = ("attention", shown.run.id, view.kind, f"layer{layer}", f"head{head}")
    picture(key, title=title, name=name, about=shown.about, numbers=lambda: grid_numbers(view, chosen, exact))


def layers_picture(shown: Shown, view: LayersView, head: int, exact: np.ndarray | None, *, key: str) -> None:
    """Files of the layers of one slot, beside each other for one head."""
    title = _(
        "{run}: {kind} attention of head {head} in the layers {layers}, slot {letter}", run=shown.label,
        kind=_kind(view.kind), head=head, layers=", ".join(map(str, view.layers)), letter=view.letter,
    )  # fmt: skip
    name = ("layers", shown.run.id, view.kind, f"slot-{view.letter}", f"head{head}")
    picture(key, title=title, name=name, about=shown.about, numbers=lambda: layers_numbers(view, head, exact))


def lens_picture(shown: Shown, lens: RunLens, *, key: str) -> None:
    """Files of the lens."""
    title = _("{run}: prediction after each layer (logit lens)", run=shown.label)
    picture(
        key, title=title, name=("lens", shown.run.id), about=shown.about, numbers=lambda: lens_numbers(lens)
    )  # fmt: skip


def grid_numbers(view: GridView, chosen: tuple[int, int], exact: np.ndarray | None = None) -> Table:
    """One row per weight of every head, or of the chosen one where that would be very many."""
    weights = view.weights / 255 if exact is None else exact
    layers, heads = weights.shape[:2]
    which = (
        [chosen] if weights.size > MOST_ROWS else [(layer, head) for layer in range(layers) for head in range(heads)]
    )
    rows = (
        (layer, head, view.letters[layer], *cell)
        for layer, head in which
        for cell in _cells(weights[layer, head], view.queries, view.keys, causal=view.causal)
    )
    return Table(["layer", "head", "slot", *CELL], rows)


def layers_numbers(view: LayersView, head: int, exact: np.ndarray | None = None) -> Table:
    """One row per weight and layer, with how alike the layer's head is to that of the first one."""
    weights = view.weights / 255 if exact is None else exact
    which = [head] if weights.size > MOST_ROWS else range(weights.shape[1])
    rows = (
        (layer, one, view.letter, view.similarities[at, one], *cell)
        for at, layer in enumerate(view.layers)
        for one in which
        for cell in _cells(weights[at, one], view.queries, view.keys, causal=view.causal)
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


def lens_numbers(lens: RunLens) -> Table:
    """One row per depth and position, with the most probable tokens in order; depth 0 is before the first layer."""
    best = lens.top.shape[-1]
    columns = ["depth", "layer", "loop", "slot", "position", "reads", "wanted", "wanted_rank", "wanted_probability"]
    columns += ["entropy_bits", *(f"{what}_{place + 1}" for place in range(best) for what in ("token", "probability"))]

    def rows() -> Iterator[tuple[object, ...]]:
        for depth, line in enumerate(lens.top.tolist()):
            at = depth - 1
            layer = (
                (None, None, "") if at < 0 else (lens.layers[at], lens.loops[at] or None, slot_letter(lens.groups[at]))
            )
            for place, tokens in enumerate(line):
                rank = int(lens.rank[depth, place])
                wanted = (rank, float(lens.wanted_probability[depth, place])) if rank else (None, None)
                named = [lens.names[token] for token in tokens]
                chances = lens.probabilities[depth, place].tolist()
                pairs = (one for pair in zip(named, chances, strict=True) for one in pair)
                entropy = float(lens.entropy[depth, place])
                yield (depth, *layer, place, lens.positions[place], lens.wanted[place], *wanted, entropy, *pairs)

    return Table(columns, rows())


def _kind(kind: str) -> str:
    return {"encoder": _("encoder"), "decoder": _("decoder"), "cross": _("cross")}[kind]
