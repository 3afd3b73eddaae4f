"""Chapter: layers that share weights and keep a little of their own."""

from __future__ import annotations

from functools import cache

import streamlit as st

from app import navigation, state
from app.design.counts_table import counts_table
from app.design.designs import component_sizes, cost
from app.design.sharing_map import map_preview
from app.learn.chapter import Chapter, Choice, Estimate, Source
from app.learn.shipped_table import shipped_table, shipped_with
from app.look.charts import AXIS, figure
from app.look.colours import strategy_colours
from app.look.formatting import compact, exact, percent
from app.look.plotted import plotted
from clps_core.config import ModelConfig, RunConfig, build_config
from clps_core.matching import counted_model
from clps_core.samples.ready import ready_named
from clps_core.samples.shipped import figures_of
from clps_core.samples.stories import judge_of, shown_spread
from clps_core.sharing import Strategy, parse_strategy
from clps_core.spec import to_spec
from clps_core.words import _, ngettext

__all__ = ["CHAPTER"]

RANK, WHERE, KEPT = "learn.loosened.rank", "learn.loosened.where", "learn.loosened.kept"
RANKS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
FIRST_RANK = 8
PLACES = ("layer", "attention", "ffn")
OWN = {"norms": "norms=own", "scales": "layer_scale=own", "depth": "depth_embedding=learned"}
SIZES = {"num_layers": 6, "d_model": 512, "d_ff": 2048, "num_heads": 8}
LIVE_TASK, LIVE_RANK = "pairs", 2
LIVE = ("none", "all", "all,norms=own", f"all,lora={LIVE_RANK}")


@cache
def _base() -> RunConfig:
    """A language model of bytes: with its small table nearly all parameters are in the layers."""
    return build_config({"data": {"task": "docstrings"}, "model": SIZES})


def _model() -> ModelConfig:
    return counted_model(_base())


def _strategy(rank: int, place: str = "layer", kept: tuple[str, ...] = ()) -> str:
    """All layers share, and each keeps what is named, in the shortest notation."""
    lora = [] if not rank else [f"lora={rank}" if place == "layer" else f"lora.{place}={rank}"]
    return parse_strategy(",".join(["all", *lora, *(OWN[one] for one in OWN if one in kept)])).text


def _chosen() -> tuple[int, str, tuple[str, ...]]:
    """The rank, where LoRA is, and what else each layer keeps."""
    rank, place, kept = (st.session_state.get(key) for key in (RANK, WHERE, KEPT))
    return (
        rank if rank in RANKS else FIRST_RANK,
        place if place in PLACES else "layer",
        tuple(one for one in OWN if isinstance(kept, list) and one in kept),
    )


def _stored(model: ModelConfig, strategy: str) -> int:
    return cost(model, strategy).counts.unique_parameters


def _layer(model: ModelConfig) -> int:
    """Parameters of one stored layer."""
    return sum(component_sizes(model).values())


def _added(model: ModelConfig, rank: int, place: str = "layer") -> int:
    """What the LoRAs of that rank store in all layers together."""
    return _stored(model, _strategy(rank, place)) - _stored(model, "all")


def _even(model: ModelConfig, place: str, kept: tuple[str, ...]) -> int | None:
    """The lowest rank with which as much is stored as without sharing; ``None`` where no rank stores that much.

    Each rank adds equally much. A rank is at most the smaller side of its matrix.
    """
    missing = _stored(model, "none") - _stored(model, _strategy(0, place, kept))
    rank = -(-missing // _added(model, 1, place))
    return rank if rank <= model.d_model else None


def _claim() -> str:
    return _(
        "There are many designs between sharing everything and sharing nothing. Layers can share their large matrices "
        "and keep small parts of their own: norms, scales, a signal of their depth, or a LoRA. The rank of the LoRA "
        "says how far a design is from sharing everything."
    )


def _asks() -> str:
    model = _model()
    return _(
        "One stored layer, {d} numbers wide, runs {n} times. Now each of these {n} places gets a LoRA of its own for "
        "every matrix: two thin matrices of rank {rank}, whose product is added to the shared one. How much do all "
        "these LoRAs store together, compared with the one stored layer?",
        d=model.d_model,
        n=model.num_layers,
        rank=FIRST_RANK,
    )


def _right() -> float:
    model = _model()
    return min(1.0, _added(model, FIRST_RANK) / _layer(model))


def _why() -> str:
    model = _model()
    return _(
        "They store {added} parameters, the layer {layer}: {share}. A square matrix of width {d} has {d} · {d} "
        "numbers, its LoRA of rank {rank} only 2 · {rank} · {d}.",
        added=exact(_added(model, FIRST_RANK)),
        layer=exact(_layer(model)),
        share=percent(_added(model, FIRST_RANK) / _layer(model)),
        d=model.d_model,
        rank=FIRST_RANK,
    )


def _act() -> None:
    st.select_slider(
        _("Rank of the LoRA"), RANKS, FIRST_RANK, key=RANK,
        format_func=lambda rank: str(rank) if rank else _("no LoRA"),
    )  # fmt: skip
    places = {"layer": _("The whole layer"), "attention": _("Attention only"), "ffn": _("FFN only")}
    st.segmented_control(
        _("Where is the LoRA?"), PLACES, default="layer", format_func=lambda one: places[one], key=WHERE, required=True,
        wrap=True,
    )  # fmt: skip
    kept = {"norms": _("Norms"), "scales": _("Scales of the branches"), "depth": _("A learned signal of its depth")}
    st.pills(
        _("What else does each layer keep?"), list(OWN), selection_mode="multi", key=KEPT,
        format_func=lambda one: kept[one],
    )  # fmt: skip
    model, chosen = _model(), _strategy(*_chosen())
    texts = list(dict.fromkeys(("none", chosen, "all")))
    designs = [cost(model, text, place) for place, text in enumerate(texts)]
    _line(model, chosen)
    counts_table(designs, texts.index(chosen))
    with st.expander(_("The map of this design")):
        map_preview(designs[texts.index(chosen)], component_sizes(model), None, "learn.loosened.map")
    navigation.link("design", _("Open in Design"), query={state.SPEC: to_spec(_base()), state.STRATEGY: texts})
    _quality()


def _line(model: ModelConfig, chosen: str) -> None:
    """Stored parameters over the rank, between the two ends."""
    import plotly.graph_objects as go

    rank, place, kept = _chosen()
    ranks = [str(one) for one in RANKS]
    stored = [_stored(model, _strategy(one, place, kept)) for one in RANKS]
    colour = strategy_colours([chosen])[chosen]
    made = figure(x_title=_("rank of the LoRA (0: none)"), y_title=_("stored parameters"), height=320)
    made.add_trace(
        go.Scatter(x=ranks, y=stored, mode="lines+markers", line={"color": colour}, name=_("relaxed"),
                   hovertemplate="%{y:,}<extra></extra>")
    )  # fmt: skip
    made.add_trace(
        go.Scatter(x=[str(rank)], y=[_stored(model, chosen)], mode="markers", name=_("your choice"),
                   marker={"size": 14, "color": colour, "symbol": "diamond"}, hovertemplate="%{y:,}<extra></extra>")
    )  # fmt: skip
    for text, title in (("none", _("nothing shared")), ("all", _("everything shared"))):
        made.add_hline(y=_stored(model, text), line={"dash": "dot", "width": 1, "color": AXIS}, annotation_text=title,
                       annotation_position="top left")  # fmt: skip
    made.update_layout(showlegend=False)
    made.update_xaxes(type="category")
    made.update_yaxes(tickformat="~s", rangemode="tozero")
    title = _("Stored parameters against the rank of the LoRA")
    alt = _(
        "{title}: {low} without a LoRA, {high} at rank {rank}; {none} with nothing shared",
        title=title,
        low=compact(stored[0]),
        high=compact(stored[-1]),
        rank=RANKS[-1],
        none=compact(_stored(model, "none")),
    )
    plotted(made, key="learn.loosened.line", alt=alt, title=title, name=("loosened", place))


def _quality() -> None:
    """What is known of results, and a live run."""
    st.markdown(_("**Does it help?**"))
    found = shipped_with(_loosens)
    for one in found:
        shipped_table(one)
    if not found:
        st.markdown(_no_runs())
    query = {state.SPEC: f"1;task={LIVE_TASK}", state.STRATEGY: list(LIVE)}
    navigation.link("train", _("Train it live"), query=query)


def _loosens(strategy: Strategy) -> bool:
    extras = strategy.extras
    return bool(extras.lora or extras.layer_scale or extras.depth_embedding != "none" or strategy.norms == "own")


def _no_runs() -> str:
    """What the ready runs leave open."""
    ready = ready_named(LIVE_TASK)
    ends = {
        one.design.key: shown_spread(one.spread(judge_of(ready).name), judge_of(ready)) for one in figures_of(ready)
    }
    model = counted_model(build_config({"data": {"task": LIVE_TASK}}))
    seeds = ngettext("{n} seed", "{n} seeds", len(ready.seeds))
    return _(
        "No ready run relaxes its sharing, so there is no result to show here. You can train one: on the pairs of the "
        "chapter on costs, sharing nothing reached {none} and sharing everything {all} (mean and standard deviation "
        "of {seeds}). Where do layers with norms of their own, or with a LoRA of rank {rank}, come out? That model is "
        "only {d} numbers wide: LoRAs of rank {rank} in its {n} places together store {share} of one layer.",
        none=ends["none"],
        all=ends["all"],
        seeds=seeds,
        rank=LIVE_RANK,
        d=model.d_model,
        n=model.num_layers,
        share=percent(_added(model, LIVE_RANK) / _layer(model)),
    )


def _seen() -> str:
    model, (rank, place, kept) = _model(), _chosen()
    none, everything, stored = (_stored(model, one) for one in ("none", "all", _strategy(rank, place, kept)))
    even = _said_even(_even(model, place, kept), place, model.d_model)
    if stored == everything:
        return _("Nothing is relaxed: {stored} parameters, as many as with everything shared.", stored=exact(stored))
    if stored >= none:
        said = _(
            "This stores {stored} parameters, at least as many as no sharing ({none}): the tie no longer saves "
            "anything.",
            stored=exact(stored),
            none=exact(none),
        )
        return f"{said} {even}"
    said = _(
        "What each layer keeps adds {added} parameters. The design stores {stored}; that is {way} of the way from "
        "everything shared (1 stored layer) to nothing shared ({n} stored layers).",
        added=exact(stored - everything),
        stored=exact(stored),
        way=_way((stored - everything) / (none - everything)),
        n=model.num_layers,
    )
    return f"{said} {even}"


def _said_even(even: int | None, place: str, highest: int) -> str:
    """From which rank on nothing is saved."""
    if even is None:
        return {
            "layer": _("Even the highest rank, {rank}, would store less than no sharing.", rank=exact(highest)),
            "attention": _(
                "With a LoRA for attention only, even the highest rank, {rank}, stores less than no sharing.",
                rank=exact(highest),
            ),
            "ffn": _(
                "With a LoRA for the FFN only, even the highest rank, {rank}, stores less than no sharing.",
                rank=exact(highest),
            ),
        }[place]
    return {
        "layer": _("With a LoRA for the whole layer, rank {rank} would store as much as no sharing.", rank=exact(even)),
        "attention": _(
            "With a LoRA for attention only, rank {rank} would store as much as no sharing.", rank=exact(even)
        ),
        "ffn": _("With a LoRA for the FFN only, rank {rank} would store as much as no sharing.", rank=exact(even)),
    }[place]


def _way(part: float) -> str:
    """A share, in a word where its digits would all be zero."""
    return percent(part) if part >= 0.001 else _("less than 0.1 %")


def _open() -> str:
    return _(
        "A count does not say how much of the lost quality comes back. Here a LoRA starts at zero and the model is "
        "trained from the beginning; Bae et al. start from a trained model and compute the first LoRA from its "
        "weights. So their results need not hold here. And this model reads bytes: its token table is small, so "
        "sharing saves a larger part of this model than of one with a large table."
    )


def _kept() -> dict[str, int]:
    """Parameters that each of the answers adds to everything shared."""
    model = _model()
    texts = {"norms": "all,norms=own", "lora": _strategy(FIRST_RANK), "ffn": "all,ffn=none"}
    return {key: _stored(model, text) - _stored(model, "all") for key, text in texts.items()}


def _least() -> str:
    kept = _kept()
    return min(kept, key=kept.__getitem__)


CHAPTER = Chapter(
    "loosened",
    lambda: _("Relaxed sharing"),
    8,
    lambda: _(
        "So far two layers had the same weights or different ones. Now they share most of their weights, and each "
        "keeps a little of its own."
    ),
    _claim,
    Estimate(_asks, _right, _why, near=0.05),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _(
                "A layer and its feed-forward network become half as wide. The rank of its LoRA stays. Compared with "
                "the layer, the LoRA is ..."
            ),
            lambda: {"half": _("half as large"), "same": _("just as large"), "twice": _("about twice as large")},
            lambda: "twice",
            lambda: _("A matrix then has a quarter of the numbers. Its LoRA, two thin matrices, has half of them."),
        ),
        Choice(
            lambda: _("After training, can a model with a LoRA for each place run more loops?"),
            lambda: {
                "no": _("No: there is no LoRA for further places"),
                "yes": _("Yes: the shared layer can run any number of times"),
            },
            lambda: "no",
            lambda: _("LoRAs exist only for the places that were used in training: further loops would have none."),
        ),
        Choice(
            lambda: _("Every layer keeps one of these, everything else is shared. Which stores least?"),
            lambda: {
                "norms": _("Its norms"),
                "lora": _("A LoRA of rank {rank} for every matrix", rank=FIRST_RANK),
                "ffn": _("Its feed-forward network"),
            },
            _least,
            lambda: _(
                "In the model above, norms add {norms} parameters, the LoRAs {lora}, feed-forward networks {ffn}.",
                **{key: exact(added) for key, added in _kept().items()},
            ),
        ),
    ),
    (
        Source(
            "Bae et al. 2024, Relaxed Recursive Transformers",
            "https://arxiv.org/abs/2410.20672",
            lambda: _(
                "Gemma 2B as one block that runs twice, with a LoRA for each place. With rank 512 it stores about 1.6 "
                "of 2.0 billion parameters and scores 58.4 % on few-shot tasks; the unshared model, trained further "
                "on the same data, scores 58.6 %."
            ),
        ),
        Source(
            "Hu et al. 2021, LoRA",
            "https://arxiv.org/abs/2106.09685",
            lambda: _("Where LoRA comes from: adapting GPT-3 175B with 10,000 times fewer trained parameters."),
        ),
        Source(
            "Reid et al. 2021, Subformer",
            "https://arxiv.org/abs/2101.00234",
            lambda: _("Shares attention and feed-forward networks of the middle layers, and leaves them their norms."),
        ),
        Source(
            "Zhang et al. 2022, MiniViT",
            "https://arxiv.org/abs/2204.07154",
            lambda: _(
                "Pairs of layers with norms and small transformations of their own, and distillation: Swin-B becomes "
                "48 % smaller and gains 1.0 points on ImageNet."
            ),
        ),
    ),
    uses=("norm", "ffn", "parameter"),
)
