"""What the layers of one attention kind share, in sentences that hold for every map. Start at sharing_sentences.

The facts come from ``clps_core.sharing.shared_with``; nothing here looks at a strategy's name. No streamlit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.look.colours import slot_letter
from app.look.strategy_names import target_name
from clps_core.numbers import layer_list
from clps_core.sharing.shared_with import AttentionSharing, Layers, Row
from clps_core.sharing.strategies import NORM_FOLLOWS, SUBLAYERS
from clps_core.words import _, listed, ngettext, sentences, together

__all__ = ["compared_sentence", "sharing_sentences"]

MOST_NAMED = 8
"""Groups of layers that one sentence names; more are counted."""


def sharing_sentences(found: AttentionSharing) -> str:
    """Which layers use the same query and key weights, what else uses them, and what is shared instead."""
    more = [*_partly(found), *_elsewhere(found), *_reads(found, range(found.num_layers))]
    alone = all(len(layers) == 1 for layers in found.same())
    return sentences([_within(found), *more, *([_instead(found)] if alone and not more else [])])


def compared_sentence(found: AttentionSharing, layers: Sequence[int]) -> str:
    """What the query and key weights of ``layers``, which stand side by side, have to do with each other."""
    chosen = set(layers)
    reads = _reads(found, layers)
    if not any(chosen <= set(same) for same in found.same()):
        several = any(len(chosen & set(same)) > 1 for same in found.same())
        first = (
            _("Not all of these layers have the same query and key matrices.")
            if several
            else _("No two of these layers have the same query and key matrices.")
        )
    elif len({found.letters[layer] for layer in layers}) > 1:
        first = _("These layers use the same query and key matrices, but LoRA adds something different in each.")
    elif reads:
        first = _("These layers use the same query and key matrices.")
    else:
        first = _(
            "These layers use the same query and key matrices. Only their input differs: each layer reads what "
            "the layers before it have written."
        )
    return sentences([first, *reads, _("A stronger colour marks a layer whose attention differs more.")])


def _within(found: AttentionSharing) -> str:
    """The layers of this stack that have the same query and the same key weights."""
    same = [layers for layers in found.same() if len(layers) > 1]
    stack = target_name(found.stack)
    if found.num_layers == 1:
        return _("The {stack} has one layer.", stack=stack)
    if not same and found.kind == "cross":
        return _("No two layers of the {stack} have the same cross-attention query and key weights.", stack=stack)
    if not same:
        return _("No two layers of the {stack} have the same query and key weights.", stack=stack)
    if any(len({found.letters[layer] for layer in layers}) > 1 for layers in same):
        groups = _groups(map(layer_list, same))
        return _("These layers use the same query and key weights: {groups}. What LoRA adds differs.", groups=groups)
    uses = _groups(
        _("{letter}: {layers}", letter=slot_letter(found.letters[layers[0]]), layers=layer_list(layers))
        for layers in same
    )
    return _("Layers with the same letter use the same query and key weights. {uses}.", uses=uses)


def _partly(found: AttentionSharing) -> list[str]:
    """Queries that are the same where the keys are not, and the other way round."""
    whole = [set(layers) for layers in found.same()]
    said = []
    for component, part in zip(found.components, (_("query"), _("key")), strict=True):
        loose = [
            layers
            for layers in found.same(component)
            if len(layers) > 1 and not any(set(layers) <= group for group in whole)
        ]
        if loose:
            said.append(
                _("Layers with the same {part} weights: {groups}.", part=part, groups=_groups(map(layer_list, loose)))
            )
    return said


def _elsewhere(found: AttentionSharing) -> list[str]:
    """Other rows of the map that have weights of this one: a tie, in this stack or in the other."""
    query, _key = found.components
    alike: dict[tuple[str, tuple[tuple[Layers, Layers], ...]], list[tuple[str, str]]] = {}
    for (component, row), pairs in found.elsewhere.items():
        if row != Row(found.stack, query):  # of these the queries' own sentence speaks
            alike.setdefault((row.stack, pairs), []).append((component, row.component))
    said = []
    for (stack, pairs), uses in alike.items():
        part = together(dict.fromkeys(_("query") if own == query else _("key") for own, _other in uses))
        names = listed(dict.fromkeys(target_name(other) for _own, other in uses))
        other = names if stack == found.stack else f"{target_name(stack)} {names}"
        said.append(_tied(part, other, pairs, found.num_layers, same_stack=stack == found.stack))
    return said


def _tied(part: str, other: str, pairs: tuple[tuple[Layers, Layers], ...], num_layers: int, *, same_stack: bool) -> str:
    """``part`` of the layers here is also ``other``: in all of them, layer by layer, or by the pairs."""
    alike = all(here == there for here, there in pairs) and sum(len(here) for here, _there in pairs) == num_layers
    if alike and same_stack:
        return _("In each layer the {part} weights are also the {other} weights.", part=part, other=other)
    if alike:
        return _(
            "In each layer the {part} weights are also the {other} weights of the layer with the same number.",
            part=part,
            other=other,
        )
    groups = _groups(_("{here} = {there}", here=layer_list(here), there=layer_list(there)) for here, there in pairs)
    return _(
        "The {part} weights are also {other} weights (layers here = layers there): {pairs}.",
        part=part,
        other=other,
        pairs=groups,
    )


def _reads(found: AttentionSharing, layers: Iterable[int]) -> list[str]:
    """Which of ``layers`` take the attention, or the keys, of another layer."""
    chosen = set(layers)

    def pairs(sources: Mapping[int, int]) -> str:
        return listed(
            _("{layer} from {source}", layer=layer, source=source)
            for layer, source in sources.items()
            if layer in chosen
        )

    copied, reading = pairs(found.reads("attention_source")), pairs(found.reads("kv_source"))
    said = [_("Some layers compute no attention and use that of another layer: {pairs}.", pairs=copied)]
    said += [_("Some layers compute no keys and read those of another layer: {pairs}.", pairs=reading)]
    return [sentence for sentence, there in zip(said, (copied, reading), strict=True) if there]


def _instead(found: AttentionSharing) -> str:
    """What the model shares outside this attention."""
    if not found.others:
        return _("No weights of this model are shared.")
    by_stack: dict[str, list[str]] = {}
    for row in found.others:
        by_stack.setdefault(row.stack, []).append(row.component)
    rows = "; ".join(
        f"{target_name(stack)} {', '.join(_shortened(names, found.plan.map.components(stack)))}"
        for stack, names in by_stack.items()
    )
    return _("Shared elsewhere in this model: {rows}.", rows=rows)


def _shortened(components: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names of components; a sublayer of those ``known`` that is there as a whole by its own name, its norm with it."""
    found: dict[str, None] = {}
    for component in components:
        followed = NORM_FOLLOWS.get(component, component)
        sublayer = next(name for name, members in SUBLAYERS.items() if followed in members)
        whole = all(one in components for one in SUBLAYERS[sublayer] if one in known)
        found[target_name(sublayer if whole else component)] = None
    return list(found)


def _groups(texts: Iterable[str]) -> str:
    every = list(texts)
    more = len(every) - MOST_NAMED
    said = "; ".join(every[:MOST_NAMED])
    return said if more <= 0 else said + ngettext("; and {n} more group", "; and {n} more groups", more)
