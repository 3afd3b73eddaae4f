"""What several designs cost, side by side: a table to read and a figure to see. Start at counts_table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from app.charts import CONFIG, CostBar, cost_bars
from app.colours import strategy_colour
from app.components.assets_folder import asset
from app.designs import Costed
from app.formatting import compact, exact, memory, percent, strategy_name
from clps_core.words import _

__all__ = ["counts_figure", "counts_table"]

FAMILY_TITLES = {
    "attention": _("attention"),
    "cross_attention": _("cross-attention"),
    "ffn": _("FFN"),
    "norm": _("norms"),
    "embedding": _("embedding"),
    "head": _("output"),
}


def counts_table(designs: Sequence[Costed], chosen: int) -> None:
    """One row per design; the one with number ``chosen`` is marked. What they have in common is said below."""
    length = exact(designs[0].counts.context_length)
    heads = (
        (_("Design"), ""),
        (_("Stored"), _("unique parameters: what the file and the optimiser hold")),
        (_("of unshared"), _("stored, compared with what the same layers hold without sharing")),
        (_("Executed"), _("parameters, counted at every use")),
        (_("Memory to train"), _("weights, gradients and AdamW's two moments in fp32; no activations")),
        (_("FLOPs/token"), _("to train: forward and backward, at {length} tokens of context", length=length)),
        (_("KV cache/token"), _("keys and values of all decoder layers, 16 bits each")),
    )
    head = "".join(f'<th scope="col" title="{escape(note)}">{escape(title)}</th>' for title, note in heads)
    body = "".join(_row(design, design.index == chosen) for design in designs)
    caption = escape(_("What each design costs"))
    st.html(
        f"<style>{asset('counts_table.css')}</style>"
        f'<div class="clps-counts"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    stored = {design.counts.unique_parameters for design in designs}
    if len(stored) > 1 and len({design.counts.train_flops_per_token for design in designs}) == 1:
        st.caption(
            _(
                "The FLOPs are the same for every design: a shared layer is still computed each time. "
                "What shrinks is what is stored, and what the optimiser keeps for it."
            )
        )


def _row(design: Costed, chosen: bool) -> str:
    counts = design.counts
    share = counts.unique_parameters / counts.executed_parameters
    colour = strategy_colour(design.strategy)
    bar = f'<i style="width:{100 * share:.1f}%;background:{colour}"></i>'
    cells = [
        f'<td title="{exact(counts.unique_parameters)}">{compact(counts.unique_parameters)}</td>',
        f'<td><div class="share"><span class="bar">{bar}</span>{percent(share, 0)}</div></td>',
        f'<td title="{exact(counts.executed_parameters)}">{compact(counts.executed_parameters)}</td>',
        f'<td title="{exact(counts.training_bytes)} B">{memory(counts.training_bytes)}</td>',
        f'<td title="{exact(counts.train_flops_per_token)}">{compact(counts.train_flops_per_token)}</td>',
        f"<td>{memory(counts.kv_cache_bytes_per_token) if counts.kv_cache_bytes_per_token else '–'}</td>",
    ]
    name = escape(strategy_name(design.strategy))
    title = escape(design.strategy, quote=True)
    return (
        f'<tr{" class=chosen" if chosen else ""}><th scope="row" title="{title}">'
        f'<i class="dot" style="background:{colour}"></i>{name}</th>{"".join(cells)}</tr>'
    )


def counts_figure(designs: Sequence[Costed]) -> None:
    """Stored parameters by part of the model, one bar per design; and the same as a table on demand."""
    bars = [
        CostBar(
            strategy_name(design.strategy),
            strategy_colour(design.strategy),
            {title: _stored(design, name) for name, title in FAMILY_TITLES.items()},
            design.counts.executed_parameters,
        )
        for design in designs
    ]
    said = "; ".join(f"{bar.name}: {compact(sum(bar.parts.values()))}" for bar in bars)
    st.markdown(_("**Stored parameters by part.** The upright mark is what is executed."))
    st.plotly_chart(
        cost_bars(bars),
        key="counts_figure",
        config=CONFIG | {"displayModeBar": False},
        alt=_("Stored parameters by part of the model. {said}.", said=said),
    )
    with st.expander(_("Show as table"), icon=":material/table_rows:"):
        st.dataframe(
            {
                _("Part"): [*FAMILY_TITLES.values(), _("all stored"), _("all executed")],
                **{
                    f"{strategy_name(design.strategy)} ": [
                        *(_stored(design, name) for name in FAMILY_TITLES),
                        design.counts.unique_parameters,
                        design.counts.executed_parameters,
                    ]
                    for design in designs
                },
            },
            hide_index=True,
        )


def _stored(design: Costed, family: str) -> int:
    tally = design.counts.by_family.get(family)
    return tally.unique if tally else 0
