"""KV caches counted: designs that share weights, and designs that read another layer's keys and values.

Start at count_and_draw. Every figure is the counter's, for the sizes that the reader has chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.design.designs import Costed, component_sizes, cost
from app.design.sharing_map import map_preview
from app.look.colours import strategy_colours
from app.look.figure_table import Figure, Row, figure_table
from app.look.formatting import compact, exact, memory, percent, times
from app.look.strategy_names import name_of
from clps_core.analysis.counts import CACHE_BYTES
from clps_core.config import ModelConfig
from clps_core.schemes import get_scheme
from clps_core.words import _, ngettext

__all__ = ["HEADS", "LAYERS", "Chosen", "chosen", "count_and_draw", "counted"]

KEYS = {name: f"learn.kv.{name}" for name in ("layers", "tokens", "group", "heads", "scheme")}
LAYERS = (8, 16, 32)
TOKENS = (1_024, 4_096, 16_384, 65_536, 131_072)
GROUPS = (2, 4, 8)
HEADS = 8
KV_HEADS = (8, 4, 2, 1)
WIDTH, FFN, VOCABULARY = 512, 2048, 8000
PLAIN, SHARED = "none", "all"


@dataclass(frozen=True)
class Chosen:
    """``group``: layers that use the keys and values of one of them. ``kv_heads``: heads for keys and values."""

    layers: int = LAYERS[0]
    tokens: int = TOKENS[1]
    group: int = GROUPS[0]
    kv_heads: int = KV_HEADS[0]

    @property
    def read(self) -> str:
        """Cross-layer attention in groups."""
        return f"kv_source=every:{self.group}"

    @property
    def strategies(self) -> tuple[str, ...]:
        """The designs that are compared."""
        return (
            PLAIN,
            SHARED,
            self.read,
            f"{SHARED},{self.read}",
            "kv_source=upper",
            f"attention_source=every:{self.group}",
        )


def chosen() -> Chosen:
    """What the reader has chosen, or what stands there at first."""

    def one(name: str, known: tuple[int, ...], usual: int) -> int:
        found = st.session_state.get(KEYS[name], usual)
        return found if found in known else usual

    first = Chosen()
    return Chosen(
        one("layers", LAYERS, first.layers),
        one("tokens", TOKENS, first.tokens),
        one("group", GROUPS, first.group),
        one("heads", KV_HEADS, first.kv_heads),
    )


def counted(sizes: Chosen, strategy: str) -> Costed:
    """A decoder of these sizes under ``strategy``."""
    model = ModelConfig(
        family="decoder", num_layers=sizes.layers, d_model=WIDTH, d_ff=FFN, num_heads=HEADS,
        num_kv_heads=sizes.kv_heads, vocab_size=VOCABULARY, max_positions=sizes.tokens, positions="rotary",
    )  # fmt: skip
    return cost(model, strategy)


def cache_of(sizes: Chosen, strategy: str) -> int:
    """Bytes of the cache after ``sizes.tokens`` tokens."""
    return counted(sizes, strategy).counts.kv_cache_bytes_per_token * sizes.tokens


def count_and_draw() -> None:
    """Fields for the sizes, the counts of all designs, and the map of one of them."""
    _fields()
    sizes = chosen()
    _table(sizes)
    names = {one: name_of(one) for one in sizes.strategies}
    strategy = st.pills(
        _("Show the map of"),
        list(names),
        default=sizes.read,
        format_func=lambda one: names.get(one, one),
        key=f"{KEYS['scheme']}.{sizes.group}",
        required=True,
    )
    strategy = strategy if strategy in names else sizes.read
    design = counted(sizes, strategy)
    st.markdown(_reads(design))
    map_preview(design, component_sizes(design.model), None, f"learn.kv.map.{strategy}")
    with st.expander(_("Count this cache by hand")):
        st.markdown(_by_hand(sizes, design))


def _fields() -> None:
    first = Chosen()
    with st.container(horizontal=True, gap="medium"):
        st.segmented_control(_("Layers"), LAYERS, default=first.layers, key=KEYS["layers"], required=True)
        st.segmented_control(
            _("Tokens in the cache"), TOKENS, default=first.tokens, format_func=exact, key=KEYS["tokens"],
            required=True, wrap=True,
        )  # fmt: skip
        st.segmented_control(
            _("Layers in a group"), GROUPS, default=first.group, key=KEYS["group"], required=True,
            help=_("In each group, all layers read the keys and values of its first layer."),
        )  # fmt: skip
        st.segmented_control(
            _("Heads for keys and values"), KV_HEADS, default=first.kv_heads, key=KEYS["heads"], required=True,
            help=_(
                "Each layer has {heads} heads for queries. With fewer heads for keys and values, several query heads "
                "use one of them: grouped-query attention. With one: multi-query attention.",
                heads=HEADS,
            ),
        )  # fmt: skip


def _table(sizes: Chosen) -> None:
    whole = cache_of(Chosen(sizes.layers, sizes.tokens, sizes.group), PLAIN)
    colours = strategy_colours(sizes.strategies)
    rows = []
    for strategy in sizes.strategies:
        design, cache = counted(sizes, strategy), cache_of(sizes, strategy)
        stored = design.counts.unique_parameters
        rows.append(
            Row(
                design.name,
                colours[strategy],
                [
                    Figure(compact(stored), exact(stored)),
                    Figure(memory(cache), _("{n} bytes", n=exact(cache))),
                    Figure(percent(cache / whole), part=cache / whole),
                    times(cache / (CACHE_BYTES * stored)),
                    compact(design.counts.train_flops_per_token),
                ],
            )
        )
    columns = [
        (_("Design"), ""),
        (_("Stored"), _("each parameter counted once: what the file and the optimiser hold")),
        (_("KV cache"), _("keys and values of all these tokens, as 16-bit numbers")),
        (
            _("Of the largest cache"),
            _("compared with no sharing and {heads} heads for keys and values", heads=HEADS),
        ),
        (_("Cache / weights"), _("bytes of the cache, compared with the stored weights as 16-bit numbers")),
        (_("FLOPs"), _("training FLOPs per token, attention counted at this length")),
    ]
    figure_table(_("One sequence of {n} tokens", n=exact(sizes.tokens)), columns, rows)


def _reads(design: Costed) -> str:
    """Who reads whose keys and values, and what that is called."""
    reuse = design.plan.reuse["decoder"]
    readers = reuse.consumers("kv_source")
    looking = reuse.consumers("attention_source")
    if readers:
        name = "yoco" if design.strategy == "kv_source=upper" else "cla"
        writers = design.model.num_layers - len(readers)
        said = ngettext(
            "{n} layer of {all} writes keys and values; the others read them and have no matrices for them.",
            "{n} layers of {all} write keys and values; the others read them and have no matrices for them.",
            writers,
            all=design.model.num_layers,
        )
        return f"**{get_scheme(name).title}.** {said}"
    if looking:
        said = ngettext(
            "{n} layer uses the attention of an earlier layer. It writes no keys, but still values of its own.",
            "{n} layers use the attention of an earlier layer. They write no keys, but still values of their own.",
            len(looking),
        )
        return f"**{get_scheme('san').title}.** {said}"
    return _("All {all} layers write keys and values of their own.", all=design.model.num_layers)


def _by_hand(sizes: Chosen, design: Costed) -> str:
    """The counter's sum, term by term."""
    keys, values = (sum(slot is not None for slot in design.map.row("decoder", component)) for component in ("k", "v"))
    size = design.model.head_size
    total = (keys + values) * sizes.kv_heads * size * CACHE_BYTES * sizes.tokens
    return _(
        "({keys} layers that write keys + {values} that write values) · {heads} heads · {size} numbers · {bytes} bytes "
        "· {tokens} tokens = {total} bytes, or {shown}. The counter says {counter} bytes.",
        keys=keys,
        values=values,
        heads=sizes.kv_heads,
        size=size,
        bytes=CACHE_BYTES,
        tokens=exact(sizes.tokens),
        total=exact(total),
        shown=memory(total),
        counter=exact(cache_of(sizes, design.strategy)),
    )
