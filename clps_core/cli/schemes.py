"""``clps schemes``: every way of sharing, as a list, as cards, and the arithmetic. Start at show_schemes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from clps_core.cli.output import amount, print_json, print_lines, print_pairs, print_table, size
from clps_core.schemes import (
    ABSENT,
    KINDS,
    SCHEMES,
    STANDARD_LAYERS,
    Card,
    arithmetic,
    card,
    folded_rows,
    get_scheme,
    map_line,
)
from clps_core.schemes.arithmetic import EXAMPLE
from clps_core.sharing.rules import Core
from clps_core.words import _, ngettext

__all__ = ["ARITHMETIC", "show_arithmetic", "show_card", "show_schemes"]

ARITHMETIC = "arithmetic"
INKS = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow", "bright_green")
"""The terminal's own colours, so that its theme keeps them readable; letters tell slots apart without them."""


def show_schemes(layers: int | None, *, as_json: bool) -> None:
    """One line per scheme: its map at ``layers``, what it saves, and its source."""
    cards = [card(name, layers or STANDARD_LAYERS) for name in SCHEMES]
    if as_json:
        print_json([one.as_dict() for one in cards])
        return
    columns = [_("name"), _("map"), _("source"), _("saved")]
    rows = [(one.scheme.name, map_line(one), one.scheme.source, _saved(one)) for one in cards]
    print_table(columns, rows, left=3)
    print_lines(
        _("In each row, layers with the same letter use the same weight. 'clps schemes NAME' explains one scheme.")
    )


def _saved(one: Card) -> str:
    """Which part of the layers' parameters need not be stored, and which part of the KV cache."""
    text = f"{one.saved_share:.0%}"
    before, after = one.baseline.kv_cache_bytes_per_token, one.kv_cache_bytes_per_token
    return text if before == after else _("{share}, cache {cache:.0%}", share=text, cache=1 - after / before)


def show_card(name: str, layers: int | None, *, as_json: bool) -> None:
    """Everything known of the scheme ``name``, drawn at ``layers``; raises ``ConfigError`` where there is none."""
    get_scheme(name)
    found = card(name, layers or STANDARD_LAYERS)
    if as_json:
        print_json(found.as_dict())
        return
    scheme = found.scheme
    print_lines(scheme.title, f"{KINDS[scheme.kind]}. {scheme.source}", "")
    pairs = [
        (_("strategy"), found.strategy),
        (_("rule"), scheme.rule),
        (_("shared"), scheme.shared),
        (_("separate"), scheme.kept),
        (_("saved"), scheme.saved),
        (_("costs"), scheme.lost),
    ]
    if scheme.beyond:
        pairs.append((_("not built"), scheme.beyond))
    print_pairs([*pairs, *((_("published"), f"{one.claim} ({one.source})") for one in scheme.evidence)])
    print_lines("")
    print_pairs(_map(found))
    print_lines("")
    print_table([_("figure"), _("with sharing"), _("without")], _figures(found))


def _map(found: Card) -> list[tuple[str, Text]]:
    """The map as coloured letters, with what is read from other layers and what is repeated."""
    pairs: list[tuple[str, Text]] = []
    rows = folded_rows(found)
    for stack in found.plan.map.stacks:
        num_layers = found.plan.map.num_layers(stack)
        width = max(len(sign) for row in rows for sign in (*row.letters, str(num_layers - 1)))
        pairs.append((stack, _spaced([str(layer) for layer in range(num_layers)], "dim", width)))
        for row in rows:
            if row.stack == stack:
                line = _spaced(row.letters, None, width)
                line.append(f"  = {row.tied_to}" if row.tied_to else "", "dim")
                pairs.append((f"  {row.label}", line))
        for kind, sources in found.sources.get(stack, {}).items():
            words = {"kv_source": _("K, V of layer"), "attention_source": _("attention of layer")}
            pairs.append((f"  {words[kind]}", _spaced([str(source) for source in sources], "dim", width)))
        if stack in found.cores:
            pairs.append((_("  repeated"), Text(_core(found.cores[stack], num_layers))))
    return pairs


def _spaced(signs: Sequence[str], style: str | None, width: int) -> Text:
    """Signs in columns of ``width``; without a ``style`` letters have the colour of their slot."""
    line = Text()
    letters = [sign for sign in dict.fromkeys(signs) if sign != ABSENT]
    for sign in signs:
        own = "dim" if sign == ABSENT else f"bold {INKS[letters.index(sign) % len(INKS)]}"
        line.append(sign.ljust(width + 1), style or own)
    return line


def _core(core: Core, num_layers: int) -> str:
    prelude, repeated, coda = core
    loops = (num_layers - prelude - coda) // repeated
    where = ngettext("layer {first}", "layers {first} to {last}", repeated, first=prelude, last=prelude + repeated - 1)
    return ngettext("{where}, run once", "{where}, run {loops} times", loops, where=where, loops=loops)


def _figures(found: Card) -> list[tuple[str, str, str]]:
    with_it, without = found.counts, found.baseline
    return [
        (_("stored parameters"), f"{with_it.unique_parameters:,}", f"{without.unique_parameters:,}"),
        (_("executed parameters"), f"{with_it.executed_parameters:,}", f"{without.executed_parameters:,}"),
        (
            _("training FLOPs per token at {n} tokens", n=with_it.context_length),
            amount(with_it.train_flops_per_token),
            amount(without.train_flops_per_token),
        ),
        (
            _("KV cache per token, 16 bit"),
            size(with_it.kv_cache_bytes_per_token),
            size(without.kv_cache_bytes_per_token),
        ),
    ]


def show_arithmetic(layers: int | None, *, as_json: bool) -> None:
    """How many weights a layer has, step by step, beside what is often written."""
    model = EXAMPLE if layers is None else EXAMPLE.model_copy(update={"num_layers": layers})
    found = arithmetic(model)
    if as_json:
        print_json(found.as_dict())
        return
    print_lines(_("L = {layers}, d = {d}, d_ff = {d_ff}", layers=model.num_layers, d=model.d_model, d_ff=model.d_ff))
    print_table([_("step"), _("weights")], [(step.text, f"{step.value:,}") for step in found.steps])
    marks = {True: _("right"), False: _("wrong")}
    rows = [
        (claim.text, marks[claim.right], f"{claim.without_sharing:,}", f"{claim.with_sharing:,}")
        for claim in found.claims
    ]
    print_table([_("count"), "", _("without sharing"), _("one layer for all")], rows, left=2)
    print_lines(*(_("{text}: {why}", text=claim.text, why=claim.why) for claim in found.claims if claim.why))
    print_lines(
        _(
            "Not counted: biases and norms ({unshared:,} without sharing, {shared:,} with), and {outside:,} in "
            "embeddings and final norms.",
            unshared=found.biases_and_norms[0],
            shared=found.biases_and_norms[1],
            outside=found.outside,
        )
    )
