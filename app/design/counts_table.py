"""What several designs cost, side by side: a table to read and a figure to see. Start at counts_table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import streamlit as st

from app.design.designs import Costed
from app.look.charts import CostBar, cost_bars
from app.look.colours import strategy_colours
from app.look.figure_table import Figure, Row, figure_table
from app.look.formatting import compact, exact, memory, percent, times
from app.look.plotted import plotted
from app.services import escape_markdown
from clps_core.analysis.counts import of_unshared
from clps_core.analysis.flops import FLOP_CAUSES
from clps_core.glossary import meaning
from clps_core.words import N_, Words, _, listed, sentences

__all__ = ["counts_figure", "counts_table", "pair_table"]

PART_TITLES = Words(
    {
        "attention": N_("attention"),
        "cross_attention": N_("cross-attention"),
        "ffn": N_("FFN"),
        "norm": N_("norms"),
        "embedding": N_("embedding"),
        "head": N_("output"),
        "lora": N_("LoRA"),
        "depth_embedding": N_("learned depth signal"),
        "layer_scale": N_("scales"),
        "injection": N_("re-injected input"),
    }
)


class Column(NamedTuple):
    """One figure of a design; ``note`` explains it, ``always`` keeps it even where all designs agree."""

    title: str
    note: str
    value: Callable[[Costed], int]
    text: Callable[[int], str]
    always: bool = False


def _columns(length: int) -> list[Column]:
    at_length = _("Here: at {length} tokens of context.", length=exact(length))

    def cached(size: int) -> str:
        return memory(size) if size else "–"

    return [
        Column(
            _("Stored"), meaning("stored-parameters"),
            lambda one: one.counts.unique_parameters, compact, True,
        ),
        Column(
            _("Executed"), meaning("executed-parameters"),
            lambda one: one.counts.executed_parameters, compact,
        ),
        Column(
            _("Memory to train"), meaning("training-memory", _("Here: AdamW in fp32, without activations.")),
            lambda one: one.counts.training_bytes, memory,
        ),
        Column(
            _("FLOPs/token"),
            meaning("flops-per-token", at_length),
            lambda one: one.counts.train_flops_per_token, compact,
        ),
        Column(
            _("KV cache/token"), meaning("kv-cache", _("Here: one token, 16 bits per number.")),
            lambda one: one.counts.kv_cache_bytes_per_token, cached,
        ),
    ]  # fmt: skip


def counts_table(designs: Sequence[Costed], chosen: int) -> None:
    """One row per design; the one with number ``chosen`` is marked. What they have in common is said below."""
    columns = _columns(designs[0].counts.context_length)
    kept = [one for one in columns if one.always or len(designs) == 1 or len({*map(one.value, designs)}) > 1]
    colours = strategy_colours(design.strategy for design in designs)
    rows = [_row(design, colours[design.strategy], design.index == chosen, kept) for design in designs]
    heads = [(one.title, one.note) for one in kept]
    figure_table(_("What each design costs"), [(_("Design"), ""), heads[0], of_unshared(), *heads[1:]], rows)
    same = [one for one in columns if one not in kept]
    if same:
        st.caption(_alike(designs, same))
    for sentence in _why_flops_differ(designs):
        st.caption(sentence)


def pair_table(pair: Sequence[Costed], names: Sequence[str]) -> None:
    """Two designs of any sizes, the difference (first minus second) and the ratio (first by second) of each figure."""
    first, second = pair
    columns = [one for one in _columns(first.counts.context_length) if one.value(first) or one.value(second)]
    colours = strategy_colours(design.strategy for design in pair)
    rows = [
        Row(name, colours[one.strategy], [Figure(c.text(c.value(one)), exact(c.value(one))) for c in columns],
            note=one.strategy)
        for name, one in zip(names, pair, strict=True)
    ]  # fmt: skip
    rows.append(Row(_("Difference"), "transparent", [_difference(one, *pair) for one in columns]))
    ratios = [one.value(first) / one.value(second) if one.value(second) else None for one in columns]
    rows.append(Row(_("Ratio"), "transparent", list(map(times, ratios))))
    heads = [(_("Design"), ""), *((one.title, one.note) for one in columns)]
    figure_table(_("What the two designs cost"), heads, rows)
    said = _("Difference: the first minus the second. Ratio: the first divided by the second.")
    lengths = [design.counts.context_length for design in pair]
    if lengths[0] != lengths[1]:
        said = sentences(
            (
                said,
                _(
                    "FLOPs/token count {first} tokens of context for the first and {second} for the second.",
                    first=exact(lengths[0]),
                    second=exact(lengths[1]),
                ),
            )
        )
    st.caption(said)


def _difference(column: Column, first: Costed, second: Costed) -> Figure:
    more = column.value(first) - column.value(second)
    if not more:
        return Figure("0")
    sign = "+" if more > 0 else "−"
    return Figure(sign + column.text(abs(more)), sign + exact(abs(more)))


def _why_flops_differ(designs: Sequence[Costed]) -> list[str]:
    """A sentence for every cause of a difference in operations, with the designs that have it."""
    if len({design.counts.train_flops_per_token for design in designs}) == 1:
        return []
    names = _distinct([design.name for design in designs])
    found: dict[str, list[str]] = {}
    for name, design in zip(names, designs, strict=True):
        for cause, amount in design.flop_differences.items():
            more = "+" if amount > 0 else "−"
            found.setdefault(cause, []).append(f"{name} {more}{compact(abs(round(amount)))}")
    return [
        _(
            "FLOPs/token, compared with no sharing: {designs}. {why}",
            designs=escape_markdown(", ".join(shown)),
            why=FLOP_CAUSES[cause],
        )
        for cause, shown in found.items()
    ]


def _alike(designs: Sequence[Costed], same: Sequence[Column]) -> str:
    """What is the same for all designs, and why the operations are where the stored weights are not."""
    figures = ", ".join(f"{one.title} {one.text(one.value(designs[0]))}" for one in same)
    text = _("The same for every design: {figures}.", figures=figures)
    stored = {design.counts.unique_parameters for design in designs}
    if len(stored) > 1 and len({design.counts.train_flops_per_token for design in designs}) == 1:
        text = sentences(
            (
                text,
                _(
                    "A shared layer is still computed at every use. Sharing reduces what is stored, and what the "
                    "optimiser keeps for it."
                ),
            )
        )
    return text


def _row(design: Costed, colour: str, chosen: bool, columns: Sequence[Column]) -> Row:
    first, *others = (Figure(one.text(one.value(design)), exact(one.value(design))) for one in columns)
    share = Figure(percent(design.share, 0), part=design.share)
    return Row(design.name, colour, [first, share, *others], note=design.strategy, chosen=chosen)


def counts_figure(designs: Sequence[Costed]) -> None:
    """Stored parameters by part of the model, one bar per design; and the same as a table on demand."""
    names = _distinct([design.name for design in designs])
    parts = {name: title for name, title in PART_TITLES.items() if any(_stored(one, name) for one in designs)}
    colours = strategy_colours(design.strategy for design in designs)
    bars = [
        CostBar(
            name,
            colours[design.strategy],
            tuple((title, _stored(design, part)) for part, title in parts.items()),
            design.counts.executed_parameters,
        )
        for name, design in zip(names, designs, strict=True)
    ]
    said = "; ".join(f"{bar.name}: {compact(_sum(bar))}" for bar in bars)
    st.markdown(_("**Stored parameters by part.** The vertical mark shows the executed parameters."))
    plotted(
        cost_bars(tuple(bars)),
        key="counts_figure",
        alt=_("Stored parameters by part of the model. {said}.", said=said),
        title=_("Stored parameters by part of the model"),
        about=_(
            "Parts from the left: {parts}. The vertical mark shows the executed parameters.",
            parts=listed(parts.values()),
        ),
    )
    with st.expander(_("Show as table"), icon=":material/table_rows:"):
        totals = (_("all stored"), _("all executed"))
        columns = {f"{bar.name} ": [*dict(bar.parts).values(), _sum(bar), bar.executed] for bar in bars}
        st.dataframe({_("Part"): [*parts.values(), *totals], **columns}, hide_index=True)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that were cut to the same length."""
    return [name if names.index(name) == at else f"{name} ({at + 1})" for at, name in enumerate(names)]


def _sum(bar: CostBar) -> int:
    return sum(stored for _part, stored in bar.parts)


def _stored(design: Costed, part: str) -> int:
    tally = design.counts.by_part.get(part)
    return tally.unique if tally else 0
