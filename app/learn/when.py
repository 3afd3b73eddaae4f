"""Chapter: when not to share. It ends in a design."""

from __future__ import annotations

from statistics import fmean

import streamlit as st

from app import navigation, state
from app.learn.chapter import Chapter, Choice, Source
from app.learn.shipped_table import shipped_table
from app.learn.when_words import about_need, about_scarce, headline, lead, reason, title
from app.look.colours import strategy_colours
from app.look.figure_table import Figure, Row, figure_table
from app.look.formatting import compact, exact, memory, percent, times
from app.services import escape_markdown
from clps_core.advice import LAYERS, LIMITS, NEEDS, SCARCE, Advice, Advised, Answers, advise, design_of, with_strategy
from clps_core.config import RunConfig
from clps_core.samples.ready import ready_named
from clps_core.samples.shipped import figures_of
from clps_core.samples.stories import story_of
from clps_core.spec import to_spec
from clps_core.words import _

__all__ = ["CHAPTER"]

SCARCE_KEY, NEED_KEY, LIMIT_KEY = "learn.when.scarce", "learn.when.need", "learn.when.limit"
USUAL = Answers("weights", "steps", LIMITS[2])
TIMES = (1, 2, 5)
"""What people guess the computation grows to: the answers of the prediction."""
LEAST = 2
"""The fewest loops that the advised design with a dial is trained with."""


def _answers() -> Answers:
    """What the reader has said, or what is chosen at first."""
    scarce, need, most = (st.session_state.get(key) for key in (SCARCE_KEY, NEED_KEY, LIMIT_KEY))
    return Answers(
        scarce if scarce in SCARCE else USUAL.scarce,
        need if need in NEEDS else USUAL.need,
        most if most in LIMITS else USUAL.most,
    )


def _pair() -> tuple[RunConfig, RunConfig]:
    """Without sharing, and one stored layer that is as wide as the same limit allows."""
    found = advise(USUAL)
    return found.plain, found.designs[1].config


def _claim() -> str:
    return _(
        "Sharing saves stored weights, and with them gradients and the optimiser's state. It saves no "
        "computation, no KV cache, no activations, and usually no time for an answer. So it helps most where "
        "memory for weights is scarce, and least where a task needs many weights, as learning facts does."
    )


def _asks() -> str:
    plain, _wide = map(design_of, _pair())
    return _(
        "A language model has {layers} layers, nothing is shared, and it stores {stored} parameters. Another one "
        "stores a single layer and runs it {layers} times; this layer is so wide that both models store about as "
        "many. How much does the second one compute per token, compared with the first?",
        layers=plain.layers,
        stored=compact(plain.stored),
    )


def _options() -> dict[str, str]:
    return {
        "1": _("The same: both store about as many parameters"),
        "2": _("About twice as much"),
        "5": _("About {n} times as much", n=TIMES[-1]),
    }


def _growth() -> float:
    plain, wide = map(design_of, _pair())
    return wide.flops / plain.flops


def _right() -> str:
    """The option that is nearest, as a ratio."""
    return str(min(TIMES, key=lambda one: max(one / _growth(), _growth() / one)))


def _why() -> str:
    plain, wide = map(design_of, _pair())
    return _(
        "{wide} FLOPs per token instead of {plain}: {ratio}. Every stored parameter of the shared layer is used "
        "{layers} times. Sharing the layer without making it wider costs as much computation as not sharing.",
        wide=compact(wide.flops),
        plain=compact(plain.flops),
        ratio=times(wide.flops / plain.flops),
        layers=plain.layers,
    )


def _act() -> None:
    st.markdown(_("Say what you have too little of, and what your task needs. The counter then proposes a design."))
    scarce = {one: about_scarce(one) for one in SCARCE}
    st.radio(_("What is scarce?"), SCARCE, format_func=lambda one: scarce[one], key=SCARCE_KEY)
    needs = {one: about_need(one) for one in NEEDS}
    st.radio(_("What does the task need?"), NEEDS, index=NEEDS.index(USUAL.need), format_func=lambda one: needs[one],
             key=NEED_KEY)  # fmt: skip
    st.select_slider(_("How many parameters may be stored?"), LIMITS, USUAL.most, format_func=compact, key=LIMIT_KEY)
    answers = _answers()
    advice = advise(answers)
    st.subheader(headline(advice.verdict), anchor=False)
    st.markdown(escape_markdown(lead(answers, advice)))
    _figures(advice)
    for place, one in enumerate(advice.designs):
        _design(place, one, advice)
    _evidence(advice)


def _figures(advice: Advice) -> None:
    """The designs beside the one that shares nothing."""
    named = {title(one): one.config for one in advice.designs}
    if advice.plain not in named.values():
        named = {_("Nothing shared"): advice.plain} | named
    colours = strategy_colours(one.sharing.strategy for one in named.values())
    columns = [
        (_("Design"), ""),
        (_("Stored"), _("each parameter counted once: what the file and the optimiser hold")),
        (_("FLOPs/token"), _("to train: forward and backward")),
        (_("KV cache/token"), _("keys and values of all decoder layers, 16 bits each")),
        (_("Weights, gradients, optimiser"), _("memory to train: weights, gradients and AdamW's two moments in fp32")),
        (_("Activations"), _("memory to train: what a step keeps for the backward pass, in fp32")),
    ]
    rows = [_row(name, config, colours[config.sharing.strategy]) for name, config in named.items()]
    figure_table(_("What the designs cost"), columns, rows)


def _row(name: str, config: RunConfig, colour: str) -> Row:
    found = design_of(config)
    return Row(
        name,
        colour,
        [
            Figure(compact(found.stored), exact(found.stored)),
            Figure(compact(found.flops), exact(found.flops)),
            memory(found.cache),
            memory(found.state),
            memory(found.activations),
        ],
        note=config.sharing.strategy,
    )


def _design(place: int, one: Advised, advice: Advice) -> None:
    """What speaks for it, and the pages that go on with it."""
    model, strategy = one.config.model, one.config.sharing.strategy
    with st.container(border=True):
        st.markdown(f"**{place + 1}. {escape_markdown(title(one))}**")
        st.markdown(escape_markdown(reason(one, advice)))
        st.caption(
            _(
                "{layers} layers · width {width} · FFN {ffn} · strategy {strategy}",
                layers=model.num_layers,
                width=exact(model.d_model),
                ffn=exact(model.d_ff),
                strategy=strategy,
            )
        )
        query = {state.SPEC: to_spec(with_strategy(one.config, "none"))}
        with st.container(horizontal=True):
            beside = [strategy] if strategy == "none" else ["none", strategy]
            navigation.link("design", _("Open in Design"), query={**query, state.STRATEGY: beside})
            navigation.link("train", _("Train with it"), query={**query, state.STRATEGY: [strategy]})


def _evidence(advice: Advice) -> None:
    """What runs that ship say of the quality, which no count does."""
    st.markdown(_("**What the ready runs show**"))
    if advice.evidence is None:
        st.markdown(_("No ready run is about this choice. A count says what a design costs, not how good it becomes."))
        return
    ready = ready_named(advice.evidence)
    story = story_of(ready)
    st.markdown(f"{escape_markdown(story.shows)} *{escape_markdown(story.leaves_open)}*")
    if advice.verdict == "dial":
        st.markdown(escape_markdown(_turned_down()))
    shipped_table(ready)


def _turned_down() -> str:
    """What the loops as a dial come to at the fewest and at the most loops of training."""
    drawn = {one.design.key: one for one in figures_of(ready_named("cups"))}["random"].depth
    few, more = (fmean(drawn[loops]["accuracy"]) for loops in (LEAST, LAYERS))
    known = {"few": percent(few), "least": LEAST, "more": percent(more), "most": LAYERS}
    if few < more:
        return _(
            "Fewer loops have a price: on validation data {more} of its answers are right with {most} loops, and "
            "{few} with {least}.",
            **known,
        )
    return _(
        "On validation data {more} of its answers are right with {most} loops, and {few} with {least}.",
        **known,
    )


def _seen() -> str:
    advice = advise(_answers())
    first, plain = advice.designs[0], design_of(advice.plain)
    found = design_of(first.config)
    return _(
        "The first design for your answers: {name}. It stores {stored} parameters ({share} of the design that shares "
        "nothing), computes {flops} FLOPs per token ({work}), caches {cache} per token ({cached}) and keeps "
        "{activations} of activations in training ({kept}).",
        name=title(first),
        stored=compact(found.stored),
        share=percent(found.stored / plain.stored),
        flops=compact(found.flops),
        work=percent(found.flops / plain.flops),
        cache=memory(found.cache),
        cached=percent(found.cache / plain.cache),
        activations=memory(found.activations),
        kept=percent(found.activations / plain.activations),
    )


def _open() -> str:
    return _(
        "The helper counts; it trains nothing. Only training shows which design is better on your data. FLOPs are not "
        "seconds: on many machines at once sharing can save time, since fewer gradients are sent, and on a phone two "
        "layers with the same weights in a row need them loaded only once."
    )


CHAPTER = Chapter(
    "when",
    lambda: _("When not to share"),
    8,
    lambda: _(
        "Sharing is one way to save among several, and often not the right one. This chapter ends in a design for what "
        "you have too little of."
    ),
    _claim,
    Choice(_asks, _options, _right, _why),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("The KV cache of a decoder is too large. Which change makes it smaller?"),
            lambda: {
                "share": _("All layers share their weights"),
                "read": _("Every second layer reads the keys and values of the layer before"),
                "lora": _("Each layer gets a LoRA"),
            },
            lambda: "read",
            lambda: _(
                "The cache holds what layers computed. Shared weights compute other keys for each layer's input."
            ),
        ),
        Choice(
            lambda: _("Which part of the memory for training does not become smaller when layers share their weights?"),
            lambda: {
                "gradients": _("The gradients"),
                "optimiser": _("The state of the optimiser"),
                "activations": _("The activations"),
            },
            lambda: "activations",
            lambda: _(
                "Each executed layer keeps its own for the backward pass. Gradients and the optimiser's state become "
                "smaller with the stored weights."
            ),
        ),
        Choice(
            lambda: _("An answer takes too long. Will sharing all layers help?"),
            lambda: {
                "yes": _("Yes: the model is smaller"),
                "no": _("Not by itself: every layer is still computed"),
            },
            lambda: "no",
            lambda: _(
                "Fewer or narrower layers are computed faster, and so are fewer loops, if training prepared them."
            ),
        ),
    ),
    (
        Source(
            "Lan et al. 2019, ALBERT",
            "https://arxiv.org/abs/1909.11942",
            lambda: _(
                "In training, the shared ALBERT-large reads data about 1.7 times as fast as BERT-large, which has as "
                "many layers of the same width. The wider ALBERT-xxlarge stores 70 % of BERT-large's parameters and "
                "is about 3 times slower. Average score on five tasks: shared attention 81.7, no sharing 81.6."
            ),
        ),
        Source(
            "Liu et al. 2024, MobileLLM",
            "https://arxiv.org/abs/2402.14905",
            lambda: _(
                "Each stored layer runs twice in a row: 0.7 and 0.8 points more accuracy with 125 and 350 million "
                "stored parameters, and hardly slower on a phone, where moving weights takes most of the time."
            ),
        ),
        Source(
            "Allen-Zhu & Li 2024, Physics of Language Models 3.3",
            "https://arxiv.org/abs/2404.05405",
            lambda: _("Trained for long enough, models store about 2 bits of knowledge for each parameter."),
        ),
        Source(
            "Saunshi et al. 2025, Reasoning with Latent Thoughts",
            "https://arxiv.org/abs/2502.17416",
            lambda: _(
                "On additions and lookups, k layers that run L times come close to k · L different layers and are far "
                "better than k layers that run once."
            ),
        ),
        Source(
            "Brandon et al. 2024, Cross-Layer Attention",
            "https://arxiv.org/abs/2405.12981",
            lambda: _(
                "Pairs of layers with the same keys and values halve the KV cache, with nearly the same accuracy, in "
                "models of 1 and 3 billion parameters."
            ),
        ),
    ),
    uses=("stored-parameters", "flops", "kv-cache", "gradient"),
)
