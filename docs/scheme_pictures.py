"""A scheme's map as a small SVG: components x layers, coloured by slot. Start at picture.

Letters name slots, hatched cells have no weight, a corner marks low-rank weights of a cell's own, arcs run
from the layer whose activations are read, brackets mark the loops. Colours are those
of the dashboard; text and lines follow the reader's light or dark scheme.
"""

from __future__ import annotations

from html import escape

from app.look.colours import ink_on, slot_colour, slot_letter
from clps_core.schemes import Card, MapRow, map_line
from clps_core.sharing import Site

CELL_WIDTH, CELL_HEIGHT, GAP = 30, 20, 2
LABEL_WIDTH, TIES, HEAD, ARCS, LOOPS, MARGIN = 92, 74, 20, 34, 44, 10
STACK_GAP = 26

STYLE = """
  text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #3b4149; }
  .letter { font-weight: 700; text-anchor: middle; }
  .number, .note { font-size: 11px; fill: #656d76; }
  .number { text-anchor: middle; }
  .label { text-anchor: end; }
  .line { fill: none; stroke: #656d76; stroke-width: 1.5; }
  .head { fill: #656d76; }
  .absent { fill: url(#hatch); stroke: #9aa2ab; }
  .own { fill: none; stroke: #656d76; stroke-dasharray: 3 2; }
  .corner { fill: #ffffff; stroke: #15171c; stroke-width: 0.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #d5dae1; }
    .number, .note { fill: #9aa2ab; }
    .line, .own { stroke: #9aa2ab; }
    .head { fill: #9aa2ab; }
    .absent { stroke: #656d76; }
  }
"""
DEFINITIONS = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="6" stroke="#9aa2ab" stroke-width="1.5"/></pattern></defs>'
)


def picture(card: Card) -> str:
    """The whole SVG, stacks side by side."""
    parts, left, height = [], MARGIN, 0
    for stack in card.plan.map.stacks:
        drawn, width, bottom = _stack(card, stack, left)
        parts += drawn
        left += width + STACK_GAP
        height = max(height, bottom)
    width = left - STACK_GAP + MARGIN
    title = escape(f"{card.scheme.title}: {map_line(card)}")
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    )
    head = [f'{opening} role="img">', f"<title>{title}</title>", f"<style>{STYLE}</style>", DEFINITIONS]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _stack(card: Card, stack: str, left: int) -> tuple[list[str], int, int]:
    """The drawing of one stack, its width and its lower edge."""
    rows = [row for row in card.rows if row.stack == stack]
    num_layers = len(rows[0].slots)
    sources = card.sources.get(stack, {})
    grid = left + LABEL_WIDTH
    # Both stacks begin at one height: room for arcs is kept where either has some.
    top = MARGIN + HEAD + (ARCS if card.sources else 0)
    parts = [_text(grid - 8, MARGIN + 13, "label", stack)]
    for layer in range(num_layers):
        parts.append(_text(_middle(grid, layer), top - 6, "number", str(layer)))
    for kind, layers in sources.items():
        parts += [_arc(grid, top - HEAD, layer, source) for layer, source in enumerate(layers) if layer != source]
        reads = {"kv_source": "reads K, V", "attention_source": "reads attention"}[kind]
        parts.append(_text(grid - 8, top - HEAD - 4, "label note", reads))
    y = top
    for row in rows:
        parts += _row(card, row, grid, y)
        y += CELL_HEIGHT + GAP
    for name, letters in _own(card, num_layers):
        parts.append(_text(grid - 8, y + 15, "label", name))
        for layer, letter in enumerate(letters):
            parts.append(_rectangle("own", grid, layer, y))
            parts.append(_text(_middle(grid, layer), y + 15, "number", letter))
        y += CELL_HEIGHT + GAP
    if card.model.embedding_width != card.model.d_model:
        parts.append(_text(grid, y + 15, "note", f"embedding: V x {card.model.embedding_width} x {card.model.d_model}"))
        y += CELL_HEIGHT
    if card.scheme.kind == "depth" and stack in card.cores and card.plan.execution[stack].fixed is None:
        parts += _loops(card, stack, grid, y)
        y += LOOPS
    ties = TIES if any(row.tied_to for row in rows) else 0
    return parts, LABEL_WIDTH + num_layers * (CELL_WIDTH + GAP) - GAP + ties, y + MARGIN


def _row(card: Card, row: MapRow, grid: int, y: int) -> list[str]:
    """One component: its name, and a cell per layer."""
    parts = [_text(grid - 8, y + 15, "label", row.component)]
    if row.tied_to is not None:
        stack, _dot, component = row.tied_to.partition(".")
        end = grid + len(row.slots) * (CELL_WIDTH + GAP) + 6
        parts.append(_text(end, y + 15, "note", f"= {component if stack == row.stack else stack}"))
    ranks = card.plan.lora_ranks()
    for layer, slot in enumerate(row.slots):
        if slot is None:
            parts.append(_rectangle("absent", grid, layer, y))
            continue
        colour = slot_colour(slot)
        parts.append(_rectangle("", grid, layer, y, colour))
        parts.append(_text(_middle(grid, layer), y + 15, "letter", slot_letter(slot), ink_on(colour)))
        if Site(row.stack, layer, row.component) in ranks:
            x = grid + layer * (CELL_WIDTH + GAP) + CELL_WIDTH
            parts.append(f'<path class="corner" d="M{x - 8} {y + 1} L{x - 1} {y + 1} L{x - 1} {y + 8} Z"/>')
    return parts


def _own(card: Card, num_layers: int) -> list[tuple[str, list[str]]]:
    """What each executed layer has beside the map."""
    extras, found = card.plan.extras, []
    if extras.layer_scale:
        found.append(("scale", [str(layer) for layer in range(num_layers)]))
    if extras.depth_embedding == "learned":
        found.append(("depth signal", [str(layer) for layer in range(num_layers)]))
    if extras.depth_embedding == "sinusoidal":
        found.append(("depth signal", ["~"] * num_layers))
    return found


def _loops(card: Card, stack: str, grid: int, y: int) -> list[str]:
    """A bracket under each run of the core, and what enters there."""
    _prelude, repeated, _coda = card.cores[stack]
    extras = card.plan.extras
    parts = [_text(grid - 8, y + 22, "label note", "loop")]
    for loop, first in enumerate(sorted(card.plan.execution[stack].starts())):
        x1 = grid + first * (CELL_WIDTH + GAP)
        x2 = x1 + repeated * (CELL_WIDTH + GAP) - GAP
        parts.append(f'<path class="line" d="M{x1 + 3} {y + 3} V{y + 9} H{x2 - 3} V{y + 3}"/>')
        parts.append(_text((x1 + x2) // 2, y + 22, "number", str(loop + 1)))
        if extras.inject != "none":
            parts.append(f'<path class="head" d="M{x1 - 1} {y + 8} L{x1 + 3} {y} L{x1 + 7} {y + 8} Z"/>')
    words = "arrow: prelude's output again" if extras.inject != "none" else ""
    if extras.train_loops is not None:
        words = f"{extras.train_loops[0]} to {extras.train_loops[1]} loops in training"
    return [*parts, _text(grid, y + 40, "note", words)] if words else parts


def _arc(grid: int, y: int, layer: int, source: int) -> str:
    """An arrow from the layer that computes to the layer that reads."""
    x1, x2 = _middle(grid, source), _middle(grid, layer)
    rise = 10 + 5 * min(layer - source, 3)
    arrow = f"M{x2 - 4} {y - 5} L{x2 + 4} {y - 5} L{x2} {y + 1} Z"
    return (
        f'<path class="line" d="M{x1} {y} C{x1} {y - rise} {x2} {y - rise} {x2} {y - 4}"/>'
        f'<path class="head" d="{arrow}"/>'
    )


def _middle(grid: int, layer: int) -> int:
    return grid + layer * (CELL_WIDTH + GAP) + CELL_WIDTH // 2


def _rectangle(style: str, grid: int, layer: int, y: int, fill: str | None = None) -> str:
    x = grid + layer * (CELL_WIDTH + GAP)
    look = f'class="{style}"' if fill is None else f'fill="{fill}"'
    return f'<rect {look} x="{x}" y="{y}" width="{CELL_WIDTH}" height="{CELL_HEIGHT}" rx="3"/>'


def _text(x: int, y: int, style: str, words: str, fill: str | None = None) -> str:
    colour = f' style="fill:{fill}"' if fill else ""
    return f'<text class="{style}" x="{x}" y="{y}"{colour}>{escape(words)}</text>'
