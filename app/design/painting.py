"""What a person did on the sharing map, done to the designs. Start at apply_action.

Actions come from a browser, so nothing in them is taken on trust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.design.designs import Designs, counted_model
from app.design.origins import current_origin
from clps_core.config import ModelConfig
from clps_core.errors import ConfigError
from clps_core.shapes import block_shapes, stack_layers
from clps_core.sharing import Site, parse_strategy
from clps_core.sharing.notation import repaint
from clps_core.sharing.sources import REUSE_KINDS
from clps_core.sharing.strategies import NORM_FOLLOWS, SUBLAYERS, Stacks
from clps_core.words import _

__all__ = ["apply_action", "paint", "painted_sites"]


def apply_action(designs: Designs, action: Mapping[str, Any]) -> Designs:
    """``designs`` after ``{"kind": "choose" | "remove" | "paint", "design": 0, ...}``.

    Raises ``ConfigError`` for what does not exist.
    """
    at = action.get("design")
    if not isinstance(at, int) or not 0 <= at < len(designs.strategies):
        raise ConfigError(_("a design must be one of those shown. Got {got!r}.", got=str(at)[:40]))
    match action.get("kind"):
        case "choose":
            return replace(designs, chosen=at)
        case "remove":
            return designs.without(at)
        case "paint":
            model = counted_model(designs.base)
            before = designs.strategies[at]
            return designs.painted(paint(model, before, action), at, _source(designs, at))
    raise ConfigError(_("an action must be choose, remove or paint. Got {got!r}.", got=str(action.get("kind"))[:40]))


def _source(designs: Designs, at: int) -> str:
    """What a copy of design number ``at`` is painted from: a paper's preset by its name, else the strategy."""
    strategy = designs.strategies[at]
    origin = current_origin(replace(designs, chosen=at))
    if origin is not None and origin.preset is not None and origin.preset.sharing.strategy == strategy:
        return origin.preset.name
    return strategy


def paint(model: ModelConfig, strategy: str, action: Mapping[str, Any]) -> str:
    """The text of ``strategy`` after one cell was given other weights.

    ``action`` names the cell (``stack``, ``component``, ``layer``), what is meant by it (``scope``), and
    ``like``: the layer whose weights it gets, or ``None`` for weights of its own. Raises ``ConfigError``
    for a cell or a layer that does not exist, and for a cell that has no weights.
    """
    layer, like = action.get("layer"), action.get("like")
    if not isinstance(layer, int) or not (like is None or isinstance(like, int)) or "like" not in action:
        raise ConfigError(
            _("a layer must be a whole number. Got {layer} and {like}.", layer=str(layer)[:40], like=str(like)[:40])
        )
    stacks = {stack: (layers, tuple(block_shapes(model, stack))) for stack, layers in stack_layers(model).items()}
    sites = painted_sites(
        stacks, str(action.get("stack")), str(action.get("component")), layer, str(action.get("scope"))
    )
    by_slot: dict[int, list[Site]] = {}
    for site in _present(strategy, stacks, sites):
        by_slot.setdefault(_slot(strategy, stacks, site, like), []).append(site)
    for slot, members in by_slot.items():
        strategy = repaint(strategy, stacks, members, slot)
    return strategy


def painted_sites(stacks: Stacks, stack: str, component: str, layer: int, scope: str) -> list[Site]:
    """The sites that painting one cell means: itself, its whole sublayer, or its whole layer (norms follow).

    Raises ``ConfigError`` for a cell that the model does not have.
    """
    layers, components = stacks.get(stack, (0, ()))
    if component not in components or not 0 <= layer < layers:
        raise ConfigError(
            _(
                "a cell must be one of the map's. Got {stack!r}, {component!r}, layer {layer}.",
                stack=stack[:40],
                component=component[:40],
                layer=layer,
            )
        )
    names: Sequence[str] = (component,)
    if scope != "cell" and component not in NORM_FOLLOWS:
        sublayer = next(members for members in SUBLAYERS.values() if component in members)
        names = sublayer if scope == "sublayer" else [name for name in components if name not in NORM_FOLLOWS]
    return [
        Site(stack, layer, component),
        *(Site(stack, layer, n) for n in names if n in components and n != component),
    ]


def _present(strategy: str, stacks: Stacks, sites: Sequence[Site]) -> list[Site]:
    """Those of ``sites`` that have weights; the first of them (the cell itself) must."""
    first = sites[0]
    reuse = parse_strategy(strategy).reuse_of(first.stack, stacks[first.stack][0])
    absent = {
        component
        for kind, components in REUSE_KINDS.items()
        if first.layer in reuse.consumers(kind)
        for component in components
    }
    if first.component in absent:
        raise ConfigError(
            _(
                "a cell must have weights before they can change. {component} of {stack} layer {layer} has none: "
                "the layer reads another layer's activations. Change what it reads first.",
                component=first.component,
                stack=first.stack,
                layer=first.layer,
            )
        )
    return [site for site in sites if site.component not in absent]


def _slot(strategy: str, stacks: Stacks, site: Site, like: int | None) -> int:
    """The number that ``repaint`` knows the weights of layer ``like`` by, in the row of ``site``."""
    row = parse_strategy(strategy).layer_slots(stacks)[site.stack, site.component]
    seen: dict[int, int] = {}
    numbers = [seen.setdefault(slot, len(seen)) for slot in row]
    if like is None:
        return len(seen)
    if not 0 <= like < len(numbers):
        raise ConfigError(
            _(
                "a layer must be one of the {layers} of {stack}. Got {like}.",
                layers=len(row),
                stack=site.stack,
                like=like,
            )
        )
    return numbers[like]
